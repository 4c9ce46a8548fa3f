use std::fmt;
use std::path::Path;

use reqwest::header::HeaderValue;

use crate::error::Error;
use crate::options::ClientOptions;

/// The variable that may hold the token. There is no such flag: everybody may read a command line.
const VARIABLE: &str = "HOTBED_ADMIN_TOKEN";

/// Variables of the process, by name.
type ProcessEnvironment = Vec<(String, String)>;

/// What an administrator shows to a server, and nobody else is shown: there is no way to print it.
#[derive(Clone)]
pub(crate) struct AdminToken(HeaderValue);

impl AdminToken {
    /// The token, if one was given, and the variables of the process without it: nothing that a configuration may name
    /// leads to it. A file counts more than the variable.
    pub(crate) fn taken_from(
        options: &ClientOptions,
        process: &[(String, String)],
    ) -> Result<(Option<Self>, ProcessEnvironment), Error> {
        let (given, process): (Vec<_>, Vec<_>) = process
            .iter()
            .cloned()
            .partition(|(name, _)| name == VARIABLE);
        let token = match &options.admin_token_file {
            Some(file) => Self::read(file)?,
            None => match given.first() {
                Some((_, text)) => Self::new(text, VARIABLE)?,
                None => None,
            },
        };
        Ok((token, process))
    }

    /// As the value of the header `Authorization`.
    pub(crate) fn into_header(self) -> HeaderValue {
        self.0
    }

    fn read(file: &Path) -> Result<Option<Self>, Error> {
        let place = file.display().to_string();
        match std::fs::read_to_string(file) {
            Ok(text) => Self::new(&text, &place),
            Err(source) => Err(Error::Input {
                what: place,
                source,
            }),
        }
    }

    /// Takes a token. Empty is not set: that is how a variable is taken back in many a deployment.
    fn new(text: &str, place: &str) -> Result<Option<Self>, Error> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let invalid = || Error::InvalidInput {
            what: place.to_owned(),
            reason: "an admin token is one word of visible characters".to_owned(),
        };
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(invalid());
        }
        let mut header = HeaderValue::from_str(&format!("Bearer {text}")).map_err(|_| invalid())?;
        header.set_sensitive(true);
        Ok(Some(Self(header)))
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Result<Option<AdminToken>, String> {
        AdminToken::new(text, VARIABLE).map_err(|error| error.to_string())
    }

    #[test]
    fn a_token_is_one_word_and_an_empty_one_is_none() {
        let token = header(" 0123456789abcdef\n").unwrap().unwrap();
        assert_eq!(token.into_header(), "Bearer 0123456789abcdef");
        assert!(header(" \n").unwrap().is_none());
        assert_eq!(
            header("one two").unwrap_err(),
            "HOTBED_ADMIN_TOKEN cannot be used: an admin token is one word of visible characters"
        );
    }

    #[test]
    fn nothing_shows_a_token() {
        let token = header("0123456789abcdef").unwrap().unwrap();
        assert_eq!(format!("{token:?}"), "AdminToken");
        assert_eq!(format!("{:?}", token.into_header()), "Sensitive");
    }
}
