use super::{CONNECTING, PATIENCE};
use crate::bus::transport::BoxError;
use async_nats::{ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

const PORT: u16 = 4222;
const PREFIX: &str = "events";
const FORM: &str = "use nats://USER:PASSWORD@HOST";
/// A third question in a row that is not answered ends a connection: after 6 seconds at most.
const PING: Duration = Duration::from_secs(2);
/// Messages that may wait to be understood. What comes beyond is missed, and said so.
const WAITING: usize = 8192;

/// Says which NATS servers carry events: `nats://USER:PASSWORD@HOST:PORT?prefix=events`.
///
/// With `tls` in place of `nats` TLS is demanded. In place of user and password may stand a token, or nothing; several
/// servers of one cluster are written `HOST:PORT,HOST:PORT`. The prefix is the first token of every subject; `ca` is
/// a file of certificates to trust in place of the system's, `cert` and `key` are those of this client.
///
/// Neither `Display` nor `Debug` shows password or token.
#[derive(Clone, PartialEq, Eq)]
pub struct NatsUrl {
    tls: bool,
    login: Login,
    hosts: Vec<(String, u16)>,
    prefix: String,
    ca: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
}

#[derive(Clone, PartialEq, Eq)]
enum Login {
    Nobody,
    Token(String),
    User { name: String, password: String },
}

impl FromStr for NatsUrl {
    type Err = String;

    /// Parses a URL; the error says what is wrong, and shows no part of the text that could be a secret.
    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| format!("lacks //: {FORM}"))?;
        let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        // A password may hold an @ that nobody has escaped.
        let (login, hosts) = place.rsplit_once('@').unwrap_or(("", place));
        let hosts = hosts.strip_suffix('/').unwrap_or(hosts);
        let mut url = Self {
            tls: scheme == "tls",
            login: match login.split_once(':') {
                None if login.is_empty() => Login::Nobody,
                None => Login::Token(decode(login)?),
                Some((name, password)) => Login::User {
                    name: decode(name)?,
                    password: decode(password)?,
                },
            },
            hosts: hosts.split(',').map(parse_host).collect::<Result<_, _>>()?,
            prefix: PREFIX.to_owned(),
            ca: None,
            cert: None,
            key: None,
        };
        for pair in parameters.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            url.set(name, decode(value)?)?;
        }
        if url.cert.is_some() != url.key.is_some() {
            return Err("has a cert without a key, or a key without a cert".into());
        }
        Ok(url)
    }
}

fn decode(text: &str) -> Result<String, String> {
    match percent_decode_str(text).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err("is not UTF-8".into()),
    }
}

fn parse_host(text: &str) -> Result<(String, u16), String> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    // What a host may have, and an IPv6 address in brackets.
    let good = |b: u8| b.is_ascii_alphanumeric() || b".-_[:]".contains(&b);
    if host.is_empty() || !host.bytes().all(good) || (host.contains(':') && !host.starts_with('['))
    {
        return Err(format!(
            "has a host that cannot be one: {FORM}, and write a '/', '@', ':' or '?' of a password as %2F, %40, %3A \
             or %3F"
        ));
    }
    let port = port.map_or(Ok(PORT), |port| {
        port.parse().map_err(|_| "has a port that is no number")
    })?;
    Ok((host.to_owned(), port))
}

