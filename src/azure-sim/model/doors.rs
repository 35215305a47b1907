//! `/_sim/`: the simulator's own doors, never mixed with Azure's paths. No token, budget or fault stands before them,
//! and they are not journalled. All speak JSON; what goes wrong is `{"error": "…"}` with 400 or 404.
//!
//! | Door | Takes | Gives |
//! |---|---|---|
//! | GET `healthz` | | `status`: that the world answers |
//! | GET `state` | `under=ID`, `view=tree` | `now`, `tree` (lines), `nested`, `resources` (raw, by lower-cased id; not in the view `tree`), `runningOperations`; drawn for `Accept: text/plain` |
//! | GET `journal?since=N&…` | conditions: see [`Query`] | `entries`, `next` to ask with, `missed` if some are gone already |
//! | GET `journal/stream?since=N&…` (the skin's) | the same conditions; `Last-Event-ID`; `changes=true` | Server-Sent Events, or lines of JSON for `Accept: application/x-ndjson` |
//! | GET `/_sim/` itself (the skin's) | | a page that shows all of it |
//! | GET `profile` | | `profile`, `timeScale`, `seed`, `durationsMs` by step |
//! | GET `faults` | `unfired`: those that never struck; `label=NAME` | the `faults`, each with what matched (`seen`) and was struck (`hits`) |
//! | GET `faults/keys` | | the `keys` that a fault may have: where (`at`), what each `takes`, on which `planes`, what it `says` |
//! | POST `faults`, DELETE `faults`, DELETE `faults/N` | a [`Fault`](super::Fault), or a script of them as `application/yaml` | `id`, or `ids` |
//! | POST `call`, `message` | `service` (name or id), `to`; of calls `from`?, `fromDisplayName`? | `rang`, and `rings` or `reason` and `message`; of calls the `event` IncomingCall too |
//! | GET `phones` | | `phones`, each with what it `received`; `rings`, all of it; `silences` counted |
//! | POST `phones` | `hub` (id), `user`, `platform` (a format's word: `apple`, `fcmv1`, `windows` …), `handle`?, `tags`?, `app`? (bundle id, project …) | `handle` |
//! | DELETE `phones` | `handle` | the app is uninstalled: nobody answers to that handle any more |
//! | POST `events` | `service` (name or id) or `source` (id), `type`, `subject`, `data`, `id`?, `time`?, `count`? | `ids`, `matched`: the subscriptions they go to |
//! | POST `sms` | `service`, `from`, `to`, `message` | as `events`: SMSReceived |
//! | POST `chat` | `service`, `thread`, `sender`, `senderDisplayName`?, `recipient`, `message` | as `events`: ChatMessageReceived |
//! | GET `deliveries?since=N` | | `attempts` after number N, `next` to ask with, `totals`, `queues`, and the counters of each of the `subscriptions` |
//! | GET `dead-letters` | | `deadLetters`: the records, and the container of each; its `blob`, where `--storage` names the account |
//! | POST, OPTIONS `sink` and below | events, from Event Grid | what a webhook answers: to a handshake its code, to events 200 |
//! | POST `federation` | `clientId`, `issuer`, `subject`, `jwks` | |
//! | POST `config` | see [`settings`] | |
//! | GET `identities` | | `identities` of the machine: `clientId`, `objectId`, `resourceId` |
//! | POST `portal/link` | `service` (id), `hub` (id), `connectionString`? | |
//! | POST `portal/unlink`, `tags`, `set`, `delete`, `regenerateKey` | `service`; `id` and `tags`; `pointer` (of up to 32 segments), `value` (of up to 64 levels); ; `key` | |
//! | POST `certificate` (the skin's) | `names` | `certificate`, `key`, `ca`, all PEM; 403 with an authority that was given in files |

mod events;
mod faults;
mod phones;
mod settings;
mod sink;
mod state;

use serde_json::{Value, json};

use super::event_grid::delivery;
use super::hubs_data;
use super::journal::Query;
use super::json;
use super::message::{Request, Response};
use super::path;
use super::push::Push;
use super::registry::Kind;
use super::world::World;

type Opened = Result<Value, (u16, String)>;

fn bad(message: impl Into<String>) -> (u16, String) {
    (400, message.into())
}

pub(crate) fn open(world: &mut World, request: &Request, now: u64) -> Response {
    let path = request.path.split('?').next().unwrap_or_default();
    if path == "/_sim/sink" || path.starts_with("/_sim/sink/") {
        return sink::take(request);
    }
    let segments: Vec<&str> = path.split('/').skip(2).filter(|s| !s.is_empty()).collect();
    if let Some(response) = hubs_data::blob(world, request, &segments) {
        return response;
    }
    let body = if request.body.is_empty() { Ok(json!({})) } else { serde_json::from_slice::<Value>(&request.body) };
    if let ("GET", ["state"]) = (request.method.as_str(), segments.as_slice()) {
        return state::shown(world, request).unwrap_or_else(|(status, message)| refused(status, &message));
    }
    let opened = match body {
        _ if segments == ["faults"] && faults::is_script(request) => faults::run(world, request),
        Ok(body) => enter(world, request, &segments, &body, now),
        Err(error) => Err(bad(format!("the body is not JSON: {error}"))),
    };
    match opened {
        Ok(value) => Response::json(200, &value),
        Err((status, message)) => refused(status, &message),
    }
}

