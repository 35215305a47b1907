//! A server on a loopback address, with every answer scripted and a certificate of its own authority; and a client of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use acs_core::azure::call::{Access, ArmCall, Body, Method, Proof};
use acs_core::azure::error::{AzureError, Fate};
use acs_core::kinds::{Kind, ObjectRef};
use acs_core::moment::Timings;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method as HttpMethod, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum_server::tls_rustls::RustlsConfig;
use futures::FutureExt;
use futures::future::BoxFuture;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use secrecy::SecretString;
use serde_json::json;

use crate::azure::http::Clients;
use crate::azure::{ArmClient, Cloud, Clouds, Identity, Observer, Proofs, http, unanswered};

pub const SECRET: &str = "C4N4RYclientSecretC4N4RY";
pub const GROUP: &str = "/subscriptions/sub/resourceGroups/rg";

/// One scripted answer: status, headers, body, delay.
pub type Scripted = (u16, Vec<(&'static str, String)>, String, Duration);

#[derive(Default)]
pub struct Script {
    pub tokens: VecDeque<Scripted>,
    pub calls: VecDeque<Scripted>,
    pub seen: Vec<(HttpMethod, String, HeaderMap, String)>,
    pub issued: usize,
}

pub type Shared = Arc<Mutex<Script>>;

async fn serve(
    State(script): State<Shared>,
    method: HttpMethod,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (status, pairs, text, delay) = {
        let mut script = script.lock().unwrap();
        script.seen.push((method, uri.to_string(), headers, String::from_utf8_lossy(&body).into_owned()));
        if uri.path().ends_with("/oauth2/v2.0/token") {
            script.issued += 1;
            let token =
                json!({"token_type": "Bearer", "expires_in": 3599, "access_token": format!("token-{}", script.issued)});
            script.tokens.pop_front().unwrap_or_else(|| (200, vec![], token.to_string(), Duration::ZERO))
        } else {
            script.calls.pop_front().unwrap_or_else(|| (200, vec![], "{}".to_owned(), Duration::ZERO))
        }
    };
    tokio::time::sleep(delay).await;
    let mut response = (StatusCode::from_u16(status).unwrap(), text).into_response();
    for (name, value) in pairs {
        response.headers_mut().append(name, value.parse().unwrap());
    }
    response
}

pub fn scripted(status: u16, body: &str) -> Scripted {
    (status, vec![], body.to_owned(), Duration::ZERO)
}

/// Kubernetes, as far as proofs go.
#[derive(Default)]
pub struct Kubernetes {
    pub minted: Mutex<usize>,
    pub life: u64,
    pub terminating: Mutex<bool>,
    pub spilled: Option<&'static str>,
}

impl Proofs for Kubernetes {
    fn client_secret(&self, _: &str, _: &str, _: &str) -> BoxFuture<'_, Result<SecretString, AzureError>> {
        async { Ok(SECRET.into()) }.boxed()
    }

    fn assertion(
        &self,
        _: &str,
        _: &str,
        _: &str,
        _: i64,
    ) -> BoxFuture<'_, Result<(SecretString, SystemTime), AzureError>> {
        async {
            if *self.terminating.lock().unwrap() {
                return Err(unanswered("KubernetesForbidden", "namespace is being terminated", Fate::NotApplied));
            }
            let mut minted = self.minted.lock().unwrap();
            *minted += 1;
            Ok((format!("assertion-{minted}").into(), SystemTime::now() + Duration::from_secs(self.life)))
        }
        .boxed()
    }

    fn spilled_assertion(&self, _: &str, _: &str) -> BoxFuture<'_, Option<SecretString>> {
        async { self.spilled.map(Into::into) }.boxed()
    }
}

#[derive(Default)]
pub struct Counted(pub Mutex<Vec<String>>);

impl Observer for Counted {
    fn call(&self, method: &str, resource_type: &str, status: u16, _seconds: f64) {
        self.0.lock().unwrap().push(format!("{method} {resource_type} {status}"));
    }
}

pub fn timings() -> Timings {
    Timings { request_timeout: 1_500, retry_min: 300, ..Timings::default() }
}

