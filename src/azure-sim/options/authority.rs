//! `azure-sim authority`.

use std::path::PathBuf;

use clap::Args;

/// As given.
#[derive(Args)]
pub(crate) struct Given {
    /// The Secret that keeps it, as tls.crt and tls.key. It must exist; it may be empty
    #[arg(long, env = "AZURE_SIM_AUTHORITY_SECRET", value_name = "NAMESPACE/NAME")]
    secret: Option<String>,
    /// Directory for ca.crt and ca.key, from where `run --authority` takes them; made when missing
    #[arg(long, env = "AZURE_SIM_AUTHORITY", value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// What was asked for.
pub(crate) struct Wanted {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
}

pub(crate) fn check(given: Given) -> Result<Wanted, Vec<String>> {
    let mut mistakes = Vec::new();
    let secret = given.secret.as_deref().map(|secret| secret.split_once('/').filter(|(a, b)| is_name(a) && is_name(b)));
    match (&secret, given.secret.as_deref()) {
        (Some(None), Some(text)) => mistakes.push(format!("--secret: '{text}' is not NAMESPACE/NAME")),
        (None, _) => mistakes.push("--secret is missing: which Secret keeps the authority".into()),
        _ => {}
    }
    if given.dir.is_none() {
        mistakes.push("--dir is missing: where to write ca.crt and ca.key".into());
    }
    match (secret.flatten(), &given.dir) {
        (Some((namespace, name)), Some(dir)) => {
            Ok(Wanted { namespace: namespace.to_owned(), name: name.to_owned(), dir: dir.clone() })
        }
        _ => Err(mistakes),
    }
}

/// A DNS subdomain, as Kubernetes names Secrets.
fn is_name(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    (1..=253).contains(&text.len()) && text.bytes().all(inner)
}
