//! The grounds themselves: what every other test takes for granted.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "clippy excuses test functions, not what they call")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use kube::Api;
use kube::api::{ListParams, ObjectMeta, PostParams};
use testbed::audit::Filter;
use testbed::cluster::Options;
use testbed::{Cluster, Ground, wait_for};
use tokio::sync::OnceCell;

const SOON: Duration = Duration::from_secs(20);

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();

async fn cluster() -> &'static Cluster {
    CLUSTER.get_or_init(|| async { Cluster::start(Options::default()).await.unwrap() }).await
}

async fn make_account(cluster: &Cluster, namespace: &str, name: &str) {
    let accounts: Api<ServiceAccount> = Api::namespaced(cluster.client().await.unwrap(), namespace);
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    accounts.create(&PostParams::default(), &ServiceAccount { metadata, ..Default::default() }).await.unwrap();
}

/// The processes whose command line names `dir`.
fn processes_of(dir: &Path) -> Vec<String> {
    let dir = dir.to_str().unwrap();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let commands = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let commands = commands.map(|command| String::from_utf8_lossy(&command).replace('\0', " "));
    commands.filter(|command| command.contains(dir)).collect()
}

#[tokio::test]
async fn a_namespace_has_a_default_account_and_can_be_deleted() {
    let cluster = cluster().await;
    let namespace = cluster.namespace("ground").await.unwrap();
    let accounts: Api<ServiceAccount> = Api::namespaced(cluster.client().await.unwrap(), &namespace);
    assert!(accounts.get_opt("default").await.unwrap().is_some());
    namespace.delete(cluster, SOON).await.unwrap();
}

#[tokio::test]
async fn a_token_has_its_accounts_rights_and_no_others() {
    let cluster = cluster().await;
    let namespace = cluster.namespace("rights").await.unwrap();
    make_account(cluster, &namespace, "worker").await;
    let kubeconfig = cluster.service_account_kubeconfig(&namespace, "worker").await.unwrap();
    let client = cluster.client_of(&kubeconfig).await.unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(client, &namespace);
    let refused = maps.list(&ListParams::default()).await.unwrap_err();
    assert!(matches!(&refused, kube::Error::Api(status) if status.is_forbidden()), "{refused}");

    let role = "--clusterrole=view";
    let account = format!("--serviceaccount={}:worker", namespace.name());
    let arguments = ["create", "rolebinding", "view", role, &account, "--namespace", namespace.name()];
    cluster.kubectl(arguments).await.unwrap().ok().unwrap();
    wait_for("the right to be granted", SOON, || async { maps.list(&ListParams::default()).await.is_ok() })
        .await
        .unwrap();
}

#[tokio::test]
async fn the_audit_log_tells_who_did_what() {
    let cluster = cluster().await;
    let namespace = cluster.namespace("audit").await.unwrap();
    make_account(cluster, &namespace, "worker").await;
    let kubeconfig = cluster.service_account_kubeconfig(&namespace, "worker").await.unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(cluster.client_of(&kubeconfig).await.unwrap(), &namespace);
    maps.get("nothing").await.unwrap_err();

    let token =
        Filter::default().namespace(&*namespace).resource("serviceaccounts").subresource("token").name("worker");
    let refused = Filter::default().service_account(&namespace, "worker").verb("get").resource("configmaps");
    let logged =
        || async { !cluster.audit(&token).unwrap().is_empty() && !cluster.audit(&refused).unwrap().is_empty() };
    wait_for("both requests in the audit log", SOON, logged).await.unwrap();
    let token = cluster.audit(&token).unwrap();
    assert_eq!((token[0].code, token[0].user.as_str(), &token[0].request), (201, "admin", &None));
    let refused = cluster.audit(&refused).unwrap();
    assert_eq!((refused[0].code, refused[0].name.as_str(), refused[0].is_write()), (403, "nothing", false));
}

#[tokio::test]
async fn writes_to_our_own_group_are_recorded_with_their_body() {
    let cluster = cluster().await;
    let crd = include_str!("colour.crd.yaml");
    cluster.apply(crd).await.unwrap();
    let established = ["wait", "--for=condition=Established", "--timeout=20s", "crd/colours.acs-operator.dev"];
    cluster.kubectl(established).await.unwrap().ok().unwrap();
    let namespace = cluster.namespace("group").await.unwrap();
    let object = format!(
        "{{apiVersion: acs-operator.dev/v1, kind: Colour, metadata: {{name: red, namespace: {}}}, spec: {{hue: 7}}}}",
        namespace.name()
    );
    cluster.apply(&object).await.unwrap();
    let filter = Filter::default().namespace(&*namespace).group("acs-operator.dev").writes();
    wait_for("the write in the audit log", SOON, || async { !cluster.audit(&filter).unwrap().is_empty() })
        .await
        .unwrap();
    let entries = cluster.audit(&filter).unwrap();
    assert_eq!(entries[0].request.as_ref().unwrap()["spec"]["hue"], 7);
}

