use crate::fault::{Fault, Kind};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;

/// The most fields of a form.
const MAX_FIELDS: usize = 256;

/// Whether a body is sent as the fields of a form.
pub(crate) fn is_form(headers: &HeaderMap) -> bool {
    let given = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let essence = given.and_then(|given| given.split(';').next());
    essence.is_some_and(|it| {
        it.trim()
            .eq_ignore_ascii_case("application/x-www-form-urlencoded")
    })
}

/// The fields of a form. Of two with one name the first counts.
#[derive(Debug)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let fields: Vec<(String, String)> = form_urlencoded::parse(bytes)
            .into_owned()
            .take(MAX_FIELDS + 1)
            .collect();
        if fields.len() > MAX_FIELDS {
            let detail = format!("the form has more than {MAX_FIELDS} fields");
            return Err(Fault::new(Kind::Invalid, detail));
        }
        Ok(Self(fields))
    }

    /// A field that is there and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value.trim())
            .filter(|it| !it.is_empty())
    }
}
