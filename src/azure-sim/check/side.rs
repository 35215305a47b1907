//! The two sides that are asked, and how a step is performed on either.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::probe::{Proof, Sent, Step};
use crate::model::{self, Answered, Config, Request, World};

/// What placeholders stand for.
pub(super) type Variables = BTreeMap<String, String>;

/// Seconds between two looks where no `Retry-After` says another.
const PAUSE: u64 = 5;
/// Seconds until the first look at an operation, at most.
const FIRST_LOOK: u64 = 1;
/// Looks at one operation or resource at most; the deadline of a run ends it sooner.
const LOOKS: u32 = 1000;

/// One answer. Its body may hold keys, so it has no Debug.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) status: u16,
    /// Names in lower case.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    fn text(&self, pointer: &str) -> Option<String> {
        self.json()?.pointer(pointer)?.as_str().map(str::to_owned)
    }
}

/// What came of a step.
pub(super) struct Outcome {
    pub(super) first: Seen,
    pub(super) ended: Option<Ended>,
    /// Until an operation ended, or a resource had settled.
    pub(super) took: Option<Duration>,
}

/// How a long-running operation was followed, and how it ended.
pub(super) struct Ended {
    /// The header that was followed.
    pub(super) by: &'static str,
    /// `Succeeded`, `Failed` …; where the body names none, the HTTP status.
    pub(super) state: String,
    pub(super) last: Seen,
}

/// Somebody who answers.
pub(super) trait Side {
    /// Sends a request.
    fn send(&mut self, sent: &Sent) -> impl Future<Output = anyhow::Result<Seen>>;
    /// Lets time pass.
    fn pause(&mut self, seconds: u64) -> impl Future<Output = anyhow::Result<()>>;
    /// On its own clock, since some beginning.
    fn clock(&self) -> Duration;
}

/// Sends a step's request, follows what it started, and keeps what later steps need.
pub(super) async fn perform(side: &mut impl Side, step: &Step, variables: &mut Variables) -> anyhow::Result<Outcome> {
    let sent = step.sent(variables);
    let began = side.clock();
    let mut first = side.send(&sent).await?;
    if step.settles {
        first = settle(side, &sent, first).await?;
    }
    if let Some((name, pointer)) = step.keep
        && let Some(value) = first.text(pointer)
    {
        variables.insert(name.to_owned(), value);
    }
    let ended = match following(step, &first) {
        Some((by, url)) => Some(follow(side, by, url, &first).await?),
        None => None,
    };
    let took = (step.timed && (step.settles || ended.is_some())).then(|| side.clock().saturating_sub(began));
    Ok(Outcome { first, ended, took })
}

/// Repeats a GET until the resource has settled, or is refused.
async fn settle(side: &mut impl Side, sent: &Sent, mut seen: Seen) -> anyhow::Result<Seen> {
    for _ in 0..LOOKS {
        let under_way = ["/properties/provisioningState", "/properties/status"].iter().any(|pointer| {
            let state = seen.text(pointer).unwrap_or_default();
            ["Accepted", "Creating", "Created", "Activating", "Updating", "Deleting", "Moving", "Running"]
                .iter()
                .any(|moving| state.eq_ignore_ascii_case(moving))
        });
        if seen.status >= 400 || !under_way {
            return Ok(seen);
        }
        side.pause(PAUSE).await?;
        seen = side.send(sent).await?;
    }
    bail!("{} {} never settles", sent.method, sent.target)
}

fn following(step: &Step, first: &Seen) -> Option<(&'static str, String)> {
    if step.only_reads() || first.status >= 400 {
        return None;
    }
    let header = |name| first.header(name).map(str::to_owned);
    header("azure-asyncoperation")
        .map(|url| ("Azure-AsyncOperation", url))
        .or_else(|| header("location").filter(|_| first.status == 202).map(|url| ("Location", url)))
}

async fn follow(side: &mut impl Side, by: &'static str, url: String, first: &Seen) -> anyhow::Result<Ended> {
    let sent = Sent { method: "GET".into(), target: url, to_entra: false, proof: Proof::Token, body: None };
    // The first look is early: much is done at once. After it, as often as the other side wants.
    let asked = first.header("retry-after").and_then(|s| s.parse().ok()).unwrap_or(PAUSE);
    let mut wait = asked.min(FIRST_LOOK);
    for _ in 0..LOOKS {
        side.pause(wait).await?;
        let seen = side.send(&sent).await?;
        wait = seen.header("retry-after").and_then(|s| s.parse().ok()).unwrap_or(PAUSE);
        let state = seen.text("/status").unwrap_or_else(|| seen.status.to_string());
        let terminal = ["Succeeded", "Failed", "Canceled"].contains(&state.as_str());
        let over = if by == "Location" { seen.status != 202 } else { terminal || seen.status >= 400 };
        if over {
            return Ok(Ended { by, state, last: seen });
        }
    }
    bail!("an operation never ends")
}

/// The model, in this process, with a clock of its own.
pub(super) struct Simulated {
    world: World,
    now: u64,
    token: String,
}

impl Simulated {
    pub(super) fn new(config: Config) -> anyhow::Result<Self> {
        let now = crate::http::now_ms();
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("grant_type", "client_credentials"),
                ("client_id", &config.client_id),
                ("client_secret", &config.client_secret),
                ("scope", "https://management.azure.com/.default"),
            ])
            .finish();
        let request = Request {
            method: "POST".into(),
            path: format!("/{}/oauth2/v2.0/token", config.tenant_id),
            headers: vec![("content-type".into(), "application/x-www-form-urlencoded".into())],
            body: form.into_bytes(),
        };
        let mut world = World::new(config);
        let answer = model::handle(&mut world, &request, now).value();
        let token = answer.get("access_token").and_then(Value::as_str).context("the model gives no token")?;
        Ok(Self { world, now, token: token.to_owned() })
    }
}

impl Simulated {
    /// Nobody is reached from in here, as nobody is where a probe sends events.
    fn answer_calls(&mut self) -> anyhow::Result<()> {
        for _ in 0..LOOKS {
            let calls = model::advance(&mut self.world, self.now);
            if calls.is_empty() {
                return Ok(());
            }
            for call in calls {
                let failed = Answered::Failed("no such host".to_owned());
                model::answered(&mut self.world, call.id, failed, self.now);
            }
        }
        bail!("the model calls and calls")
    }
}

impl Side for Simulated {
    async fn send(&mut self, sent: &Sent) -> anyhow::Result<Seen> {
        let path = path_of(&sent.target);
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        match sent.proof {
            Proof::Token => headers.push(("authorization".into(), format!("Bearer {}", self.token))),
            Proof::Nonsense => headers.push(("authorization".into(), "Bearer nonsense".into())),
            Proof::Absent => {}
        }
        let body = sent.body.as_ref().map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let request = Request { method: sent.method.clone(), path, headers, body };
        let response = model::handle(&mut self.world, &request, self.now);
        let headers = response.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
        Ok(Seen { status: response.status, headers, body: response.body })
    }

    async fn pause(&mut self, seconds: u64) -> anyhow::Result<()> {
        // What was called for is answered when it was, not when time has passed.
        self.answer_calls()?;
        self.now += seconds.max(1) * 1000;
        self.answer_calls()
    }

    fn clock(&self) -> Duration {
        Duration::from_millis(self.now)
    }
}

/// Path and query of what may be a whole URL.
fn path_of(target: &str) -> String {
    match url::Url::parse(target) {
        Ok(url) => url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path())),
        Err(_) => target.to_owned(),
    }
}
