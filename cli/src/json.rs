use std::fmt::Write;

use crate::printable::is_unsafe;

const INDENT: &str = "  ";

/// Lays JSON out for people and leaves every token as it came: the order of keys, the digits of numbers. Characters
/// that a terminal might obey become `\u` escapes, which mean the same. The text must be JSON.
pub(crate) fn pretty(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0;
    let mut rest = json.trim_start();
    while let Some(token) = rest.chars().next() {
        let len = if token == '"' {
            string_len(rest)
        } else {
            token.len_utf8()
        };
        let (text, after) = rest.split_at(len);
        rest = after.trim_start();
        match token {
            '{' | '[' => {
                out.push(token);
                if rest.starts_with(['}', ']']) {
                    out.push_str(&rest[..1]);
                    rest = rest[1..].trim_start();
                } else {
                    depth += 1;
                    break_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth -= 1;
                break_line(&mut out, depth);
                out.push(token);
            }
            ',' => {
                out.push(token);
                break_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => push_safe(&mut out, text),
        }
    }
    out
}

/// The same JSON on the one line that it already is, with nothing in it that a terminal might obey.
pub(crate) fn line(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for part in json.lines() {
        push_safe(&mut out, part);
    }
    out
}

/// How long the string is that the text begins with, both quotes included.
fn string_len(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn break_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n(INDENT, depth));
}

fn push_safe(out: &mut String, text: &str) {
    for c in text.chars() {
        if is_unsafe(c) {
            // Every such character is of the first plane, so one escape holds it.
            write!(out, "\\u{:04x}", u32::from(c)).expect("writing to a String does not fail");
        } else {
            out.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn json_is_laid_out_and_no_token_is_touched() {
        assert_eq!(
            pretty(
                r#"{"b":[1.50,{"a":"x: {,} \" y"},[ ],{}],"a":12345678901234567890123,"e":1e5}"#
            ),
            r#"{
  "b": [
    1.50,
    {
      "a": "x: {,} \" y"
    },
    [],
    {}
  ],
  "a": 12345678901234567890123,
  "e": 1e5
}"#
        );
        assert_eq!(pretty(" null "), "null");
    }

    #[test]
    fn what_was_laid_out_before_is_laid_out_anew() {
        let once = pretty(r#"{"a":{"b":[true,null]}}"#);
        assert_eq!(pretty(&once), once);
    }

    #[test]
    fn no_escape_code_reaches_the_terminal_and_the_value_is_the_same() {
        let json = "{\"a\":\"\u{9b}31m\u{7f}\u{202e}\\u001b ü\"}";
        let shown = pretty(json);
        assert!(!shown.contains(|c| c != '\n' && is_unsafe(c)), "{shown:?}");
        let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(value(&shown), value(json));
        assert_eq!(value(&line(json)), value(json));
    }
}
