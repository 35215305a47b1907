//! Tenants, subscriptions, and the regions there are.

use serde_json::{Value, json};

use super::super::arm::Call;
use super::super::config::Config;
use super::super::refusal::{Answer, Done};
use super::super::regions;
use super::super::world::World;

pub(super) fn answer(world: &World, call: &Call<'_>) -> Answer {
    let config = world.config();
    let tail = call.target.tail.as_deref().map(str::to_ascii_lowercase);
    match (&call.target.subscription, tail.as_deref()) {
        (None, Some("tenants")) if call.target.types.is_empty() => Ok(Done::read(&json!({"value": [tenant(config)]}))),
        (None, Some("subscriptions")) if call.target.types.is_empty() => {
            let all = std::iter::once(&config.subscription_id).chain(&config.further_subscriptions);
            let list: Vec<Value> = all.map(|s| subscription(world, s)).collect();
            let count = json!({"type": "Total", "value": list.len()});
            Ok(Done::read(&json!({"value": list, "count": count})))
        }
        (Some(id), None) if call.target.types.is_empty() => Ok(Done::read(&subscription(world, id))),
        (Some(id), Some("locations")) if call.target.types.is_empty() => Ok(Done::read(&locations(id))),
        _ => Err(super::unknown_path()),
    }
}

fn tenant(config: &Config) -> Value {
    json!({
        "id": format!("/tenants/{}", config.tenant_id), "tenantId": config.tenant_id, "tenantCategory": "Home",
        "countryCode": "IE", "displayName": "Simulated", "domains": ["simulated.onmicrosoft.com"],
        "defaultDomain": "simulated.onmicrosoft.com", "tenantType": "AAD",
    })
}

fn subscription(world: &World, subscription: &str) -> Value {
    let id = format!("/subscriptions/{subscription}");
    let mut body = json!({
        "id": id, "subscriptionId": subscription, "tenantId": world.config().tenant_id, "displayName": "Simulated",
        "state": "Enabled", "authorizationSource": "RoleBased", "managedByTenants": [],
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off",
        },
    });
    if let Some(tags) = world.kept.tags.get(&id.to_ascii_lowercase()) {
        super::super::json::put(&mut body, &["tags"], tags.clone());
    }
    body
}

fn locations(subscription: &str) -> Value {
    let list: Vec<Value> = regions::NAMES
        .iter()
        .map(|display| {
            let name = regions::bare(display);
            json!({
                "id": format!("/subscriptions/{subscription}/locations/{name}"), "name": name, "type": "Region",
                "displayName": display, "regionalDisplayName": display,
                "metadata": {"regionType": "Physical", "regionCategory": "Recommended"},
            })
        })
        .collect();
    json!({"value": list})
}
