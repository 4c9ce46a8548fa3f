use super::tables::TableName;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::fmt;
use std::str::FromStr;

const PARAMETERS: &str = "table, host, port, user, password, dbname, sslmode, sslrootcert, sslcert, sslkey and \
                          application_name";
/// What a password with a `/` looks like to who reads the URL.
const SPECIAL: &str = "has a '/', '@' or ':' where none belongs: in a user, password or database write it as %2F, \
                       %40 or %3A";

/// Says which PostgreSQL database holds a registry, and in which table:
/// `postgres://USER:PASSWORD@HOST:PORT/DATABASE?table=registrations`.
///
/// Without a port it is 5432; a `host` that begins with `/` is the directory of a Unix socket. The parameters are
/// those of libpq, and `table`, which may be `schema.table`. Without a password in the URL it is taken from where
/// `psql` takes it, `PGPASSWORD` or `~/.pgpass`.
///
/// Neither `Display` nor `Debug` shows the password.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    user: String,
    password: Option<String>,
    host: String,
    port: u16,
    database: String,
    table: TableName,
    /// Parameters that are only passed on: libpq's name and the value.
    others: Vec<(String, String)>,
}

impl FromStr for PostgresUrl {
    type Err = String;

    /// Parses what follows the scheme, `//…`; the error says what is wrong, and shows no part of the text that could
    /// be a password.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text
            .strip_prefix("//")
            .ok_or("lacks // after its scheme: use postgres://USER:PASSWORD@HOST/DATABASE")?;
        let (place, parameters) = text.split_once('?').unwrap_or((text, ""));
        let (authority, database) = place.split_once('/').unwrap_or((place, ""));
        if database.contains(['/', '@']) {
            return Err(SPECIAL.into());
        }
        // A password may hold an @ that nobody has escaped.
        let (login, address) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = match login.split_once(':') {
            Some((user, password)) => (user, Some(decode(password)?)),
            None => (login, None),
        };
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (address, None),
        };
        let mut url = Self {
            user: decode(user)?,
            password,
            host: decode(host)?,
            port: port
                .filter(|port| !port.is_empty())
                .map_or(Ok(5432), parse_port)?,
            database: decode(database)?,
            table: TableName::default(),
            others: Vec::new(),
        };
        for pair in parameters.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            url.set(&decode(key)?, decode(&value.replace('+', " "))?)?;
        }
        for (what, given) in [
            ("user", &url.user),
            ("host", &url.host),
            ("database", &url.database),
        ] {
            if given.is_empty() {
                return Err(format!(
                    "names no {what}: use postgres://USER:PASSWORD@HOST/DATABASE"
                ));
            }
        }
        Ok(url)
    }
}

fn decode(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8();
    match decoded {
        Ok(text) if !text.contains('\0') => Ok(text.into_owned()),
        _ => Err("is not UTF-8 without NUL".into()),
    }
}

fn parse_port(text: &str) -> Result<u16, String> {
    text.parse()
        .map_err(|_| format!("has a port that is no number, or {SPECIAL}"))
}

impl PostgresUrl {
    fn set(&mut self, key: &str, value: String) -> Result<(), String> {
        match key {
            "table" => self.table = value.parse()?,
            "host" => self.host = value,
            "port" => self.port = parse_port(&value)?,
            "user" => self.user = value,
            "password" => self.password = Some(value),
            "dbname" => self.database = value,
            "sslmode" => {
                value.parse::<PgSslMode>().map_err(|_| {
                    "has an sslmode that is none of disable, allow, prefer, require, verify-ca and verify-full"
                })?;
                self.others.push((key.to_owned(), value));
            }
            "sslrootcert" | "sslcert" | "sslkey" | "application_name" => {
                self.others.push((key.to_owned(), value));
            }
            _ => {
                return Err(format!(
                    "has a parameter that is not known: use {PARAMETERS}"
                ));
            }
        }
        Ok(())
    }

    pub(super) fn table(&self) -> &TableName {
        &self.table
    }

    /// How to connect. What the URL leaves open is not left to the environment, but for the password.
    pub(crate) fn options(&self) -> Result<PgConnectOptions, sqlx::Error> {
        let mut parameters = self.others.clone();
        for (key, value) in [("sslmode", "prefer"), ("application_name", "hotbed")] {
            if !parameters.iter().any(|(given, _)| given == key) {
                parameters.push((key.to_owned(), value.to_owned()));
            }
        }
        let parameters: Vec<String> = parameters
            .iter()
            .map(|(key, value)| format!("{key}={}", encode(value)))
            .collect();
        let password = self.password.iter().map(|it| format!(":{}", encode(it)));
        let host = match self.host.strip_prefix('[') {
            Some(_) => self.host.clone(),
            None => encode(&self.host),
        };
        let url = format!(
            "postgres://{}{}@{host}:{}/{}?{}",
            encode(&self.user),
            password.collect::<String>(),
            self.port,
            encode(&self.database),
            parameters.join("&")
        );
        Ok(url.parse::<PgConnectOptions>()?.disable_statement_logging())
    }

