//! Text from outside, made fit for a message.

use std::fmt::{self, Display, Write};

/// Shows a text from outside on one line and not at any length: it may be as hostile as any other input.
pub(crate) struct Shown<'t>(pub(crate) &'t str);

const SHOWN_CHARS: usize = 200;

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, character) in self.0.chars().enumerate() {
            if at == SHOWN_CHARS {
                return f.write_char('…');
            }
            if character.is_control() {
                write!(f, "{}", character.escape_default())?;
            } else {
                f.write_char(character)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_shown_on_one_line_and_cut() {
        assert_eq!(Shown("plain \"ä\"").to_string(), "plain \"ä\"");
        assert_eq!(Shown("two\nlines\u{1b}").to_string(), "two\\nlines\\u{1b}");
        let long = "ä".repeat(10_000);
        assert_eq!(
            Shown(&long).to_string(),
            format!("{}…", "ä".repeat(SHOWN_CHARS))
        );
    }
}
