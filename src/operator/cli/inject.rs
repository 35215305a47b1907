//! `acs-operator inject`: the manifests that it is given, with a relay in their pods. For Git, and for clusters where no admission
//! policy may do it.

mod stream;

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use acs_core::kinds::EventRelay;
use acs_core::kinds::relay::PlacementType;
use acs_core::relay::inject::{Found, Injection, RelayImage, Selection, inject_document, injection, label_place};
use acs_wire::relay::LABEL;
use anyhow::{Context as _, Result, bail, ensure};
use kube::Api;
use serde_json::Value;

/// Far more than anyone keeps in one file.
const LONGEST_INPUT: u64 = 32 * 1024 * 1024;

/// What `inject` is asked for.
#[derive(Clone, Debug, clap::Args)]
pub struct InjectOptions {
    /// File with manifests; `-` for standard input. May be repeated.
    #[arg(short = 'f', long = "filename", value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The EventRelay: a YAML file with it, or its name in the cluster, where the operator says what a pod is given.
    #[arg(long, value_name = "FILE|NAME")]
    relay: String,
    /// Kubernetes namespace of the relay in the cluster. Default: that of the current context.
    #[arg(short, long)]
    namespace: Option<String>,
    /// Image of the relay. Default: with a file, that of this version; with a name, the operator's.
    #[arg(long)]
    image: Option<String>,
    /// When the node pulls the image; with a file or `--image`.
    #[arg(long, value_name = "POLICY", default_value = "IfNotPresent", value_parser = ["Always", "IfNotPresent", "Never"])]
    image_pull_policy: String,
    /// Put it into every pod that is not labelled for another relay, and label it.
    #[arg(long)]
    all: bool,
}

/// A relay, and what its pods are given.
#[derive(Clone, Debug)]
struct Relay {
    name: String,
    namespace: Option<String>,
    injection: Injection,
}

/// Prints the manifests on standard output, and what became of them on standard error.
///
/// # Errors
/// When an input cannot be read, the relay is not there, or nothing is to be done.
pub async fn run(options: &InjectOptions) -> Result<()> {
    let relay = find_relay(options).await?;
    let selection = if options.all { Selection::All } else { Selection::Labelled };
    let mut work =
        Work { relay: &relay, selection, printed: String::new(), notes: Vec::new(), injected: 0, already: 0 };
    for file in &options.files {
        let place = if file.as_os_str() == "-" { "standard input".to_owned() } else { file.display().to_string() };
        let text = read(file).with_context(|| format!("reading {place}"))?;
        work.stream(&text).with_context(|| place)?;
    }
    for note in &work.notes {
        eprintln!("acs-operator: {note}");
    }
    if work.injected + work.already == 0 {
        bail!(
            "no pod here is labelled `{LABEL}: {}`: the label belongs into the pod template, `spec.template.metadata.labels`; \
             --all injects and labels every pod",
            relay.name
        );
    }
    std::io::stdout().write_all(work.printed.as_bytes()).context("writing to stdout")
}

fn read(file: &Path) -> Result<String> {
    let source: Box<dyn std::io::Read> =
        if file.as_os_str() == "-" { Box::new(std::io::stdin()) } else { Box::new(std::fs::File::open(file)?) };
    let mut text = String::new();
    source.take(LONGEST_INPUT + 1).read_to_string(&mut text)?;
    ensure!(text.len() as u64 <= LONGEST_INPUT, "it is longer than {LONGEST_INPUT} bytes");
    Ok(text)
}

async fn find_relay(options: &InjectOptions) -> Result<Relay> {
    let file = Path::new(&options.relay);
    let is_name = !options.relay.contains(['/', '.']);
    if file.is_file() || !is_name {
        let text = read(file).with_context(|| format!("reading the EventRelay from {}", options.relay))?;
        return relay_of_text(&text, options).with_context(|| format!("the EventRelay in {}", options.relay));
    }
    let client = kube::Client::try_default().await.with_context(|| {
        format!("{} is no file, so it is looked for in a cluster: name a file to do without one", options.relay)
    })?;
    let namespace = options.namespace.clone().unwrap_or_else(|| client.default_namespace().to_owned());
    let relays: Api<EventRelay> = Api::namespaced(client, &namespace);
    let found = relays.get_opt(&options.relay).await.context("asking the cluster for the EventRelay")?;
    let found = found.with_context(|| {
        format!("there is no file {0}, and no EventRelay {0} in the namespace {namespace}", options.relay)
    })?;
    relay_of_cluster(found, options)
}

