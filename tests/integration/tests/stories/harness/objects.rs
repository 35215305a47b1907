//! Objects as a user would write them: the quickstart of `examples/`, with what it leaves open filled in.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

/// Kinds and names of the quickstart, in the order in which they depend on each other.
pub(crate) const QUICKSTART: [(&str, &str); 5] = [
    ("AzureAccount", "default"),
    ("NotificationHubNamespace", "shop"),
    ("NotificationHub", "phones"),
    ("CommunicationService", "shop"),
    ("EventSubscription", "shop"),
];

/// Every document below a folder of `examples/`.
pub(crate) fn examples(folder: &str) -> Result<Vec<(String, Value)>> {
    let root = testbed::stack::repository()?.join("examples").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(&root)?.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "yaml")) {
        let text = std::fs::read_to_string(file)?;
        for document in serde_saphyr::from_multiple::<Value>(&text).with_context(|| file.display().to_string())? {
            found.push((name_of(file), document));
        }
    }
    Ok(found)
}

fn name_of(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// RFC 7386.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Some(members) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (name, value) in members {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(name);
        } else {
            merge(&mut target[name], value);
        }
    }
}

/// The quickstart: each object can be changed, or left out, before it is applied.
#[derive(Clone, Debug)]
pub(crate) struct Quickstart {
    pub(crate) objects: Vec<Value>,
}

impl Quickstart {
    pub(crate) fn of_examples() -> Result<Self> {
        Ok(Self { objects: examples("quickstart")?.into_iter().map(|(_, object)| object).collect() })
    }

    /// Merges into the one object of that kind.
    pub(crate) fn with(mut self, kind: &str, patch: &Value) -> Self {
        let mut matching = self.objects.iter_mut().filter(|object| object["kind"] == kind);
        merge(matching.next().expect("the quickstart has one of each kind"), patch);
        self
    }

    /// Leaves kinds out.
    pub(crate) fn without(mut self, kinds: &[&str]) -> Self {
        self.objects.retain(|object| !kinds.contains(&object["kind"].as_str().unwrap_or_default()));
        self
    }

    pub(crate) fn get(&self, kind: &str) -> Value {
        self.objects.iter().find(|object| object["kind"] == kind).expect("the quickstart has one of each kind").clone()
    }
}
