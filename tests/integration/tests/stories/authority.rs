//! `azure-sim authority`: one authority for an installation, in a Secret, with the chart's rights and none beside them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Output;

use anyhow::{Context as _, Result};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::PostParams;
use serde_json::Value;
use testbed::audit::Filter;
use testbed::cluster::TestNamespace;
use testbed::{Cluster, binaries, wait_for_some};

use crate::harness::{SOON, cluster};

/// What the chart makes for it, in a namespace of its own.
struct Installation {
    cluster: &'static Cluster,
    namespace: TestNamespace,
    secret: String,
    account: String,
    kubeconfig: PathBuf,
    dirs: PathBuf,
}

impl Installation {
    async fn new(prefix: &str) -> Result<Self> {
        let cluster = cluster().await?;
        let namespace = cluster.namespace(prefix).await?;
        let chart = testbed::stack::repository()?.join("charts/acs-operator");
        let chart = chart.to_str().context("the path of the chart is not UTF-8")?;
        let args = ["template", "acs-operator", chart, "-n", &namespace, "--set", "azureSim.enabled=true"];
        let rendered = cluster.helm(args.into_iter().chain(["-s", "templates/azure-sim.yaml"])).await?.ok()?;
        let (mut secret, mut account) = (String::new(), String::new());
        for object in serde_saphyr::from_multiple::<Value>(&rendered)? {
            let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            match object["kind"].as_str() {
                Some("Secret") => secret = name,
                Some("ServiceAccount") => account = name,
                Some("Role" | "RoleBinding") => {}
                _ => continue,
            }
            cluster.apply(&object.to_string()).await?;
        }
        let kubeconfig = cluster.service_account_kubeconfig(&namespace, &account).await?;
        let dirs = cluster.dir().join(&*namespace);
        Ok(Self { cluster, namespace, secret, account, kubeconfig, dirs })
    }

    fn dir(&self, name: &str) -> PathBuf {
        self.dirs.join(name)
    }

    /// What a start does: the command as `azure-sim authority --help` teaches it, with this Secret and that directory.
    async fn start(&self, dir: &str) -> Result<Output> {
        self.fetch(&self.secret, dir).await
    }

    async fn fetch(&self, secret: &str, dir: &str) -> Result<Output> {
        let program = binaries::workspace("azure-sim")?;
        let help = tokio::process::Command::new(&program).args(["authority", "--help"]).output().await?;
        let help = String::from_utf8(help.stdout)?;
        let taught = help.lines().find_map(|line| line.trim().strip_prefix("$ azure-sim authority "));
        let taught = taught.context("the help has no example")?;
        let secret = format!("{}/{secret}", &*self.namespace);
        let words = taught.split_whitespace().map(|word| match word {
            word if word.starts_with("acs-system/") => secret.clone(),
            word if word.starts_with('/') => self.dir(dir).display().to_string(),
            word => word.to_owned(),
        });
        let mut command = tokio::process::Command::new(program);
        command.arg("authority").args(words).env_clear().env("KUBECONFIG", &self.kubeconfig).kill_on_drop(true);
        Ok(tokio::time::timeout(SOON, command.output()).await??)
    }

    async fn secrets(&self) -> Result<Api<Secret>> {
        Ok(Api::namespaced(self.cluster.client().await?, &self.namespace))
    }

    async fn now(&self) -> Result<Secret> {
        Ok(self.secrets().await?.get(&self.secret).await?)
    }

    /// Somebody else writes into the Secret.
    async fn hold(&self, pairs: &[(&str, &str)]) -> Result<Secret> {
        let mut secret = self.now().await?;
        let bytes = |text: &str| ByteString(text.as_bytes().to_vec());
        secret.data = Some(pairs.iter().map(|(name, text)| ((*name).to_owned(), bytes(text))).collect());
        Ok(self.secrets().await?.replace(&self.secret, &PostParams::default(), &secret).await?)
    }
}

fn text(secret: &Secret, key: &str) -> String {
    let bytes = secret.data.as_ref().and_then(|data| data.get(key));
    bytes.map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned()).unwrap_or_default()
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| file.display().to_string())
}

