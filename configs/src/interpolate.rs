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
    let mut marks = Marks::of(text);
    for (plain, found) in marks.by_ref() {
        filled.push_str(plain);
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
    if marks.rest.len() == text.len() {
        return Ok(Cow::Borrowed(text));
    }
    filled.push_str(marks.rest);
    Ok(Cow::Owned(filled))
}

/// The variable of a text that is one placeholder and nothing else.
pub(crate) fn only_variable(text: &str) -> Option<&str> {
    let mut marks = Marks::of(text);
    match (marks.next(), marks.rest) {
        (Some(("", Mark::Placeholder { name, .. })), "") => Some(name),
        _ => None,
    }
}

/// Stands for a placeholder in a text [with holes](with_holes); no text means anything by it.
pub(crate) const HOLE: char = '\u{fffc}';

/// Tells whether a text has a placeholder in it.
pub(crate) fn has_placeholder(text: &str) -> bool {
    Marks::of(text).any(|(_, mark)| matches!(mark, Mark::Placeholder { .. }))
}

/// Leaves of a text what is the same in every environment: a hole stands for each placeholder, its default included.
pub(crate) fn with_holes(text: &str) -> Cow<'_, str> {
    if !has_placeholder(text) {
        return Cow::Borrowed(text);
    }
    let mut left = String::new();
    let mut marks = Marks::of(text);
    for (plain, mark) in marks.by_ref() {
        left.push_str(plain);
        match mark {
            Mark::Escape => left.push_str("${"),
            Mark::Placeholder { .. } => left.push(HOLE),
        }
    }
    left.push_str(marks.rest);
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

/// The escapes and placeholders of a text in their order, each with the plain text before it.
struct Marks<'t> {
    rest: &'t str,
    /// Whether a `}` may still come. To look for one no second time keeps this linear.
    may_close: bool,
}

impl<'t> Marks<'t> {
    fn of(text: &'t str) -> Self {
        Self {
            rest: text,
            may_close: true,
        }
    }
}

impl<'t> Iterator for Marks<'t> {
    type Item = (&'t str, Mark<'t>);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.rest;
        let mut from = 0;
        loop {
            let open = from + text[from..].find("${")?;
            if let Some(plain) = text[from..open].strip_suffix('$') {
                self.rest = &text[open + 2..];
                return Some((&text[..from + plain.len()], Mark::Escape));
            }
            let inside = &text[open + 2..];
            from = open + 2;
            if !self.may_close || inside.starts_with([':', '}']) {
                continue;
            }
            let Some((inside, after)) = inside.split_once('}') else {
                self.may_close = false;
                continue;
            };
            let (name, or) = match inside.split_once(':') {
                None => (inside, Or::Missing(None)),
                Some((name, rest)) => (name, alternative(rest)),
            };
            let whole = &text[open..text.len() - after.len()];
            self.rest = after;
            return Some((&text[..open], Mark::Placeholder { whole, name, or }));
        }
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
