//! CEL of push rules: compiled and checked when the operator sees it, evaluated by the relay. Pure: no clock, no randomness.
//!
//! The cost of an evaluation is bounded by what is let in, because the interpreter has no fuel of its own: an expression has
//! at most [`MAX_EXPRESSION`] bytes, [`MAX_DEPTH`] levels, [`MAX_REFERENCES`] words `event` and no loop; an event has at most
//! [`MAX_EVENT`] bytes and [`MAX_VALUES`] values; a function never makes a text longer than [`MAX_TEXT`] bytes. A list that is
//! written out copies what is put into it, whole: so the most that is held is (references) × (event), a few megabytes.

mod check;
mod functions;
mod scope;

use cel::Program;

pub use scope::{Event, Scope};

/// Longest expression, in bytes.
pub const MAX_EXPRESSION: usize = 1024;
/// Deepest nesting of an expression.
pub const MAX_DEPTH: usize = 64;
/// Most words `event` in an expression.
pub const MAX_REFERENCES: usize = 32;
/// Most values (members, items and what holds them) in `data` of an event.
pub const MAX_VALUES: usize = 2048;
/// Longest `data` of an event that expressions are evaluated on, in bytes.
pub const MAX_EVENT: usize = 64 * 1024;
/// Longest text that an expression or a function in it may make, in bytes.
pub const MAX_TEXT: usize = 64 * 1024;

/// Members of `event`.
pub const EVENT_MEMBERS: [&str; 6] = ["id", "source", "type", "subject", "time", "data"];

/// Why an expression is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct CompileError {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What is wrong, and what to do.
    pub message: String,
}

/// Why an expression has no result for an event. Says nothing of the event's content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// A member that is not there.
    #[error("the event has no member `{0}`; `has(…) ? … : …` asks first")]
    NoMember(String),
    /// Operator or function on values that it does not take.
    #[error("`{0}` does not take values of these types; `string(…)` makes a text of a number")]
    Types(String),
    /// The result is no text.
    #[error("the result is no text but {0}; `string(…)` makes one of a number")]
    NoText(&'static str),
    /// Event or text too long.
    #[error("{0}")]
    TooLong(&'static str),
    /// `data` is no JSON.
    #[error("data of the event is no JSON")]
    NoJson,
    /// A function refused its arguments, or there was no arithmetic result.
    #[error("{0} has no result for these values")]
    Failed(String),
}

/// A compiled expression.
#[derive(Debug)]
pub struct Expression {
    source: String,
    program: Program,
}

impl Expression {
    /// Compiles and checks an expression over `event`.
    ///
    /// # Errors
    /// The first mistake, with its position.
    pub fn compile(source: &str) -> Result<Self, CompileError> {
        let at_start = |message: String| CompileError { line: 1, column: 1, message };
        if source.trim().is_empty() {
            return Err(at_start("empty; a fixed text is written 'in quotes'".to_owned()));
        }
        if source.len() > MAX_EXPRESSION {
            return Err(at_start(format!("{} bytes long, more than {MAX_EXPRESSION}", source.len())));
        }
        let program = functions::environment().compile(source).map_err(|errors| check::syntax(&errors))?;
        check::program(source, &program)?;
        Ok(Self { source: source.to_owned(), program })
    }

    /// What it was compiled from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The text for an event.
    ///
    /// # Errors
    /// When there is none.
    pub fn evaluate(&self, scope: &Scope) -> Result<String, EvaluationError> {
        let value = scope.resolve(&self.program).map_err(|error| check::failure(&self.source, &error))?;
        match value {
            cel::Value::String(text) if text.len() <= MAX_TEXT => Ok(text.as_str().to_owned()),
            cel::Value::String(_) => Err(EvaluationError::TooLong("the text is longer than 64 KiB")),
            other => Err(EvaluationError::NoText(check::kind(&other))),
        }
    }
}

#[cfg(test)]
mod tests;
