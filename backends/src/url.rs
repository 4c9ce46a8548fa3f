use std::fmt;
use std::str::FromStr;

/// Says where a registry is stored: `file:DIR`, `https://HOST/api/v1`, `layered:OVERLAY,BASE`, `memory:`,
/// `postgres://USER:PASSWORD@HOST/DATABASE`, `s3://BUCKET/PREFIX` (or `gs:`, or `az:`) or `sqlite:PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegistryUrl {
    /// In a directory of YAML and JSON files.
    #[cfg(feature = "file")]
    File(std::path::PathBuf),
    /// In a config service across the network.
    #[cfg(feature = "http")]
    Http(crate::HttpUrl),
    /// In two stores: one that is only read, and one that overrides some of it.
    Layered {
        /// What is written to.
        overlay: Box<RegistryUrl>,
        /// What is only read.
        base: Box<RegistryUrl>,
    },
    /// In this process, gone with it.
    Memory,
    /// In tables of one PostgreSQL database.
    #[cfg(feature = "postgres")]
    Postgres(crate::PostgresUrl),
    /// In a bucket of S3 or of what speaks like it, of Google Cloud Storage, or of Azure.
    #[cfg(feature = "s3")]
    S3(crate::S3Url),
    /// In one SQLite file.
    #[cfg(feature = "sqlite")]
    Sqlite(std::path::PathBuf),
}

/// What this build can open, for messages.
fn supported() -> String {
    let forms = [
        ("file:DIR", cfg!(feature = "file")),
        ("https://HOST/api/v1", cfg!(feature = "http")),
        ("layered:OVERLAY,BASE", true),
        ("memory:", true),
        (
            "postgres://USER:PASSWORD@HOST/DATABASE",
            cfg!(feature = "postgres"),
        ),
        ("s3://BUCKET/PREFIX", cfg!(feature = "s3")),
        ("sqlite:PATH", cfg!(feature = "sqlite")),
    ];
    let forms: Vec<_> = forms
        .iter()
        .filter(|(_, can)| *can)
        .map(|(form, _)| *form)
        .collect();
    forms.join(" or ")
}

/// A text that is no [`RegistryUrl`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("registry URL {shown:?} {reason}")]
pub struct InvalidUrl {
    shown: String,
    reason: String,
}

impl InvalidUrl {
    /// What is wrong, without the text: to be told of what was made into a URL.
    pub(crate) fn reason(&self) -> &str {
        &self.reason
    }
}

impl FromStr for RegistryUrl {
    type Err = InvalidUrl;

    /// Parses a URL. The path of `file:DIR` and `sqlite:PATH` is taken as it stands, relative or absolute; a `//`
    /// before it is dropped, so that `sqlite:///var/lib/bots.db` is `/var/lib/bots.db`.
    ///
    /// Both layers of `layered:OVERLAY,BASE` are URLs: `layered:sqlite:data/local.db,file:conf`. The first comma parts
    /// them; one that belongs to the overlay is written `%2C`. The base may be layered again.
    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
        match scheme {
            #[cfg(feature = "file")]
            "file" => match rest.strip_prefix("//").unwrap_or(rest) {
                "" => Err(invalid(text, "names no directory: use file:DIR".into())),
                path if path.contains('\0') => Err(invalid(text, "holds a NUL character".into())),
                path => Ok(Self::File(path.into())),
            },
            #[cfg(feature = "http")]
            "http" | "https" => match text.parse() {
                Ok(url) => Ok(Self::Http(url)),
                Err(reason) => Err(invalid(text, reason)),
            },
            "layered" => match rest.split_once(',') {
                None => Err(invalid(
                    text,
                    "names no base: use layered:OVERLAY,BASE".into(),
                )),
                Some((overlay, _)) if overlay.starts_with("layered:") => Err(invalid(
                    text,
                    "has an overlay of layers: only the base may be layered".into(),
                )),
                Some((overlay, base)) => Ok(Self::Layered {
                    overlay: Box::new(overlay.replace("%2C", ",").parse()?),
                    base: Box::new(base.parse()?),
                }),
            },
            "memory" if rest.is_empty() || rest == "//" => Ok(Self::Memory),
            "memory" => Err(invalid(text, "names a place: memory: has none".into())),
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => match rest.parse() {
                Ok(url) => Ok(Self::Postgres(url)),
                Err(reason) => Err(invalid(text, reason)),
            },
            #[cfg(feature = "s3")]
            "s3" | "gs" | "az" => match text.parse() {
                Ok(url) => Ok(Self::S3(url)),
                Err(reason) => Err(invalid(text, reason)),
            },
            #[cfg(feature = "sqlite")]
            "sqlite" => match rest.strip_prefix("//").unwrap_or(rest) {
                "" => Err(invalid(text, "names no file: use sqlite:PATH".into())),
                ":memory:" => Err(invalid(text, "names no file: use memory: instead".into())),
                path if path.contains('\0') => Err(invalid(text, "holds a NUL character".into())),
                path => Ok(Self::Sqlite(path.into())),
            },
            _ => Err(invalid(
                text,
                format!("is of no kind that can be opened: use {}", supported()),
            )),
        }
    }
}

