//! Which cluster is meant.

use std::path::PathBuf;

/// Where the cluster comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ground {
    /// An API server with its store and controllers, without nodes: started here, on loopback, without root.
    #[default]
    Bare,
    /// A whole Kubernetes with one node that runs real pods, started here in namespaces of its own. Needs root on Linux.
    Node,
    /// A cluster that exists, by its kubeconfig. Needs no Go; has no audit log that could be read.
    Given(PathBuf),
}

impl Ground {
    /// `CLUSTER`: unset or `bare`, or `node`, for one that is started here; else the path of a kubeconfig.
    pub fn from_environment() -> Self {
        match std::env::var_os("CLUSTER") {
            Some(value) if value == "node" => Ground::Node,
            Some(value) if !value.is_empty() && value != "bare" => Ground::Given(value.into()),
            _ => Ground::Bare,
        }
    }
}
