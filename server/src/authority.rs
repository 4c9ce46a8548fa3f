use crate::fault::{Fault, Kind};
use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use std::fmt;
use std::net::SocketAddr;
use subtle::ConstantTimeEq as _;

/// The shortest token that is no invitation to guess it.
const SHORTEST: usize = 16;

/// Who may change mods.
///
/// Where there is a token, whoever shows it (`Authorization: Bearer …`). Where there is none, everybody who reaches a
/// server that listens on a loopback address, and nobody at any other.
#[derive(Debug, Clone)]
pub struct Authority {
    token: Option<AdminToken>,
    is_local: bool,
}

/// What an administrator shows. Only its digest is kept.
#[derive(Clone)]
pub struct AdminToken([u8; 32]);

/// A text that is too weak for an [`AdminToken`]. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an admin token is {SHORTEST} to 1024 visible characters, such as `openssl rand -hex 32` makes, and this is something else"
)]
pub struct InvalidAdminToken;

impl AdminToken {
    /// Takes a token.
    pub fn new(text: &str) -> Result<Self, InvalidAdminToken> {
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_visible && (SHORTEST..=1_024).contains(&text.len()) {
            Ok(Self(digest(text)))
        } else {
            Err(InvalidAdminToken)
        }
    }

    pub(crate) fn is(&self, shown: &str) -> bool {
        self.0.ct_eq(&digest(shown)).into()
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

impl Authority {
    /// What holds for a server that listens here and was given this token, if any.
    pub fn new(listen: SocketAddr, token: Option<AdminToken>) -> Self {
        Self {
            token,
            is_local: listen.ip().is_loopback(),
        }
    }

    /// Whether everybody who reaches this server may change mods.
    pub fn is_open(&self) -> bool {
        self.token.is_none() && self.is_local
    }

    /// Lets whoever has authority go on.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> Result<(), Fault> {
        match &self.token {
            None if self.is_local => Ok(()),
            None => Err(Fault::new(
                Kind::Forbidden,
                "this server is reached beyond its own machine and has no admin token, so nobody may do that: start it \
                 with HOTBED_ADMIN_TOKEN",
            )),
            Some(token) => match bearer(headers) {
                Some(shown) if token.is(shown) => Ok(()),
                Some(_) => Err(Fault::new(Kind::Unauthorized, "the admin token is another")),
                None => Err(Fault::new(
                    Kind::Unauthorized,
                    "an admin token is needed: send it as `Authorization: Bearer TOKEN`",
                )),
            },
        }
    }

    /// Lets whoever may have bots built anew go on. That changes nothing that is registered, so where there is no token,
    /// everybody may, as everybody may change bots there.
    pub(crate) fn admit_reload(&self, headers: &HeaderMap) -> Result<(), Fault> {
        match &self.token {
            None => Ok(()),
            Some(_) => self.admit(headers),
        }
    }

    /// Whether whoever sent these headers has authority.
    pub(crate) fn has(&self, headers: &HeaderMap) -> bool {
        self.admit(headers).is_ok()
    }
}

/// What is shown by `Authorization: Bearer …`, if anything.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let shown = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = shown.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_start())
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    const TOKEN: &str = "0123456789abcdef";

    fn status(listen: &str, token: Option<&str>, shown: Option<&str>) -> Option<u16> {
        let token = token.map(|text| AdminToken::new(text).unwrap());
        let authority = Authority::new(listen.parse().unwrap(), token);
        let mut headers = HeaderMap::new();
        if let Some(shown) = shown {
            headers.insert(header::AUTHORIZATION, HeaderValue::from_str(shown).unwrap());
        }
        let admitted = authority.admit(&headers);
        assert_eq!(admitted.is_ok(), authority.has(&headers));
        let may_reload = authority.admit_reload(&headers).is_ok();
        assert_eq!(may_reload, admitted.is_ok() || authority.token.is_none());
        admitted.err().map(|fault| fault.status().as_u16())
    }

    /// Meant to catch: to let everybody in where there is no token, to take any token, to take it by its beginning.
    #[test]
    fn authority_is_the_token_or_without_one_the_machine() {
        let (local, open) = ("127.0.0.1:8700", "0.0.0.0:8700");
        assert_eq!(status(local, None, None), None);
        assert_eq!(status("[::1]:8700", None, Some("Bearer x")), None);
        assert_eq!(status(open, None, None), Some(403));
        assert_eq!(status(open, None, Some("Bearer x")), Some(403));
        for listen in [local, open] {
            let with = |shown| status(listen, Some(TOKEN), shown);
            assert_eq!(with(Some("Bearer 0123456789abcdef")), None);
            assert_eq!(with(Some("bearer  0123456789abcdef")), None);
            for wrong in [
                None,
                Some("Bearer 0123456789abcde"),
                Some("Bearer 0123456789abcdef0"),
                Some("Bearer 0123456789ABCDEF"),
                Some("Basic 0123456789abcdef"),
                Some("0123456789abcdef"),
                Some("Bearer"),
                Some(""),
            ] {
                assert_eq!(with(wrong), Some(401), "{wrong:?}");
            }
        }
    }

    #[test]
    fn a_weak_token_is_refused_and_no_token_is_shown() {
        for weak in [
            "",
            "0123456789abcde",
            "0123456789 abcdef",
            "0123456789abcdé0",
        ] {
            assert_eq!(AdminToken::new(weak).unwrap_err(), InvalidAdminToken);
        }
        let token = AdminToken::new(TOKEN).unwrap();
        assert_eq!(format!("{token:?}"), "AdminToken");
    }
}
