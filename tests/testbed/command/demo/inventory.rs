//! What is in Azure, and what was put into Secrets.

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::super::in_azure::Resources;
use super::super::objects::{self, text};
use super::super::story::{SHOP, Story};

/// The only API version that knows FCM v1.
const HUBS: &str = "api-version=2023-10-01-preview";
const SERVICES: &str = "api-version=2023-03-31";

pub(super) async fn look(story: &mut Story<'_>) -> Result<()> {
    story.show.chapter("What is in Azure now");
    let resources = Resources::read(&story.all.azure).await?;
    link(story, &resources)?;
    credentials(story).await?;
    events(story, &resources).await?;
    secrets(story).await
}

fn link(story: &mut Story<'_>, resources: &Resources) -> Result<()> {
    let service = resources.get(&story.line.service).context("the service is not in Azure")?;
    let owner = service.pointer("/tags/acs-operator-owner").and_then(Value::as_str).unwrap_or_default();
    let owned = owner.ends_with("/shop/CommunicationService/shop");
    story.show.check(&format!("the service exists, tagged as owned by {owner}"), owned, || service.to_string());
    let linked = text(service, "/properties/notificationHubId");
    let claim = format!("it is linked to the hub {}", story.line.hub.rsplit('/').next().unwrap_or_default());
    story.show.check(&claim, linked.eq_ignore_ascii_case(&story.line.hub), || linked.to_owned());
    for (begins, words) in
        [("acs-link-", "the link has an access policy of its own"), ("backend", "so has the backend")]
    {
        let policy = resources
            .children(&story.line.hub, "authorizationRules")
            .find(|rule| text(rule, "/name").starts_with(begins));
        let rights = policy.and_then(|policy| policy.pointer("/properties/rights")).cloned().unwrap_or_default();
        story.show.check(&format!("{words}, which may send and nothing else"), rights == json!(["Send"]), || {
            rights.to_string()
        });
    }
    Ok(())
}

async fn credentials(story: &mut Story<'_>) -> Result<()> {
    let path = format!("{}/pnsCredentials?{HUBS}", story.line.hub);
    story.show.did("POST …/notificationHubs/…/pnsCredentials   (as an Azure client)");
    let answer = story.all.azure.post(&path, &json!({})).await?;
    let shown = |pointer: &str| text(&answer, pointer);
    let hub = story.quickstart.read("20-hub.yaml")?;
    let key_id = text(&hub, "/spec/credentials/apns/token/keyId");
    let apns = shown("/properties/apnsCredential/properties/keyId") == key_id
        && !shown("/properties/apnsCredential/properties/token").is_empty();
    story.show.check(&format!("Apple: the signing key {key_id}"), apns, || "no such credential".to_owned());
    let sender = shown("/properties/fcmV1Credential/properties/clientEmail").to_owned();
    story.show.check(&format!("Google: FCM v1 as {sender}"), !sender.is_empty(), || "no such credential".to_owned());
    Ok(())
}

async fn events(story: &mut Story<'_>, resources: &Resources) -> Result<()> {
    let id = story.azure_id(SHOP, "eventsubscriptions", "shop").await?;
    let topic = id.split("/eventSubscriptions/").next().and_then(|topic| resources.get(topic));
    let source = topic.map(|topic| text(topic, "/properties/source")).unwrap_or_default();
    story.show.check(
        "a system topic carries the service's events",
        source.eq_ignore_ascii_case(&story.line.service),
        || format!("its source is {source:?}"),
    );
    let subscription = resources.get(&id).context("the event subscription is not in Azure")?;
    let wanted = story.quickstart.read("40-event-subscription.yaml")?;
    let wanted = wanted.pointer("/spec/eventTypes").cloned().unwrap_or_default();
    let there = subscription.pointer("/properties/filter/includedEventTypes").cloned().unwrap_or_default();
    let count = wanted.as_array().map_or(0, Vec::len);
    story.show.check(&format!("its subscription has the {count} event types of the YAML"), wanted == there, || {
        there.to_string()
    });
    let shown = story.all.azure.get(&format!("{id}?api-version=2025-02-15")).await?;
    let base = text(&shown, "/properties/destination/properties/endpointBaseUrl").to_owned();
    let url = story.all.webhook.url();
    story
        .show
        .check(&format!("and delivers to {url}; the query, a secret, is not shown"), base == url, || base.clone());
    Ok(())
}

async fn secrets(story: &mut Story<'_>) -> Result<()> {
    let read = |secret: &Value, key: &str| {
        let text = secret.pointer(&format!("/data/{key}")).and_then(Value::as_str).unwrap_or_default();
        let bytes = BASE64_STANDARD.decode(text).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let keys = |secret: &Value| -> Vec<String> {
        secret.get("data").and_then(Value::as_object).map(|data| data.keys().cloned().collect()).unwrap_or_default()
    };
    let path = format!("{}/listKeys?{SERVICES}", story.line.service);
    let azure = story.all.azure.post(&path, &json!({})).await?;
    let secret = objects::secret(&story.all.client, SHOP, "shop-acs").await?.unwrap_or_default();
    let key = read(&secret, "accessKey");
    let right =
        !key.is_empty() && key == text(&azure, "/primaryKey") && read(&secret, "connectionString").contains(&key);
    story.show.check(
        "Secret shop-acs: connectionString, endpoint, accessKey; the key is the one Azure has",
        right && keys(&secret).len() == 3,
        || format!("keys {:?}", keys(&secret)),
    );
    let secret = objects::secret(&story.all.client, SHOP, "phones-backend").await?.unwrap_or_default();
    let right = read(&secret, "connectionString").contains("SharedAccessKeyName=backend") && keys(&secret).len() == 3;
    story.show.check("Secret phones-backend: connectionString, hubName, policyName", right, || {
        format!("keys {:?}", keys(&secret))
    });
    Ok(())
}
