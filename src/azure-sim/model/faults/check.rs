//! What a fault may say.

use super::keys::KEYS;
use super::{Fault, FaultAnswer};

/// Faults in place at most.
pub(crate) const MOST: usize = 1000;

impl Fault {
    /// # Errors
    /// Why no fault can be like that.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.answer == FaultAnswer::default() {
            return Err("'answer' says nothing: give status, stormMs, delayMs, drop, lro, staleMs or after".into());
        }
        let whole = serde_json::to_value(self).map_err(|error| error.to_string())?;
        for key in &KEYS {
            let Some(value) = whole.pointer(&format!("/{}", key.at)).filter(|value| !value.is_null()) else { continue };
            let name = key.at.rsplit('/').next().unwrap_or_default();
            if let Some(plane) = self.plane.filter(|plane| !key.planes.contains(plane)) {
                let planes: Vec<String> = key.planes.iter().map(|p| format!("{p:?}").to_lowercase()).collect();
                let asked = format!("{plane:?}").to_lowercase();
                return Err(format!(
                    "'{name}' is for requests of the plane {}, not of {asked}: leave it out",
                    planes.join(" or ")
                ));
            }
            key.takes.check(name, value)?;
        }
        self.answer.after.as_ref().map_or(Ok(()), |meddling| meddling.check())
    }
}
