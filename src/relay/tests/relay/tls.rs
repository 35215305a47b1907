//! A hub behind TLS with an authority of its own, as in a cloud or simulator without public names.

use std::sync::Arc;

use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::ground::{Ground, config, send};

/// Answers 201 to everything; gives its address and its certificate.
async fn hub() -> (String, String, tokio::task::JoinHandle<()>) {
    let certified = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let pem = certified.cert.pem();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_no_client_auth().with_single_cert(vec![certified.cert.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut some = [0; 8192];
            let read = stream.read(&mut some).await.unwrap();
            assert!(String::from_utf8_lossy(&some[..read]).contains("host: contoso.servicebus.windows.net\r\n"));
            let _ = stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
            let _ = stream.shutdown().await;
        }
    });
    (url, pem, task)
}

#[tokio::test]
async fn the_bundle_adds_an_authority_and_without_it_nothing_is_sent() {
    let (url, pem, task) = hub().await;
    let mut config = config(&[]);
    config["push"] = json!({"endpoint": url, "platforms": ["apple"], "rules": []});
    let ground = Ground::with(&config).await;
    let text = "Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=Send;SharedAccessKey=c2VjcmV0";
    ground.write("push/connectionString", text);
    ground.write("push/hubName", "phones");
    ground.relay().state.reload();
    let push = json!({"platform": "apple", "deviceHandle": "h", "payload": {"aps": {}}}).to_string();
    let headers = [("content-type", "application/json")];
    let reply = send(ground.local, "POST", "/v1/push/direct", &headers, push.clone()).await;
    assert_eq!(reply.json()["code"], "HubUnreachable");
    config["push"]["caBundle"] = json!(pem);
    ground.write("config/relay.json", &config.to_string());
    ground.relay().state.reload();
    let reply = send(ground.local, "POST", "/v1/push/direct", &headers, push).await;
    assert_eq!(reply.json()["code"], "Queued");
    task.abort();
}
