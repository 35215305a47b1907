//! From files to what is in force. What is new and bad changes nothing but the list of problems.

use std::sync::Arc;

use acs_wire::secret_keys::{DELIVERY_CURRENT, DELIVERY_NEXT};

use super::files::{self, Contents, File};
use super::{Folders, InForce};
use crate::push::access::Access;
use crate::push::hub::Hub;
use crate::receive::authenticate::DeliveryKey;
use crate::state::Snapshot;

/// Shortest delivery key.
const MIN_KEY: usize = 16;

/// Remembers what it saw last.
pub struct Loader {
    folders: Folders,
    seen: Option<Contents>,
    version: files::Version,
}

impl Loader {
    /// Has seen nothing.
    pub fn new(folders: Folders) -> Self {
        Self { folders, seen: None, version: files::Version::default() }
    }

    /// True if the kubelet has put other files in place since they were read.
    pub fn was_swapped(&self) -> bool {
        files::version(&self.folders) != self.version
    }

    /// What is to be in force now; none where no file changed.
    pub fn load(&mut self, before: &Snapshot) -> Option<Snapshot> {
        let (version, contents) = files::read(&self.folders);
        self.version = version;
        if self.seen.as_ref() == Some(&contents) {
            return None;
        }
        let mut problems = Vec::new();
        let in_force = configuration(&contents, self.seen.as_ref(), before, &mut problems);
        let keys = delivery_keys(&contents, before, &mut problems);
        let hub = hub(&contents, in_force.as_deref(), before, &mut problems);
        self.seen = Some(contents);
        Some(Snapshot { in_force, keys, hub, problems })
    }
}

/// Routes that did not change keep their connections: the same file gives the same object.
fn configuration(
    contents: &Contents,
    seen: Option<&Contents>,
    before: &Snapshot,
    problems: &mut Vec<String>,
) -> Option<Arc<InForce>> {
    if seen.is_some_and(|seen| seen.config == contents.config) && before.in_force.is_some() {
        let of_config = before.problems.iter().filter(|problem| problem.starts_with("relay.json"));
        problems.extend(of_config.cloned());
        return before.in_force.clone();
    }
    match contents.config.text().map(InForce::compile) {
        Some(Ok(config)) => return Some(Arc::new(config)),
        Some(Err(mistakes)) => problems.extend(mistakes.into_iter().map(|mistake| format!("relay.json: {mistake}"))),
        None => problems.push(format!("relay.json {}", contents.config.trouble())),
    }
    before.in_force.clone()
}

fn delivery_keys(contents: &Contents, before: &Snapshot, problems: &mut Vec<String>) -> Arc<Vec<DeliveryKey>> {
    let mut keys: Vec<DeliveryKey> = Vec::new();
    for (name, file) in [(DELIVERY_CURRENT, &contents.current), (DELIVERY_NEXT, &contents.next)] {
        let problem = match (file.text().map(str::trim), file) {
            (Some(key), _) if key.len() >= MIN_KEY => {
                keys.push(DeliveryKey::new(name, key));
                continue;
            }
            (Some(_), _) => format!("is shorter than {MIN_KEY} characters"),
            (None, File::Missing) if name == DELIVERY_NEXT => continue,
            (None, file) => file.trouble(),
        };
        // A key that is gone for a moment must not turn deliveries into 503.
        let kept = before.keys.iter().find(|key| key.name == name).cloned();
        let stays = if kept.is_some() { "; the one before it stays valid" } else { "" };
        problems.push(format!("delivery key {name} {problem}{stays}"));
        keys.extend(kept);
    }
    Arc::new(keys)
}

fn hub(
    contents: &Contents,
    config: Option<&InForce>,
    before: &Snapshot,
    problems: &mut Vec<String>,
) -> Option<Arc<Hub>> {
    let config = config?;
    let push = config.push.as_ref()?;
    if push.platforms.is_empty() && !config.rules.is_empty() {
        problems.push("push: the hub has credentials for no platform, so that no rule makes a push".to_owned());
    }
    let (connection_string, name) = match (contents.connection_string.text(), contents.hub_name.text()) {
        (Some(connection_string), Some(name)) => (connection_string, name),
        (None, _) => {
            problems.push(format!("push: connectionString {}", contents.connection_string.trouble()));
            return before.hub.clone();
        }
        (_, None) => {
            problems.push(format!("push: hubName {}", contents.hub_name.trouble()));
            return before.hub.clone();
        }
    };
    match Access::parse(connection_string, name).and_then(|access| Hub::new(access, push)) {
        Ok(hub) => Some(Arc::new(hub)),
        Err(why) => {
            problems.push(format!("push: {why}"));
            before.hub.clone()
        }
    }
}
