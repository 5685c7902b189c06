//! The text of a rule as the `cel` crate reads it.

use std::thread;

use cel::Program;
use cel::common::ast::IdedExpr;

use super::check::{Fault, fault};

/// Enough for rules of the 4096 characters that a manifest allows; only what is used of it takes memory.
const STACK_BYTES: usize = 64 << 20;
/// So many characters of what the parser says are shown.
const SAID_MAX: usize = 120;

/// Parses a rule.
pub(super) fn parse(expression: &str) -> Result<IdedExpr, Fault> {
    if let Some(sign) = doubled(expression) {
        return fault(
            format!("has `{sign}`, which says the same as nothing"),
            format!("leave it out, or write it once: `{}`", &sign[..1]),
        );
    }
    let fix = "write one, such as event.value > 0";
    match with_room(|| read(expression)) {
        Some(Ok(expression)) => Ok(expression),
        Some(Err(said)) => fault(format!("is no CEL expression: {said}"), fix),
        None => fault("is no CEL expression that can be read", fix),
    }
}

/// The expression, or the first that is wrong with it.
fn read(expression: &str) -> Result<IdedExpr, String> {
    Program::compile(expression).map(|program| program.expression().clone()).map_err(|errors| {
        let Some(error) = errors.errors.first() else { return "nothing is said of it".to_owned() };
        let said: String = error.msg.lines().next().unwrap_or_default().chars().take(SAID_MAX).collect();
        let (line, column) = error.pos;
        format!("{said}, at line {line}, column {column} of it")
    })
}

/// The crate goes as deep as a rule has operators in a row, which is more than every stack has room for. None if it fails.
fn with_room<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        thread.ok()?.join().ok()
    })
}

/// `!!` or `--` outside texts: the crate reads either as if it stood there once.
fn doubled(expression: &str) -> Option<&'static str> {
    let mut quote = None;
    // The last two signs that are no white space.
    let (mut before, mut last) = (' ', ' ');
    let is_operand = |char: char| char.is_alphanumeric() || matches!(char, '_' | ')' | ']' | '"' | '\'');
    let mut chars = expression.chars();
    while let Some(char) = chars.next() {
        match (quote, char) {
            (Some(_), '\\') => _ = chars.next(),
            (Some(open), char) if char == open => quote = None,
            (None, '"' | '\'') => quote = Some(char),
            (None, '!') if last == '!' => return Some("!!"),
            // After an operand the first one subtracts.
            (None, '-') if last == '-' && !is_operand(before) => return Some("--"),
            _ => {}
        }
        if quote.is_none() && !char.is_whitespace() {
            (before, last) = (last, char);
        }
    }
    None
}
