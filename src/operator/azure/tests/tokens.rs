//! What the answers to a token request mean, through the library that makes it.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use acs_core::azure::call::Access;
use acs_core::azure::error::{Class, Fate};
use acs_core::reason::Reason;
use secrecy::ExposeSecret;
use serde_json::json;

use super::ground::{Ground, Kubernetes, SECRET, federated, scripted, timings, with_secret};
use crate::azure::http::{self, Clients};
use crate::azure::{Cloud, Clouds};

fn refusal(code: i64) -> String {
    let said = format!("AADSTS{code}: Bad \"{SECRET}\" given.\r\nTrace ID: 1\r\nTimestamp: 2");
    json!({"error": "invalid_client", "error_description": said, "error_codes": [code]}).to_string()
}

#[tokio::test]
async fn answers_mean_what_they_should() {
    let ground = Ground::new(Kubernetes { life: 3600, ..Kubernetes::default() }).await;
    let identity = ground.arm.identity();
    let cases = [
        (401, refusal(7_000_215), "TokenRefused", Class::Blocked),
        (400, refusal(1), "TokenRefused", Class::Blocked),
        (400, refusal(5_000_000_000), "TokenRefused", Class::Blocked),
        (403, "<html>no</html>".to_owned(), "TokenRefused", Class::Blocked),
        (400, r#"{"error":"temporarily_unavailable"}"#.to_owned(), "EntraUnreachable", Class::Retry),
        (429, String::new(), "EntraUnreachable", Class::Retry),
        (500, refusal(90_033), "EntraUnreachable", Class::Retry),
        (503, "<html>busy</html>".to_owned(), "EntraUnreachable", Class::Retry),
        (302, String::new(), "EntraUnreachable", Class::Retry),
        (200, "<html>sign in</html>".to_owned(), "EntraUnreachable", Class::Retry),
        (200, "{}".to_owned(), "EntraUnreachable", Class::Retry),
        (200, r#"{"access_token":"token","expires_in":0}"#.to_owned(), "EntraUnreachable", Class::Retry),
        (200, r#"{"access_token":"","expires_in":3599}"#.to_owned(), "EntraUnreachable", Class::Retry),
        (200, json!({"access_token": "token", "expires_in": i64::MAX}).to_string(), "EntraUnreachable", Class::Retry),
    ];
    for (at, (status, body, code, class)) in cases.into_iter().enumerate() {
        for access in [with_secret(), federated()] {
            ground.on_token(scripted(status, &body));
            let error = identity.verify(&access, &at.to_string()).await.unwrap_err();
            assert_eq!((error.code.as_str(), error.classify().1), (code, class), "{status} {body}");
            assert_eq!((error.status, error.fate), (None, Fate::NotApplied));
            assert!(access == federated() || !format!("{error:?}").contains(SECRET), "{error:?}");
            assert!(!error.message.contains("Trace ID"));
            assert_eq!(ground.seen().len(), 1, "the library asks once, and nobody else");
        }
    }
}

#[tokio::test]
async fn a_refusal_says_what_entra_said_and_what_to_do() {
    let ground = Ground::new(Kubernetes::default()).await;
    ground.on_token(scripted(401, &refusal(7_000_215)));
    let error = ground.arm.identity().token(&with_secret()).await.unwrap_err();
    assert_eq!(error.classify().0, Reason::AuthenticationFailed);
    assert_eq!(
        error.message,
        "AADSTS7000215: Bad \"***\" given. Check that the Secret holds the client secret's value, not its id."
    );
    assert_eq!(ground.counted.0.lock().unwrap()[..], ["POST token 401"]);
}

#[tokio::test]
async fn a_busy_entra_says_when_to_come_back() {
    let ground = Ground::new(Kubernetes::default()).await;
    ground.on_token((429, vec![("retry-after", "17".into())], String::new(), Duration::ZERO));
    assert_eq!(ground.arm.identity().token(&with_secret()).await.unwrap_err().retry_after, Some(17_000));
}

#[tokio::test]
async fn what_names_no_identity_is_refused_before_a_secret_is_sent() {
    let ground = Ground::new(Kubernetes::default()).await;
    for (tenant, client) in [("", "client"), ("a/../b", "client"), ("a?b", "client"), ("tenant", "")] {
        let mut access = with_secret();
        access.tenant = tenant.into();
        access.client = client.into();
        let error = ground.arm.identity().token(&access).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.classify().1), ("TokenRefused", Class::Blocked));
    }
    assert!(ground.seen().is_empty());
}

#[tokio::test]
async fn an_assertion_is_sent_as_one() {
    let ground = Ground::new(Kubernetes { life: 3600, ..Kubernetes::default() }).await;
    ground.arm.identity().token(&federated()).await.unwrap();
    let (_, uri, headers, form) = ground.seen().remove(0);
    assert_eq!(uri, "/tenant/oauth2/v2.0/token");
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
    assert!(headers["user-agent"].to_str().unwrap().starts_with("acs-operator azsdk-rust-identity/"));
    for pair in [
        "client_id=client",
        "grant_type=client_credentials",
        "scope=https%3A%2F%2Faudience.example%2F.default",
        "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer",
        "client_assertion=assertion-1",
    ] {
        assert!(form.split('&').any(|sent| sent == pair), "{pair} in {form}");
    }
}

#[tokio::test]
async fn an_authority_that_is_not_trusted_or_not_there_or_slow_is_unreachable() {
    let ground = Ground::new(Kubernetes::default()).await;
    let stranger = ground.identity_over(http::client(&timings(), None, false).unwrap());
    let error = stranger.token(&with_secret()).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.classify().1), ("EntraUnreachable", Class::Retry));
    assert!(error.message.contains("certificate"), "{}", error.message);
    assert!(ground.seen().is_empty(), "no secret for a server that is not trusted");

    ground.on_token((200, vec![], "{}".into(), Duration::from_secs(30)));
    let started = std::time::Instant::now();
    assert_eq!(ground.arm.identity().token(&with_secret()).await.unwrap_err().code, "EntraUnreachable");
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(ground.counted.0.lock().unwrap()[..], ["POST token 0", "POST token 0"]);
}

