//! An API server without nodes, on loopback.

use anyhow::Result;

use super::Options;
use super::control_plane::{self, Access, ControlPlane, Place};
use crate::parts::Parts;
use crate::scratch::Scratch;

pub(super) async fn start(parts: &Parts, scratch: &Scratch, options: &Options) -> Result<(Access, ControlPlane)> {
    let place = Place::loopback()?;
    let access = Access::prepare(scratch.path(), &place)?;
    let control_plane = control_plane::start(parts, scratch, &place, &access, options).await?;
    Ok((access, control_plane))
}
