//! Addresses that mean another machine on every machine.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Match;
use crate::interpolate::HOLE;

const LOCALHOST: &str = "localhost";

/// Finds the machine itself, by name and by number, and the addresses that mean all of its interfaces.
pub(super) fn find(text: &str) -> impl Iterator<Item = Match<'_>> {
    names(text)
        .chain(numbers(text))
        .chain(in_brackets(text))
        .chain(bare_ipv6(text))
}

fn names(text: &str) -> impl Iterator<Item = Match<'_>> {
    let text = text.trim();
    let url = text.find("//").unwrap_or(text.len());
    let mut from = 0;
    std::iter::from_fn(move || {
        while let Some(at) = find_ignoring_case(&text[from..], LOCALHOST) {
            let start = from + at;
            from = start + LOCALHOST.len();
            if let Some(found) = name(text, url, start) {
                return Some(found);
            }
        }
        None
    })
}

/// Judges the `localhost` that starts at this byte, where the first URL starts at the other. In a sentence it is a word;
/// as a host it has a port, or stands in a URL or alone.
fn name(text: &str, url: usize, start: usize) -> Option<Match<'_>> {
    let end = start + LOCALHOST.len();
    let (before, after) = (&text[..start], &text[end..]);
    let is_of_a_host = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let ends_a_sentence = after
        .strip_prefix('.')
        .is_some_and(|rest| !rest.starts_with(is_of_a_host));
    if before.ends_with(is_of_a_host) || (after.starts_with(is_of_a_host) && !ends_a_sentence) {
        return None;
    }
    if let Some(port) = after.strip_prefix(':') {
        let digits = port
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(port.len());
        if digits > 0 {
            return Some(Match {
                description: "localhost with port",
                found: &text[start..end + 1 + digits],
            });
        }
    }
    let is_a_host = before.ends_with("//")
        || (before.ends_with('@') && start > url)
        || after
            .strip_prefix(':')
            .is_some_and(|port| port.starts_with(HOLE))
        || (before.is_empty() && after.is_empty());
    is_a_host.then_some(Match {
        description: LOCALHOST,
        found: &text[start..end],
    })
}

fn find_ignoring_case(text: &str, word: &str) -> Option<usize> {
    text.as_bytes()
        .windows(word.len())
        .position(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}

/// Dotted quads, each as a whole: `20.0.0.0` does not hold `0.0.0.0`.
fn numbers(text: &str) -> impl Iterator<Item = Match<'_>> {
    let is_of_a_number = |c: char| c.is_ascii_digit() || c == '.';
    let mut from = 0;
    std::iter::from_fn(move || {
        while let Some(at) = text[from..].find(|c: char| c.is_ascii_digit()) {
            let start = from + at;
            let rest = &text[start..];
            let length = rest.find(|c| !is_of_a_number(c)).unwrap_or(rest.len());
            from = start + length;
            let found = rest[..length].trim_end_matches('.');
            let around = (&text[..start], &text[from..]);
            if let Some(description) = ipv4(found, around) {
                return Some(Match { description, found });
            }
        }
        None
    })
}

fn ipv4(found: &str, (before, after): (&str, &str)) -> Option<&'static str> {
    let goes_on = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    if before.ends_with(goes_on) || after.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let address: Ipv4Addr = found.parse().ok()?;
    // `0.0.0.0/0` is the network of all addresses, not an address.
    let is_network = after
        .strip_prefix('/')
        .is_some_and(|bits| bits.starts_with(|c: char| c.is_ascii_digit()));
    if address.is_loopback() {
        Some("localhost IP")
    } else if address.is_unspecified() && !is_network {
        Some("all interfaces IP")
    } else {
        None
    }
}

fn in_brackets(text: &str) -> impl Iterator<Item = Match<'_>> {
    text.match_indices('[').filter_map(|(open, _)| {
        let inside = &text[open + 1..];
        let length = inside.find(|c: char| !is_of_ipv6(c))?;
        let description = ipv6(&inside[..length])?;
        inside[length..].starts_with(']').then_some(Match {
            description,
            found: &text[open..open + length + 2],
        })
    })
}

fn bare_ipv6(text: &str) -> Option<Match<'_>> {
    let found = text.trim();
    ipv6(found).map(|description| Match { description, found })
}

/// No address is longer; a longer text need not be looked at.
const LONGEST_IPV6: usize = 45;

fn ipv6(text: &str) -> Option<&'static str> {
    if text.len() > LONGEST_IPV6 {
        return None;
    }
    let address: Ipv6Addr = text.parse().ok()?;
    if address.is_loopback() {
        Some("localhost IPv6")
    } else if address.is_unspecified() {
        Some("all interfaces IPv6")
    } else {
        None
    }
}

fn is_of_ipv6(c: char) -> bool {
    c.is_ascii_hexdigit() || matches!(c, ':' | '.')
}
