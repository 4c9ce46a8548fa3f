//! How each kind of resource reads as a URL.

use super::fields::{Fields, nearest};
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// A kind of registry, or of event bus.
pub(super) struct Kind {
    /// What `backend` is.
    pub(super) name: &'static str,
    keys: &'static [&'static str],
    /// Its URL, as far as the keys are right.
    pub(super) url: fn(&mut Fields<'_>) -> String,
}

/// All kinds of registries that there are, whether or not this build can open them: a URL of one that it cannot is refused.
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

/// All kinds of event buses that there are, likewise.
const BUSES: [Kind; 5] = [
    Kind {
        name: "memory",
        keys: &[],
        url: |_| "memory:".into(),
    },
    Kind {
        name: "nats",
        keys: &[
            "channel_prefix",
            "host",
            "password",
            "port",
            "ssl",
            "ssl_ca_certs",
            "token",
            "user",
        ],
        url: nats_bus,
    },
    Kind {
        name: "postgres",
        keys: POSTGRES_BUS,
        url: postgres_bus,
    },
    Kind {
        name: "postgresql",
        keys: POSTGRES_BUS,
        url: postgres_bus,
    },
    Kind {
        name: "redis",
        keys: &[
            "channel_prefix",
            "db",
            "host",
            "password",
            "port",
            "ssl",
            "ssl_ca_certs",
            "user",
        ],
        url: redis_bus,
    },
];

const POSTGRES_BUS: &[&str] = &[
    "channel_prefix",
    "connection_string",
    "database",
    "host",
    "password",
    "port",
    "sslmode",
    "user",
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

/// The registry that `backend` names.
pub(super) fn registry(map: &Map<String, Value>) -> Result<(&'static Kind, Fields<'_>), String> {
    let kind = kind(map, &KINDS)?;
    let known: Vec<_> = kind.keys.iter().copied().chain(["collection"]).collect();
    Ok((kind, Fields::new(kind.name, "registry", map, &known)))
}

/// The bus that `backend` names.
pub(super) fn bus(map: &Map<String, Value>) -> Result<(&'static Kind, Fields<'_>), String> {
    let kind = kind(map, &BUSES)?;
    Ok((kind, Fields::new(kind.name, "event bus", map, kind.keys)))
}

/// The kind that `backend` names, in letters of either case.
fn kind(map: &Map<String, Value>, kinds: &'static [Kind]) -> Result<&'static Kind, String> {
    let known: Vec<_> = kinds.iter().map(|kind| kind.name).collect();
    let named = match map.get("backend") {
        Some(Value::String(named)) => named.to_lowercase(),
        Some(_) => return Err("backend is not a text".into()),
        None => {
            let known = known.join(", ");
            return Err(format!("backend is missing: use one of {known}"));
        }
    };
    let kind = kinds.iter().find(|kind| kind.name == named);
    kind.ok_or_else(|| {
        let named: String = named.chars().take(64).collect();
        let meant = nearest(&named, &known);
        format!(
            "unknown backend {named:?}{meant}; known are {}",
            known.join(", ")
        )
    })
}

fn postgres(fields: &mut Fields<'_>) -> String {
    let table = fields.text("table");
    postgres_with(fields, ("table", table))
}

fn postgres_bus(fields: &mut Fields<'_>) -> String {
    let prefix = fields.text("channel_prefix");
    postgres_with(fields, ("prefix", prefix))
}

fn redis_bus(fields: &mut Fields<'_>) -> String {
    let scheme = if fields.flag("ssl") == Some(true) {
        "rediss"
    } else {
        "redis"
    };
    let place = place(fields, "6379");
    let user = fields.text("user").unwrap_or_default();
    let login = match fields.text("password") {
        Some(password) => format!("{}:{}@", encode(&user), encode(&password)),
        None if user.is_empty() => String::new(),
        None => encode(&user) + "@",
    };
    let database = fields
        .text("db")
        .map_or_else(String::new, |db| "/".to_owned() + &db);
    with_parameters(
        format!("{scheme}://{login}{place}{database}"),
        &[
            ("prefix", fields.text("channel_prefix")),
            ("ssl_ca_certs", fields.text("ssl_ca_certs")),
        ],
    )
}

fn nats_bus(fields: &mut Fields<'_>) -> String {
    let scheme = if fields.flag("ssl") == Some(true) {
        "tls"
    } else {
        "nats"
    };
    let place = place(fields, "4222");
    let (user, password) = (fields.text("user"), fields.text("password"));
    let login = match (fields.text("token"), user, password) {
        (Some(token), None, None) => encode(&token) + "@",
        (None, Some(user), Some(password)) => format!("{}:{}@", encode(&user), encode(&password)),
        (None, None, None) => String::new(),
        _ => {
            fields.refuse("give user and password, or token, or none of them");
            String::new()
        }
    };
    with_parameters(
        format!("{scheme}://{login}{place}"),
        &[
            ("prefix", fields.text("channel_prefix")),
            ("ca", fields.text("ssl_ca_certs")),
        ],
    )
}

/// Host and port of a server.
fn place(fields: &mut Fields<'_>, port: &str) -> String {
    let host = fields.text("host").unwrap_or_else(|| "localhost".into());
    let port = fields.text("port").unwrap_or_else(|| port.into());
    if host.contains(':') && !host.starts_with('[') {
        // An address of IPv6.
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

fn postgres_with(fields: &mut Fields<'_>, own: (&'static str, Option<String>)) -> String {
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
        return with_parameters(url, &[own]);
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
            own,
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
