//! From files to what is in force. What is new and bad changes nothing but the list of problems.

use std::sync::Arc;

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
}

impl Loader {
    /// Has seen nothing.
    pub fn new(folders: Folders) -> Self {
        Self { folders, seen: None }
    }

    /// What is to be in force now; none where no file changed.
    pub fn load(&mut self, before: &Snapshot) -> Option<Snapshot> {
        let contents = files::read(&self.folders);
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
    let mut keys = Vec::new();
    for (name, file) in [("current", &contents.current), ("next", &contents.next)] {
        match (file.text().map(str::trim), file) {
            (Some(key), _) if key.len() >= MIN_KEY => keys.push(DeliveryKey::new(key)),
            (Some(_), _) => problems.push(format!("delivery key {name} is shorter than {MIN_KEY} characters")),
            (None, File::Missing) if name == "next" => {}
            (None, file) => problems.push(format!("delivery key {name} {}", file.trouble())),
        }
    }
    // A Secret that is gone for a moment must not turn deliveries into 503, nor its return into 401.
    if keys.is_empty() { Arc::clone(&before.keys) } else { Arc::new(keys) }
}

fn hub(
    contents: &Contents,
    config: Option<&InForce>,
    before: &Snapshot,
    problems: &mut Vec<String>,
) -> Option<Arc<Hub>> {
    let push = config?.push.as_ref()?;
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
