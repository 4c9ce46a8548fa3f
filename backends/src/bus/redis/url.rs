use percent_encoding::percent_decode_str;
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo, RedisError};
use std::fmt;
use std::path::{Path, PathBuf};

const PARAMETERS: &str = "prefix, ssl_ca_certs and, for a socket, db";
const FORM: &str = "use redis://USER:PASSWORD@HOST:PORT/DB?prefix=events";
const FORM_OF_SOCKETS: &str = "use redis+unix://USER:PASSWORD@/PATH?db=0&prefix=events";
/// What a password with a `/` looks like to who reads the URL.
const SPECIAL: &str =
    "has a '/', '@' or ':' where none belongs: in a user or password write it as %2F, %40 or %3A";
const DEFAULT_PORT: u16 = 6379;
/// What the Python config service puts before its topics.
const DEFAULT_PREFIX: &str = "events";
const MAX_PREFIX_BYTES: usize = 256;

/// Says which Redis server carries events, and on which channels: `redis://USER:PASSWORD@HOST:PORT/DB?prefix=events`.
///
/// | scheme | the way there |
/// |---|---|
/// | `redis` | TCP |
/// | `rediss` | TLS; the server's certificate must be good for the host by the authorities that the system trusts, or by those in the PEM file `ssl_ca_certs` |
/// | `redis+unix` | the socket that the path names |
///
/// The port is 6379 if none is given. A password may stand without a user (`redis://:PASSWORD@HOST`), not a user without
/// a password. A topic's channel is `PREFIX:TOPIC`; all who should hear each other need the same prefix. The database
/// is selected but makes no difference: a server's channels belong to none.
///
/// Neither `Display` nor `Debug` shows the password.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl {
    place: Place,
    user: String,
    password: Option<String>,
    database: u32,
    prefix: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Tcp {
        host: String,
        port: u16,
    },
    Tls {
        host: String,
        port: u16,
        authorities: Option<PathBuf>,
    },
    Socket(PathBuf),
}

impl RedisUrl {
    /// Parses what follows the scheme, `//…`; the error says what is wrong, and shows no part of the text that could be
    /// a password.
    pub(crate) fn parse(scheme: &str, text: &str) -> Result<Self, String> {
        let form = if scheme == "redis+unix" {
            FORM_OF_SOCKETS
        } else {
            FORM
        };
        let text = text
            .strip_prefix("//")
            .ok_or_else(|| format!("lacks // after its scheme: {form}"))?;
        if text.contains('#') {
            return Err(format!(
                "has a '#', which belongs nowhere in it; in a password write it as %23: {form}"
            ));
        }
        let (place, parameters) = text.split_once('?').unwrap_or((text, ""));
        // A password may hold an @ that nobody has escaped.
        let (login, place) = place.rsplit_once('@').unwrap_or(("", place));
        if login.contains('/') {
            return Err(SPECIAL.into());
        }
        let (user, password) = match login.split_once(':') {
            Some((user, password)) => (decode(user)?, Some(decode(password)?)),
            None => (decode(login)?, None),
        };
        if !user.is_empty() && password.is_none() {
            return Err(format!("names a user and no password: {form}"));
        }
        let mut parsed = Self {
            place: Place::Socket(PathBuf::new()),
            user,
            password,
            database: 0,
            prefix: DEFAULT_PREFIX.to_owned(),
        };
        let mut authorities = None;
        for pair in parameters.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode(&value.replace('+', " "))?;
            match key {
                "prefix" => parsed.prefix = prefix(value)?,
                "ssl_ca_certs" if scheme == "rediss" => authorities = Some(PathBuf::from(value)),
                "ssl_ca_certs" => return Err("has authorities, but no TLS: use rediss://".into()),
                "db" if scheme == "redis+unix" => parsed.database = database(&value)?,
                _ => {
                    return Err(format!(
                        "has a parameter that is not known: use {PARAMETERS}"
                    ));
                }
            }
        }
        if scheme == "redis+unix" {
            if !place.starts_with('/') || place.len() == 1 {
                return Err(format!("names no socket: {form}"));
            }
            parsed.place = Place::Socket(decode(place)?.into());
            return Ok(parsed);
        }
        let (address, number) = place.split_once('/').unwrap_or((place, ""));
        if !number.is_empty() {
            parsed.database = database(number)?;
        }
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (address, None),
        };
        let host = host
            .strip_prefix('[')
            .and_then(|it| it.strip_suffix(']'))
            .unwrap_or(host);
        let host = decode(host)?;
        if host.is_empty() {
            return Err(format!("names no host: {form}"));
        }
        let port = match port.filter(|port| !port.is_empty()) {
            Some(port) => port
                .parse()
                .map_err(|_| format!("has a port that is no number, or {SPECIAL}"))?,
            None => DEFAULT_PORT,
        };
        parsed.place = match scheme {
            "rediss" => Place::Tls {
                host,
                port,
                authorities,
            },
            _ => Place::Tcp { host, port },
        };
        Ok(parsed)
    }

    /// What stands before each topic in the name of its channel.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self.place, Place::Tls { .. })
    }

    /// The file with the authorities that are trusted in place of the system's.
    pub(super) fn authorities(&self) -> Option<&Path> {
        match &self.place {
            Place::Tls { authorities, .. } => authorities.as_deref(),
            Place::Tcp { .. } | Place::Socket(_) => None,
        }
    }

    pub(super) fn connection_info(&self) -> Result<ConnectionInfo, RedisError> {
        let address = match &self.place {
            Place::Tcp { host, port } => ConnectionAddr::Tcp(host.clone(), *port),
            Place::Tls { host, port, .. } => ConnectionAddr::TcpTls {
                host: host.clone(),
                port: *port,
                insecure: false,
                tls_params: None,
            },
            Place::Socket(path) => ConnectionAddr::Unix(path.clone()),
        };
        let mut login = RedisConnectionInfo::default().set_db(self.database.into());
        if !self.user.is_empty() {
            login = login.set_username(&self.user);
        }
        if let Some(password) = &self.password {
            login = login.set_password(password);
        }
        Ok(address.into_connection_info()?.set_redis_settings(login))
    }
}