fn well(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// An authority that somebody made by other means.
fn theirs() -> Result<(String, String)> {
    let key = rcgen::KeyPair::generate()?;
    let mut params = rcgen::CertificateParams::new(Vec::<String>::new())?;
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}

#[tokio::test]
async fn the_first_start_makes_it_and_all_others_take_that_one() -> Result<()> {
    let here = Installation::new("authority").await?;
    assert_eq!(text(&here.now().await?, "tls.crt"), "", "the chart renders it empty");
    // Together, as replicas may: one makes it.
    let (a, b, c) = tokio::join!(here.start("a"), here.start("b"), here.start("c"));
    for output in [a?, b?, c?] {
        well(&output);
    }
    let made = here.now().await?;
    let (certificate, key) = (text(&made, "tls.crt"), text(&made, "tls.key"));
    assert!(certificate.starts_with("-----BEGIN CERTIFICATE-----") && key.contains("PRIVATE KEY"));
    // A later one, whose directory is as empty as a new pod's.
    well(&here.start("later").await?);
    for dir in ["a", "b", "c", "later"] {
        assert_eq!(read(&here.dir(dir).join("ca.crt"))?, certificate, "{dir}");
        assert!(read(&here.dir(dir).join("ca.key"))?.starts_with(&key), "{dir}");
    }
    assert_eq!(here.now().await?.metadata.resource_version, made.metadata.resource_version, "it was written to");

    // With the chart's rights, which are what it needs: these two verbs, of this one Secret.
    let asked = wait_for_some("the requests in the audit log", SOON, || async {
        let all = here.cluster.audit(&Filter::default().service_account(&here.namespace, &here.account)).ok()?;
        (all.iter().filter(|entry| entry.verb == "get").count() >= 4).then_some(all)
    })
    .await?;
    let asked: BTreeSet<String> =
        asked.iter().map(|entry| format!("{} {} {}", entry.verb, entry.resource, entry.name)).collect();
    let of = |verb: &str| format!("{verb} secrets {}", here.secret);
    assert_eq!(asked, BTreeSet::from([of("get"), of("update")]));
    let role: Value = serde_json::from_str(
        &here.cluster.kubectl(["get", "role", &here.account, "-n", &here.namespace, "-o", "json"]).await?.ok()?,
    )?;
    assert_eq!(
        role["rules"],
        serde_json::json!([{"apiGroups": [""], "resources": ["secrets"], "resourceNames": [here.secret], "verbs": ["get", "update"]}])
    );
    Ok(())
}

#[tokio::test]
async fn what_somebody_else_put_there_is_taken_or_refused_and_never_written_over() -> Result<()> {
    let here = Installation::new("authority-theirs").await?;
    let (certificate, key) = theirs()?;
    let whole = here.hold(&[("tls.crt", &certificate), ("tls.key", &key), ("note", "by hand")]).await?;
    well(&here.start("theirs").await?);
    assert_eq!(read(&here.dir("theirs").join("ca.crt"))?, certificate);
    assert_eq!(here.now().await?.metadata.resource_version, whole.metadata.resource_version);

    let (_, other) = theirs()?;
    for (pairs, why) in [
        (&[("tls.crt", certificate.as_str())][..], "it has tls.crt and no tls.key"),
        (&[("tls.key", &key)], "it has tls.key and no tls.crt"),
        (&[("tls.crt", &certificate), ("tls.key", &other)], "the key is not the certificate's"),
        (&[("tls.crt", "hello"), ("tls.key", &key)], "not PEM"),
    ] {
        let held = here.hold(pairs).await?;
        let output = here.start("refused").await?;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(why) && told.contains(&here.secret), "{told}");
        assert!(!told.contains("PRIVATE KEY"), "{told}");
        assert_eq!(here.now().await?.metadata.resource_version, held.metadata.resource_version, "{why}");
        assert!(!here.dir("refused").exists(), "{why}");
    }
    // What is beside it stays when it is made.
    here.hold(&[("note", "by hand")]).await?;
    well(&here.start("beside").await?);
    assert_eq!(text(&here.now().await?, "note"), "by hand");

    // Another Secret is none of its business, and one that is not there is not made.
    for other in ["somebody-else-s", "missing"] {
        let output = here.fetch(other, "other").await?;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(&format!("cannot read Secret {}/{other}", &*here.namespace)), "{told}");
    }
    Ok(())
}
