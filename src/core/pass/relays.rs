//! What a pass has read of a relay: its children, its pods, what they say, and whether the public URL leads to them.

use std::collections::BTreeMap;

use acs_wire::relay::report::RelayReport;

use super::{Halt, Pass, Stepped};
use crate::azure::error::Fault;
use crate::reason::Reason;
use crate::relay::child::{ChildFound, ChildKind, ChildView, ChildWrite};
use crate::relay::pods::PodView;
use crate::step::Step;
use crate::world::{Answer, HandshakeWith, Read};

impl<'w> Pass<'w> {
    fn child_read(&self, kind: ChildKind, name: &str) -> Read {
        Read::Child(self.world.namespace().to_owned(), kind, name.to_owned())
    }

    /// What is where a child should be.
    ///
    /// # Errors
    /// Halts until it was read.
    pub fn child(&self, kind: ChildKind, name: &str) -> Stepped<&'w ChildFound> {
        match self.answer(self.child_read(kind, name))? {
            Answer::Child(found) => Ok(found),
            _ => Ok(&ChildFound::Absent),
        }
    }

    /// Children of every kind under one name, asked for at once.
    ///
    /// # Errors
    /// Halts until they were read.
    pub fn know_children(&self, name: &str) -> Stepped<()> {
        let reads = ChildKind::ALL.into_iter().map(|kind| self.child_read(kind, name));
        let unknown: Vec<Read> = reads.filter(|read| !self.world.answers.contains_key(read)).collect();
        if unknown.is_empty() { Ok(()) } else { Err(Halt::Need(unknown)) }
    }

    /// Makes a child be as written, and returns it as it is.
    ///
    /// # Errors
    /// Halts until it is; faults when an object of that name is not ours, or the cluster does not know the kind.
    pub fn ensure_child(&self, wanted: &ChildWrite) -> Stepped<&'w ChildView> {
        let (kind, name) = (wanted.kind, wanted.name.as_str());
        let applied = self.world.applied.contains(&(kind, name.to_owned()));
        let apply = |words: &str| {
            let message = format!("{words} {kind} \"{name}\".");
            Halt::Act(Box::new(Step::Apply(Box::new(wanted.clone()))), Reason::Updating, message)
        };
        match self.child(kind, name)? {
            ChildFound::UnknownKind => Err(Halt::Fault(unknown_kind(kind))),
            ChildFound::Absent if applied => {
                let message = format!("{kind} \"{name}\" was made and is gone again.");
                Err(Halt::Wait(Reason::Updating, message, Some(self.world.settings.timings.poll)))
            }
            ChildFound::Absent => Err(apply("Making")),
            ChildFound::Present(view) if view.owner_uid.as_deref() != Some(self.world.object.uid()) => {
                let message = format!(
                    "{kind} \"{name}\" exists and does not belong to this object; it is left alone: delete it, or give the EventRelay another name."
                );
                Err(Halt::Fault(Fault::blocked(Reason::ChildConflict, message)))
            }
            ChildFound::Present(view) if view.deleting => {
                let message = format!("{kind} \"{name}\" is being deleted; it is made again after that.");
                Err(Halt::Wait(Reason::Updating, message, Some(self.world.settings.timings.poll)))
            }
            // One that the server shows otherwise though it took it is not written again in this pass.
            ChildFound::Present(view) if applied || wanted.is_as_written(&view.body) => Ok(view),
            ChildFound::Present(_) => Err(apply("Updating")),
        }
    }

    /// Makes a child that is ours be gone.
    ///
    /// # Errors
    /// Halts until it goes.
    pub fn drop_child(&self, kind: ChildKind, name: &str) -> Stepped<()> {
        match self.child(kind, name)? {
            ChildFound::Present(view)
                if view.owner_uid.as_deref() == Some(self.world.object.uid()) && !view.deleting =>
            {
                let step = Step::DeleteChild { kind, name: name.to_owned(), uid: view.uid.clone() };
                Err(Halt::Act(Box::new(step), Reason::Updating, format!("Deleting {kind} \"{name}\".")))
            }
            _ => Ok(()),
        }
    }

    /// Pods with the relay's label.
    ///
    /// # Errors
    /// Halts until they were read.
    pub fn pods(&self) -> Stepped<&'w [PodView]> {
        let read = Read::Pods(self.world.namespace().to_owned(), self.world.name().to_owned());
        match self.answer(read)? {
            Answer::Pods(pods) => Ok(pods),
            _ => Ok(&[]),
        }
    }

    /// What the relays at those addresses say of themselves.
    ///
    /// # Errors
    /// Halts until they were asked.
    pub fn relays(&self, addresses: Vec<String>) -> Stepped<BTreeMap<String, Result<RelayReport, String>>> {
        if addresses.is_empty() {
            return Ok(BTreeMap::new());
        }
        match self.answer(Read::Relays(addresses))? {
            Answer::Relays(reports) => Ok(reports.clone()),
            _ => Ok(BTreeMap::new()),
        }
    }

    /// Whether those handshakes are granted, in order.
    ///
    /// # Errors
    /// Halts until they were made.
    pub fn handshakes(&self, with: Vec<HandshakeWith>) -> Stepped<&'w [Result<(), String>]> {
        match self.answer(Read::Handshakes(with))? {
            Answer::Handshakes(results) => Ok(results),
            _ => Ok(&[]),
        }
    }
}

fn unknown_kind(kind: ChildKind) -> Fault {
    let message = format!(
        "The cluster does not know {kind} ({}): install it, or choose another `reachability`.",
        kind.api_version()
    );
    Fault::blocked(Reason::GatewayApiMissing, message)
}
