//! From HTTP to the model and back.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, CONTENT_TYPE, HOST};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum_server::ConnectionShutdown;
use axum_server::tls_rustls::RustlsConfig;
use hyper_util::rt::TokioTimer;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};

use super::authority::Issued;
use super::{Shared, now_ms, origin, page, stream};
use crate::model::{self, DELAY_HEADER, DROP_HEADER, World};

/// ARM takes bodies of up to 4 MB.
const BODY_LIMIT: usize = 4 * 1024 * 1024;
/// For the first request of a connection.
const FIRST_PATIENCE: Duration = Duration::from_secs(15);
/// For the head of every later one. It runs while a connection is idle too, and reqwest keeps idle ones for 90 s: closing
/// them sooner would be a fault that nobody asked for.
const HEADER_PATIENCE: Duration = Duration::from_secs(120);
const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// HTTP/1.1 only: a connection that is cut must take no other request with it.
pub(super) fn tls(issued: &Issued) -> anyhow::Result<RustlsConfig> {
    let chain = CertificateDer::pem_slice_iter(issued.certificate.as_bytes()).collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes())?;
    let mut config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(RustlsConfig::from_config(Arc::new(config)))
}

pub(super) async fn serve(
    listener: TcpListener,
    tls: RustlsConfig,
    handle: axum_server::Handle<SocketAddr>,
    shared: Arc<Shared>,
) {
    let router = Router::new().fallback(answer).with_state(shared);
    let mut server = match axum_server::from_tcp_rustls(listener, tls) {
        Ok(server) => server.handle(handle).first_request_timeout(FIRST_PATIENCE),
        Err(error) => return tracing::error!(%error, "cannot serve"),
    };
    // Without a timer the header timeout never fires.
    server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEADER_PATIENCE);
    if let Err(error) = server.serve(router.into_make_service()).await {
        tracing::error!(%error, "serving ended");
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let arrived = Instant::now();
    let connection = request.extensions().get::<ConnectionShutdown>().cloned();
    let (parts, body) = request.into_parts();
    if let Some(response) = before_the_model(&shared, &parts, connection.as_ref()) {
        return response;
    }
    let body = match tokio::time::timeout(BODY_PATIENCE, to_bytes(body, BODY_LIMIT)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return unread(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => return unread(StatusCode::REQUEST_TIMEOUT),
    };
    let request = asked(&parts, &body);
    if request.path == "/_sim/certificate" {
        return certificate(&shared, &body);
    }
    answered(&shared, model::handle, request, arrived, connection).await
}

/// What the model is told of a request.
pub(super) fn asked(parts: &Parts, body: &Bytes) -> model::Request {
    let path = parts.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    model::Request { method: parts.method.to_string(), path, headers, body: body.to_vec() }
}

/// Who answers in the model, of those that it has for a listener each.
pub(super) type Answering = fn(&mut World, &model::Request, u64) -> model::Response;

/// The model's answer, once it is written down: at once, late, or not at all, as a fault may want it.
pub(super) async fn answered(
    shared: &Shared,
    answering: Answering,
    request: model::Request,
    arrived: Instant,
    connection: Option<ConnectionShutdown>,
) -> Response {
    let (response, ticket) = shared.change(|world| {
        let next = world.next_entry();
        let response = answering(world, &request, now_ms());
        world.lasted(next, u64::try_from(arrived.elapsed().as_micros()).unwrap_or(u64::MAX));
        response
    });
    shared.wake();
    if request.method != Method::GET.as_str() {
        shared.news.stirred();
    }
    if let Err(why) = shared.written(ticket).await {
        return unwritten(&why);
    }
    if let Some(delay) = response.header(DELAY_HEADER).and_then(|d| d.parse().ok()) {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    if response.header(DROP_HEADER).is_some()
        && let Some(connection) = connection
    {
        connection.shutdown();
        // The connection is closing under this request: nothing that is returned here arrives.
        std::future::pending::<()>().await;
    }
    into_http(response)
}

/// The page, the stream, and a shut door for other pages. Under the name of a data plane there is none of that.
fn before_the_model(shared: &Arc<Shared>, parts: &Parts, connection: Option<&ConnectionShutdown>) -> Option<Response> {
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let path = parts.uri.path();
    if !(path == "/_sim" || path.starts_with("/_sim/")) || host.contains(".servicebus.") {
        return None;
    }
    if origin::foreign(&parts.method, &parts.headers) {
        let body = json!({"error": "another web page asked for this: open /_sim/ here, or use a program"}).to_string();
        return Some(
            (StatusCode::FORBIDDEN, [(CONTENT_TYPE, "application/json"), (CONNECTION, "close")], body).into_response(),
        );
    }
    if parts.method == Method::GET && path == "/_sim/journal/stream" {
        return Some(stream::journal(shared, parts, connection.cloned()));
    }
    page::answer(&parts.method, path)
}

/// The rest of the body is still on its way: nothing else may be sent on this connection. The code of the first is ARM's for
/// what is too large (unverified).
fn unread(status: StatusCode) -> Response {
    let (code, message) = if status == StatusCode::PAYLOAD_TOO_LARGE {
        ("RequestEntityTooLarge", "The request content size exceeds the maximum size of 4 MB.")
    } else {
        ("RequestTimeout", "The request content did not arrive in time.")
    };
    let body = json!({"error": {"code": code, "message": message}}).to_string();
    let headers = [(CONNECTION, "close"), (CONTENT_TYPE, "application/json; charset=utf-8")];
    (status, headers, body).into_response()
}

fn into_http(response: model::Response) -> Response {
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut http = Response::builder().status(status);
    for (name, value) in response.headers.iter().filter(|(n, _)| n != DELAY_HEADER && n != DROP_HEADER) {
        http = http.header(name, value);
    }
    // A header that HTTP cannot carry is a fault of the model, to be seen as such.
    http.body(Body::from(response.body)).unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// What was done is not in the file, and would be gone after a restart: it must not be taken for done.
fn unwritten(why: &str) -> Response {
    let body = json!({"error": {"code": "InternalServerError", "message": format!("azure-sim: {why}")}});
    into_http(model::Response { status: 500, headers: vec![], body: body.to_string().into_bytes() })
}

/// `/_sim/certificate`: a server certificate for `{"names": [...]}`, signed by the simulator's authority. Shut where
/// that is somebody else's, who never said whom it may speak for.
fn certificate(shared: &Shared, body: &Bytes) -> Response {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let names: Vec<String> = body
        .get("names")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|n| n.as_str().map(str::to_owned))
        .collect();
    let (status, body) = if shared.authority_is_theirs {
        // The door asks for no token: whoever reaches it would be anyone to those who trust that authority.
        let why = "the authority was given (--authority-cert), and signs for nobody who asks here: have it sign the \
                   certificate yourself, or give the webhook's own authority to --trust";
        (403, json!({"error": why}))
    } else if names.is_empty() {
        (400, json!({"error": "'names' must be a list of host names or addresses"}))
    } else {
        match shared.authority().issue(&names) {
            Ok(issued) => {
                (200, json!({"certificate": issued.certificate, "key": issued.key, "ca": shared.authority().pem()}))
            }
            Err(error) => (400, json!({"error": format!("{error:#}")})),
        }
    };
    into_http(model::Response { status, headers: vec![], body: body.to_string().into_bytes() })
}
