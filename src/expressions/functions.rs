//! Functions of texts beside CEL's standard ones, under the names of its strings extension. The library has them too, but lets
//! a text grow without bound.

use std::sync::{Arc, OnceLock};

use cel::common::types::{CelInt, CelList, CelString};
use cel::common::value::Val;
use cel::{DeclarationError, Env, ExecutionError};

use crate::MAX_TEXT;

/// Most pieces that `split` makes.
const MAX_PIECES: usize = 1024;

/// Names of the functions that an expression may call.
pub const NAMES: [&str; 19] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "string",
    "int",
    "uint",
    "double",
    "bool",
    "type",
    "replace",
    "substring",
    "lowerAscii",
    "upperAscii",
    "trim",
    "indexOf",
    "split",
    "has",
    "dyn",
];

/// The one environment: built once, as it never changes.
pub fn environment() -> Arc<Env> {
    static ENVIRONMENT: OnceLock<Arc<Env>> = OnceLock::new();
    Arc::clone(ENVIRONMENT.get_or_init(|| {
        let mut environment = Env::stdlib();
        // Fails only where a name is declared twice, which a test would show.
        let declared = declare(&mut environment);
        debug_assert_eq!(declared, Ok(()));
        Arc::new(environment)
    }))
}

fn declare(env: &mut Env) -> Result<(), DeclarationError> {
    cel::add_member_overload!(env, fn replace: (CelString, CelString, CelString) -> Result<CelString>)?;
    cel::add_member_overload!(env, fn substring_from: (CelString, CelInt) -> Result<CelString>, name = "substring")?;
    cel::add_member_overload!(env, fn substring: (CelString, CelInt, CelInt) -> Result<CelString>)?;
    cel::add_member_overload!(env, fn lower_ascii: (CelString) -> CelString)?;
    cel::add_member_overload!(env, fn upper_ascii: (CelString) -> CelString)?;
    cel::add_member_overload!(env, fn trim: (CelString) -> CelString)?;
    cel::add_member_overload!(env, fn index_of: (CelString, CelString) -> CelInt)?;
    cel::add_member_overload!(env, fn split: (CelString, CelString) -> Result<CelList>)
}

/// Measures before it makes anything.
fn replace(
    this: &CelString<'_>,
    from: &CelString<'_>,
    to: &CelString<'_>,
) -> Result<CelString<'static>, ExecutionError> {
    let (text, from, to) = (this.inner(), from.inner(), to.inner());
    if to.len() > from.len() {
        let growth = text.matches(from).count().saturating_mul(to.len() - from.len());
        if text.len().saturating_add(growth) > MAX_TEXT {
            return Err(ExecutionError::function_error("replace", "longer than 64 KiB"));
        }
    }
    Ok(text.replace(from, to).into())
}

/// Positions count characters, as everywhere in CEL.
fn cut(text: &str, start: i64, end: Option<i64>) -> Result<CelString<'static>, ExecutionError> {
    let refused = || ExecutionError::function_error("substring", "out of range");
    let start = usize::try_from(start).map_err(|_| refused())?;
    let end = end.map(usize::try_from).transpose().map_err(|_| refused())?;
    let length = text.chars().count();
    let end = end.unwrap_or(length);
    if start > end || end > length {
        return Err(refused());
    }
    Ok(text.chars().skip(start).take(end - start).collect::<String>().into())
}

fn substring_from(this: &CelString<'_>, start: &CelInt) -> Result<CelString<'static>, ExecutionError> {
    cut(this.inner(), *start.inner(), None)
}

fn substring(this: &CelString<'_>, start: &CelInt, end: &CelInt) -> Result<CelString<'static>, ExecutionError> {
    cut(this.inner(), *start.inner(), Some(*end.inner()))
}

fn lower_ascii(this: &CelString<'_>) -> CelString<'static> {
    this.inner().to_ascii_lowercase().into()
}

fn upper_ascii(this: &CelString<'_>) -> CelString<'static> {
    this.inner().to_ascii_uppercase().into()
}

fn trim(this: &CelString<'_>) -> CelString<'static> {
    this.inner().trim().to_owned().into()
}

fn index_of(this: &CelString<'_>, sought: &CelString<'_>) -> CelInt {
    let text = this.inner();
    let characters = text.find(sought.inner()).and_then(|at| text.get(..at)).map(|before| before.chars().count());
    characters.and_then(|count| i64::try_from(count).ok()).unwrap_or(-1).into()
}

fn split(this: &CelString<'_>, separator: &CelString<'_>) -> Result<CelList<'static>, ExecutionError> {
    if separator.inner().is_empty() || this.inner().matches(separator.inner()).count() >= MAX_PIECES {
        return Err(ExecutionError::function_error("split", "no separator, or too many pieces"));
    }
    let pieces = this.inner().split(separator.inner());
    let pieces = pieces.map(|piece| Box::new(CelString::from(piece.to_owned())) as Box<dyn Val>);
    Ok(pieces.collect::<Vec<_>>().into())
}
