//! What a fault may say.

use super::super::journal::Plane;
use super::{Fault, FaultAnswer, Lateness, LroFault};

/// Characters of a text.
const TEXT: usize = 1024;
/// Milliseconds of anything: a day.
const LONGEST: u64 = 86_400_000;
/// Faults in place at most.
pub(crate) const MOST: usize = 1000;

impl Fault {
    /// # Errors
    /// Why no fault can be like that.
    pub(crate) fn check(&self) -> Result<(), String> {
        let Self { label, plane, operation, method, path, principal, nth: _, times: _, probability, answer } = self;
        if *answer == FaultAnswer::default() {
            return Err("'answer' says nothing: give status, stormMs, delayMs, drop, lro, staleMs or after".into());
        }
        let texts = [
            ("label", label),
            ("operation", operation),
            ("method", method),
            ("path", path),
            ("principal", principal),
            ("code", &answer.code),
            ("message", &answer.message),
        ];
        for (name, text) in texts {
            if text.as_ref().is_some_and(|text| text.chars().count() > TEXT) {
                return Err(format!("'{name}' is longer than {TEXT} characters"));
            }
        }
        if probability.is_some_and(|p| !(0.0..=1.0).contains(&p)) {
            return Err("'probability' is not between 0 and 1".into());
        }
        answer.check(*plane)
    }
}

impl FaultAnswer {
    fn check(&self, plane: Option<Plane>) -> Result<(), String> {
        if self.status.is_some_and(|status| !(200..=599).contains(&status)) {
            return Err("'status' is not between 200 and 599".into());
        }
        let of_arm =
            [("lro", self.lro.is_some()), ("staleMs", self.stale_ms.is_some()), ("after", self.after.is_some())];
        if let Some((name, _)) = of_arm.iter().find(|(_, given)| *given && plane.is_some_and(|p| p != Plane::Arm)) {
            return Err(format!("'{name}' is for requests of the plane arm"));
        }
        if let Some(meddling) = &self.after {
            meddling.check(TEXT)?;
        }
        let late = match self.lro {
            Some(LroFault::Late(Lateness::Ms(ms))) => Some(ms),
            _ => None,
        };
        for (name, ms) in
            [("stormMs", self.storm_ms), ("delayMs", self.delay_ms), ("staleMs", self.stale_ms), ("late", late)]
        {
            if ms.is_some_and(|ms| ms > LONGEST) {
                return Err(format!("'{name}' is longer than a day: {LONGEST} ms"));
            }
        }
        match self.lro {
            Some(LroFault::Late(Lateness::Factor(times))) if !(2..=10_000).contains(&times) => {
                Err("'late': 'factor' is not between 2 and 10000".into())
            }
            _ => Ok(()),
        }
    }
}