    /// Writes where the database is, without its password, and of the parameters the one that says what of it is used.
    pub(crate) fn show(
        &self,
        f: &mut fmt::Formatter<'_>,
        parameter: &str,
        value: &dyn fmt::Display,
    ) -> fmt::Result {
        write!(f, "postgres://{}@", self.user)?;
        let socket = self.host.starts_with('/');
        if !socket {
            write!(f, "{}:{}", self.host, self.port)?;
        }
        write!(f, "/{}?{parameter}={value}", self.database)?;
        if socket {
            write!(f, "&host={}&port={}", self.host, self.port)?;
        }
        Ok(())
    }
}

fn encode(text: &str) -> String {
    // The driver takes a host as it stands, so what a host may have is left as it is.
    const SPECIAL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');
    utf8_percent_encode(text, SPECIAL).to_string()
}

impl fmt::Display for PostgresUrl {
    /// The URL without its password, and as a person would write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.show(f, "table", &self.table)
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> PostgresUrl {
        text.parse().unwrap()
    }

    fn refusal(text: &str) -> String {
        text.parse::<PostgresUrl>().unwrap_err()
    }

    #[test]
    fn a_url_is_what_libpq_takes_for_one() {
        for (text, shown) in [
            (
                "//bot:secret@db.example/conf",
                "bot@db.example:5432/conf?table=registrations",
            ),
            (
                "//bot:s%2Fe%20c@1.2.3.4:6000/conf?table=a.b",
                "bot@1.2.3.4:6000/conf?table=a.b",
            ),
            (
                "//bot:s@cret@[::1]:6000/conf?sslmode=require",
                "bot@[::1]:6000/conf?table=registrations",
            ),
            (
                "//bot@[::1]/conf",
                "bot@[::1]:5432/conf?table=registrations",
            ),
            (
                "//bot@/conf?host=/run/pg&port=6000",
                "bot@/conf?table=registrations&host=/run/pg&port=6000",
            ),
            (
                "///?user=bot&password=secret&host=h&dbname=conf",
                "bot@h:5432/conf?table=registrations",
            ),
            (
                "//bot@%2Frun%2Fpg/conf",
                "bot@/conf?table=registrations&host=/run/pg&port=5432",
            ),
        ] {
            let url = parse(text);
            assert_eq!(url.to_string(), format!("postgres://{shown}"), "{text}");
            assert!(!format!("{url:?}").contains("secret"));
            url.options().unwrap();
        }
    }

    #[test]
    fn everything_in_the_url_reaches_the_driver() {
        let options = parse("//b%40t:s%2F:@x@[::1]:6000/c%2Fd?sslmode=require&application_name=x")
            .options()
            .unwrap();
        assert_eq!(options.get_username(), "b@t");
        assert_eq!(options.get_host(), "[::1]");
        assert_eq!(options.get_port(), 6000);
        assert_eq!(options.get_database(), Some("c/d"));
        assert_eq!(options.get_application_name(), Some("x"));
        assert!(matches!(options.get_ssl_mode(), PgSslMode::Require));
        assert!(format!("{options:?}").contains("Some(\"s/:@x\")"));
        let named = parse("//bot@db-1.example/conf").options().unwrap();
        assert_eq!(named.get_host(), "db-1.example");
        let socket = parse("//bot@/conf?host=/run/p%20g").options().unwrap();
        assert_eq!(
            socket.get_socket().map(|it| it.display().to_string()),
            Some("/run/p g".into())
        );
    }

    #[test]
    fn what_is_missing_or_unknown_is_named_and_the_password_is_not() {
        for (text, reason) in [
            ("bot:secret@h/db", "lacks // after its scheme"),
            ("//h/db", "names no user"),
            ("//bot:secret@/db", "names no host"),
            ("//bot:secret@h", "names no database"),
            ("//bot:secret@h/", "names no database"),
            ("//bot:secret@h:x/db", "has a port that is no number"),
            (
                "//bot:1/secret@h/db",
                "has a '/', '@' or ':' where none belongs",
            ),
            (
                "//bot:x/secret@h/db",
                "has a '/', '@' or ':' where none belongs",
            ),
            (
                "//bot:secret@h/db?tabel=secret",
                "has a parameter that is not known: use table, host",
            ),
            (
                "//bot:secret@h/db?table=secret;--",
                "names a table that cannot be",
            ),
            (
                "//bot:secret@h/db?sslmode=secret",
                "has an sslmode that is none of disable",
            ),
            ("//bot:%FFsecret@h/db", "is not UTF-8"),
        ] {
            let refusal = refusal(text);
            assert!(refusal.starts_with(reason), "{text}: {refusal}");
            assert!(!refusal.contains("secret"), "{text}: {refusal}");
        }
    }
}