fn decode(text: &str) -> Result<String, String> {
    match percent_decode_str(text).decode_utf8() {
        Ok(text) if !text.contains('\0') => Ok(text.into_owned()),
        _ => Err("is not UTF-8 without NUL".into()),
    }
}

fn database(text: &str) -> Result<u32, String> {
    text.parse()
        .map_err(|_| format!("has a database that is no number, or {SPECIAL}"))
}

/// A prefix is as printable as a topic.
fn prefix(text: String) -> Result<String, String> {
    let is_printable = text.chars().all(|c| !c.is_whitespace() && !c.is_control());
    if text.is_empty() || text.len() > MAX_PREFIX_BYTES || !is_printable {
        return Err(format!(
            "has a prefix that cannot be one: use 1 to {MAX_PREFIX_BYTES} bytes of printable text without spaces"
        ));
    }
    Ok(text)
}

impl fmt::Display for RedisUrl {
    /// The URL without its password, and as a person would write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let login = if self.user.is_empty() {
            String::new()
        } else {
            format!("{}@", self.user)
        };
        match &self.place {
            Place::Socket(path) => {
                write!(
                    f,
                    "redis+unix://{login}{}?db={}&",
                    path.display(),
                    self.database
                )?;
            }
            Place::Tcp { host, port } => {
                write!(
                    f,
                    "redis://{login}{}:{port}/{}?",
                    Bracketed(host),
                    self.database
                )?;
            }
            Place::Tls { host, port, .. } => {
                write!(
                    f,
                    "rediss://{login}{}:{port}/{}?",
                    Bracketed(host),
                    self.database
                )?;
            }
        }
        write!(f, "prefix={}", self.prefix)
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

/// A host as it stands in a URL.
struct Bracketed<'a>(&'a str);

impl fmt::Display for Bracketed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(':') {
            write!(f, "[{}]", self.0)
        } else {
            f.write_str(self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<RedisUrl, String> {
        let (scheme, rest) = text.split_once(':').unwrap();
        RedisUrl::parse(scheme, rest)
    }

    #[test]
    fn a_url_is_shown_without_its_password() {
        for (text, shown) in [
            ("redis://h", "redis://h:6379/0?prefix=events"),
            ("redis://:secret@h:1/2", "redis://h:1/2?prefix=events"),
            (
                "redis://u:secret@[::1]/?prefix=a:b",
                "redis://u@[::1]:6379/0?prefix=a:b",
            ),
            ("redis://u:se@cret@h", "redis://u@h:6379/0?prefix=events"),
            (
                "rediss://u:secret@h?ssl_ca_certs=/c.pem",
                "rediss://u@h:6379/0?prefix=events",
            ),
            (
                "redis+unix:///run/r.sock?db=3",
                "redis+unix:///run/r.sock?db=3&prefix=events",
            ),
            (
                "redis+unix://u:secret@/run/r.sock",
                "redis+unix://u@/run/r.sock?db=0&prefix=events",
            ),
        ] {
            let url = parse(text).unwrap();
            assert_eq!(url.to_string(), shown, "{text}");
            assert!(!format!("{url:?}").contains("cret"), "{url:?}");
        }
    }

    #[test]
    fn everything_in_the_url_reaches_the_client() {
        let info = parse("redis://b%40t:s%2F:@x@[::1]:6000/7")
            .unwrap()
            .connection_info()
            .unwrap();
        assert_eq!(*info.addr(), ConnectionAddr::Tcp("::1".into(), 6000));
        let login = info.redis_settings();
        assert_eq!(login.username(), Some("b@t"));
        assert_eq!(login.password(), Some("s/:@x"));
        assert_eq!(login.db(), 7);
        let url = parse("rediss://h?ssl_ca_certs=/a%20b.pem").unwrap();
        assert_eq!(url.authorities(), Some(Path::new("/a b.pem")));
        let socket = parse("redis+unix:///run/r.sock")
            .unwrap()
            .connection_info()
            .unwrap();
        assert_eq!(*socket.addr(), ConnectionAddr::Unix("/run/r.sock".into()));
    }

    #[test]
    fn what_is_no_url_is_refused_with_a_reason_and_without_the_password() {
        for (text, reason) in [
            ("redis:h", "lacks //"),
            ("redis://", "names no host"),
            ("redis://u:secret@/1", "names no host"),
            ("redis://user@h", "a user and no password"),
            ("redis://u:secret@h:x", "a port that is no number"),
            ("redis://u:sec/ret@h", "write it as %2F"),
            ("redis://u:sec#ret@h", "write it as %23"),
            ("redis://u:secret@h/x", "a database that is no number"),
            ("redis://u:secret@h/-1", "a database that is no number"),
            ("redis://u:%ff@h", "is not UTF-8"),
            ("redis://h?prefix=", "has a prefix that cannot be one"),
            ("redis://h?prefix=a+b", "has a prefix that cannot be one"),
            ("redis://h?secret=1", "use prefix, ssl_ca_certs"),
            ("redis://h?ssl_ca_certs=/c", "use rediss://"),
            ("redis+unix://r.sock", "names no socket"),
            ("redis+unix:///", "names no socket"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
            assert!(!error.contains("secret"), "{text}: {error}");
        }
    }
}
