//! Fills `${VAR}` into one text.
//!
//! | written | variable set, even if empty | not set |
//! |---|---|---|
//! | `${V}` | its value | missing |
//! | `${V:text}`, `${V:-text}` | its value | `text`, up to the first `}` |
//! | `${V:?text}`, `${V:?}` | its value | missing, with `text` as message |
//! | `$${V}` | `${V}` | `${V}` |
//!
//! The name reaches to the first `:` or `}` and is taken as it stands, spaces and all. One pass: what a variable or a
//! default brings in is not looked at again, so a value can never become structure. Anything else, such as `$V`,
//! `${}`, `${:text}` or a `${` without `}`, is plain text. There is no `~` expansion. A literal `$` in front of a
//! variable is written `${DOLLAR:$}${V}`, since `$${` is the escape.

use std::borrow::Cow;

use crate::limits::{Budget, Exhausted};
use crate::variables::Variables;

/// A variable that is not set and has no default.
#[derive(Debug, PartialEq)]
pub(crate) struct Missing {
    pub(crate) name: String,
    pub(crate) message: Option<String>,
}

/// Fills in the variables. A missing one is reported and leaves its placeholder in place. What is filled in is charged
/// to the budget, since a short text can ask for a long variable many times.
pub(crate) fn interpolate<'t>(
    text: &'t str,
    variables: &Variables,
    budget: &mut Budget,
    mut missing: impl FnMut(Missing),
) -> Result<Cow<'t, str>, Exhausted> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((plain, found, after)) = next_mark(rest) {
        filled.push_str(plain);
        rest = after;
        let put = match found {
            Mark::Escape => "${",
            Mark::Placeholder { whole, name, or } => match (variables.get(name), or) {
                (Some(value), _) => value,
                (None, Or::Default(text)) => text,
                (None, Or::Missing(message)) => {
                    missing(Missing {
                        name: name.to_owned(),
                        message: message.map(str::to_owned),
                    });
                    whole
                }
            },
        };
        budget.spend(put.len())?;
        filled.push_str(put);
    }
    if rest.len() == text.len() {
        return Ok(Cow::Borrowed(text));
    }
    filled.push_str(rest);
    Ok(Cow::Owned(filled))
}

/// The variable of a text that is one placeholder and nothing else.
pub(crate) fn only_variable(text: &str) -> Option<&str> {
    match next_mark(text) {
        Some(("", Mark::Placeholder { name, .. }, "")) => Some(name),
        _ => None,
    }
}

/// Stands for a placeholder in a text [with holes](with_holes); no text means anything by it.
pub(crate) const HOLE: char = '\u{fffc}';

/// Tells whether a text has a placeholder in it.
pub(crate) fn has_placeholder(text: &str) -> bool {
    let mut rest = text;
    while let Some((_, mark, after)) = next_mark(rest) {
        if matches!(mark, Mark::Placeholder { .. }) {
            return true;
        }
        rest = after;
    }
    false
}

/// Leaves of a text what is the same in every environment: a hole stands for each placeholder, its default included.
pub(crate) fn with_holes(text: &str) -> Cow<'_, str> {
    if !has_placeholder(text) {
        return Cow::Borrowed(text);
    }
    let mut left = String::new();
    let mut rest = text;
    while let Some((plain, mark, after)) = next_mark(rest) {
        left.push_str(plain);
        match mark {
            Mark::Escape => left.push_str("${"),
            Mark::Placeholder { .. } => left.push(HOLE),
        }
        rest = after;
    }
    left.push_str(rest);
    Cow::Owned(left)
}

enum Mark<'t> {
    Escape,
    Placeholder {
        whole: &'t str,
        name: &'t str,
        or: Or<'t>,
    },
}

enum Or<'t> {
    Default(&'t str),
    Missing(Option<&'t str>),
}

/// Splits off the text up to and including the next escape or placeholder.
fn next_mark(text: &str) -> Option<(&str, Mark<'_>, &str)> {
    let mut from = 0;
    loop {
        let open = from + text[from..].find("${")?;
        if let Some(plain) = text[from..open].strip_suffix('$') {
            return Some((&text[..from + plain.len()], Mark::Escape, &text[open + 2..]));
        }
        let inside = &text[open + 2..];
        if inside.starts_with([':', '}']) {
            from = open + 2;
            continue;
        }
        // Without a `}` there is no placeholder here nor further on; to look for it no second time keeps this linear.
        let (inside, after) = inside.split_once('}')?;
        let (name, or) = match inside.split_once(':') {
            None => (inside, Or::Missing(None)),
            Some((name, rest)) => (name, alternative(rest)),
        };
        let whole = &text[open..text.len() - after.len()];
        return Some((&text[..open], Mark::Placeholder { whole, name, or }, after));
    }
}

fn alternative(text: &str) -> Or<'_> {
    if let Some(message) = text.strip_prefix('?') {
        Or::Missing(Some(message).filter(|message| !message.is_empty()))
    } else {
        Or::Default(text.strip_prefix('-').unwrap_or(text))
    }
}

#[cfg(test)]
mod tests;