impl RegistryUrl {
    /// Whether it names a database, in which nodes see each other.
    pub(crate) fn is_database(&self) -> bool {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => true,
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => true,
            _ => false,
        }
    }

    /// Whether it names a file or directory that does not exist: opening it would make an empty one.
    pub fn is_missing(&self) -> bool {
        match self {
            #[cfg(feature = "file")]
            Self::File(path) => !path.exists(),
            #[cfg(feature = "http")]
            Self::Http(_) => false,
            Self::Layered { overlay, base } => overlay.is_missing() || base.is_missing(),
            Self::Memory => false,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => false,
            #[cfg(feature = "s3")]
            Self::S3(_) => false,
            #[cfg(feature = "sqlite")]
            Self::Sqlite(path) => !path.exists(),
        }
    }
}

/// Shows no more than the scheme of what could hold a password.
fn invalid(text: &str, reason: String) -> InvalidUrl {
    let shown = match text.split_once("://") {
        // Where it could be a parameter, a secret has many names.
        Some((scheme, rest)) if rest.contains('@') || rest.contains('?') => {
            format!("{scheme}://…")
        }
        _ => text.chars().take(200).collect(),
    };
    InvalidUrl { shown, reason }
}

/// Shows no password.
impl fmt::Display for RegistryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(feature = "file")]
            Self::File(path) => write!(f, "file:{}", path.display()),
            #[cfg(feature = "http")]
            Self::Http(url) => url.fmt(f),
            Self::Layered { overlay, base } => {
                let overlay = overlay.to_string().replace(',', "%2C");
                write!(f, "layered:{overlay},{base}")
            }
            Self::Memory => f.write_str("memory:"),
            #[cfg(feature = "postgres")]
            Self::Postgres(url) => url.fmt(f),
            #[cfg(feature = "s3")]
            Self::S3(url) => url.fmt(f),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        text.parse::<RegistryUrl>().unwrap_err().to_string()
    }

    #[test]
    fn memory_is_a_url_without_a_place() {
        assert_eq!("memory:".parse(), Ok(RegistryUrl::Memory));
        assert_eq!("memory://".parse(), Ok(RegistryUrl::Memory));
        assert_eq!(
            refusal("memory:x"),
            "registry URL \"memory:x\" names a place: memory: has none"
        );
    }

    #[cfg(all(feature = "file", feature = "sqlite"))]
    #[test]
    fn a_layered_url_is_two_urls() {
        let sqlite = |path: &str| Box::new(RegistryUrl::Sqlite(path.into()));
        let file = |path: &str| Box::new(RegistryUrl::File(path.into()));
        let text = "layered:sqlite:a%2Cb.db,layered:memory:,file:c,d";
        let base = RegistryUrl::Layered {
            overlay: Box::new(RegistryUrl::Memory),
            base: file("c,d"),
        };
        let parsed: RegistryUrl = text.parse().unwrap();
        let expected = RegistryUrl::Layered {
            overlay: sqlite("a,b.db"),
            base: Box::new(base),
        };
        assert_eq!(parsed, expected);
        assert_eq!(parsed.to_string(), text);
        assert_eq!(
            refusal("layered:memory:"),
            "registry URL \"layered:memory:\" names no base: use layered:OVERLAY,BASE"
        );
        assert_eq!(
            refusal("layered:layered:memory:,memory:,memory:"),
            "registry URL \"layered:layered:memory:,memory:,memory:\" has an overlay of layers: only the base may be \
             layered"
        );
        assert_eq!(
            refusal("layered:memory:,file:"),
            "registry URL \"file:\" names no directory: use file:DIR"
        );
    }

    #[cfg(feature = "file")]
    #[test]
    fn a_file_url_is_a_directory_after_its_scheme() {
        for (text, path) in [
            ("file:conf", "conf"),
            ("file:///srv/conf", "/srv/conf"),
            ("file:/srv/my conf", "/srv/my conf"),
        ] {
            let parsed = text.parse::<RegistryUrl>().unwrap();
            assert_eq!(parsed, RegistryUrl::File(path.into()));
            assert_eq!(parsed.to_string(), format!("file:{path}"));
        }
        assert_eq!(
            refusal("file:"),
            "registry URL \"file:\" names no directory: use file:DIR"
        );
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn a_sqlite_url_is_a_path_after_its_scheme() {
        for (text, path) in [
            ("sqlite:data/hotbed.db", "data/hotbed.db"),
            ("sqlite:/var/lib/hotbed.db", "/var/lib/hotbed.db"),
            ("sqlite://hotbed.db", "hotbed.db"),
            ("sqlite:///var/lib/hotbed.db", "/var/lib/hotbed.db"),
            ("sqlite:my file?x=1.db", "my file?x=1.db"),
        ] {
            let parsed = text.parse::<RegistryUrl>().unwrap();
            assert_eq!(parsed, RegistryUrl::Sqlite(path.into()));
            assert_eq!(parsed.to_string(), format!("sqlite:{path}"));
        }
        assert_eq!(
            refusal("sqlite:"),
            "registry URL \"sqlite:\" names no file: use sqlite:PATH"
        );
        assert_eq!(
            refusal("sqlite::memory:"),
            "registry URL \"sqlite::memory:\" names no file: use memory: instead"
        );
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn a_postgres_url_shows_all_but_its_password() {
        for scheme in ["postgres", "postgresql"] {
            let url = format!("{scheme}://bot:secret@db.example/conf?table=bots");
            let url: RegistryUrl = url.parse().unwrap();
            let shown = "postgres://bot@db.example:5432/conf?table=bots";
            assert_eq!(url.to_string(), shown);
            assert_eq!(
                format!("{url:?}"),
                format!("Postgres(PostgresUrl({shown}))")
            );
        }
        assert_eq!(
            refusal("postgres:///conf?password=secret"),
            "registry URL \"postgres://…\" names no user: use postgres://USER:PASSWORD@HOST/DATABASE"
        );
    }

    #[cfg(feature = "http")]
    #[test]
    fn an_http_url_shows_all_but_its_token() {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://secret@conf.example/api/v1?path=bots");
            let url: RegistryUrl = url.parse().unwrap();
            let shown = format!("{scheme}://conf.example/api/v1?path=bots");
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), format!("Http(HttpUrl({shown}))"));
        }
        assert_eq!(
            refusal("https://h/api?token=secret").split(" has ").next(),
            Some("registry URL \"https://…\"")
        );
    }

    #[test]
    fn another_scheme_is_refused_with_those_that_work() {
        for text in ["", "hotbed.db", "mysql:x", "SQLITE:x", "sqlite3:x"] {
            assert_eq!(
                refusal(text),
                format!(
                    "registry URL {text:?} is of no kind that can be opened: use {}",
                    supported()
                )
            );
        }
    }

    #[test]
    fn a_refusal_shows_no_password() {
        assert!(refusal("mysql://bob:secret@host/db").starts_with("registry URL \"mysql://…\""));
    }
}
