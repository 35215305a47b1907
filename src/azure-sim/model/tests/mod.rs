//! The model, asked as a client would ask it.

mod arm;
mod bad_input;
mod communication;
mod delivery;
mod entra;
mod entra_keys;
mod event_grid;
mod event_lists;
mod faults;
mod hubs_data;
mod identities;
mod journal;
mod locks;
mod notification_hubs;
mod odd;
mod push;
mod resource_events;
mod resources;
mod roles;
mod state;
mod surface;
mod tree;
mod versions;

use serde_json::{Value, json};

use super::*;

pub(super) const START: u64 = 1_800_000_000_000;
pub(super) const RG: &str = "/subscriptions/6a1d2c3b-4e5f-4a6b-8c7d-9e0f1a2b3c4d/resourceGroups/rg-shop";
pub(super) const SUBSCRIPTION: &str = "/subscriptions/6a1d2c3b-4e5f-4a6b-8c7d-9e0f1a2b3c4d";
pub(super) const ACS: &str = "2025-05-01";
pub(super) const NH: &str = "2023-10-01-preview";
pub(super) const EG: &str = "2025-02-15";

/// A client with a token, a clock that it moves itself, and Azure behind it.
pub(super) struct Client {
    pub(super) world: World,
    pub(super) now: u64,
    pub(super) token: String,
}

pub(super) fn azure() -> Client {
    Client::new(Config { profile: Profile::Azure, throttle: false, ..Config::default() })
}

pub(super) fn instant() -> Client {
    Client::new(Config { throttle: false, ..Config::default() })
}

pub(super) fn service(name: &str) -> String {
    format!("{RG}/providers/Microsoft.Communication/communicationServices/{name}")
}

pub(super) fn namespace(name: &str) -> String {
    format!("{RG}/providers/Microsoft.NotificationHubs/namespaces/{name}")
}

impl Client {
    pub(super) fn new(config: Config) -> Self {
        let mut client = Self { world: World::new(config), now: START, token: String::new() };
        client.sign_in();
        client
    }

    pub(super) fn sign_in(&mut self) {
        let secret = self.world.config().client_secret.clone();
        let answer = self.ask_token(&[("client_secret", secret.as_str())]);
        self.token = answer.value()["access_token"].as_str().expect("a token").to_owned();
    }

    pub(super) fn ask_token(&mut self, fields: &[(&str, &str)]) -> Response {
        let config = self.world.config().clone();
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials").append_pair("client_id", &config.client_id);
        form.append_pair("scope", &format!("{}/.default", config.base_url)).extend_pairs(fields);
        let body = form.finish().into_bytes();
        let path = format!("/{}/oauth2/v2.0/token", config.tenant_id);
        handle(&mut self.world, &Request { method: "POST".into(), path, headers: vec![], body }, self.now)
    }

    pub(super) fn raw(&mut self, method: &str, path: &str, body: &[u8]) -> Response {
        let mut headers = vec![("Authorization".into(), format!("Bearer {}", self.token))];
        if !body.is_empty() {
            headers.push(("Content-Type".into(), "application/json".into()));
        }
        let request = Request { method: method.into(), path: path.into(), headers, body: body.into() };
        handle(&mut self.world, &request, self.now)
    }

    pub(super) fn ask(&mut self, method: &str, id: &str, version: &str, body: Value) -> Response {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.raw(method, &format!("{id}?api-version={version}"), &body)
    }

    pub(super) fn get(&mut self, id: &str, version: &str) -> Response {
        self.ask("GET", id, version, Value::Null)
    }

    /// GET of an absolute URL that the world gave.
    pub(super) fn follow(&mut self, url: &str) -> Response {
        let path = url.strip_prefix(&self.world.config().base_url).expect("an own URL").to_owned();
        self.raw("GET", &path, b"")
    }

    pub(super) fn pass(&mut self, seconds: u64) -> Vec<Outbound> {
        self.now += seconds * 1000;
        advance(&mut self.world, self.now)
    }

    pub(super) fn put_service(&mut self, name: &str) -> Response {
        let body = json!({"location": "global", "properties": {"dataLocation": "Europe"}});
        self.ask("PUT", &service(name), ACS, body)
    }

    /// A namespace and a hub, ready.
    pub(super) fn put_hub(&mut self) -> String {
        let body = json!({"location": "westeurope", "sku": {"name": "Standard"}});
        assert_eq!(self.ask("PUT", &namespace("shop-hubs"), NH, body).status, 201);
        self.pass(30);
        let hub = format!("{}/notificationHubs/phones", namespace("shop-hubs"));
        assert_eq!(self.ask("PUT", &hub, NH, json!({"location": "westeurope"})).status, 201);
        hub
    }
}

/// Status and ARM's code.
pub(super) fn refusal(response: &Response) -> (u16, String) {
    (response.status, response.value()["error"]["code"].as_str().unwrap_or_default().to_owned())
}

pub(super) fn state(response: &Response) -> String {
    response.value()["properties"]["provisioningState"].as_str().unwrap_or_default().to_owned()
}

/// The names in a list.
pub(super) fn names(answer: &Response) -> Vec<String> {
    let list = answer.value()["value"].as_array().expect("a list").clone();
    list.iter().map(|r| r["name"].as_str().expect("a name").to_owned()).collect()
}