/// The one EventRelay among the documents of a file.
fn relay_of_text(text: &str, options: &InjectOptions) -> Result<Relay> {
    let documents = stream::pieces(text).iter().map(stream::Piece::parse).collect::<Result<Vec<_>>>()?;
    let mut relays = documents.into_iter().filter(|document| text_at(document, "/kind") == "EventRelay");
    let relay = relays.next().context("there is none: `kind: EventRelay` is looked for")?;
    ensure!(relays.next().is_none(), "there are several; keep each in a file of its own");
    let relay: EventRelay = serde_json::from_value(relay).context("it does not fit the CRD")?;
    made(&relay, options)
}

fn relay_of_cluster(relay: EventRelay, options: &InjectOptions) -> Result<Relay> {
    if options.image.is_some() {
        return made(&relay, options);
    }
    let (name, namespace) = sidecar(&relay)?;
    let published = relay.status.and_then(|status| status.injection).with_context(|| {
        format!("EventRelay {name} has no `status.injection` yet: is the operator running? --image does without it")
    })?;
    let (revision, container, volumes) = (published.revision, published.container, published.volumes);
    Ok(Relay { name, namespace, injection: Injection { revision, container, volumes } })
}

/// What the operator would publish, with the image of the command line.
fn made(relay: &EventRelay, options: &InjectOptions) -> Result<Relay> {
    let (name, namespace) = sidecar(relay)?;
    let default = RelayImage::default();
    let image = options.image.clone().unwrap_or(default.image);
    let image = RelayImage { image, pull_policy: options.image_pull_policy.clone() };
    let injection = injection(&name, relay.spec.placement.resources.as_ref(), &image);
    Ok(Relay { name, namespace: namespace.or_else(|| options.namespace.clone()), injection })
}

fn sidecar(relay: &EventRelay) -> Result<(String, Option<String>)> {
    let name = relay.metadata.name.clone().context("it has no `metadata.name`")?;
    ensure!(
        relay.spec.placement.type_ == PlacementType::Sidecar,
        "EventRelay {name} runs in pods of its own: only one with `placement.type: Sidecar` is put into others"
    );
    Ok((name, relay.metadata.namespace.clone()))
}

struct Work<'a> {
    relay: &'a Relay,
    selection: Selection,
    printed: String,
    notes: Vec<String>,
    injected: usize,
    already: usize,
}

impl Work<'_> {
    fn stream(&mut self, text: &str) -> Result<()> {
        if !self.printed.is_empty() && !text.starts_with("---") {
            self.printed.push_str("---\n");
        }
        for piece in stream::pieces(text) {
            match self.document(piece.parse()?)? {
                Some(changed) => self.printed.push_str(&piece.replaced_by(&changed)?),
                None => self.printed.push_str(piece.text()),
            }
        }
        if !self.printed.is_empty() && !self.printed.ends_with('\n') {
            self.printed.push('\n');
        }
        Ok(())
    }

    /// The document if it changed.
    fn document(&mut self, mut document: Value) -> Result<Option<Value>> {
        let list = text_at(&document, "/apiVersion") == "v1" && text_at(&document, "/kind") == "List";
        if !list {
            return self.object(document);
        }
        let mut any = false;
        for item in document.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(changed) = self.object(item.clone())? {
                *item = changed;
                any = true;
            }
        }
        Ok(any.then_some(document))
    }

    fn object(&mut self, document: Value) -> Result<Option<Value>> {
        let title = format!("{} {}", text_at(&document, "/kind"), text_at(&document, "/metadata/name"));
        let Some(place) = label_place(&document) else { return Ok(None) };
        let (theirs, ours) = (text_at(&document, "/metadata/namespace"), self.relay.namespace.as_deref());
        if let Some(ours) = ours.filter(|ours| !theirs.is_empty() && *ours != theirs) {
            self.notes.push(format!("{title} is in the namespace {theirs}, the relay in {ours}: left alone"));
            return Ok(None);
        }
        let name = &self.relay.name;
        let found = inject_document(document, name, &self.relay.injection, self.selection)
            .with_context(|| format!("{title} cannot be given the relay"))?;
        match found {
            Found::Injected(document) => {
                self.injected += 1;
                self.notes.push(format!("{title} has the relay {name} now"));
                return Ok(Some(document));
            }
            Found::Already(revision) => {
                self.already += 1;
                let old = revision.as_ref() != Some(&self.relay.injection.revision);
                let advice = if old { ", in another revision: inject into the manifest without it" } else { "" };
                self.notes.push(format!("{title} has a relay already{advice}; left alone"));
            }
            Found::Unlabelled { misplaced: true } => bail!(
                "{title} has the label `{LABEL}` in its own `metadata.labels`, where it does nothing: it belongs into `{place}`"
            ),
            Found::OtherRelay(other) => {
                self.notes.push(format!("{title} is labelled for the relay {other}: left alone"))
            }
            Found::Unlabelled { misplaced: false } | Found::NoPods => {}
        }
        Ok(None)
    }
}

fn text_at<'a>(document: &'a Value, pointer: &str) -> &'a str {
    document.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
