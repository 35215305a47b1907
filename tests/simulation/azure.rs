//! Azure: the shipped model, called as the operator's ARM client calls it; with reads that lag behind writes.

use std::collections::BTreeMap;

use acs_core::azure::call::{ArmReply, ArmResult, Body};
use acs_core::azure::error::{AzureError, Fate};
use azure_sim::model::{self, Config, Outbound, Profile, Request, Response, World};
use serde_json::{Value, json};

/// Wall clock at the start of every schedule: 2026-01-01.
pub const EPOCH: u64 = 1_767_225_600_000;
const BASE: &str = "https://management.azure.com";

/// Azure, and what of it readers still see as it was.
pub struct Azure {
    /// The model.
    pub world: World,
    /// By lower-cased id: until when a GET answers as before, and that answer (none: 404).
    lag: BTreeMap<String, (u64, Option<Value>)>,
}

impl Azure {
    /// Azure before anyone came.
    pub fn new(seed: u64, profile: Profile) -> Self {
        let config = Config {
            profile,
            seed,
            base_url: BASE.to_owned(),
            throttle: false,
            journal_capacity: 0,
            token_lifetime_s: 86_400 * 30,
            ..Config::default()
        };
        Self { world: World::new(config), lag: BTreeMap::new() }
    }

    /// A token for a client secret, or how Entra refuses.
    ///
    /// # Errors
    /// As Entra would.
    pub fn token(&mut self, tenant: &str, client: &str, secret: &str, now: u64) -> Result<String, AzureError> {
        let scope = "https%3A%2F%2Fmanagement.azure.com%2F.default";
        let body = format!("grant_type=client_credentials&client_id={client}&client_secret={secret}&scope={scope}");
        let request = Request {
            method: "POST".to_owned(),
            path: format!("/{tenant}/oauth2/v2.0/token"),
            headers: vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())],
            body: body.into_bytes(),
        };
        let response = model::handle(&mut self.world, &request, EPOCH + now);
        match response.value().get("access_token").and_then(Value::as_str) {
            Some(token) => Ok(token.to_owned()),
            None => Err(AzureError {
                status: Some(response.status),
                fate: Fate::NotApplied,
                ..AzureError::of_operation("TokenRefused", &response.value().to_string())
            }),
        }
    }

    /// One call.
    pub fn call(&mut self, token: &str, method: &str, path: &str, body: Option<&Value>, now: u64) -> ArmResult {
        let mut headers = vec![("authorization".to_owned(), format!("Bearer {token}"))];
        let body = body.map(|body| serde_json::to_vec(body).unwrap_or_default()).unwrap_or_default();
        if !body.is_empty() {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
        }
        let request = Request { method: method.to_owned(), path: path.to_owned(), headers, body };
        reply(&model::handle(&mut self.world, &request, EPOCH + now))
    }

    /// A GET, as a reader who may lag sees it.
    pub fn get(&mut self, token: &str, path: &str, api_version: &str, now: u64) -> ArmResult {
        let key = path.to_ascii_lowercase();
        match self.lag.get(&key) {
            Some((until, old)) if *until > now => match old {
                Some(body) => Ok(ArmReply { status: 200, body: Body(body.clone()), ..ArmReply::default() }),
                None => Err(AzureError {
                    status: Some(404),
                    ..AzureError::of_operation("ResourceNotFound", "The resource was not found.")
                }),
            },
            _ => {
                self.lag.remove(&key);
                self.call(token, "GET", &format!("{path}?api-version={api_version}"), None, now)
            }
        }
    }

    /// Lets readers of that resource see it as it is now, until then.
    pub fn lag(&mut self, id: &str, until: u64) {
        let now = self.world.resource(id).cloned();
        self.lag.entry(id.to_ascii_lowercase()).or_insert((until, now));
    }

    /// True while some reader may lag.
    pub fn lags(&self, now: u64) -> bool {
        self.lag.values().any(|(until, _)| *until > now)
    }

    /// True while readers of that resource may lag.
    pub fn lags_at(&self, id: &str, now: u64) -> bool {
        self.lag.get(&id.to_ascii_lowercase()).is_some_and(|(until, _)| *until > now)
    }

    /// All pages of a list.
    pub fn list(&mut self, token: &str, path: &str, api_version: &str, now: u64) -> ArmResult {
        let mut items = Vec::new();
        let mut next = Some(format!("{path}?api-version={api_version}"));
        while let Some(path) = next {
            let mut page = self.call(token, "GET", &path, None, now)?;
            if let Some(Value::Array(more)) = page.body.0.get_mut("value").map(Value::take) {
                items.extend(more);
            }
            next = page.body.0.get("nextLink").and_then(Value::as_str).map(path_of);
        }
        Ok(ArmReply { status: 200, body: Body(json!({"value": items})), ..ArmReply::default() })
    }

    /// What an operation's URL says.
    pub fn poll(&mut self, token: &str, url: &str, now: u64) -> ArmResult {
        self.call(token, "GET", &path_of(url), None, now)
    }

    /// Lets time pass. Returns the calls that Azure makes.
    pub fn advance(&mut self, now: u64) -> Vec<Outbound> {
        model::advance(&mut self.world, EPOCH + now)
    }

    /// When something happens by itself.
    pub fn next(&self) -> Option<u64> {
        model::next_timer(&self.world).map(|at| at.saturating_sub(EPOCH))
    }
}

fn path_of(url: &str) -> String {
    // Event Grid names the port of https, which is the same host.
    let path = url.strip_prefix(BASE).map(|rest| rest.strip_prefix(":443").unwrap_or(rest));
    path.unwrap_or(url).to_owned()
}

fn reply(response: &Response) -> ArmResult {
    let retry_after = response.header("retry-after").and_then(|text| text.parse::<u64>().ok()).map(|s| s * 1000);
    if (200..300).contains(&response.status) {
        let location = response.header("location").filter(|_| response.status == 202);
        let poll_url = response.header("azure-asyncoperation").or(location).map(str::to_owned);
        return Ok(ArmReply { status: response.status, body: Body(response.value()), poll_url, retry_after });
    }
    let body = response.value();
    let text =
        |name: &str| body.pointer(&format!("/error/{name}")).and_then(Value::as_str).unwrap_or_default().to_owned();
    let gateway = response.status >= 500 || response.status == 408;
    Err(AzureError {
        status: Some(response.status),
        retry_after,
        fate: if gateway { Fate::Unknown } else { Fate::NotApplied },
        ..AzureError::of_operation(&text("code"), &text("message"))
    })
}

/// No answer came.
pub fn silence() -> AzureError {
    AzureError { status: None, fate: Fate::Unknown, ..AzureError::of_operation("Timeout", "no answer came in time") }
}
