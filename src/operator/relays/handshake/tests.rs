use std::net::TcpListener;
use std::sync::Arc;

use acs_core::kinds::subscription::DeliverySchema::{self, CloudEvents, EventGrid};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum_server::tls_rustls::RustlsConfig;

use super::*;

/// A server with a certificate for 127.0.0.1 that one authority signed, and that authority.
fn serve<F>(answer: F) -> (String, Certificate)
where
    F: Fn(Method, HeaderMap, Bytes) -> Response + Clone + Send + Sync + 'static,
{
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let key = rcgen::KeyPair::generate().unwrap();
    let made = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let trusted = Certificate::from_der(made.der()).unwrap();
    let private = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let tls = rustls::ServerConfig::builder().with_no_client_auth();
    let tls = tls.with_single_cert(vec![made.der().clone()], private).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("https://{}/v1/events/one", listener.local_addr().unwrap());
    let router = Router::new().fallback(move |method: Method, headers: HeaderMap, body: Bytes| {
        let answer = answer.clone();
        async move { answer(method, headers, body) }
    });
    let server = axum_server::from_tcp_rustls(listener, RustlsConfig::from_config(Arc::new(tls))).unwrap();
    tokio::spawn(server.serve(router.into_make_service()));
    (url, trusted)
}

async fn shake(url: &str, trusted: Vec<Certificate>, private: bool, schema: DeliverySchema) -> Result<(), String> {
    let with = HandshakeWith { url: url.to_owned(), subscription: "one".to_owned(), schema };
    Prober::new(trusted, private).shake_hands(&with).await
}

fn granting(_: Method, headers: HeaderMap, body: Bytes) -> Response {
    if let Some(origin) = headers.get("webhook-request-origin") {
        return ([("webhook-allowed-origin", origin.clone())], "").into_response();
    }
    let events: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(headers["aeg-subscription-name"], "ONE");
    axum::Json(json!({"validationResponse": events[0]["data"]["validationCode"]})).into_response()
}

#[tokio::test]
async fn both_handshakes_are_granted_by_who_knows_them() {
    let (url, trusted) = serve(granting);
    for schema in [CloudEvents, EventGrid] {
        assert_eq!(shake(&url, vec![trusted.clone()], true, schema).await, Ok(()));
    }
}

#[tokio::test]
async fn nothing_is_sent_to_a_private_address_unless_allowed() {
    let (url, trusted) = serve(|_, _, _| panic!("nobody may come here"));
    let error = shake(&url, vec![trusted], false, CloudEvents).await.unwrap_err();
    assert!(error.contains("127.0.0.1") && error.contains("--probe-private-addresses"), "{error}");
    let named = url.replace("127.0.0.1", "localhost");
    let error = shake(&named, Vec::new(), false, CloudEvents).await.unwrap_err();
    assert!(error.contains("private address"), "{error}");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let (url, _) = serve(granting);
    let error = shake(&url, crate::azure::http::roots(None).unwrap(), true, CloudEvents).await.unwrap_err();
    assert!(error.contains("no connection"), "{error}");
    let error = shake(&url.replace("https", "http"), Vec::new(), true, CloudEvents).await.unwrap_err();
    assert!(error.contains("no https URL"), "{error}");
}

#[tokio::test]
async fn what_is_no_consent_is_told_without_the_answers_body() {
    type Answer = fn(Method, HeaderMap, Bytes) -> Response;
    let cases: [(Answer, DeliverySchema, &str); 6] = [
        (|_, _, _| (StatusCode::OK, "canary").into_response(), CloudEvents, "without `WebHook-Allowed-Origin`"),
        (|_, _, _| ([("webhook-allowed-origin", "else.example")], "canary").into_response(), CloudEvents, "another"),
        (|_, _, _| (StatusCode::NOT_FOUND, "canary").into_response(), CloudEvents, "404"),
        (|_, _, _| ([("location", "https://else.example")], "canary").into_response(), EventGrid, "without its code"),
        (|_, _, _| (StatusCode::FOUND, [("location", "/")], "canary").into_response(), EventGrid, "302"),
        (|_, _, _| axum::Json(json!({"validationResponse": "canary"})).into_response(), EventGrid, "another code"),
    ];
    for (answer, schema, expected) in cases {
        let (url, trusted) = serve(answer);
        let error = shake(&url, vec![trusted], true, schema).await.unwrap_err();
        assert!(error.contains(expected) && !error.contains("canary"), "{expected}: {error}");
    }
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let (url, trusted) = serve(|_, _, _| vec![b' '; 1 << 20].into_response());
    let error = shake(&url, vec![trusted], true, EventGrid).await.unwrap_err();
    assert!(error.contains("longer than"), "{error}");
}
