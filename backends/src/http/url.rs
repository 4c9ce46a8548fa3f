use super::token::{Secret, TokenFrom};
use percent_encoding::percent_decode_str;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderName};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

const OPTIONS: &str =
    "ca, cert, header, path, peer, read_only, state, timeout, token_env, token_file and verify";
/// How long one call may take unless said.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Says which config service keeps a registry, and how to speak to it: `https://TOKEN@HOST:PORT/api/v1?OPTION=…`.
///
/// | option | what it says |
/// |---|---|
/// | `ca` | a PEM file of certificates that are trusted beside those of the system |
/// | `cert` | a PEM file with the certificate and the key that this client shows |
/// | `header` | in which header the token is sent, as `Bearer TOKEN`; `authorization` unless said |
/// | `path` | what the collection is called at the service; found out unless said |
/// | `peer` | `hotbed` or `service`: what is expected there; found out unless said |
/// | `read_only` | `true` to refuse every write |
/// | `state` | a directory that keeps the revisions of a service that knows none across restarts |
/// | `timeout` | how many seconds one call may take; 10 unless said |
/// | `token_env` | the environment variable that holds the token |
/// | `token_file` | the file that holds the token |
/// | `verify` | `false` to take any certificate, whoever made it |
///
/// The token is that of the user in the URL, of `token_env` or of `token_file`; where none is named, of the variable
/// `HOTBED_REGISTRY_TOKEN` if that is set. Neither `Display` nor `Debug` shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpUrl {
    /// Without a token, options and a slash at the end.
    base: Url,
    /// As given, without the token.
    shown: String,
    pub(super) token: Option<TokenFrom>,
    pub(super) header: HeaderName,
    pub(super) path: Option<String>,
    pub(super) peer: Option<Expected>,
    pub(super) writes: Writes,
    pub(super) timeout: Duration,
    pub(super) ca: Option<PathBuf>,
    pub(super) cert: Option<PathBuf>,
    pub(super) verify: Verify,
    pub(super) state: Option<PathBuf>,
}

/// What kind of service is to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    Hotbed,
    Service,
}

/// Whether writes are let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writes {
    Allowed,
    Refused,
}

/// Which certificates are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verify {
    Trusted,
    Any,
}

impl HttpUrl {
    /// The address of something below the service's base, given as it stands in a URL.
    pub(super) fn below(&self, path: &str) -> String {
        let base = self.base.as_str().trim_end_matches('/');
        format!("{base}/{path}")
    }

    /// Whether the token could be read on the way.
    pub(super) fn is_open(&self) -> bool {
        let host = self.base.host_str().unwrap_or_default();
        let is_here = matches!(host, "localhost" | "[::1]") || host.starts_with("127.");
        self.base.scheme() == "http" && !is_here
    }

    fn set(&mut self, key: &str, value: String) -> Result<(), String> {
        if value.is_empty() {
            return Err(format!("has an empty option {key}"));
        }
        match key {
            "ca" => self.ca = Some(value.into()),
            "cert" => self.cert = Some(value.into()),
            "header" => {
                self.header = value
                    .parse()
                    .map_err(|_| "has a header that no header can be called".to_owned())?;
            }
            "path" => {
                let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
                if !value.chars().all(is_word) {
                    return Err(
                        "has a path that is not one word of letters, digits, - and _".into(),
                    );
                }
                self.path = Some(value);
            }
            "peer" => {
                self.peer = Some(match value.as_str() {
                    "hotbed" => Expected::Hotbed,
                    "service" => Expected::Service,
                    _ => return Err("has a peer that is neither hotbed nor service".into()),
                });
            }
            "read_only" => {
                self.writes = if flag(key, &value)? {
                    Writes::Refused
                } else {
                    Writes::Allowed
                };
            }
            "state" => self.state = Some(value.into()),
            "timeout" => {
                let seconds = value
                    .parse()
                    .ok()
                    .filter(|seconds| (0.1..=600.0).contains(seconds));
                self.timeout = seconds
                    .map(Duration::from_secs_f64)
                    .ok_or("has a timeout that is not 0.1 to 600 seconds")?;
            }
            "token_env" | "token_file" if self.token.is_some() => {
                return Err("names more than one token".into());
            }
            "token_env" => self.token = Some(TokenFrom::Variable(value)),
            "token_file" => self.token = Some(TokenFrom::File(value.into())),
            "verify" => {
                self.verify = if flag(key, &value)? {
                    Verify::Trusted
                } else {
                    Verify::Any
                };
            }
            _ => return Err(format!("has an option that is not known: use {OPTIONS}")),
        }
        Ok(())
    }
}

fn flag(key: &str, value: &str) -> Result<bool, String> {
    value
        .parse()
        .map_err(|_| format!("has an option {key} that is neither true nor false"))
}

