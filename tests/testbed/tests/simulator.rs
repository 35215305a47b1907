//! The simulator as tests drive it: started, asked, killed, started again.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "clippy excuses test functions, not what they call")]

use testbed::azure_sim::Options;
use testbed::{AzureSim, binaries};

async fn start() -> AzureSim {
    AzureSim::start(&binaries::workspace("azure-sim").unwrap(), Options::default()).await.unwrap()
}

#[tokio::test]
async fn its_doors_and_arm_answer() {
    let sim = start().await;
    assert!(sim.get("/_sim/state").await.unwrap().is_object());
    let groups = format!("/subscriptions/{}/resourceGroups/rg-shop?api-version=2021-04-01", sim.subscription_id());
    assert_eq!(sim.get(&groups).await.unwrap()["name"], "rg-shop");
    assert_eq!(sim.environment()["AZURE_RESOURCE_MANAGER_ENDPOINT"], sim.url());
    assert_eq!(sim.environment()["AZURE_TENANT_ID"], sim.tenant_id());
}

#[tokio::test]
async fn a_refusal_is_an_answer_and_an_error_when_success_was_expected() {
    let sim = start().await;
    let missing = format!("/subscriptions/{}/resourceGroups/nothing?api-version=2021-04-01", sim.subscription_id());
    assert_eq!(sim.request("GET", &missing, None).await.unwrap().status, 404);
    assert!(sim.get(&missing).await.unwrap_err().to_string().contains("404"));
    assert!(sim.post("/_sim/no-such-door", &serde_json::json!({})).await.is_err());
}

#[tokio::test]
async fn after_a_kill_it_comes_back_at_the_same_address() {
    let mut sim = start().await;
    let url = sim.url().to_owned();
    sim.process().kill().await.unwrap();
    assert!(sim.get("/_sim/state").await.is_err());
    sim.restart().await.unwrap();
    assert_eq!(sim.url(), url);
    assert!(sim.get("/_sim/state").await.unwrap().is_object());
}

#[tokio::test]
async fn a_wrong_option_is_told_in_its_own_words() {
    let program = binaries::workspace("azure-sim").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let options =
        Options { profile: Some("nonsense".to_owned()), dir: Some(dir.path().to_owned()), ..Options::default() };
    let error = AzureSim::start(&program, options).await.unwrap_err().to_string();
    assert!(error.contains("azure-sim ended") && error.contains("nonsense"), "{error}");
}