/// A certificate for the address, and the authority that signed it, as PEM.
fn certified() -> (RustlsConfig, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    (RustlsConfig::from_config(Arc::new(config)), authority)
}

pub struct Ground {
    pub script: Shared,
    pub arm: ArmClient,
    pub counted: Arc<Counted>,
    pub kubernetes: Arc<Kubernetes>,
    pub base: String,
    /// Who signed its certificate, as PEM.
    pub authority: String,
}

impl Ground {
    pub async fn new(kubernetes: Kubernetes) -> Self {
        let script = Shared::default();
        let app = axum::Router::new().fallback(serve).with_state(script.clone());
        let (tls, authority) = certified();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let base = format!("https://{}", listener.local_addr().unwrap());
        let server = axum_server::from_tcp_rustls(listener, tls).unwrap();
        tokio::spawn(server.serve(app.into_make_service()));
        let timings = timings();
        let bundle = std::env::temp_dir().join(format!("{}.pem", http::guid()));
        std::fs::write(&bundle, &authority).unwrap();
        let client = http::client(&timings, Some(&bundle), false).unwrap();
        std::fs::remove_file(&bundle).unwrap();
        let mut clouds = Clouds::default();
        clouds.add(Cloud::new("Public", &base, &base, "https://audience.example/").unwrap());
        let clouds = Arc::new(clouds);
        let (counted, kubernetes) = (Arc::new(Counted::default()), Arc::new(kubernetes));
        let identity = Identity::new(client.clone(), clouds.clone(), kubernetes.clone(), counted.clone(), &timings);
        let arm = ArmClient::new(client, clouds, Arc::new(identity), counted.clone(), &timings);
        Self { script, arm, counted, kubernetes, base, authority }
    }

    /// Tokens for the same cloud and from the same Kubernetes, over another client.
    pub fn identity_over(&self, client: reqwest::Client) -> Identity {
        self.identity_of(client, &["Public"])
    }

    /// Tokens for clouds of those names, all of them here.
    pub fn identity_of(&self, client: impl Into<Clients>, names: &[&str]) -> Identity {
        let mut clouds = Clouds::default();
        for name in names {
            clouds.add(Cloud::new(name, &self.base, &self.base, "https://audience.example/").unwrap());
        }
        Identity::new(client, Arc::new(clouds), self.kubernetes.clone(), self.counted.clone(), &timings())
    }

    pub fn on_call(&self, answer: Scripted) {
        self.script.lock().unwrap().calls.push_back(answer);
    }

    pub fn on_token(&self, answer: Scripted) {
        self.script.lock().unwrap().tokens.push_back(answer);
    }

    pub fn seen(&self) -> Vec<(HttpMethod, String, HeaderMap, String)> {
        std::mem::take(&mut self.script.lock().unwrap().seen)
    }

    /// Requests that reached ARM.
    pub fn calls(&self) -> Vec<(HttpMethod, String, HeaderMap, String)> {
        self.seen().into_iter().filter(|(_, uri, ..)| !uri.ends_with("/token")).collect()
    }

    pub async fn get(&self) -> acs_core::azure::call::ArmResult {
        self.arm.read(&with_secret(), Method::Get, GROUP, "2025-01-01").await
    }
}

fn access(proof: Proof) -> Access {
    Access {
        account: ObjectRef { kind: Kind::AzureAccount, namespace: "shop".into(), name: "default".into() },
        cloud: "Public".into(),
        tenant: "tenant".into(),
        subscription: "sub".into(),
        client: "client".into(),
        proof,
    }
}

pub fn with_secret() -> Access {
    access(Proof::ClientSecret { secret: "s".into(), key: "k".into() })
}

pub fn federated() -> Access {
    access(Proof::ServiceAccount { name: "acs-operator-azure".into() })
}

pub fn call(method: Method, body: Option<Body>) -> ArmCall {
    let path = format!("{GROUP}/providers/Microsoft.Communication/communicationServices/shop/linkNotificationHub");
    ArmCall { access: with_secret(), method, path, api_version: "2025-01-01", body, request_id: http::guid() }
}
