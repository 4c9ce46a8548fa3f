use percent_encoding::percent_decode_str;
use std::fmt;
use std::str::FromStr;

/// The longest prefix in bytes: with it, the key of the longest id is as long as a key may be.
const MAX_PREFIX: usize = 100;
const FORM: &str = "use s3://BUCKET/PREFIX";
const SECRETS: &str = "names a secret in its parameters: leave it to the environment, as AWS_SECRET_ACCESS_KEY for example";
const PARAMETERS: &str = "endpoint, region, etag_style and addressing for s3, endpoint for gs, endpoint and account for az";

/// Says which bucket holds a registry, and under which prefix:
/// `s3://BUCKET/PREFIX?endpoint=URL&region=REGION&etag_style=auto&addressing=path`,
/// `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX?account=NAME`.
///
/// Without an `endpoint` it is the cloud's own. `etag_style` says how a store wants an ETag in `If-Match`: `quoted`
/// as HTTP has it, `bare` as some stores demand, or `auto`, which tries. `addressing` is `path`, or `virtual` where
/// the bucket is a part of the host's name.
///
/// Keys are best left to the environment: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and their like, a web
/// identity, or the machine's role; for the others `GOOGLE_…` and `AZURE_STORAGE_…`. They may stand before the bucket,
/// `s3://KEY:SECRET@BUCKET`; then the environment's are not used.
///
/// Neither `Display` nor `Debug` shows the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Url {
    pub(super) service: Service,
    pub(super) bucket: String,
    /// Without slashes at its ends; may be empty.
    pub(super) prefix: String,
    pub(super) keys: Option<Keys>,
    pub(super) endpoint: Option<String>,
    pub(super) region: Option<String>,
    pub(super) account: Option<String>,
    pub(super) etag_style: EtagStyle,
    pub(super) addressing: Addressing,
}

/// Which language the store speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    S3,
    Google,
    Azure,
}

/// A key and its secret.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) key: String,
    pub(super) secret: String,
}

/// How a store wants an ETag in `If-Match`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EtagStyle {
    Auto,
    Quoted,
    Bare,
}

/// Where the bucket's name stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Addressing {
    Path,
    Virtual,
}

impl FromStr for S3Url {
    type Err = String;

    /// Parses a whole URL; the error says what is wrong, and shows no part of the text that could be a secret.
    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| format!("lacks // after its scheme: {FORM}"))?;
        let service = match scheme {
            "s3" => Service::S3,
            "gs" => Service::Google,
            "az" => Service::Azure,
            _ => return Err(format!("is of no kind that is known here: {FORM}")),
        };
        let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        // A secret of S3 may hold a slash that nobody has escaped.
        let (login, place) = match place.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, place),
        };
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        let mut url = Self {
            service,
            bucket: decode(bucket)?,
            prefix: parse_prefix(prefix)?,
            keys: login.map(|login| parse_keys(service, login)).transpose()?,
            endpoint: None,
            region: None,
            account: None,
            etag_style: EtagStyle::Auto,
            addressing: Addressing::Path,
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if url.bucket.is_empty() || !url.bucket.chars().all(plain) {
            return Err(format!("names no bucket: {FORM}"));
        }
        for pair in parameters.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            url.set(&decode(key)?, decode(value)?)?;
        }
        Ok(url)
    }
}

fn decode(text: &str) -> Result<String, String> {
    match percent_decode_str(text).decode_utf8() {
        Ok(text) if !text.contains(char::is_control) => Ok(text.into_owned()),
        _ => Err("is not UTF-8 without control characters".into()),
    }
}

fn parse_prefix(text: &str) -> Result<String, String> {
    let prefix = decode(text)?;
    let prefix = prefix.strip_suffix('/').unwrap_or(&prefix);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '=' | '~');
    let good = |segment: &str| !matches!(segment, "" | "." | "..") && segment.chars().all(plain);
    if prefix.len() > MAX_PREFIX {
        return Err(format!("has a prefix longer than {MAX_PREFIX} bytes"));
    }
    if prefix.is_empty() || prefix.split('/').all(good) {
        Ok(prefix.to_owned())
    } else {
        Err("has a prefix of other characters than letters of ASCII, digits and . - _ = ~ between single slashes".into())
    }
}

fn parse_keys(service: Service, login: &str) -> Result<Keys, String> {
    if service != Service::S3 {
        return Err("has a user, which only s3 has: leave the keys to the environment".into());
    }
    match login.split_once(':') {
        Some((key, secret)) if !key.is_empty() && !secret.is_empty() => Ok(Keys {
            key: decode(key)?,
            secret: decode(secret)?,
        }),
        _ => Err("has a user that is not KEY:SECRET".into()),
    }
}

impl S3Url {
    fn set(&mut self, key: &str, value: String) -> Result<(), String> {
        match (key, self.service) {
            ("endpoint", _) => self.endpoint = Some(parse_endpoint(&value)?),
            ("region", Service::S3) => self.region = Some(parse_word("region", value)?),
            ("account", Service::Azure) => self.account = Some(parse_word("account", value)?),
            ("etag_style", Service::S3) => {
                self.etag_style = match &*value {
                    "auto" => EtagStyle::Auto,
                    "quoted" => EtagStyle::Quoted,
                    "bare" => EtagStyle::Bare,
                    _ => {
                        return Err(
                            "has an etag_style that is none of auto, quoted and bare".into()
                        );
                    }
                }
            }
            ("addressing", Service::S3) => {
                self.addressing = match &*value {
                    "path" => Addressing::Path,
                    "virtual" => Addressing::Virtual,
                    _ => return Err("has an addressing that is neither path nor virtual".into()),
                }
            }
            _ if holds_secret(key) => return Err(SECRETS.into()),
            _ => {
                return Err(format!(
                    "has a parameter that is not known: use {PARAMETERS}"
                ));
            }
        }
        Ok(())
    }
}

