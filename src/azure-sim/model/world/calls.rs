//! Calls that the world makes: when they leave, and when they are over.

use super::super::event_grid::Handshake;
use super::super::faults;
use super::super::journal;
use super::super::message::{Outbound, OutboundId};
use super::World;

impl World {
    pub(crate) fn send(&mut self, outbound: Outbound) {
        let handshake = self.handshakes.get(&outbound.id).map(Handshake::key);
        let subscription = handshake.or_else(|| self.deliveries.key_of(outbound.id));
        let resource = subscription.and_then(|key| self.resources.get(key)).map(|r| r.id().to_owned());
        let (place, operation) = journal::outward(&outbound);
        let (leaves, fault) = faults::sent(self, &outbound, &place, operation);
        self.journal.sent(&outbound, resource, fault, self.now);
        if leaves {
            self.waiting.push(outbound.id);
        }
        self.calls.insert(outbound.id, outbound);
    }

    /// A call that was held back is handed out.
    pub(crate) fn leave(&mut self, id: OutboundId) {
        faults::leave(self, id);
        if self.calls.contains_key(&id) {
            self.waiting.push(id);
        }
    }

    pub(crate) fn take_outbound(&mut self) -> Vec<Outbound> {
        let waiting = std::mem::take(&mut self.waiting);
        waiting.iter().filter_map(|id| self.calls.get(id).cloned()).collect()
    }

    /// Whether [`super::advance`] would return calls to make.
    pub fn has_outbound(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(crate) fn call_ended(&mut self, id: OutboundId) {
        self.calls.remove(&id);
    }
}
