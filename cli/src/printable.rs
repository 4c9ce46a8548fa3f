use std::fmt::{self, Write};

/// Text from elsewhere as one line that cannot act on a terminal: control characters, line breaks among them, and
/// characters that reorder what is shown are written as escapes.
pub(crate) struct Line<'a>(pub(crate) &'a str);

/// Like [`Line`], but line breaks and tabs stay: for what is meant to be read as text.
pub(crate) struct Text<'a>(pub(crate) &'a str);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_escaped(f, self.0, is_unsafe)
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_escaped(f, self.0, |c| is_unsafe(c) && !matches!(c, '\n' | '\t'))
    }
}

/// Whether a terminal might obey this character rather than show it.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn write_escaped(
    f: &mut fmt::Formatter<'_>,
    text: &str,
    escape: impl Fn(char) -> bool,
) -> fmt::Result {
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' if escape(c) => write!(f, "{}", c.escape_default())?,
            c if escape(c) => write!(f, "{}", c.escape_unicode())?,
            c => f.write_char(c)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_escape_codes_instead_of_sending_them() {
        assert_eq!(
            Line("\u{1b}]0;pwned\u{7}").to_string(),
            r"\u{1b}]0;pwned\u{7}"
        );
        assert_eq!(Line("\u{9b}31m\u{7f}").to_string(), r"\u{9b}31m\u{7f}");
        assert_eq!(Line("a\r\nb\tc").to_string(), r"a\r\nb\tc");
    }

    #[test]
    fn a_text_keeps_its_lines_and_nothing_else_that_moves_the_cursor() {
        assert_eq!(Text("a\n\tb\rc\u{8}").to_string(), "a\n\tb\\rc\\u{8}");
    }

    #[test]
    fn letters_of_any_script_stay_but_reordering_is_shown() {
        assert_eq!(Line("Grüße, שלום 👩‍🚀").to_string(), "Grüße, שלום 👩‍🚀");
        assert_eq!(Line("\u{202e}evil").to_string(), r"\u{202e}evil");
    }
}
