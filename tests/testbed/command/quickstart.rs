//! The quick start of `examples/`, with ids of the simulator and Secrets made up for the occasion.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};
use serde_json::{Value, json};
use testbed::{AzureSim, stack};

/// How the operator proves to Azure who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// A service principal with a client secret.
    Principal,
    /// Workload identity: no secret anywhere.
    Workload,
}

/// A copy of the examples that may be edited.
pub(crate) struct Quickstart {
    folder: PathBuf,
}

impl Quickstart {
    /// Copies the examples into `folder`; the account gets the ids of `azure`.
    pub(crate) fn copy(folder: PathBuf, azure: &AzureSim, identity: Identity) -> Result<Self> {
        copy_yaml("quickstart", &folder)?;
        let quickstart = Self { folder };
        if identity == Identity::Workload {
            copy_yaml("workload-identity", &quickstart.folder)?;
        }
        quickstart.put_ids(azure)?;
        Ok(quickstart)
    }

    /// As [`Quickstart::copy`], of what belongs to the relay.
    pub(crate) fn copy_relay(folder: PathBuf) -> Result<Self> {
        copy_yaml("relay", &folder)?;
        Ok(Self { folder })
    }

    /// The sample ids are replaced where they stand: they are samples wherever that is.
    fn put_ids(&self, azure: &AzureSim) -> Result<()> {
        let ids = [
            ("6a1d1d6e-0000-4000-8000-000000000001", azure.subscription_id()),
            ("72f988bf-0000-4000-8000-000000000002", azure.tenant_id()),
            ("0c7e1d2a-0000-4000-8000-000000000003", variable(azure, "AZURE_CLIENT_ID")),
        ];
        ids.into_iter().try_for_each(|(sample, id)| self.edit("account.yaml", sample, id))
    }

    /// Where the files are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What a file says.
    pub(crate) fn read(&self, file: &str) -> Result<Value> {
        let path = self.folder.join(file);
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        serde_saphyr::from_str(&text).with_context(|| format!("{} is no YAML", path.display()))
    }

    /// Replaces `from` by `to` in a file, as an editor would.
    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) -> Result<()> {
        let path = self.folder.join(file);
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        if !text.contains(from) {
            bail!("{file} has no {from:?} to replace");
        }
        fs::write(&path, text.replacen(from, to, 1)).with_context(|| format!("writing {}", path.display()))
    }
}

/// The manifests of one folder of examples.
fn copy_yaml(example: &str, folder: &Path) -> Result<()> {
    let examples = stack::repository()?.join("examples").join(example);
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    for entry in fs::read_dir(&examples).with_context(|| format!("reading {}", examples.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let to = folder.join(path.file_name().unwrap_or_default());
            fs::copy(&path, &to).with_context(|| format!("copying {}", path.display()))?;
        }
    }
    Ok(())
}

fn variable<'a>(azure: &'a AzureSim, name: &str) -> &'a str {
    azure.environment().get(name).map(String::as_str).unwrap_or_default()
}

/// The four Secrets that the quick start asks its reader for.
pub(crate) struct Secrets {
    apns: String,
    fcm: String,
}

impl Secrets {
    /// Makes the keys: new ones, of the kinds that Apple and Google hand out.
    pub(crate) fn make() -> Result<Self> {
        let apns = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?.serialize_pem();
        let private_key = KeyPair::generate_for(&PKCS_RSA_SHA256)?.serialize_pem();
        let fcm = json!({
            "type": "service_account", "project_id": "shop", "private_key": private_key,
            "client_email": "push@shop.iam.gserviceaccount.com",
        });
        Ok(Self { apns, fcm: fcm.to_string() })
    }

    /// As a manifest for one namespace.
    pub(crate) fn manifest(&self, namespace: &str, azure: &AzureSim, url: &str) -> String {
        let secrets = [
            ("azure-credentials", "clientSecret", variable(azure, "AZURE_CLIENT_SECRET")),
            ("apns", "AuthKey.p8", &self.apns),
            ("fcm", "service-account.json", &self.fcm),
            ("events", "url", url),
        ];
        let secret = |(name, key, value): (&str, &str, &str)| {
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace},
                   "stringData": {key: value}})
            .to_string()
        };
        secrets.map(secret).join("\n---\n")
    }
}
