//! The authority of an installation, in a Secret: whoever starts first makes it there, and everybody else takes that one.
//!
//! A chart cannot make it. What a template draws at random differs with every rendering, and tools that render to compare
//! would take each for a change.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use azure_sim::http::Authority;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::PostParams;
use kube::{Api, Client};

use crate::options::authority::Wanted;

const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";
/// Rounds until somebody's authority is in the Secret. Two would do: who loses against another finds theirs.
const ROUNDS: u32 = 5;

/// Writes the authority of the Secret into a directory; one is made and put there first when the Secret has none.
pub(crate) async fn fetch(wanted: &Wanted) -> anyhow::Result<()> {
    let client =
        Client::try_default().await.context("no cluster: neither a kubeconfig nor a ServiceAccount was found")?;
    let secrets: Api<Secret> = Api::namespaced(client, &wanted.namespace);
    let which = format!("Secret {}/{}", wanted.namespace, wanted.name);
    for _ in 0..ROUNDS {
        let mut secret = secrets.get(&wanted.name).await.with_context(|| format!("cannot read {which}"))?;
        let data = secret.data.get_or_insert_default();
        if let Some(authority) = of(data).with_context(|| format!("the authority in {which}"))? {
            return authority.keep(&wanted.dir);
        }
        let authority = Authority::generate()?;
        data.insert(CERTIFICATE.to_owned(), ByteString(authority.pem().as_bytes().to_vec()));
        data.insert(KEY.to_owned(), ByteString(authority.key_pem().into_bytes()));
        // With the version that was read: nobody's authority is written over.
        match secrets.replace(&wanted.name, &PostParams::default(), &secret).await {
            Ok(_) => {
                tracing::info!(secret = which, "made an authority");
                return authority.keep(&wanted.dir);
            }
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => return Err(error).with_context(|| format!("cannot write {which}")),
        }
    }
    bail!("{which} changes all the time: who else writes it?")
}

/// The authority in a Secret, if there is one. Half of one is a mistake: the other half may be what clients trust.
fn of(data: &BTreeMap<String, ByteString>) -> anyhow::Result<Option<Authority>> {
    let text = |name: &str| -> anyhow::Result<Option<String>> {
        let Some(bytes) = data.get(name).filter(|bytes| !bytes.0.is_empty()) else { return Ok(None) };
        Ok(Some(String::from_utf8(bytes.0.clone()).with_context(|| format!("{name} is no text"))?))
    };
    match (text(CERTIFICATE)?, text(KEY)?) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => Authority::from_pem(&certificate, &key).map(Some),
        (Some(_), None) => bail!("it has {CERTIFICATE} and no {KEY}"),
        (None, Some(_)) => bail!("it has {KEY} and no {CERTIFICATE}"),
    }
}
