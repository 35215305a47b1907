//! What the `acs-operator` command offers.

pub mod crds;
pub mod inject;
pub mod reference;
pub mod tree;
