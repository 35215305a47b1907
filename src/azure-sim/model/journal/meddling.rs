//! What somebody else did, as the activity log would have it.

use super::super::arm;
use super::{Effect, Entry, Journal, Micros, Plane};

impl Journal {
    /// Writes down that somebody else sent `method` to a resource, and whether it was there.
    pub(crate) fn meddled(&mut self, method: &str, id: &str, done: bool, fault: u64, now: u64) {
        let effect = match (done, method) {
            (false, _) => Effect::None,
            (true, "DELETE") => Effect::Delete,
            (true, _) => Effect::Update,
        };
        let correlation_id = self.random.guid();
        self.record(Entry {
            sequence: 0,
            time: now,
            plane: Plane::Arm,
            method: method.to_owned(),
            path: id.to_owned(),
            operation: arm::operation_on(method, id),
            principal: String::new(),
            status: if done { 200 } else { 404 },
            code: (!done).then(|| "ResourceNotFound".to_owned()),
            effect,
            resource: None,
            duration: Micros(0),
            correlation_id,
            fault: Some(fault),
            out_of_band: true,
        });
    }
}