#[tokio::test]
async fn the_authority_of_one_cloud_vouches_for_no_other() {
    let ground = Ground::new(Kubernetes::default()).await;
    let bundle = std::env::temp_dir().join(format!("{}.pem", http::guid()));
    std::fs::write(&bundle, &ground.authority).unwrap();
    let mut clouds = Clouds::default();
    for name in ["Public", "Simulator"] {
        clouds.add(Cloud::new(name, &ground.base, &ground.base, "https://audience.example/").unwrap());
    }
    clouds.get_mut("Simulator").unwrap().ca_bundle = Some(bundle.clone());
    let clients = Clients::new(&timings(), None, &clouds).unwrap();
    std::fs::remove_file(&bundle).unwrap();
    let identity = ground.identity_of(clients, &["Public", "Simulator"]);
    let simulated = Access { cloud: "Simulator".to_owned(), ..with_secret() };
    assert!(identity.token(&simulated).await.is_ok());
    let error = identity.token(&with_secret()).await.unwrap_err();
    assert!(error.code == "EntraUnreachable" && error.message.contains("certificate"), "{error:?}");
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_log_holds_a_secret_however_loud() {
    let written = Written::default();
    let writer = written.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let ground = Ground::new(Kubernetes { life: 3600, ..Kubernetes::default() }).await;
    let identity = ground.arm.identity();
    ground.on_token(scripted(400, &refusal(1)));
    identity.token(&with_secret()).await.unwrap_err();
    let token = identity.verify(&with_secret(), "2").await.and(identity.token(&with_secret()).await).unwrap();
    identity.token(&federated()).await.unwrap();
    let log = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("azure_core") || log.contains("typespec_client_core"), "the library was heard");
    for secret in [SECRET, "assertion-1", token.expose_secret()] {
        assert!(!log.contains(secret), "{secret}");
    }
}
