use crate::fault::{Fault, Kind};
use hotbed_api::Place;
use serde_json::Value;
use std::fmt;

/// What one member of a list or object takes, with what its container keeps free for more.
const MEMBER: usize = size_of::<Value>() + size_of::<Value>() / 2;
/// What a list or object takes before it has a second member.
const CONTAINER: usize = 5 * MEMBER;

/// A number that no reader could be sure to get back as it was sent.
#[derive(Debug)]
pub(crate) struct Inexact {
    number: String,
    line: u64,
    column: u64,
}

/// Looks over the text of a JSON document without building anything: how many bytes its values will take in memory,
/// about. Refuses numbers that would be changed by being read. What is no JSON is left to the parser.
pub(crate) fn weigh(text: &[u8]) -> Result<usize, Inexact> {
    let mut weight = text.len();
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        at = match byte {
            b'"' => end_of_string(text, at + 1),
            b'-' | b'0'..=b'9' => {
                let end = end_of_number(text, at);
                if !is_kept(&text[at..end]) {
                    return Err(Inexact::new(text, at, end));
                }
                end
            }
            b'[' | b'{' => {
                weight += CONTAINER;
                at + 1
            }
            b',' => {
                weight += MEMBER;
                at + 1
            }
            _ => at + 1,
        };
    }
    Ok(weight)
}

fn end_of_string(text: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

fn end_of_number(text: &[u8], from: usize) -> usize {
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    let length = text[from..].iter().take_while(|byte| is_part(byte)).count();
    from + length
}

/// Whether a number is one of 64 bits, whole or floating; floats are rounded, as everywhere, but not to nothing or
/// beyond all bounds.
fn is_kept(number: &[u8]) -> bool {
    let Ok(number) = str::from_utf8(number) else {
        return true;
    };
    if number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() {
        return true;
    }
    let is_whole = number
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'-'));
    match number.parse::<f64>() {
        Ok(_) if is_whole => false,
        Ok(0.0) => {
            let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
            !mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
        }
        Ok(float) => float.is_finite(),
        Err(_) => true,
    }
}

impl Inexact {
    fn new(text: &[u8], at: usize, end: usize) -> Self {
        let before = &text[..at];
        let line_start = before
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |newline| newline + 1);
        Self {
            number: text[at..end]
                .iter()
                .take(64)
                .map(|byte| char::from(*byte))
                .collect(),
            line: before.split(|byte| *byte == b'\n').count() as u64,
            column: (at - line_start) as u64 + 1,
        }
    }
}

impl fmt::Display for Inexact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            number,
            line,
            column,
        } = self;
        write!(
            f,
            "the number {number} at line {line} column {column} does not fit in 64 bits and would be changed: send it \
             as a text"
        )
    }
}

impl From<Inexact> for Fault {
    fn from(inexact: Inexact) -> Self {
        let place = Place {
            path: String::new(),
            line: Some(inexact.line),
            column: Some(inexact.column),
        };
        Self::new(Kind::Invalid, format!("body: {inexact}")).at_place(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_64_bits_is_kept_and_no_other() {
        for kept in [
            "0",
            "-0",
            "-0.0",
            "0e9",
            "1.5",
            "-1e-300",
            "18446744073709551615",
            "-9223372036854775808",
            "1.7976931348623157e308",
            "1e29",
            "0.1000000000000000055511151231257827",
        ] {
            assert!(is_kept(kept.as_bytes()), "{kept}");
        }
        for changed in [
            "18446744073709551616",
            "-9223372036854775809",
            "123456789012345678901234567890",
            "1e400",
            "-1.5E+999",
            "1e-400",
            "-0.001e-1000",
        ] {
            assert!(!is_kept(changed.as_bytes()), "{changed}");
        }
        for none in ["1-2", "1.2.3", "--1", "1e"] {
            assert!(is_kept(none.as_bytes()), "{none} is for the parser");
        }
    }

    #[test]
    fn only_numbers_outside_of_texts_count_and_are_told_with_their_place() {
        assert!(weigh(br#"{"1e400": "a\"123456789012345678901234567890\\"}"#).is_ok());
        assert!(weigh(b"\"1e400").is_ok(), "what ends too early too");
        assert!(weigh(b"\"\\").is_ok());
        let inexact = weigh(b"{\n \"a\\\"\": [1,\n  -1e999]}").unwrap_err();
        assert_eq!(
            (inexact.number.as_str(), inexact.line, inexact.column),
            ("-1e999", 3, 3)
        );
    }

    #[test]
    fn what_is_short_and_grows_in_memory_weighs_more_than_a_text() {
        let dense = weigh("[[0],[0]]".as_bytes()).unwrap();
        assert!(dense > 3 * 5 * size_of::<Value>(), "{dense}");
        let text = format!("\"{}\"", ",[{".repeat(100));
        assert_eq!(weigh(text.as_bytes()).unwrap(), text.len());
    }
}