fn decode(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| "is not UTF-8".into())
}

impl FromStr for HttpUrl {
    type Err = String;

    /// Parses a whole URL; the error says what is wrong, and shows no part of the text.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut base: Url = text
            .parse()
            .map_err(|error| format!("cannot be understood: {error}"))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err("is neither of http nor of https".into());
        }
        if base.fragment().is_some() {
            return Err("has a '#': in a token write it as %23".into());
        }
        let token = match (base.username(), base.password()) {
            ("", None) => None,
            (token, None) | ("", Some(token)) => Some(decode(token)?),
            _ => {
                return Err("has a user and a password: use https://TOKEN@HOST/…".into());
            }
        };
        let options = base.query().unwrap_or_default().to_owned();
        let cleared = base.set_username("").and(base.set_password(None));
        cleared.map_err(|()| "names no host: use https://HOST/api/v1")?;
        if options.is_empty() {
            base.set_query(None);
        }
        let shown = base.to_string();
        base.set_query(None);
        let mut url = Self {
            base,
            shown,
            token: token.map(|token| TokenFrom::Here(Secret::new(token))),
            header: AUTHORIZATION,
            path: None,
            peer: None,
            writes: Writes::Allowed,
            timeout: TIMEOUT,
            ca: None,
            cert: None,
            verify: Verify::Trusted,
            state: None,
        };
        for pair in options.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            url.set(&decode(key)?, decode(&value.replace('+', " "))?)?;
        }
        Ok(url)
    }
}

/// All but the token.
impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> HttpUrl {
        text.parse().unwrap()
    }

    #[test]
    fn a_url_is_a_base_and_options() {
        let url = parse(
            "https://conf.example:8443/api/v1/?path=configs&timeout=2.5&read_only=true&verify=false&header=X-Api-Key\
             &ca=/etc/my%20ca.pem&cert=client.pem&state=/var/lib/x&peer=service&token_env=TOKEN",
        );
        assert_eq!(
            url.below("configs/a"),
            "https://conf.example:8443/api/v1/configs/a"
        );
        assert_eq!(url.path.as_deref(), Some("configs"));
        assert_eq!(url.timeout, Duration::from_millis(2_500));
        assert_eq!((url.writes, url.verify), (Writes::Refused, Verify::Any));
        assert_eq!(url.header.as_str(), "x-api-key");
        assert_eq!(url.ca, Some("/etc/my ca.pem".into()));
        assert_eq!(url.peer, Some(Expected::Service));
        assert_eq!(url.token, Some(TokenFrom::Variable("TOKEN".into())));
        assert_eq!(parse("http://h").below("bots"), "http://h/bots");
    }

    #[test]
    fn a_token_is_never_shown() {
        for text in [
            "https://t%2F0p@conf.example/api/v1?path=bots",
            "https://:t%2F0p@conf.example/api/v1?path=bots",
        ] {
            let url = parse(text);
            assert_eq!(url.token, Some(TokenFrom::Here(Secret::new("t/0p".into()))));
            assert_eq!(url.to_string(), "https://conf.example/api/v1?path=bots");
            assert!(!format!("{url:?} {:?}", url.token).contains("0p"));
        }
    }

    #[test]
    fn a_token_on_an_open_way_is_noticed() {
        assert!(parse("http://conf.example/api").is_open());
        for closed in [
            "https://conf.example",
            "http://127.0.0.1:1",
            "http://[::1]",
            "http://localhost",
        ] {
            assert!(!parse(closed).is_open(), "{closed}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_and_the_token_is_not() {
        for (text, reason) in [
            ("https://", "cannot be understood"),
            ("https://secret@/api", "cannot be understood"),
            ("https://user:secret@h/api", "has a user and a password"),
            ("https://a#secret@h/api", "has a '#'"),
            ("https://secret@h?token_env=X", "names more than one token"),
            (
                "https://h?token=secret",
                "has an option that is not known: use ca, ",
            ),
            ("https://h?timeout=secret", "has a timeout that is not"),
            ("https://h?timeout=NaN", "has a timeout that is not"),
            (
                "https://h?read_only=secret",
                "has an option read_only that is neither",
            ),
            ("https://h?path=a/secret", "has a path that is not one word"),
            ("https://h?peer=secret", "has a peer that is neither"),
            ("https://h?state", "has an empty option state"),
            ("https://h?header=s%20ecret", "has a header that no header"),
        ] {
            let refusal = text.parse::<HttpUrl>().unwrap_err();
            assert!(refusal.starts_with(reason), "{text}: {refusal}");
            assert!(!refusal.contains("ecret"), "{text}: {refusal}");
        }
    }
}
