//! Mistakes, found when compiled and when evaluated, in words for people.

use cel::common::ast::{EntryExpr, Expr, IdedExpr};
use cel::{ExecutionError, ParseErrors, Program, Value};

use crate::{CompileError, EVENT_MEMBERS, EvaluationError, MAX_DEPTH, MAX_REFERENCES, functions};

/// The parser's first error.
pub fn syntax(errors: &ParseErrors) -> CompileError {
    let Some(error) = errors.errors.first() else {
        return CompileError { line: 1, column: 1, message: "no expression of CEL".to_owned() };
    };
    let at = |position: isize| usize::try_from(position).unwrap_or(1).max(1);
    CompileError { line: at(error.pos.0), column: at(error.pos.1), message: error.msg.clone() }
}

/// Everything that can be known before there is an event.
pub fn program(source: &str, program: &Program) -> Result<(), CompileError> {
    let mut waiting = vec![(program.expression(), 1_usize)];
    let mut references = 0;
    while let Some((node, depth)) = waiting.pop() {
        references += usize::from(matches!(&node.expr, Expr::Ident(name) if name == "event"));
        let many =
            (references > MAX_REFERENCES).then(|| format!("`event` stands here more than {MAX_REFERENCES} times"));
        if let Some(message) = many.or_else(|| mistake(node, depth)) {
            let (line, column) = position(source, program, node.id);
            return Err(CompileError { line, column, message });
        }
        waiting.extend(children(&node.expr).into_iter().map(|child| (child, depth + 1)));
    }
    Ok(())
}

fn mistake(node: &IdedExpr, depth: usize) -> Option<String> {
    if depth > MAX_DEPTH {
        return Some(format!("nested deeper than {MAX_DEPTH} levels"));
    }
    match &node.expr {
        Expr::Comprehension(_) => Some("loops (all, exists, exists_one, map, filter) are not offered here".to_owned()),
        Expr::Struct(_) => Some("messages are not offered here".to_owned()),
        Expr::Ident(name) if name != "event" => Some(format!("there is no `{name}`, only `event`")),
        Expr::Call(call) if is_word(&call.func_name) && !functions::NAMES.contains(&call.func_name.as_str()) => {
            Some(format!("there is no function `{}`; there are {}", call.func_name, functions::NAMES.join(", ")))
        }
        Expr::Select(select) => match &select.operand.expr {
            Expr::Ident(name) if name == "event" && !EVENT_MEMBERS.contains(&select.field.as_str()) => {
                Some(format!("`event` has no member `{}`; it has {}", select.field, EVENT_MEMBERS.join(", ")))
            }
            _ => None,
        },
        _ => None,
    }
}

/// Operators are functions too, by names such as `_+_`.
fn is_word(name: &str) -> bool {
    !name.contains('_') && !name.starts_with(['!', '-', '@'])
}

fn children(node: &Expr) -> Vec<&IdedExpr> {
    match node {
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
        Expr::Select(select) => vec![&*select.operand],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map
            .entries
            .iter()
            .flat_map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
                EntryExpr::StructField(field) => vec![&field.value],
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Line and column of a node. The parser counts characters from the start of the text.
fn position(source: &str, program: &Program, id: u64) -> (usize, usize) {
    let offset = program.source_info().offset_for(id).map_or(0, |(start, _)| start);
    let offset = usize::try_from(offset).unwrap_or(0);
    let before: Vec<char> = source.chars().take(offset).collect();
    let line = before.iter().filter(|c| **c == '\n').count() + 1;
    let column = before.iter().rev().take_while(|c| **c != '\n').count() + 1;
    (line, column)
}

/// Errors of the interpreter quote values, and those are content of an event: only names that stand in the expression go on.
pub fn failure(source: &str, error: &ExecutionError) -> EvaluationError {
    let known = |name: &str| if source.contains(name) { name.to_owned() } else { "…".to_owned() };
    match error {
        ExecutionError::NoSuchKey(name) => EvaluationError::NoMember(known(name)),
        ExecutionError::NoSuchOverload(overload) => EvaluationError::Types(operator(overload.function())),
        ExecutionError::UnsupportedBinaryOperator(name, ..) => EvaluationError::Types(operator(name)),
        ExecutionError::FunctionError { function, .. } => EvaluationError::Failed(format!("`{}`", known(function))),
        ExecutionError::IndexOutOfBounds(_) => EvaluationError::Failed("an index out of bounds".to_owned()),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) | ExecutionError::Overflow(..) => {
            EvaluationError::Failed("arithmetic".to_owned())
        }
        _ => EvaluationError::Failed("the expression".to_owned()),
    }
}

/// `_+_` or `add`, as people write it.
fn operator(name: &str) -> String {
    let sign = match name.trim_matches('_') {
        "add" => "+",
        "sub" => "-",
        "mul" => "*",
        "div" => "/",
        "rem" | "mod" => "%",
        other => other,
    };
    sign.to_owned()
}

/// Word for what a value is.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::List(_) => "a list",
        Value::Map(_) => "an object",
        Value::Int(_) | Value::UInt(_) | Value::Float(_) => "a number",
        Value::Bool(_) => "true or false",
        Value::Null => "null",
        _ => "something else",
    }
}
