//! Kubeconfig files, written and read.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};

use super::pki::{Authority, ClientCertificate};

pub(super) fn with_certificate(
    server: &str,
    authority: &Authority,
    client: &ClientCertificate,
    path: &Path,
) -> Result<()> {
    let cluster = json!({
        "server": server,
        "certificate-authority-data": BASE64_STANDARD.encode(&authority.certificate),
    });
    let user = json!({
        "client-certificate-data": BASE64_STANDARD.encode(&client.certificate),
        "client-key-data": BASE64_STANDARD.encode(&client.key),
    });
    write(&cluster, &user, path)
}

/// The same cluster as in the current context of `like`, with a token in place of its user.
pub(super) fn with_token(like: &Path, token: &str, path: &Path) -> Result<()> {
    // Reading makes relative paths of certificates absolute.
    let like = Kubeconfig::read_from(like)?;
    let current = like.current_context.context("the kubeconfig has no current context")?;
    let context = like.contexts.into_iter().find(|context| context.name == current).and_then(|named| named.context);
    let name = context.context("the kubeconfig's current context is not in it")?.cluster;
    let cluster = like.clusters.into_iter().find(|cluster| cluster.name == name).and_then(|named| named.cluster);
    let cluster = serde_json::to_value(cluster.context("the kubeconfig's current cluster is not in it")?)?;
    write(&cluster, &json!({ "token": token }), path)
}

fn write(cluster: &Value, user: &Value, path: &Path) -> Result<()> {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "testbed",
        "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": "testbed"}}],
        "clusters": [{"name": "testbed", "cluster": cluster}],
        "users": [{"name": "testbed", "user": user}],
    });
    let text = serde_saphyr::to_string(&config).context("writing a kubeconfig")?;
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

pub(super) async fn client(path: &Path) -> Result<Client> {
    let kubeconfig = Kubeconfig::read_from(path).with_context(|| format!("reading {}", path.display()))?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

/// Under a short limit of its own: the client repeats a 503 many times, for longer than anyone here wants to wait.
pub(super) async fn is_ready(client: &Client) -> bool {
    let Ok(request) = http::Request::get("/readyz").body(Vec::new()) else { return false };
    let answer = tokio::time::timeout(Duration::from_secs(2), client.request_text(request)).await;
    matches!(answer, Ok(Ok(_)))
}
