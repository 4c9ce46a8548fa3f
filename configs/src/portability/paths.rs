//! Directories that only one machine has.

use super::Match;
use crate::interpolate::HOLE;

/// Finds home directories at the front of absolute paths. The same words further down a path, or in a URL, are no home.
pub(super) fn find(text: &str) -> impl Iterator<Item = Match<'_>> {
    let words =
        text.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',' | ';'));
    let posix = words.flat_map(|word| posix_homes(before_a_host(word)));
    let at_drive = text
        .match_indices(':')
        .filter_map(|(at, _)| windows_home(text, at));
    posix.chain(at_drive)
}

/// What of a word is not the inside of a URL; without a host, as in `file:///home`, all of it.
fn before_a_host(word: &str) -> &str {
    let has_host = |(at, mark): &(usize, &str)| !word[at + mark.len()..].starts_with('/');
    let url = word.match_indices("://").find(has_host);
    url.map_or(word, |(at, _)| &word[..at])
}

fn posix_homes(word: &str) -> impl Iterator<Item = Match<'_>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        while let Some(at) = word[from..].find('/') {
            let start = from + at;
            let rest = word[start..].trim_start_matches('/');
            let slashes = word.len() - start - rest.len();
            from = start + slashes;
            // Two are the front of `//host/share`.
            if slashes != 2
                && begins_a_path(&word[..start])
                && let Some(home) = posix_home(&word[from - 1..])
            {
                return Some(home);
            }
        }
        None
    })
}

fn posix_home(path: &str) -> Option<Match<'_>> {
    let (description, length) = if let Some(name) = path.strip_prefix("/Users/") {
        ("macOS home directory", "/Users/".len() + word(name)?)
    } else if let Some(name) = path.strip_prefix("/home/") {
        ("Linux home directory", "/home/".len() + word(name)?)
    } else {
        let rest = path.strip_prefix("/root")?;
        if rest.starts_with(is_of_a_name) || rest.starts_with(HOLE) {
            return None;
        }
        ("root home directory", "/root".len())
    };
    Some(Match {
        description,
        found: &path[..length],
    })
}

/// Tells whether what follows this part of a word can be an absolute path, and not a further part of one.
fn begins_a_path(before: &str) -> bool {
    let goes_on = |c: char| is_of_a_name(c) || matches!(c, '~' | '%' | '}' | ')' | '\\' | HOLE);
    let on_a_drive = before.strip_suffix(':').is_some_and(|drive| {
        let mut letters = drive.chars().rev();
        letters.next().is_some_and(|c| c.is_ascii_alphabetic())
            && !letters.next().is_some_and(char::is_alphanumeric)
    });
    !before.ends_with(goes_on) && !on_a_drive
}

fn windows_home(text: &str, colon: usize) -> Option<Match<'_>> {
    let before = &text[..colon];
    let drive = before
        .chars()
        .next_back()
        .filter(char::is_ascii_alphabetic)?;
    let start = colon - drive.len_utf8();
    if text[..start].ends_with(char::is_alphanumeric) {
        return None;
    }
    let users = slashes(&text[colon + 1..])?;
    let name = users
        .get(..5)
        .filter(|word| word.eq_ignore_ascii_case("Users"))
        .and_then(|_| slashes(&users[5..]))?;
    let end = text.len() - name.len() + word(name)?;
    Some(Match {
        description: "Windows home directory",
        found: &text[start..end],
    })
}

fn is_of_a_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// The length of the word at the front, if there is one.
fn word(text: &str) -> Option<usize> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let length = text.find(|c| !is_word(c)).unwrap_or(text.len());
    (length > 0).then_some(length)
}

/// What follows one or more slashes of either kind.
fn slashes(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches(['/', '\\']);
    (rest.len() < text.len()).then_some(rest)
}