fn refused(status: u16, message: &str) -> Response {
    Response::json(status, &json!({"error": message}))
}

fn enter(world: &mut World, request: &Request, segments: &[&str], body: &Value, now: u64) -> Opened {
    match (request.method.as_str(), segments) {
        ("GET", ["healthz"]) => Ok(json!({"status": "ok"})),
        ("GET", ["journal"]) => {
            let query = Query::parse(request.query()).map_err(bad)?;
            Ok(json!(world.journal_page(&query)))
        }
        ("GET", ["profile"]) => Ok(profile(world)),
        ("GET", ["phones"]) => Ok(phones::shown(world)),
        ("POST", ["phones"]) => phones::register(world, body),
        ("DELETE", ["phones"]) => phones::break_one(world, body),
        ("POST", ["call"]) => call(world, body),
        ("POST", ["message"]) => phones::ring(world, body, Push::Message),
        ("POST", ["events"]) => events::publish(world, body),
        ("POST", ["sms"]) => events::sms(world, body),
        ("POST", ["chat"]) => events::chat(world, body),
        ("GET", ["deliveries"]) => Ok(delivery::deliveries(world, since(request))),
        ("GET", ["dead-letters"]) => Ok(delivery::dead_letters(world)),
        (_, ["faults", rest @ ..]) => faults::enter(world, request, rest, body),
        ("POST", ["federation"]) => federation(world, body),
        ("POST", ["config"]) => settings::change(world, body),
        ("GET", ["identities"]) => Ok(json!({"identities": super::entra::identities(world)})),
        ("POST", ["portal", door]) => portal(world, door, body, now),
        _ => Err((404, format!("no such door: {} {}", request.method, request.path))),
    }
}

fn field<'a>(body: &'a Value, name: &str) -> Result<&'a str, (u16, String)> {
    json::text(body, &[name]).ok_or_else(|| bad(format!("'{name}' is missing")))
}

fn since(request: &Request) -> u64 {
    url::form_urlencoded::parse(request.query().as_bytes())
        .find(|(name, _)| name == "since")
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0)
}

/// The id of a communication service, by name or id.
fn service_id(world: &World, service: &str) -> Result<String, (u16, String)> {
    let lower = service.to_ascii_lowercase();
    world
        .resources
        .iter()
        .find(|(key, r)| r.kind == Kind::Service && (**key == lower || path::leaf(key) == lower))
        .map(|(_, r)| r.id().to_owned())
        .ok_or_else(|| (404, format!("no communication service '{service}'")))
}

fn profile(world: &World) -> Value {
    let config = world.config();
    json!({
        "profile": config.profile, "timeScale": config.time_scale, "seed": config.seed,
        "durationsMs": world.durations(),
    })
}

/// A call both pushes, through the linked hub, and is an event.
fn call(world: &mut World, body: &Value) -> Opened {
    let mut answer = phones::ring(world, body, Push::Call)?;
    if let Some(event) = events::incoming_call(world, body) {
        json::put(&mut answer, &["event"], event);
    }
    Ok(answer)
}

fn federation(world: &mut World, body: &Value) -> Opened {
    let (client, issuer, subject) = (field(body, "clientId")?, field(body, "issuer")?, field(body, "subject")?);
    let jwks = body.get("jwks").ok_or_else(|| bad("'jwks' is missing"))?;
    world.trust(client, issuer, subject, jwks).map_err(bad)?;
    Ok(json!({}))
}

fn set(world: &mut World, id: &str, pointer: &str, value: Option<&Value>) -> Result<bool, (u16, String)> {
    let value = value.unwrap_or(&Value::Null);
    super::portal::member(pointer, value).map_err(bad)?;
    Ok(world.set_member(id, pointer, value.clone()))
}

fn portal(world: &mut World, door: &str, body: &Value, now: u64) -> Opened {
    let done = match door {
        "link" => {
            let (service, hub) = (field(body, "service")?, field(body, "hub")?);
            world.link_in_portal(service, hub, json::text(body, &["connectionString"]), now)
        }
        "unlink" => world.unlink_in_portal(field(body, "service")?),
        "tags" => set(world, field(body, "id")?, "/tags", body.get("tags"))?,
        "set" => set(world, field(body, "id")?, field(body, "pointer")?, body.get("value"))?,
        "delete" => world.delete_in_portal(field(body, "id")?),
        "regenerateKey" => {
            let primary = !field(body, "key")?.eq_ignore_ascii_case("secondary");
            world.regenerate_key(field(body, "id")?, primary)
        }
        _ => return Err((404, format!("no such portal door: {door}"))),
    };
    if done { Ok(json!({})) } else { Err((404, "no such resource".into())) }
}
