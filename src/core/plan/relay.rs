//! `EventRelay`.

use crate::kinds::EventRelay;
use crate::pass::{Halt, Pass, Stepped};
use crate::reason::Reason;

pub fn plan(_: &mut Pass<'_>, _: &EventRelay) -> Stepped<()> {
    Err(Halt::Wait(Reason::Pending, "This build knows the kind, and does nothing for it yet.".to_owned(), None))
}

pub fn clear(pass: &mut Pass<'_>, _: &EventRelay) -> Stepped<()> {
    pass.land_all()
}
