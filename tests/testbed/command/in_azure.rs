//! What is in Azure, looked at past the operator.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;
use testbed::AzureSim;

use super::objects::text;

/// Tag with the owner of a resource.
pub(crate) const OWNER_TAG: &str = "acs-operator-owner";
const GROUP_TYPE: &str = "microsoft.resources/resourcegroups";

/// Every resource, by lower-cased id.
pub(crate) struct Resources(BTreeMap<String, Value>);

impl Resources {
    /// Asks the simulator for all.
    pub(crate) async fn read(azure: &AzureSim) -> Result<Self> {
        let mut state = azure.get("/_sim/state").await?;
        let resources =
            state.get_mut("resources").map(Value::take).context("the simulator's state has no resources")?;
        Ok(Self(serde_json::from_value(resources)?))
    }

    /// All but the resource groups, which the operator neither makes nor deletes.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Value> {
        self.0.values().filter(|resource| !text(resource, "/type").eq_ignore_ascii_case(GROUP_TYPE))
    }

    /// By id, in any case.
    pub(crate) fn get(&self, id: &str) -> Option<&Value> {
        self.0.get(&id.to_ascii_lowercase())
    }

    /// Children of `id` of that type, such as `authorizationRules`.
    pub(crate) fn children<'a>(&'a self, id: &str, type_: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
        let prefix = format!("{}/{}/", id.to_ascii_lowercase(), type_.to_ascii_lowercase());
        self.0.iter().filter(move |(id, _)| id.starts_with(&prefix)).map(|(_, resource)| resource)
    }
}

/// One request that reached Azure.
#[derive(Clone, Debug, serde::Deserialize)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) status: u16,
}

impl Request {
    /// Whether it could change something: all but reads, and the POST actions that only show keys.
    pub(crate) fn is_write(&self) -> bool {
        let shows = ["listkeys", "pnscredentials", "getfullurl"];
        self.method != "GET" && !shows.iter().any(|action| self.path.to_ascii_lowercase().ends_with(action))
    }

    /// Whether it fetches a token, which ARM does not count.
    pub(crate) fn is_token(&self) -> bool {
        self.path.contains("/oauth2/")
            || self.path.contains("/.well-known/")
            || self.path.contains("/metadata/endpoints")
    }
}

/// What reached Azure after number `since`, and the number to ask with next.
pub(crate) async fn journal(azure: &AzureSim, since: u64) -> Result<(Vec<Request>, u64)> {
    let mut journal = azure.get(&format!("/_sim/journal?since={since}&plane=arm,entra,hubs")).await?;
    let next = journal.get("next").and_then(Value::as_u64).unwrap_or(since);
    let entries = journal.get_mut("entries").map(Value::take).context("the simulator's journal has no entries")?;
    Ok((serde_json::from_value(entries)?, next))
}
