use crate::fault::{Fault, Kind};
use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, header};
use std::net::{IpAddr, SocketAddr};

/// Who may speak to a server that asks nobody for a password.
///
/// A server on a loopback address answers only to loopback names, so that a web page whose name was pointed at
/// 127.0.0.1 cannot read it (DNS rebinding). And no server lets a web page of another origin change anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The address that is listened on.
    pub listen: SocketAddr,
    /// Other names by which this server is reached, for example through a proxy on this machine. Their origins may
    /// change things too.
    pub hosts: Vec<String>,
}

impl Access {
    pub(crate) fn admit(&self, request: &Request) -> Result<(), Fault> {
        let authority = authority(request);
        if let Some(authority) = &authority
            && self.listen.ip().is_loopback()
            && !self.is_ours(authority.host())
        {
            return Err(Fault::new(
                Kind::Misdirected,
                format!(
                    "this server listens on {} and does not answer to {:?}",
                    self.listen,
                    authority.host()
                ),
            ));
        }
        if matches!(
            *request.method(),
            Method::GET | Method::HEAD | Method::OPTIONS
        ) {
            return Ok(());
        }
        self.admit_page(request)
    }

    /// Refuses a page of another origin, whatever the method: a WebSocket begins with a GET, and browsers let every page
    /// open one.
    pub(crate) fn admit_page(&self, request: &Request) -> Result<(), Fault> {
        let Some(origin) = text(request.headers(), header::ORIGIN) else {
            return Ok(());
        };
        let authority = authority(request);
        let from = origin
            .split_once("://")
            .and_then(|(_, rest)| rest.parse::<Authority>().ok());
        let known = from
            .is_some_and(|from| Some(&from) == authority.as_ref() || self.is_named(from.host()));
        if known {
            Ok(())
        } else {
            Err(Fault::new(
                Kind::Forbidden,
                format!("a page of {origin:?} may not change anything here"),
            ))
        }
    }

    fn is_ours(&self, host: &str) -> bool {
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        let ip = name
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>();
        name == "localhost"
            || name.ends_with(".localhost")
            || ip.is_ok_and(|ip| ip.is_loopback() || ip == self.listen.ip())
            || self.is_named(host)
    }

    fn is_named(&self, host: &str) -> bool {
        self.hosts
            .iter()
            .any(|name| name.eq_ignore_ascii_case(host))
    }
}

/// Whom the client believes to speak to. HTTP/2 says it in the URI. Nothing is said by clients that are no browsers;
/// what cannot be read is nobody.
fn authority(request: &Request) -> Option<Authority> {
    let said = text(request.headers(), header::HOST).map(|host| host.parse());
    let unreadable = || Authority::from_static("unreadable.invalid");
    request
        .uri()
        .authority()
        .cloned()
        .or_else(|| said.map(|host| host.unwrap_or_else(|_| unreadable())))
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    headers
        .get(name)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn asked(listen: &str, method: Method, host: &str, origin: Option<&str>) -> Option<u16> {
        let access = Access {
            listen: listen.parse().unwrap(),
            hosts: vec!["bots.example.com".into()],
        };
        let mut request = Request::builder()
            .method(method)
            .uri("/")
            .header("host", host);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        access
            .admit(&request.body(Body::empty()).unwrap())
            .err()
            .map(|fault| fault.status().as_u16())
    }

    #[test]
    fn a_loopback_server_answers_only_to_loopback_names() {
        let local = "127.0.0.1:8700";
        for ours in [
            "localhost",
            "LOCALHOST:8700",
            "127.0.0.1:1",
            "[::1]:8700",
            "a.localhost",
            "bots.example.com",
        ] {
            assert_eq!(asked(local, Method::GET, ours, None), None, "{ours}");
        }
        for foreign in [
            "evil.example",
            "localhost.evil.example",
            "10.0.0.1:8700",
            "",
            "a b",
            "127.0.0.1.nip.io",
        ] {
            assert_eq!(
                asked(local, Method::GET, foreign, None),
                Some(421),
                "{foreign}"
            );
        }
        assert_eq!(
            asked("0.0.0.0:8700", Method::GET, "anything.example", None),
            None
        );
    }

    #[test]
    fn a_page_of_another_origin_reads_at_most() {
        let local = "127.0.0.1:8700";
        let post = |origin| asked(local, Method::POST, local, Some(origin));
        assert_eq!(post("http://127.0.0.1:8700"), None);
        assert_eq!(post("https://bots.example.com"), None);
        for foreign in [
            "http://evil.example",
            "null",
            "http://127.0.0.1:3000",
            "http://localhost:8700",
            "",
        ] {
            assert_eq!(post(foreign), Some(403), "{foreign}");
        }
        assert_eq!(
            asked(local, Method::GET, local, Some("http://evil.example")),
            None
        );
        assert_eq!(
            asked(
                "0.0.0.0:80",
                Method::DELETE,
                "x.example",
                Some("http://evil.example")
            ),
            Some(403)
        );
    }
}
