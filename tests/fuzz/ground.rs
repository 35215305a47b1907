//! The Azure that inputs reach: one of everything, made by requests, and written down.

use std::collections::{HashMap, VecDeque};
use std::sync::LazyLock;

use azure_sim::model::{self, Answered, Config, Profile, Request, Response, Unwritable, World};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// Milliseconds since 1970 at which the world begins.
const START: u64 = 1_800_000_000_000;
/// Host of the namespace's data plane.
pub const HOST: &str = "shop-hubs.servicebus.windows.net";

/// Records as they were written, by table and key.
pub type Records = HashMap<(&'static str, Vec<u8>), Vec<u8>>;

/// A world, and what belongs to it.
pub struct Ground {
    /// To be cloned: every input has its own.
    pub world: World,
    /// All that is written of it.
    pub records: Records,
    /// Milliseconds since 1970.
    pub now: u64,
    /// What stands for what in inputs.
    pub words: Vec<(&'static str, Vec<u8>)>,
}

/// The one ground: making it takes far longer than an input.
pub static GROUND: LazyLock<Ground> = LazyLock::new(Ground::new);

/// What every request moves, whatever becomes of it: time, budgets, the journal.
pub fn moves_always(table: &str) -> bool {
    matches!(table, "moving" | "journal" | "config")
}

/// All that is to be written of a world, whatever was written of it before.
///
/// # Errors
/// What has no written form.
pub fn everything(world: &mut World) -> Result<Records, Unwritable> {
    world.watch();
    Ok(world.changes()?.into_iter().filter_map(|change| Some(((change.table, change.key), change.value?))).collect())
}

impl Ground {
    fn new() -> Self {
        let config = Config {
            profile: Profile::Azure,
            // One input could not use up a budget, and what is refused for want of it is not looked at any further.
            throttle: false,
            further_subscriptions: vec!["11111111-2222-4333-8444-555555555555".into()],
            ..Config::default()
        };
        let names = Names::of(&config);
        let mut making = Making { world: World::new(config), now: START, token: String::new() };
        making.sign_in();
        making.everything(&names);
        let words = making.words(names);
        let Making { mut world, now, .. } = making;
        world.watch();
        let records = everything(&mut world).unwrap_or_else(|error| unreachable!("{error}"));
        Self { world, records, now, words }
    }
}

struct Names {
    subscription: String,
    group: String,
    service: String,
    namespace: String,
    hub: String,
    topic: String,
}

impl Names {
    fn of(config: &Config) -> Self {
        let subscription = format!("/subscriptions/{}", config.subscription_id);
        let group = format!("{subscription}/resourceGroups/rg-shop");
        let namespace = format!("{group}/providers/Microsoft.NotificationHubs/namespaces/shop-hubs");
        Self {
            service: format!("{group}/providers/Microsoft.Communication/communicationServices/shop"),
            hub: format!("{namespace}/notificationHubs/phones"),
            topic: format!("{group}/providers/Microsoft.EventGrid/systemTopics/topic"),
            subscription,
            group,
            namespace,
        }
    }
}

struct Making {
    world: World,
    now: u64,
    token: String,
}

impl Making {
    fn send(&mut self, method: &str, path: String, headers: &[(&str, &str)], body: Vec<u8>) -> Response {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let request = Request { method: method.into(), path, headers, body };
        model::handle(&mut self.world, &request, self.now)
    }

    fn sign_in(&mut self) {
        let config = self.world.config();
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope=https%3A%2F%2Fmanagement.azure.com%2F.default",
            config.client_id, config.client_secret
        );
        let path = format!("/{}/oauth2/v2.0/token", config.tenant_id);
        let answer = self.send("POST", path, &[], form.into_bytes());
        let token = answer.value().get("access_token").and_then(Value::as_str).unwrap_or_default().to_owned();
        assert!(!token.is_empty(), "no token: {answer:?}");
        self.token = format!("Bearer {token}");
    }

    /// Something that must work, and time until what it began has ended.
    fn make(&mut self, method: &str, id: &str, version: &str, body: &Value) {
        let token = self.token.clone();
        let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
        let answer = self.send(method, format!("{id}?api-version={version}"), &headers, body.to_string().into_bytes());
        assert!(answer.status < 300, "{method} {id}: {} {}", answer.status, answer.value());
        for _ in 0..3 {
            self.now += 120_000;
            settle(&mut self.world, self.now, &mut VecDeque::new());
        }
    }

    fn everything(&mut self, names: &Names) {
        let (acs, nh, eg) = ("2025-09-01", "2023-10-01-preview", "2025-02-15");
        self.make("PUT", &names.namespace, nh, &json!({"location": "westeurope", "sku": {"name": "Standard"}}));
        let apns = json!({"properties": {
            "endpoint": "https://api.push.apple.com:443/3/device", "token": "p8", "keyId": "k", "appId": "t",
            "appName": "com.shop",
        }});
        self.make("PUT", &names.hub, nh, &json!({"location": "westeurope", "properties": {"apnsCredential": apns}}));
        let rights = json!({"properties": {"rights": ["Send"]}});
        self.make("PUT", &format!("{}/authorizationRules/sender", names.hub), nh, &rights);
        let europe = json!({"location": "global", "tags": {"team": "shop"}, "properties": {"dataLocation": "Europe"}});
        self.make("PUT", &names.service, acs, &europe);
        let link = json!({"resourceId": names.hub, "connectionString": self.connection_string(names)});
        self.make("POST", &format!("{}/linkNotificationHub", names.service), acs, &link);
        let source = json!({"location": "global", "properties": {
            "source": names.service, "topicType": "Microsoft.Communication.CommunicationServices",
        }});
        self.make("PUT", &names.topic, eg, &source);
        let webhook = json!({"properties": {
            "destination": {"endpointType": "WebHook", "properties": {"endpointUrl": "https://relay.example/events"}},
            "filter": {"includedEventTypes": ["Microsoft.Communication.SMSReceived"]},
        }});
        self.make("PUT", &format!("{}/eventSubscriptions/relay", names.topic), eg, &webhook);
        self.make(
            "PUT",
            &format!("{}/providers/Microsoft.EventGrid/eventSubscriptions/relay", names.service),
            eg,
            &webhook,
        );
        self.make("PUT", &format!("{}/authorizationRules/sender", names.namespace), nh, &rights);
        self.install(names);
    }

    /// A phone that the hub knows.
    fn install(&mut self, names: &Names) {
        let signature = self.signature(names);
        let headers = [("host", HOST), ("authorization", signature.as_str()), ("content-type", "application/json")];
        let body = json!({"installationId": "phone-1", "platform": "apns", "pushChannel": "ab".repeat(32), "tags": ["user:anna"]});
        let path = "/phones/installations/phone-1?api-version=2020-06".to_owned();
        let answer = self.send("PUT", path, &headers, body.to_string().into_bytes());
        assert!(answer.status < 300, "{answer:?}");
    }

    fn key(&self, names: &Names) -> String {
        let rule = format!("{}/authorizationRules/DefaultFullSharedAccessSignature", names.hub);
        self.world.keys(&rule).map(|(primary, _)| primary.to_owned()).unwrap_or_default()
    }

    fn connection_string(&self, names: &Names) -> String {
        format!(
            "Endpoint=sb://{HOST}/;SharedAccessKeyName=DefaultFullSharedAccessSignature;SharedAccessKey={}",
            self.key(names)
        )
    }

    /// A signature for the hub, good for a year.
    fn signature(&self, names: &Names) -> String {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let resource = encode(&format!("https://{HOST}/phones"));
        let expiry = self.now / 1000 + 31_536_000;
        let mut signature = String::new();
        if let Ok(mut mac) = Hmac::<sha2::Sha256>::new_from_slice(self.key(names).as_bytes()) {
            mac.update(format!("{resource}\n{expiry}").as_bytes());
            signature = encode(&STANDARD.encode(mac.finalize().into_bytes()));
        }
        format!("SharedAccessSignature sr={resource}&sig={signature}&se={expiry}&skn=DefaultFullSharedAccessSignature")
    }

    fn words(&self, names: Names) -> Vec<(&'static str, Vec<u8>)> {
        let config = self.world.config();
        let text = [
            ("token", self.token.clone()),
            ("sas", self.signature(&names)),
            ("link", self.connection_string(&names)),
            ("tenant", config.tenant_id.clone()),
            ("client", config.client_id.clone()),
            ("secret", config.client_secret.clone()),
            ("identity", self.world.identity_endpoint().0),
            ("host", HOST.to_owned()),
            ("S", names.subscription),
            ("G", names.group),
            ("A", names.service),
            ("N", names.namespace),
            ("H", names.hub),
            ("T", names.topic),
        ];
        let large = [("4M", b" ".repeat(4 * 1024 * 1024)), ("deep", b"[".repeat(100_000)), ("long", b"x".repeat(5000))];
        text.into_iter().map(|(word, meaning)| (word, meaning.into_bytes())).chain(large).collect()
    }
}

/// Lets time do its work up to `now`. Who is called outwards gives the `answers` in their order. When there are none left, they
/// take everything: a handshake's code is given back, an event is thanked for.
pub fn settle(world: &mut World, now: u64, answers: &mut VecDeque<Answered>) {
    // What an answer leads to may be due at once; it cannot go on for ever, since every call is answered at its first.
    for _ in 0..4 {
        let calls = model::advance(world, now);
        if calls.is_empty() {
            return;
        }
        for call in calls {
            if let Some(answer) = answers.pop_front() {
                model::answered(world, call.id, answer, now);
                continue;
            }
            let sent: Value = serde_json::from_slice(&call.body).unwrap_or_default();
            let code = sent.pointer("/0/data/validationCode").cloned();
            let body = code.map(|code| json!({"validationResponse": code}).to_string()).unwrap_or_default();
            let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            let answer = Answered::Response { status: 200, headers, body: body.into_bytes() };
            model::answered(world, call.id, answer, now);
        }
    }
}
