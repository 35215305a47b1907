//! One file per subcommand, and what they share.

pub(crate) mod bench;
pub(crate) mod build;
mod calls;
pub(crate) mod demo;
pub(crate) mod e2e;
pub(crate) mod image;
mod in_azure;
mod installation;
mod live;
mod objects;
pub(crate) mod playground;
mod quickstart;
mod relay;
mod show;
mod signals;
mod story;
pub(crate) mod try_out;
pub(crate) mod up;
mod webhook;

/// Namespaces that the demo and the playground use.
pub(crate) const NAMESPACES: [&str; 2] = ["shop", "shop-2"];
