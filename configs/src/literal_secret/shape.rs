//! The shapes of well-known keys and tokens.

use crate::interpolate::HOLE;

/// A prefix, what may follow it and how much of that there is.
struct Shape {
    kind: &'static str,
    prefix: &'static str,
    rest: fn(char) -> bool,
    least: usize,
    most: usize,
    /// Words in plain language have no digits in them; random ones of this length do.
    has_digit: bool,
}

const ANY: usize = usize::MAX;

const fn shape(
    kind: &'static str,
    prefix: &'static str,
    rest: fn(char) -> bool,
    least: usize,
    most: usize,
) -> Shape {
    Shape {
        kind,
        prefix,
        rest,
        least,
        most,
        has_digit: false,
    }
}

/// In this order: the first that fits names the kind.
const SHAPES: &[Shape] = &[
    shape("a key of Anthropic", "sk-ant-", is_base64url, 16, ANY),
    Shape {
        has_digit: true,
        ..shape("a key of OpenAI", "sk-", is_base64url, 20, ANY)
    },
    shape("a key of AWS", "AKIA", is_upper_or_digit, 16, 16),
    shape("a key of AWS", "ASIA", is_upper_or_digit, 16, 16),
    shape("a token of GitHub", "ghp_", is_alphanumeric, 30, ANY),
    shape("a token of GitHub", "gho_", is_alphanumeric, 30, ANY),
    shape("a token of GitHub", "ghu_", is_alphanumeric, 30, ANY),
    shape("a token of GitHub", "ghs_", is_alphanumeric, 30, ANY),
    shape("a token of GitHub", "ghr_", is_alphanumeric, 30, ANY),
    shape("a token of GitHub", "github_pat_", is_base64url, 22, ANY),
    shape("a token of Slack", "xoxa-", is_base64url, 10, ANY),
    shape("a token of Slack", "xoxb-", is_base64url, 10, ANY),
    shape("a token of Slack", "xoxe-", is_base64url, 10, ANY),
    shape("a token of Slack", "xoxp-", is_base64url, 10, ANY),
    shape("a token of Slack", "xoxr-", is_base64url, 10, ANY),
    shape("a token of Slack", "xoxs-", is_base64url, 10, ANY),
    shape("a key of Google", "AIza", is_base64url, 35, 35),
];

/// Finds something of a well-known shape anywhere in a text.
pub(super) fn of(text: &str) -> Option<&'static str> {
    let known = SHAPES.iter().find(|shape| shape.is_in(text));
    known
        .map(|shape| shape.kind)
        .or_else(|| holds_web_token(text).then_some("a JSON web token"))
        .or_else(|| holds_private_key(text).then_some("a private key"))
}

/// Finds a URL with a password; one that is a placeholder is none.
pub(super) fn url_with_password(text: &str) -> Option<&'static str> {
    let has_password = |(at, mark): (usize, &str)| {
        let after = &text[at + mark.len()..];
        let end = after.find(|c: char| c.is_whitespace() || "/?#\"'<>".contains(c));
        let authority = &after[..end.unwrap_or(after.len())];
        authority
            .rsplit_once('@')
            .and_then(|(user, _)| user.split_once(':'))
            .is_some_and(|(_, password)| password.chars().any(|c| c != HOLE))
    };
    text.match_indices("://")
        .any(has_password)
        .then_some("a URL with a password")
}

impl Shape {
    fn is_in(&self, text: &str) -> bool {
        words_with(text, self.prefix).any(|rest| {
            let rest = run(rest, self.rest);
            (self.least..=self.most).contains(&rest.len())
                && (!self.has_digit || rest.contains(|c: char| c.is_ascii_digit()))
        })
    }
}

/// What follows the prefix wherever it begins a word.
fn words_with<'t>(text: &'t str, prefix: &'t str) -> impl Iterator<Item = &'t str> {
    text.match_indices(prefix).filter_map(move |(at, _)| {
        let inside_a_word = text[..at].ends_with(is_base64url);
        (!inside_a_word).then_some(&text[at + prefix.len()..])
    })
}

fn run(text: &str, of: fn(char) -> bool) -> &str {
    let end = text.find(|c: char| !of(c)).unwrap_or(text.len());
    &text[..end]
}

/// `eyJ….….…`: the first part is base64 of `{"…`.
fn holds_web_token(text: &str) -> bool {
    words_with(text, "eyJ").any(|rest| {
        let parts = run(rest, |c| is_base64url(c) || c == '.');
        let lengths: Vec<_> = parts.split('.').map(str::len).collect();
        matches!(lengths[..], [header, payload, signature, ..] if header >= 8 && payload >= 8 && signature >= 16)
    })
}

fn holds_private_key(text: &str) -> bool {
    text.match_indices("-----BEGIN ").any(|(at, begin)| {
        let label = text[at + begin.len()..].split("-----").next();
        label.is_some_and(|label| label.ends_with("PRIVATE KEY") && label.len() < 40)
    })
}

fn is_base64url(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

fn is_alphanumeric(c: char) -> bool {
    c.is_ascii_alphanumeric()
}

fn is_upper_or_digit(c: char) -> bool {
    c.is_ascii_uppercase() || c.is_ascii_digit()
}
