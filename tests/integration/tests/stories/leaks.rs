//! No secret in any output: what must not be seen is searched for wherever the operator says something.

use anyhow::Result;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use testbed::stack;

use crate::harness::{QUICKSTART, Story};

/// Every secret of a story: those given to the operator, and those it fetched.
async fn canaries(story: &Story) -> Result<Vec<(String, String)>> {
    let mut found = vec![("webhook code".to_owned(), story.canary.clone())];
    for secret in story.list("Secret").await? {
        let name = secret["metadata"]["name"].as_str().unwrap_or_default();
        // Helm's own record is none of ours.
        if secret["type"] != "Opaque" {
            continue;
        }
        for (key, text) in story.secret(name).await?.unwrap_or_default() {
            if ["endpoint", "hubName", "policyName"].contains(&key.as_str()) {
                continue;
            }
            // Of a longer text each line, as a log may break it up; of a connection string its key.
            let lines = text.lines().flat_map(|line| line.split("Key=")).flat_map(|part| part.split(['\\', '"']));
            let parts = lines.filter(|part| part.len() >= 20 && !part.contains("-----") && !part.contains("://"));
            found.extend(parts.map(|part| (format!("{name}/{key}"), part.to_owned())));
        }
    }
    Ok(found)
}

/// Everything the operator says, by where it says it.
async fn outputs(story: &Story, operator: &testbed::Operator) -> Result<Vec<(String, String)>> {
    let mut found = vec![("metrics".to_owned(), operator.metrics().await?)];
    for file in std::fs::read_dir(&story.stack.operator_options.logs)?.flatten() {
        found.push((file.file_name().to_string_lossy().into_owned(), std::fs::read_to_string(file.path())?));
    }
    for kind in QUICKSTART.map(|(kind, _)| kind).into_iter().chain(["Event"]) {
        found.push((kind.to_owned(), json!(story.list(kind).await?).to_string()));
    }
    Ok(found)
}

#[tokio::test]
async fn no_secret_is_in_logs_at_the_finest_level_nor_in_events_status_or_metrics() -> Result<()> {
    let options =
        stack::Options { args: vec!["--log-level".to_owned(), "trace".to_owned()], ..stack::Options::default() };
    let story = Story::prepare("leaks", options).await?;
    let operator = story.stack.run_operator().await?;
    story.secrets().await?;
    // Failures say more than success: each kind of refusal once.
    let wrong = "wrong-client-secret-canary-1234567890";
    story.secret_with("azure-credentials", "clientSecret", wrong).await?;
    story.hook.refuse(true);
    story.apply_all(&story.quickstart()?).await?;
    story.reason("AzureAccount", "default", "Ready", "AuthenticationFailed").await?;
    // For as long as it has not been seen: once refused, any change has it tried again at once.
    let link = json!({"operation": "Microsoft.Communication/CommunicationServices/LinkNotificationHub/action", "times": 1000,
        "answer": {"status": 400, "code": "BadRequest", "message": "not this time"}});
    story.door("faults", link).await?;
    let right = story.variable("AZURE_CLIENT_SECRET");
    story.secret_with("azure-credentials", "clientSecret", &right).await?;
    story.reason("EventSubscription", "shop", "Subscribed", "WebhookValidationFailed").await?;
    story.reason("CommunicationService", "shop", "Linked", "AzureRejected").await?;
    story.stack.azure.request("DELETE", "/_sim/faults", None).await?.ok()?;
    story.hook.refuse(false);
    story.ready("EventSubscription", "shop").await?;
    let annotations = json!({acs_wire::ANNOTATION_RECONCILE_AT: "now"});
    story.patch("CommunicationService", "shop", json!({"metadata": {"annotations": annotations}})).await?;
    story.all_ready().await?;

    let mut canaries = canaries(&story).await?;
    canaries.push(("a wrong client secret".to_owned(), wrong.to_owned()));
    for needed in ["azure-credentials/", "apns/", "fcm/", "shop-acs/", "phones-backend/"] {
        assert!(canaries.iter().any(|(place, _)| place.starts_with(needed)), "nothing to search for of {needed}");
    }
    let outputs = outputs(&story, &operator).await?;
    let bytes: usize = outputs.iter().map(|(_, text)| text.len()).sum();
    assert!(bytes > 200_000, "{bytes} bytes are not what a trace log has");
    let mut seen = Vec::new();
    for (place, canary) in &canaries {
        let forms = [canary.clone(), BASE64_STANDARD.encode(canary), canary.replace('+', "%2B").replace('/', "%2F")];
        for (output, text) in &outputs {
            if forms.iter().any(|form| text.contains(form.trim_end_matches('='))) {
                seen.push(format!("{place} in {output}"));
            }
        }
    }
    seen.sort();
    seen.dedup();
    assert!(seen.is_empty(), "{seen:#?}");
    println!("{} canaries, {bytes} bytes searched", canaries.len());
    Ok(())
}

#[tokio::test]
async fn no_token_of_azure_or_kubernetes_is_in_the_logs() -> Result<()> {
    let options =
        stack::Options { args: vec!["--log-level".to_owned(), "trace".to_owned()], ..stack::Options::default() };
    let story = Story::prepare("tokens", options).await?;
    let operator = story.stack.run_operator().await?;
    crate::credentials::service_account(&story, "acs-operator-azure").await?;
    crate::credentials::trust(&story, "acs-operator-azure").await?;
    story.secrets().await?;
    story.apply_all(&story.quickstart()?.with("AzureAccount", &crate::credentials::federated(&story))).await?;
    story.all_ready().await?;
    for (output, text) in outputs(&story, &operator).await? {
        // Every JWT begins like this: `{"alg":` and `{"typ":` in base64.
        for begin in ["eyJhbGci", "eyJ0eXAi", "Bearer ey"] {
            assert!(!text.contains(begin), "{output} has a token: …{}…", around(&text, begin));
        }
    }
    Ok(())
}

fn around(text: &str, what: &str) -> String {
    let at = text.find(what).unwrap_or_default();
    text.get(at.saturating_sub(300)..at + 8).unwrap_or_default().to_owned()
}
