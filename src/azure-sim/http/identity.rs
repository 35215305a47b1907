//! The identity endpoints of machines and apps: plain HTTP, as in Azure, on a listener of their own.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::Response;
use axum_server::{ConnectionShutdown, Handle};
use hyper_util::rt::TokioTimer;

use super::Shared;
use super::serve::{answered, asked};
use crate::model;

/// Requests are one line and a few headers.
const PATIENCE: Duration = Duration::from_secs(15);

/// A listener, and what clients call.
pub(super) fn bind(listen: SocketAddr) -> anyhow::Result<(TcpListener, String)> {
    let listener = TcpListener::bind(listen).with_context(|| format!("cannot listen on {listen} for identities"))?;
    listener.set_nonblocking(true)?;
    let address = super::called(listener.local_addr()?);
    Ok((listener, format!("http://{address}")))
}

pub(super) async fn serve(listener: TcpListener, handle: Handle<SocketAddr>, shared: Arc<Shared>) {
    let router = Router::new().fallback(answer).with_state(shared);
    let mut server = match axum_server::from_tcp(listener) {
        Ok(server) => server.handle(handle),
        Err(error) => return tracing::error!(%error, "cannot serve identities"),
    };
    server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    if let Err(error) = server.serve(router.into_make_service()).await {
        tracing::error!(%error, "serving identities ended");
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let arrived = Instant::now();
    let connection = request.extensions().get::<ConnectionShutdown>().cloned();
    // Nobody here is asked with a body: it is not read.
    let (parts, _) = request.into_parts();
    let request = asked(&parts, &Bytes::new());
    answered(&shared, model::handle_identity, request, arrived, connection).await
}
