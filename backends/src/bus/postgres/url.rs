use super::channels::LONGEST_PREFIX;
use crate::PostgresUrl;
use sqlx::postgres::PgConnectOptions;
use std::fmt;
use std::str::FromStr;

/// What stands before every channel of Python's.
const PREFIX: &str = "events";

/// Says which PostgreSQL database carries events: `postgres://USER:PASSWORD@HOST:PORT/DATABASE?prefix=events`.
///
/// It is the URL of a registry, whose `table` means nothing here, and the prefix of the channels: letters, digits and
/// `_`.
///
/// Neither `Display` nor `Debug` shows the password.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresBusUrl {
    database: PostgresUrl,
    prefix: String,
}

impl FromStr for PostgresBusUrl {
    type Err = String;

    /// Parses what follows the scheme, `//…`; the error says what is wrong, and shows no part of the text that could
    /// be a password.
    fn from_str(text: &str) -> Result<Self, String> {
        let (place, parameters) = text.split_once('?').unwrap_or((text, ""));
        let (prefixes, others): (Vec<_>, Vec<_>) = parameters
            .split('&')
            .partition(|pair| pair.starts_with("prefix="));
        let prefix = prefixes
            .last()
            .map_or(PREFIX, |pair| &pair["prefix=".len()..]);
        let good = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        if !(1..=LONGEST_PREFIX).contains(&prefix.len()) || !prefix.bytes().all(good) {
            return Err(format!(
                "has a prefix that is not 1 to {LONGEST_PREFIX} letters, digits and underscores"
            ));
        }
        Ok(Self {
            database: format!("{place}?{}", others.join("&")).parse()?,
            prefix: prefix.to_owned(),
        })
    }
}

impl PostgresBusUrl {
    /// How to connect.
    pub(super) fn options(&self) -> Result<PgConnectOptions, sqlx::Error> {
        // A notification need not survive the server: were its commit to wait for the disk, so would all others that
        // notify, for PostgreSQL lets no two of them commit at once.
        let settings = [("synchronous_commit", "off")];
        Ok(self.database.options()?.options(settings))
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }
}

impl fmt::Display for PostgresBusUrl {
    /// The URL without its password, and as a person would write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.database.show(f, "prefix", &self.prefix)
    }
}

impl fmt::Debug for PostgresBusUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresBusUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_of_a_registry_is_one_of_a_bus() {
        for (text, shown) in [
            (
                "//bot:secret@db.example/conf",
                "bot@db.example:5432/conf?prefix=events",
            ),
            (
                "//bot:secret@db.example/conf?table=conf.bots&sslmode=require",
                "bot@db.example:5432/conf?prefix=events",
            ),
            (
                "//bot@/conf?host=/run/pg&prefix=Blue_2&port=6000",
                "bot@/conf?prefix=Blue_2&host=/run/pg&port=6000",
            ),
        ] {
            let url: PostgresBusUrl = text.parse().unwrap();
            assert_eq!(url.to_string(), format!("postgres://{shown}"), "{text}");
            assert!(!format!("{url:?}").contains("secret"));
        }
    }

    #[test]
    fn a_refusal_says_what_is_wrong_and_no_password() {
        for (text, reason) in [
            ("//bot:secret@h/db?prefix=", "has a prefix that is not"),
            ("//bot:secret@h/db?prefix=a-b", "has a prefix that is not"),
            ("//bot:secret@h/db?prefix=a%22", "has a prefix that is not"),
            (
                &format!("//bot:secret@h/db?prefix={}", "x".repeat(30)),
                "has a prefix that is not 1 to 29 letters",
            ),
            ("//bot:secret@h", "names no database"),
            ("//bot:secret@h/db?tabel=secret", "has a parameter"),
        ] {
            let refusal = text.parse::<PostgresBusUrl>().unwrap_err();
            assert!(refusal.starts_with(reason), "{text}: {refusal}");
            assert!(!refusal.contains("secret"), "{text}: {refusal}");
        }
    }
}
