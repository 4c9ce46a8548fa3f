//! How each kind of resource reads as a URL.

use super::fields::{Fields, nearest};
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// A kind of registry.
pub(super) struct Kind {
    /// What `backend` is.
    pub(super) name: &'static str,
    keys: &'static [&'static str],
    /// Its URL, as far as the keys are right.
    pub(super) url: fn(&mut Fields<'_>) -> String,
}

/// All kinds that there are, whether or not this build can open them: a URL of one that it cannot is refused.
const KINDS: [Kind; 7] = [
    Kind {
        name: "file",
        keys: &["path"],
        url: |fields| format!("file:{}", fields.required("path")),
    },
    Kind {
        name: "http",
        keys: &[
            "auth_header",
            "auth_token",
            "base_url",
            "read_only",
            "timeout",
            "verify_ssl",
        ],
        url: http,
    },
    Kind {
        name: "memory",
        keys: &[],
        url: |_| "memory:".into(),
    },
    Kind {
        name: "postgres",
        keys: POSTGRES,
        url: postgres,
    },
    Kind {
        name: "postgresql",
        keys: POSTGRES,
        url: postgres,
    },
    Kind {
        name: "s3",
        keys: &[
            "aws_access_key_id",
            "aws_secret_access_key",
            "bucket",
            "endpoint_url",
            "prefix",
            "region",
        ],
        url: s3,
    },
    Kind {
        name: "sqlite",
        keys: &["path"],
        url: |fields| format!("sqlite:{}", fields.required("path")),
    },
];

const POSTGRES: &[&str] = &[
    "connection_string",
    "database",
    "host",
    "password",
    "port",
    "sslmode",
    "table",
    "user",
];

/// The kind that `backend` names, in letters of either case.
pub(super) fn kind(map: &Map<String, Value>) -> Result<(&'static Kind, Fields<'_>), String> {
    let known = KINDS.each_ref().map(|kind| kind.name);
    let named = match map.get("backend") {
        Some(Value::String(named)) => named.to_lowercase(),
        Some(_) => return Err("backend is not a text".into()),
        None => {
            let known = known.join(", ");
            return Err(format!("backend is missing: use one of {known}"));
        }
    };
    let kind = KINDS.iter().find(|kind| kind.name == named);
    let kind = kind.ok_or_else(|| {
        let named: String = named.chars().take(64).collect();
        let meant = nearest(&named, &known);
        format!(
            "unknown backend {named:?}{meant}; known are {}",
            known.join(", ")
        )
    })?;
    Ok((kind, Fields::new(kind.name, map, kind.keys)))
}

fn postgres(fields: &mut Fields<'_>) -> String {
    let table = fields.text("table");
    if let Some(url) = fields.text("connection_string") {
        for beside in ["database", "host", "password", "port", "sslmode", "user"] {
            if fields.has(beside) {
                fields.refuse(&format!(
                    "{beside} stands beside connection_string: say it there"
                ));
            }
        }
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            fields.refuse("connection_string does not begin with postgres://");
        }
        return with_parameters(url, &[("table", table)]);
    }
    let or = |given: Option<String>, default: &str| given.unwrap_or_else(|| default.into());
    let host = or(fields.text("host"), "localhost");
    let port = or(fields.text("port"), "5432");
    let mut url = format!(
        "postgres://{}",
        encode(&or(fields.text("user"), "postgres"))
    );
    if let Some(password) = fields.text("password") {
        url = url + ":" + &encode(&password);
    }
    let is_socket = host.starts_with('/');
    if is_socket {
        url.push('@');
    } else if host.contains(':') && !host.starts_with('[') {
        // An address of IPv6.
        write!(url, "@[{host}]:{port}").expect("a String takes all that is written to it");
    } else {
        write!(url, "@{host}:{port}").expect("a String takes all that is written to it");
    }
    url = url + "/" + &encode(&fields.required("database"));
    let socket = |given: String| is_socket.then_some(given);
    with_parameters(
        url,
        &[
            ("table", table),
            ("sslmode", fields.text("sslmode")),
            ("host", socket(host)),
            ("port", socket(port)),
        ],
    )
}

fn s3(fields: &mut Fields<'_>) -> String {
    let bucket = fields.required("bucket");
    let prefix = fields.text("prefix").unwrap_or_default();
    let key = fields.text("aws_access_key_id");
    let secret = fields.text("aws_secret_access_key");
    let login = match (key, secret) {
        (Some(key), Some(secret)) => format!("{}:{}@", encode(&key), encode(&secret)),
        (None, None) => String::new(),
        _ => {
            fields.refuse("only one of aws_access_key_id and aws_secret_access_key is given");
            String::new()
        }
    };
    with_parameters(
        format!("s3://{login}{bucket}/{}", prefix.trim_matches('/')),
        &[
            ("endpoint", fields.text("endpoint_url")),
            ("region", fields.text("region")),
        ],
    )
}

fn http(fields: &mut Fields<'_>) -> String {
    let base = fields.required("base_url");
    let (scheme, rest) = base.split_once("://").unwrap_or_default();
    if !matches!(scheme, "http" | "https" | "") || (scheme.is_empty() && !base.is_empty()) {
        fields.refuse("base_url does not begin with http:// or https://");
    }
    let token = fields.text("auth_token");
    if token.is_some()
        && rest
            .split('/')
            .next()
            .is_some_and(|host| host.contains('@'))
    {
        fields.refuse("auth_token is given, and base_url holds a token too");
    }
    let login = token.map(|token| encode(&token) + "@").unwrap_or_default();
    let header = fields.text("auth_header");
    if header.as_ref().is_some_and(|it| it.contains(' ')) {
        fields.refuse("auth_header is the name of a header: put the token itself into auth_token");
    }
    let flag = |flag: Option<bool>| flag.map(|it| it.to_string());
    with_parameters(
        format!("{scheme}://{login}{rest}"),
        &[
            ("header", header),
            ("timeout", fields.text("timeout")),
            ("read_only", flag(fields.flag("read_only"))),
            ("verify", flag(fields.flag("verify_ssl"))),
        ],
    )
}

fn with_parameters(mut url: String, parameters: &[(&str, Option<String>)]) -> String {
    for (key, value) in parameters {
        if let Some(value) = value {
            url.push(if url.contains('?') { '&' } else { '?' });
            url = url + key + "=" + &encode(value);
        }
    }
    url
}

/// Escapes all that could mean something in a URL.
fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                encoded.push(char::from(byte));
            }
            _ => {
                write!(encoded, "%{byte:02X}").expect("a String takes all that is written to it");
            }
        }
        encoded
    })
}
