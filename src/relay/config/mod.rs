//! Configuration: read from files, understood whole or not at all.

mod files;
mod load;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use acs_wire::relay::config::{FORMAT, Platform, Push, RelayConfig};

use crate::connect::Origin;
use crate::deliver::target::Route;
use crate::push::rules::Rule;
pub use load::Loader;

/// Most routes, and most push rules: their names are labels of metrics.
const MAX_DESTINATIONS: usize = 64;
/// Most event subscriptions.
const MAX_SUBSCRIPTIONS: usize = 256;

/// Where the files are.
#[derive(Clone, Debug)]
pub struct Folders {
    /// Holds `relay.json`.
    pub config: PathBuf,
    /// Holds the delivery keys.
    pub delivery: PathBuf,
    /// Holds the hub's access policy.
    pub push: PathBuf,
}

/// A configuration that was understood.
pub struct InForce {
    /// Name of the EventRelay.
    pub relay: String,
    /// Its namespace.
    pub namespace: String,
    /// Its revision.
    pub revision: String,
    /// Path of the public URL.
    pub path_prefix: String,
    /// Event subscriptions that are let in.
    pub subscriptions: Vec<String>,
    /// Where events go.
    pub routes: Vec<Arc<Route>>,
    /// Pushes that events make.
    pub rules: Vec<Arc<Rule>>,
    /// How pushes are sent.
    pub push: Option<PushTo>,
}

/// How pushes are sent.
#[derive(Clone)]
pub struct PushTo {
    /// Where to connect instead of the connection string's host.
    pub endpoint: Option<Origin>,
    /// Further certificate authorities.
    pub ca_bundle: Option<String>,
    /// Platforms that the hub has credentials for.
    pub platforms: Vec<Platform>,
}

impl InForce {
    /// Understands a configuration.
    ///
    /// # Errors
    /// Every mistake, one sentence each.
    pub fn compile(text: &str) -> Result<Self, Vec<String>> {
        let config: RelayConfig =
            serde_json::from_str(text).map_err(|error| vec![format!("it is no relay configuration: {error}")])?;
        if config.format != FORMAT {
            return Err(vec![format!("its format is {}, this relay knows {FORMAT}", config.format)]);
        }
        let mut mistakes = Vec::new();
        check_prefix(&config.path_prefix, &mut mistakes);
        check_sizes(&config, &mut mistakes);
        let push = config.push.as_ref().map(|push| push_to(push, &mut mistakes));
        let mut routes = Vec::new();
        for route in &config.routes {
            match Route::compile(route) {
                Ok(route) => routes.push(Arc::new(route)),
                Err(why) => mistakes.push(format!("route {}: {why}", route.name)),
            }
        }
        let mut rules = Vec::new();
        for rule in config.push.iter().flat_map(|push| &push.rules) {
            match Rule::compile(rule) {
                Ok(rule) => rules.push(Arc::new(rule)),
                Err(why) => mistakes.push(format!("push rule {}: {why}", rule.name)),
            }
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        Ok(Self {
            relay: config.relay,
            namespace: config.namespace,
            revision: config.revision,
            path_prefix: config.path_prefix.trim_end_matches('/').to_owned(),
            subscriptions: config.subscriptions.into_iter().map(|subscription| subscription.name).collect(),
            routes,
            rules,
            push,
        })
    }
}

fn check_prefix(prefix: &str, mistakes: &mut Vec<String>) {
    if !prefix.is_empty() && (!prefix.starts_with('/') || prefix.contains(['?', '#', ' '])) {
        mistakes.push(format!("pathPrefix: \"{prefix}\" is no path; example: /relay"));
    }
}

fn check_sizes(config: &RelayConfig, mistakes: &mut Vec<String>) {
    let rules = config.push.as_ref().map_or(&[][..], |push| &push.rules);
    for (what, count, most) in [
        ("routes", config.routes.len(), MAX_DESTINATIONS),
        ("push rules", rules.len(), MAX_DESTINATIONS),
        ("subscriptions", config.subscriptions.len(), MAX_SUBSCRIPTIONS),
    ] {
        if count > most {
            mistakes.push(format!("{count} {what}, more than {most}"));
        }
    }
    for (what, names) in [
        ("route", config.routes.iter().map(|route| &route.name).collect::<Vec<_>>()),
        ("push rule", rules.iter().map(|rule| &rule.name).collect()),
        ("subscription", config.subscriptions.iter().map(|subscription| &subscription.name).collect()),
    ] {
        let mut seen = BTreeSet::new();
        for name in names {
            if name.is_empty() || name.len() > 128 {
                mistakes.push(format!("a {what} has a name of {} bytes, not 1 to 128", name.len()));
            }
            if !seen.insert(name.to_lowercase()) {
                mistakes.push(format!("two {what}s are named {name}"));
            }
        }
    }
}

fn push_to(push: &Push, mistakes: &mut Vec<String>) -> PushTo {
    let endpoint = push.endpoint.as_deref().map(|url| Origin::parse(url, push.ca_bundle.as_deref()));
    let endpoint = match endpoint.transpose() {
        Ok(parsed) => parsed.map(|(origin, _)| origin),
        Err(why) => {
            mistakes.push(format!("push.endpoint: {why}"));
            None
        }
    };
    // The signature is good for an hour: it does not travel in clear.
    if endpoint.as_ref().is_some_and(|origin| !origin.is_encrypted() && !origin.is_loopback()) {
        mistakes.push("push.endpoint: http:// is for loopback only; use https://".to_owned());
    }
    PushTo { endpoint, ca_bundle: push.ca_bundle.clone(), platforms: push.platforms.clone() }
}

#[cfg(test)]
mod tests;
