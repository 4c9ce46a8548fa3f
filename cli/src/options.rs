use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use reqwest::Url;

use crate::duration::parse_duration;

/// What every client command must know: which server, how long to wait, how to show the answer.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Client options")]
pub struct ClientOptions {
    /// The server to talk to. Proxy settings of the environment are not used.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "HOTBED_SERVER",
        default_value = "http://127.0.0.1:8700"
    )]
    pub server: Server,
    /// How to show results. JSON is what the API answered, laid out; `watch` and `chat` print one document per line.
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        env = "HOTBED_OUTPUT",
        default_value = "table"
    )]
    pub output: Format,
    /// The longest silence of the server before the command gives up, as in 500ms, 30s or 2m.
    #[arg(long, global = true, value_name = "TIME", default_value = "90s", value_parser = parse_duration)]
    pub timeout: Duration,
    /// File with the admin token of the server. The variable HOTBED_ADMIN_TOKEN may hold the token instead. It is sent to
    /// this server only, and not where --server holds a name or a password.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "HOTBED_ADMIN_TOKEN_FILE"
    )]
    pub admin_token_file: Option<PathBuf>,
}

/// How results are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns and plain lines, for people. The default, also when the output is not a terminal.
    Table,
    /// The API's JSON, for programs.
    Json,
}

/// The address of a server: `http` or `https`, perhaps with a path in front of `/api/v1`.
///
/// Shown without the credentials that it may hold.
#[derive(Clone, PartialEq, Eq)]
pub struct Server(Url);

/// Why a text is not the address of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidServer {
    /// It is no URL.
    #[error("it is not a URL like http://127.0.0.1:8700 ({0})")]
    NotUrl(String),
    /// It is the URL of something else.
    #[error("it must begin with http:// or https:// and hold no `?` and no `#`")]
    NotServer,
}

impl Server {
    /// The address of what the API has at a path below `/api/v1`. Segments are names, not syntax: whatever stands in
    /// them is escaped.
    pub(crate) fn api(&self, path: &[&str]) -> Url {
        self.below(&["api", "v1"], path)
    }

    /// The same below `/api`, where clients of OpenAgents look for a network.
    pub(crate) fn network(&self, path: &[&str]) -> Url {
        self.below(&["api"], path)
    }

    fn below(&self, base: &[&str], path: &[&str]) -> Url {
        let mut url = self.0.clone();
        url.path_segments_mut()
            .expect("an http URL has a path")
            .pop_if_empty()
            .extend(base)
            .extend(path);
        url
    }
}

impl FromStr for Server {
    type Err = InvalidServer;

    fn from_str(text: &str) -> Result<Self, InvalidServer> {
        let url = Url::parse(text).map_err(|error| InvalidServer::NotUrl(error.to_string()))?;
        let plain = url.query().is_none() && url.fragment().is_none();
        if plain && matches!(url.scheme(), "http" | "https") {
            Ok(Self(url))
        } else {
            Err(InvalidServer::NotServer)
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.0.path().trim_end_matches('/');
        write!(f, "{}{path}", self.0.origin().ascii_serialization())
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({self})")
    }
}

/// The name of a bot, a mod or a channel as a person typed it: something that can be put into a URL without meaning
/// anything else there. Whether it is a good name is for the server to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        // A URL drops or obeys these, so another name would be addressed than the one that was typed.
        match text {
            "" => Err("a name has at least one character"),
            "." | ".." => Err("`.` and `..` are no names"),
            _ if text.contains(|c: char| c.is_control()) => {
                Err("a name holds no control characters")
            }
            _ => Ok(Self(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(text: &str) -> Result<Server, InvalidServer> {
        text.parse()
    }

    #[test]
    fn a_server_is_an_http_url_with_or_without_a_path() {
        let api = |text| server(text).unwrap().api(&["bots"]).to_string();
        assert_eq!(
            api("http://127.0.0.1:8700"),
            "http://127.0.0.1:8700/api/v1/bots"
        );
        assert_eq!(
            api("https://host/hotbed/"),
            "https://host/hotbed/api/v1/bots"
        );
        let network = server("https://host/hotbed").unwrap().network(&["poll"]);
        assert_eq!(network.as_str(), "https://host/hotbed/api/poll");
        assert!(matches!(
            server("127.0.0.1:8700"),
            Err(InvalidServer::NotUrl(_))
        ));
        assert!(matches!(
            server("localhost:8700"),
            Err(InvalidServer::NotServer)
        ));
        assert_eq!(server("file:///etc"), Err(InvalidServer::NotServer));
        assert_eq!(server("http://host/?a=b"), Err(InvalidServer::NotServer));
    }

    #[test]
    fn a_server_is_shown_without_its_password() {
        let server = server("https://me:secret@host/x/").unwrap();
        assert_eq!(server.to_string(), "https://host/x");
        assert_eq!(format!("{server:?}"), "Server(https://host/x)");
    }

    #[test]
    fn a_name_stays_one_segment_of_the_path_whatever_is_in_it() {
        let server = server("http://h").unwrap();
        let path = |id: &str| {
            server
                .api(&["bots", id.parse::<Name>().unwrap().as_str()])
                .path()
                .to_owned()
        };
        assert_eq!(path("a b"), "/api/v1/bots/a%20b");
        assert_eq!(path("a/../b"), "/api/v1/bots/a%2F..%2Fb");
        assert_eq!(path("?x#y"), "/api/v1/bots/%3Fx%23y");
        assert_eq!(path("%2e%2e"), "/api/v1/bots/%252e%252e");
        assert_eq!(path("a\\b"), "/api/v1/bots/a%5Cb");
        assert_eq!(path("ü"), "/api/v1/bots/%C3%BC");
    }

    #[test]
    fn a_name_that_a_url_would_drop_or_obey_is_refused() {
        for id in ["", ".", "..", "a\nb", "\t", "\0"] {
            assert!(id.parse::<Name>().is_err(), "{id:?}");
        }
    }
}
