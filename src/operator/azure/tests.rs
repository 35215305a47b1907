//! Tokens and calls, over real HTTPS.

mod ground;
mod tokens;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use acs_core::azure::call::{Body, Method};
use acs_core::azure::error::Fate;
use acs_core::moment::Timings;
use secrecy::ExposeSecret;
use serde_json::json;

use super::{ArmClient, Cloud, Clouds, http};
use ground::{GROUP, Ground, Kubernetes, SECRET, call, federated, scripted, with_secret};

#[tokio::test]
async fn a_call_carries_token_and_ids_and_its_answer_is_read() {
    let ground = Ground::new(Kubernetes::default()).await;
    let operation = format!("{}/subscriptions/sub/op/1*F0?t=1&s=a%2Fb", ground.base);
    let headers =
        vec![("azure-asyncoperation", operation.clone()), ("location", "x".into()), ("retry-after", "7".into())];
    ground.on_call((201, headers, r#"{"id":"x"}"#.into(), Duration::ZERO));
    let put = call(Method::Put, Some(Body(json!({"a": 1}))));
    let reply = ground.arm.send(&put).await.unwrap();
    assert_eq!(
        (reply.status, reply.poll_url.as_deref(), reply.retry_after),
        (201, Some(operation.as_str()), Some(7_000))
    );
    assert_eq!(reply.body.text("/id"), "x");
    ground.arm.poll(&with_secret(), &operation).await.unwrap();
    ground.arm.send(&call(Method::Post, None)).await.unwrap();

    let seen = ground.seen();
    let (_, uri, _, form) = &seen[0];
    assert_eq!(uri, "/tenant/oauth2/v2.0/token");
    assert!(form.contains("scope=https%3A%2F%2Faudience.example%2F.default") && form.contains(SECRET));
    let (method, uri, headers, body) = &seen[1];
    assert_eq!(
        (method.as_str(), uri.as_str(), body.as_str()),
        ("PUT", &*format!("{}?api-version=2025-01-01", put.path), r#"{"a":1}"#)
    );
    for (name, value) in [
        ("authorization", "Bearer token-1"),
        ("x-ms-client-request-id", &put.request_id),
        ("x-ms-correlation-request-id", &put.request_id),
        ("x-ms-return-client-request-id", "true"),
        ("user-agent", concat!("acs-operator/", env!("CARGO_PKG_VERSION"))),
    ] {
        assert_eq!(headers[name], *value, "{name}");
    }
    assert_eq!(seen[2].1, "/subscriptions/sub/op/1*F0?t=1&s=a%2Fb");
    assert_eq!(seen[3].2["content-length"], "0");
    assert_eq!(seen.len(), 4, "one token for all of it");
    assert_eq!(
        ground.counted.0.lock().unwrap()[..2],
        ["POST token 200", "PUT microsoft.communication/communicationservices/linknotificationhub 201"]
    );
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let ground = Ground::new(Kubernetes::default()).await;
    ground.on_call(scripted(401, r#"{"error":{"code":"ExpiredAuthenticationToken","message":"old"}}"#));
    assert!(ground.get().await.is_ok());
    let tokens: Vec<_> = ground.calls().iter().map(|(_, _, headers, _)| headers["authorization"].clone()).collect();
    assert_eq!(tokens, ["Bearer token-1", "Bearer token-2"]);
    for _ in 0..2 {
        ground.on_call(scripted(401, r#"{"error":{"code":"InvalidAuthenticationToken","message":"no"}}"#));
    }
    assert_eq!(ground.get().await.unwrap_err().code, "InvalidAuthenticationToken");
    assert_eq!(ground.calls().len(), 2);
}

#[tokio::test]
async fn a_call_without_an_answer_has_an_unknown_fate_and_one_without_a_connection_none() {
    let ground = Ground::new(Kubernetes::default()).await;
    ground.get().await.unwrap();
    ground.on_call((200, vec![], "{}".into(), Duration::from_secs(30)));
    let started = Instant::now();
    let error = ground.arm.send(&call(Method::Post, None)).await.unwrap_err();
    assert_eq!((error.status, error.code.as_str(), error.fate), (None, "TimedOut", Fate::Unknown));
    assert!(started.elapsed() < Duration::from_secs(10));

    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut clouds = Clouds::default();
    clouds.add(Cloud::new("Public", &format!("http://{nobody}"), &ground.base, "https://a.example").unwrap());
    let timings = Timings { request_timeout: 1_500, ..Timings::default() };
    let client = http::client(&timings, None, false).unwrap();
    let arm = ArmClient::new(client, Arc::new(clouds), ground.arm.identity().clone(), ground.counted.clone(), &timings);
    let error = arm.send(&call(Method::Post, None)).await.unwrap_err();
    assert_eq!((error.status, error.code.as_str(), error.fate), (None, "Unreachable", Fate::NotApplied));
}

#[tokio::test]
async fn a_connection_that_ends_after_sending_leaves_the_fate_unknown() {
    let ground = Ground::new(Kubernetes::default()).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.readable().await.unwrap();
            drop(stream);
        }
    });
    let mut clouds = Clouds::default();
    clouds.add(Cloud::new("Public", &format!("http://{address}"), &ground.base, "https://a.example").unwrap());
    let timings = Timings::default();
    let client = http::client(&timings, None, false).unwrap();
    let arm = ArmClient::new(client, Arc::new(clouds), ground.arm.identity().clone(), ground.counted.clone(), &timings);
    let error = arm.send(&call(Method::Post, None)).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.fate), ("ConnectionLost", Fate::Unknown));
}

#[tokio::test]
async fn lists_follow_their_links_on_the_same_host_only() {
    let ground = Ground::new(Kubernetes::default()).await;
    ground.on_call(scripted(
        200,
        &json!({"value": [1, 2], "nextLink": format!("{}/next?skip=2", ground.base)}).to_string(),
    ));
    ground.on_call(scripted(200, r#"{"value":[3],"nextLink":null}"#));
    let reply = ground.arm.list(&with_secret(), GROUP, "v").await.unwrap();
    assert_eq!(reply.body.0, json!({"value": [1, 2, 3]}));
    ground.seen();
    ground.on_call(scripted(200, r#"{"value":[1],"nextLink":"https://evil.example/next"}"#));
    assert_eq!(ground.arm.list(&with_secret(), GROUP, "v").await.unwrap_err().code, "UntrustedUrl");
    for _ in 0..200 {
        ground.on_call(scripted(200, &json!({"value": [1], "nextLink": format!("{}/x", ground.base)}).to_string()));
    }
    assert_eq!(ground.arm.list(&with_secret(), GROUP, "v").await.unwrap_err().code, "EndlessList");
}

#[tokio::test]
async fn a_429_closes_reads_here_and_leaves_writes_alone() {
    let ground = Ground::new(Kubernetes::default()).await;
    ground.on_call((
        429,
        vec![("retry-after", "17".into())],
        r#"{"error":{"code":"TooManyRequests","message":"slow"}}"#.into(),
        Duration::ZERO,
    ));
    assert_eq!(ground.get().await.unwrap_err().retry_after, Some(17_000));
    ground.seen();
    let held_back = ground.get().await.unwrap_err();
    assert_eq!(
        (held_back.status, held_back.code.as_str(), held_back.fate),
        (Some(429), "TooManyRequests", Fate::NotApplied)
    );
    assert!(held_back.retry_after.is_some_and(|wait| (16_000..=17_000).contains(&wait)));
    assert!(ground.seen().is_empty(), "nothing reached the network");
    assert!(ground.arm.send(&call(Method::Delete, None)).await.is_ok());
}

#[tokio::test]
async fn redirects_are_not_followed_and_long_answers_not_read() {
    let ground = Ground::new(Kubernetes::default()).await;
    ground.on_call((307, vec![("location", "https://evil.example/".into())], String::new(), Duration::ZERO));
    let error = ground.get().await.unwrap_err();
    assert_eq!((error.status, error.fate), (Some(307), Fate::Unknown));
    ground.on_call(scripted(200, &format!("\"{}\"", "a".repeat(http::BODY_LIMIT))));
    assert_eq!(ground.get().await.unwrap_err().code, "AnswerTooLong");
}

#[tokio::test]
async fn a_refusal_is_remembered_for_a_moment_and_a_new_secret_is_tried_at_once() {
    let ground = Ground::new(Kubernetes::default()).await;
    let refusal = r#"{"error":"invalid_client","error_description":"AADSTS7000215: no","error_codes":[7000215]}"#;
    let identity = ground.arm.identity();
    ground.on_token(scripted(401, refusal));
    for _ in 0..3 {
        assert_eq!(identity.verify(&with_secret(), "1").await.unwrap_err().code, "TokenRefused");
    }
    assert_eq!(ground.seen().len(), 1);
    identity.verify(&with_secret(), "2").await.unwrap();
    identity.verify(&with_secret(), "2").await.unwrap();
    assert_eq!(identity.token(&with_secret()).await.unwrap().expose_secret(), "token-2");
    assert_eq!(ground.seen().len(), 1);
    // A bad new secret is said, while the token of the old one still serves.
    ground.on_token(scripted(401, refusal));
    assert!(identity.verify(&with_secret(), "3").await.is_err());
    assert!(identity.token(&with_secret()).await.is_ok());
    // After a pause it is tried again.
    tokio::time::sleep(Duration::from_millis(350)).await;
    assert!(identity.verify(&with_secret(), "3").await.is_ok());
}

#[tokio::test]
async fn a_valid_token_serves_while_its_renewal_fails() {
    let ground = Ground::new(Kubernetes::default()).await;
    let identity = ground.arm.identity();
    assert_eq!(identity.token(&with_secret()).await.unwrap().expose_secret(), "token-1");
    identity.age(&with_secret());
    ground.on_token(scripted(503, "<html>busy</html>"));
    for _ in 0..3 {
        assert_eq!(identity.token(&with_secret()).await.unwrap().expose_secret(), "token-1");
    }
    assert_eq!(ground.seen().len(), 2, "a failed renewal is not repeated at once");
    tokio::time::sleep(Duration::from_millis(350)).await;
    assert_eq!(identity.token(&with_secret()).await.unwrap().expose_secret(), "token-3");
}

#[tokio::test]
async fn many_callers_cause_one_token_request() {
    let ground = Ground::new(Kubernetes::default()).await;
    let results = futures::future::join_all((0..20).map(|_| ground.get())).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(ground.script.lock().unwrap().issued, 1);
}

#[tokio::test]
async fn a_terminating_namespace_lives_on_the_assertion_in_memory_else_on_the_spilled_one() {
    let ground = Ground::new(Kubernetes { life: 3600, ..Kubernetes::default() }).await;
    let identity = ground.arm.identity();
    assert!(identity.assertion(&federated()).is_none());
    identity.verify(&federated(), "").await.unwrap();
    assert_eq!(identity.assertion(&federated()).unwrap().expose_secret(), "assertion-1");
    assert!(identity.assertion(&with_secret()).is_none());
    // Refused by Entra: another is asked for, and the old one is the last resort.
    identity.forget(&federated());
    ground.on_token(scripted(401, r#"{"error_codes":[700024]}"#));
    assert!(identity.token(&federated()).await.is_err());
    *ground.kubernetes.terminating.lock().unwrap() = true;
    tokio::time::sleep(Duration::from_millis(350)).await;
    identity.token(&federated()).await.unwrap();
    assert_eq!(*ground.kubernetes.minted.lock().unwrap(), 1);
    assert!(ground.seen().last().unwrap().3.contains("client_assertion=assertion-1"));

    for (spilled, expected) in [(Some("spilled-assertion"), None), (None, Some("CredentialUnavailable"))] {
        let ground = Ground::new(Kubernetes { terminating: Mutex::new(true), spilled, ..Kubernetes::default() }).await;
        let result = ground.arm.identity().token(&federated()).await;
        assert_eq!(result.err().map(|error| error.code).as_deref(), expected);
        assert_eq!(
            ground.seen().iter().any(|(.., form)| form.contains("client_assertion=spilled-assertion")),
            spilled.is_some()
        );
    }
}

#[tokio::test]
async fn no_secret_shows_in_an_error_or_a_debug() {
    let ground = Ground::new(Kubernetes::default()).await;
    let key = "C4N4RYsharedAccessKeyC4N4RY=";
    let body = json!({"resourceId": "/subscriptions/x", "connectionString": format!("Endpoint=sb://x/;SharedAccessKey={key}")});
    let post = call(Method::Post, Some(Body(body)));
    ground.get().await.unwrap();
    let echo = json!({"error": {"code": "BadRequest", "message": format!("SharedAccessKey={key} with Bearer token-1"), "details": [{"code": "X", "message": format!("'Endpoint=sb://x/;SharedAccessKey={key}' is bad")}]}});
    let mut texts = vec![format!("{post:?} {:?} {:?}", ground.arm, ground.arm.identity())];
    for answer in
        [scripted(400, &echo.to_string()), scripted(200, &format!("<html>{key}")), scripted(502, &format!("{key}{{"))]
    {
        ground.on_call(answer);
        texts.push(format!("{:?}", ground.arm.send(&post).await.unwrap_err()));
    }
    ground.arm.identity().forget(&with_secret());
    ground.on_token(scripted(
        400,
        &json!({"error": "x", "error_description": format!("AADSTS1: {SECRET}"), "error_codes": [1]}).to_string(),
    ));
    texts.push(format!("{:?}", ground.get().await.unwrap_err()));
    for text in texts {
        assert!(!text.contains("C4N4RY") && !text.contains("token-1"), "{text}");
    }
}