#[tokio::test]
async fn tokens_are_of_this_clusters_issuer_and_key() {
    let cluster = cluster().await;
    let namespace = cluster.namespace("issuer").await.unwrap();
    let token = cluster.service_account_token(&namespace, "default", &["api://AzureADTokenExchange"]).await.unwrap();
    let part = |index: usize| {
        use base64::Engine as _;
        let bytes = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap();
        serde_json::from_slice::<serde_json::Value>(&bytes).unwrap()
    };
    assert_eq!(part(1)["iss"], cluster.issuer().await.unwrap());
    assert_eq!(part(1)["aud"][0], "api://AzureADTokenExchange");
    assert_eq!(part(0)["kid"], cluster.jwks().await.unwrap()["keys"][0]["kid"]);
}

#[tokio::test]
async fn kubectl_and_helm_are_the_pinned_ones() {
    let cluster = cluster().await;
    let kubectl = cluster.kubectl(["version", "-o", "json"]).await.unwrap().ok().unwrap();
    let kubectl: serde_json::Value = serde_json::from_str(&kubectl).unwrap();
    let kubernetes = testbed::parts::version_of("k8s.io/kubernetes").unwrap();
    assert_eq!(kubectl["serverVersion"]["gitVersion"], kubernetes);
    let helm = cluster.helm(["version", "--short"]).await.unwrap().ok().unwrap();
    assert!(helm.contains(testbed::parts::version_of("helm.sh/helm/v4").unwrap()), "{helm}");
    let refused = cluster.kubectl(["get", "nonsense"]).await.unwrap().ok().unwrap_err();
    assert!(refused.to_string().contains("nonsense"), "{refused}");
}

#[tokio::test]
async fn a_given_cluster_serves_the_same_tests_and_is_left_clean() {
    let bare = cluster().await;
    let ground = Ground::Given(bare.kubeconfig().to_owned());
    let given = Cluster::start(Options { ground, ..Options::default() }).await.unwrap();
    let namespace = given.namespace("given").await.unwrap();
    make_account(&given, &namespace, "worker").await;
    given.service_account_kubeconfig(&namespace, "worker").await.unwrap();
    assert_eq!(given.issuer().await.unwrap(), bare.issuer().await.unwrap());
    assert!(given.audit(&Filter::default()).is_err());
    let name = namespace.name().to_owned();
    drop(namespace);
    let namespaces: Api<Namespace> = Api::all(bare.client().await.unwrap());
    wait_for("the namespace to go", SOON, || async { matches!(namespaces.get_opt(&name).await, Ok(None)) })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_kubeconfig_that_leads_nowhere_is_named() {
    let ground = Ground::Given("/nonexistent/kubeconfig".into());
    let error = Cluster::start(Options { ground, ..Options::default() }).await.unwrap_err();
    assert!(error.to_string().contains("/nonexistent/kubeconfig"), "{error}");
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why() {
    let label = format!("broken-{}", std::process::id());
    let apiserver_args = vec!["--no-such-flag".to_owned()];
    let options = Options { label: label.clone(), apiserver_args, ..Options::default() };
    let error = Cluster::start(options).await.unwrap_err().to_string();
    assert!(error.contains("kube-apiserver ended") && error.contains("no-such-flag"), "{error}");
    // Its folder is kept for whoever wants to know more; here nobody does.
    let folders = fs::read_dir(std::env::temp_dir()).unwrap().flatten();
    let kept: Vec<_> = folders.filter(|folder| folder.file_name().to_string_lossy().contains(&label)).collect();
    assert_eq!(kept.len(), 1);
    assert!(kept[0].path().join("kube-apiserver.log").exists());
    fs::remove_dir_all(kept[0].path()).unwrap();
}

#[tokio::test]
async fn a_second_cluster_is_its_own_and_dropping_it_leaves_nothing() {
    let first = cluster().await;
    let second = Cluster::start(Options { label: "second".to_owned(), ..Options::default() }).await.unwrap();
    assert_ne!(first.issuer().await.unwrap(), second.issuer().await.unwrap());
    let dir = second.dir().to_owned();
    assert_eq!(processes_of(&dir).len(), 3);
    drop(second);
    assert_eq!(processes_of(&dir), Vec::<String>::new());
    assert!(!dir.exists());
    first.check_running().unwrap();
}

#[tokio::test]
async fn killing_the_program_leaves_no_process() {
    let mut up = Command::new(env!("CARGO_BIN_EXE_testbed"))
        .arg("up")
        .env_remove("CLUSTER")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(up.stdout.take().unwrap()).lines();
    let kubeconfig =
        lines.find_map(|line| line.unwrap().strip_prefix("export KUBECONFIG=").map(str::to_owned)).unwrap();
    let dir = Path::new(&kubeconfig).parent().unwrap().to_owned();
    assert_eq!(processes_of(&dir).len(), 3);
    up.kill().unwrap();
    up.wait().unwrap();
    let killed = Instant::now();
    wait_for("its processes to end", Duration::from_secs(5), || async { processes_of(&dir).is_empty() }).await.unwrap();
    println!("gone {:?} after kill -9", killed.elapsed());
    let bulky = dir.join("bulky");
    wait_for("the store's files to go", SOON, || async { !bulky.exists() }).await.unwrap();
    fs::remove_dir_all(dir).unwrap();
}
