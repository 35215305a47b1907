//! Arbitrary bytes as requests to the model of Azure, and what must hold for every answer.
//!
//! [`input`] makes requests of bytes, [`ground`] is the Azure that they reach, [`property`] says what must hold, and
//! [`examine`] puts them together. [`seeds`] are inputs to begin with. The program `fuzz` searches from there, led by the
//! branches that an input reaches.

pub mod examine;
pub mod ground;
pub mod input;
pub mod property;
pub mod seeds;

pub use examine::examine;

#[cfg(test)]
mod tests;
