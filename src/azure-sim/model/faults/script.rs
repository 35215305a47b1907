//! Faults as a file.

use serde::Deserialize;

use super::super::world::World;
use super::{Fault, MOST};

/// Bytes of a script.
const LONGEST: usize = 1024 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    faults: Vec<Fault>,
}

impl Fault {
    /// Reads a script: YAML with the one key `faults`, a list of them.
    ///
    /// # Errors
    /// What is wrong with it, and at which line and column.
    pub fn script(yaml: &str) -> Result<Vec<Self>, String> {
        if yaml.len() > LONGEST {
            return Err(format!("the script is longer than {LONGEST} bytes"));
        }
        let Script { faults } = serde_saphyr::from_str(yaml).map_err(|error| error.without_snippet().to_string())?;
        if faults.is_empty() {
            return Err("'faults' is an empty list".into());
        }
        for (at, fault) in faults.iter().enumerate() {
            let label = fault.label.as_ref().map(|label| format!(" ({label})")).unwrap_or_default();
            fault.check().map_err(|why| format!("fault {}{label}: {why}", at + 1))?;
        }
        Ok(faults)
    }
}

impl World {
    /// Places faults, all or none. Returns their numbers.
    ///
    /// # Errors
    /// When that would be too many.
    pub fn place_faults(&mut self, faults: Vec<Fault>) -> Result<Vec<u64>, String> {
        if self.faults.placed.len() + faults.len() > MOST {
            return Err(format!("there would be more than {MOST} faults: remove some first"));
        }
        Ok(faults.into_iter().map(|fault| self.place_fault(fault)).collect())
    }

    /// Places those faults of a script that are not in place: a world that goes on after a restart keeps its faults, and how
    /// often they struck.
    ///
    /// # Errors
    /// As [`World::place_faults`].
    pub fn place_missing_faults(&mut self, faults: Vec<Fault>) -> Result<Vec<u64>, String> {
        let missing = faults.into_iter().filter(|fault| !self.faults.placed.iter().any(|p| p.fault == *fault));
        let missing = missing.collect();
        self.place_faults(missing)
    }
}