fn holds_secret(parameter: &str) -> bool {
    let parameter = parameter.to_ascii_lowercase();
    [
        "key",
        "secret",
        "token",
        "sig",
        "sas",
        "password",
        "credential",
    ]
    .iter()
    .any(|word| parameter.contains(word))
}

fn parse_endpoint(text: &str) -> Result<String, String> {
    let host = ["http://", "https://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme))
        .unwrap_or_default();
    if host.is_empty() || host.starts_with('/') || host.contains(['@', '?', '#', ' ']) {
        return Err("has an endpoint that is not http://HOST or https://HOST".into());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn parse_word(what: &str, text: String) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if text.is_empty() || !text.chars().all(plain) {
        return Err(format!(
            "has a {what} of other characters than letters, digits, - and _"
        ));
    }
    Ok(text)
}

impl fmt::Display for S3Url {
    /// The URL without its secret, and without the parameters that are as they are anyway.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.service {
            Service::S3 => "s3",
            Service::Google => "gs",
            Service::Azure => "az",
        };
        write!(f, "{scheme}://")?;
        if let Some(keys) = &self.keys {
            write!(f, "{}@", keys.key)?;
        }
        f.write_str(&self.bucket)?;
        if !self.prefix.is_empty() {
            write!(f, "/{}", self.prefix)?;
        }
        let style = match self.etag_style {
            EtagStyle::Auto => None,
            EtagStyle::Quoted => Some("quoted"),
            EtagStyle::Bare => Some("bare"),
        };
        let addressing = (self.addressing == Addressing::Virtual).then_some("virtual");
        let parameters = [
            ("endpoint", self.endpoint.as_deref()),
            ("region", self.region.as_deref()),
            ("account", self.account.as_deref()),
            ("etag_style", style),
            ("addressing", addressing),
        ];
        let given = parameters
            .iter()
            .filter_map(|(key, value)| Some((key, (*value)?)));
        for (n, (key, value)) in given.enumerate() {
            write!(f, "{}{key}={value}", if n == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

impl fmt::Debug for S3Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S3Url({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        text.parse::<S3Url>().unwrap().to_string()
    }

    fn refusal(text: &str) -> String {
        text.parse::<S3Url>().unwrap_err()
    }

    #[test]
    fn a_url_names_a_bucket_and_a_prefix() {
        for (text, expected) in [
            ("s3://bots", "s3://bots"),
            ("s3://bots/", "s3://bots"),
            ("s3://bots/a/b=1/", "s3://bots/a/b=1"),
            (
                "s3://bots/a?endpoint=http%3A%2F%2F127.0.0.1:9000/&region=eu-1&etag_style=bare&addressing=virtual",
                "s3://bots/a?endpoint=http://127.0.0.1:9000&region=eu-1&etag_style=bare&addressing=virtual",
            ),
            ("s3://bots?etag_style=auto&addressing=path", "s3://bots"),
            ("gs://bots/a", "gs://bots/a"),
            ("az://bots/a?account=acme", "az://bots/a?account=acme"),
        ] {
            assert_eq!(shown(text), expected);
            assert_eq!(shown(expected), expected);
        }
    }

    #[test]
    fn neither_the_url_nor_a_refusal_shows_a_secret() {
        let url: S3Url = "s3://KEY:se/cr%2Bet@bots/a".parse().unwrap();
        assert_eq!(url.keys.as_ref().unwrap().secret, "se/cr+et");
        assert_eq!(
            format!("{url} {url:?}"),
            "s3://KEY@bots/a S3Url(s3://KEY@bots/a)"
        );
        for text in [
            "s3://bots?secret_access_key=hush",
            "s3://bots?AWS_SESSION_TOKEN=hush",
            "az://bots?sas_token=hush",
            "az://bots?sig=hush",
            "s3://hush@bots",
            "gs://a:hush@bots",
            "s3://bots?endpoint=http://a:hush@host",
            "s3://bots?hush=hush",
        ] {
            assert!(!refusal(text).contains("hush"), "{text}");
        }
        assert!(refusal("s3://bots?secret_access_key=hush").contains("AWS_SECRET_ACCESS_KEY"));
    }

    #[test]
    fn what_no_store_could_have_is_refused() {
        for text in [
            "s3:bots",
            "s3://",
            "s3:///a",
            "s3://bo ts",
            "s3://bots/a//b",
            "s3://bots/../a",
            "s3://bots/%00",
            "s3://bots/ä",
            "s3://bots?endpoint=host:9000",
            "s3://bots?endpoint=",
            "s3://bots?region=",
            "s3://bots?etag_style=odd",
            "s3://bots?addressing=odd",
            "s3://bots?account=acme",
            "gs://bots?region=eu-1",
            "ftp://bots",
        ] {
            refusal(text);
        }
        refusal(&format!("s3://bots/{}", "x".repeat(101)));
        shown(&format!("s3://bots/{}", "x".repeat(100)));
    }
}
