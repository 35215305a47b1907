//! Which cluster is meant.

use std::path::PathBuf;

/// Where the cluster comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ground {
    /// An API server with its store and controllers, without nodes: started here, on loopback, without root.
    #[default]
    Bare,
    /// A cluster that exists, by its kubeconfig. Needs no Go; has no audit log that could be read.
    Given(PathBuf),
}

impl Ground {
    /// `CLUSTER` set to the path of a kubeconfig means that cluster; unset or `bare`, one is started here.
    pub fn from_environment() -> Self {
        match std::env::var_os("CLUSTER") {
            Some(value) if !value.is_empty() && value != "bare" => Ground::Given(value.into()),
            _ => Ground::Bare,
        }
    }
}
