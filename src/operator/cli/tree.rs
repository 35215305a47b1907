//! `acs-operator tree`: what belongs to what, and why something is not Ready yet.

mod build;
mod render;

use acs_core::kinds::{Kind, Object, ObjectRef};
use anyhow::Result;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kube::{Client, ResourceExt};

pub use build::{Branch, Node, Relation, State, Tree, build};
pub use render::{Style, render};

/// What `tree` is asked for.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct TreeOptions {
    /// Kubernetes namespace. Default: that of the current context.
    #[arg(short, long)]
    pub namespace: Option<String>,
    /// All namespaces.
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    pub all_namespaces: bool,
    /// Form of the output.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

/// Form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs; its shape is stable.
    Json,
}

/// What a cluster holds of our kinds.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Objects.
    pub objects: Vec<Object>,
    /// Objects that this build cannot read.
    pub unreadable: Vec<ObjectRef>,
}

/// Prints the tree.
///
/// # Errors
/// When a kind cannot be listed.
pub async fn run(client: Client, options: &TreeOptions) -> Result<()> {
    let default = client.default_namespace().to_owned();
    let namespace = (!options.all_namespaces).then(|| options.namespace.clone().unwrap_or(default));
    let found = read(&client, namespace.as_deref()).await?;
    let tree = build(&found.objects, &found.unreadable);
    match options.output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&tree)?),
        Output::Text if tree.namespaces.is_empty() => {
            let place = namespace.map_or("any namespace".to_owned(), |namespace| format!("the namespace {namespace}"));
            eprintln!("No objects of {} in {place}.", acs_wire::GROUP);
        }
        Output::Text => print!("{}", render(&tree, Style::of_stdout())),
    }
    Ok(())
}

/// Reads all objects of our kinds, in one namespace or in all.
///
/// # Errors
/// When a kind cannot be listed.
pub async fn read(client: &Client, namespace: Option<&str>) -> Result<Found> {
    let mut found = Found::default();
    for kind in Kind::ALL {
        let gvk = GroupVersionKind::gvk(acs_wire::GROUP, acs_wire::VERSION, kind.name());
        let resource = ApiResource::from_gvk_with_plural(&gvk, kind.plural());
        let api: Api<DynamicObject> = match namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
            None => Api::all_with(client.clone(), &resource),
        };
        let mut page = ListParams::default().limit(500);
        loop {
            let list = api.list(&page).await.map_err(|error| explain(error, kind))?;
            let next = list.metadata.continue_.clone().filter(|token| !token.is_empty());
            for object in list.items {
                keep(&mut found, kind, &object);
            }
            let Some(token) = next else { break };
            page = page.continue_token(&token);
        }
    }
    Ok(found)
}

fn keep(found: &mut Found, kind: Kind, object: &DynamicObject) {
    match serde_json::to_value(object).and_then(|json| Object::decode(kind, json)) {
        Ok(object) => found.objects.push(object),
        Err(_) => {
            let namespace = object.namespace().unwrap_or_default();
            found.unreadable.push(ObjectRef::new(kind, &namespace, &object.name_any()));
        }
    }
}

/// The API server's own words, once, and what to do about it.
fn explain(error: kube::Error, kind: Kind) -> anyhow::Error {
    let plural = kind.plural();
    let kube::Error::Api(status) = &error else {
        return anyhow::Error::new(error).context(format!("listing {plural}"));
    };
    let hint = match status.code {
        404 => "the cluster does not know this kind; `helm install acs-operator charts/acs-operator` brings the CRDs",
        401 => "the cluster does not know you; sign in again",
        403 => "ask for the right to list it, or name a namespace with -n",
        _ => "the API server refused",
    };
    anyhow::anyhow!("listing {plural}: {hint} ({})", status.message)
}

#[cfg(test)]
mod tests;