impl NatsUrl {
    fn set(&mut self, name: &str, value: String) -> Result<(), String> {
        match name {
            "prefix" => {
                let good = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
                if !(1..=64).contains(&value.len()) || !value.bytes().all(good) {
                    return Err(
                        "has a prefix that is not 1 to 64 letters, digits, underscores and hyphens"
                            .into(),
                    );
                }
                self.prefix = value;
            }
            "ca" => self.ca = Some(value.into()),
            "cert" => self.cert = Some(value.into()),
            "key" => self.key = Some(value.into()),
            _ => {
                return Err(
                    "has a parameter that is not known: use prefix, ca, cert and key".into(),
                );
            }
        }
        Ok(())
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Where to connect to.
    pub(super) fn servers(&self) -> Result<Vec<ServerAddr>, BoxError> {
        let hosts = self.hosts.iter();
        let servers = hosts.map(|(host, port)| format!("nats://{host}:{port}").parse());
        Ok(servers.collect::<Result<_, std::io::Error>>()?)
    }

    /// How to connect: once. Should the driver do so again by itself, in secret, it may try each server once and then
    /// ends.
    pub(super) fn options(&self) -> ConnectOptions {
        let mut options = ConnectOptions::new()
            .name("hotbed")
            .require_tls(self.tls)
            .connection_timeout(CONNECTING)
            .request_timeout(Some(PATIENCE))
            .ping_interval(PING)
            .subscription_capacity(WAITING)
            .ignore_discovered_servers()
            .max_reconnects(self.hosts.len());
        options = match &self.login {
            Login::Nobody => options,
            Login::Token(token) => options.token(token.clone()),
            Login::User { name, password } => {
                options.user_and_password(name.clone(), password.clone())
            }
        };
        if let Some(ca) = &self.ca {
            options = options.add_root_certificates(ca.clone());
        }
        if let (Some(cert), Some(key)) = (&self.cert, &self.key) {
            options = options.add_client_certificate(cert.clone(), key.clone());
        }
        options
    }
}

impl fmt::Display for NatsUrl {
    /// The URL without what must not be seen, and as a person would write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.tls { "tls://" } else { "nats://" })?;
        if let Login::User { name, .. } = &self.login {
            write!(f, "{name}@")?;
        }
        for (n, (host, port)) in self.hosts.iter().enumerate() {
            write!(f, "{}{host}:{port}", if n > 0 { "," } else { "" })?;
        }
        write!(f, "?prefix={}", self.prefix)
    }
}

impl fmt::Debug for NatsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NatsUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_all_and_shows_what_may_be_seen() {
        for (text, shown) in [
            ("nats://h", "nats://h:4222?prefix=events"),
            ("nats://h:5000/", "nats://h:5000?prefix=events"),
            ("tls://me:secret@h", "tls://me@h:4222?prefix=events"),
            (
                "nats://me:s@c%2Fret@[::1]:5000",
                "nats://me@[::1]:5000?prefix=events",
            ),
            (
                "nats://secret@a,b:5000?prefix=blue",
                "nats://a:4222,b:5000?prefix=blue",
            ),
        ] {
            let url: NatsUrl = text.parse().unwrap();
            assert_eq!(url.to_string(), shown);
            let all = format!("{url:?} {:?}", url.options());
            assert!(!all.contains("secret") && !all.contains("s@c/ret"), "{all}");
            assert_eq!(url.servers().unwrap().len(), url.hosts.len());
        }
    }

    #[test]
    fn a_refusal_says_what_is_wrong_and_no_secret() {
        for (text, reason) in [
            ("nats:h", "lacks //"),
            ("nats://", "has a host that cannot be one"),
            ("nats://secret@", "has a host that cannot be one"),
            ("nats://me:se/cret", "has a port that is no number"),
            ("nats://me:se/cret@h/x", "has a host that cannot be one"),
            ("nats://secret@h:x", "has a port that is no number"),
            ("nats://secret@h?prefix=a.b", "has a prefix that is not"),
            ("nats://secret@h?prefix=", "has a prefix that is not"),
            ("nats://h?token=secret", "has a parameter that is not known"),
            ("tls://secret@h?cert=c", "has a cert without a key"),
            ("nats://%FFsecret@h", "is not UTF-8"),
        ] {
            let refusal = text.parse::<NatsUrl>().unwrap_err();
            assert!(refusal.starts_with(reason), "{text}: {refusal}");
            assert!(!refusal.contains("cret"), "{text}: {refusal}");
        }
    }
}
