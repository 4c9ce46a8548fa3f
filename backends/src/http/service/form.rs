//! Bodies for a service, and registrations out of its answers.

use super::seen::{self, Content, Seen};
use crate::http::answer::Answer;
use crate::http::fault::Fault;
use crate::http::url::HttpUrl;
use hotbed_registry::{Error, Id};
use reqwest::StatusCode;
use serde_json::{Value, json};

/// The body of a write. All four fields, for the service empties what is not there.
pub(super) fn body(id: &Id, content: &Content) -> Vec<u8> {
    let body = json!({
        "bot_id": id.as_str(),
        "config": content.config.as_map(),
        "status": content.status.as_str(),
        "metadata": content.metadata,
    });
    body.to_string().into_bytes()
}

/// The one registration that was asked for.
pub(super) fn seen(id: &Id, answer: &Answer, url: &HttpUrl) -> Result<Seen, Fault> {
    let body: Value = answer.json(url)?;
    let odd = |reason: &str| Fault::unknown(format!("{url} answers {reason}"));
    let seen = seen::one(body).map_err(|reason| odd(&reason))?;
    match seen {
        Ok(seen) if seen.id == *id => Ok(seen),
        Ok(Seen { id: other, .. }) => Err(odd(&format!("{other:?} where {id:?} is due"))),
        Err(reason) => Err(odd(&reason)),
    }
}

/// A whole list.
pub(super) fn list(answer: &Answer, url: &HttpUrl) -> Result<(Vec<Seen>, Vec<String>), Fault> {
    let body: Value = answer.json(url)?;
    if let Some(link) = answer.headers.get(reqwest::header::LINK)
        && link
            .to_str()
            .is_ok_and(|link| link.contains("rel=\"next\""))
    {
        return Err(Fault::said(format!(
            "{url} answers a part of a list, which goes on elsewhere: have it answer the list whole"
        )));
    }
    seen::list(body).map_err(|reason| Fault::said(format!("{url} answers {reason}")))
}

/// Whether it says that there is no such registration, and not only that there is nothing at this address: that comes
/// from whatever stands before the service.
pub(super) fn is_absent(answer: &Answer) -> bool {
    answer.status == StatusCode::NOT_FOUND && answer.is_json()
}

/// Whether it found a precondition wanting.
pub(super) fn is_conflict(answer: &Answer) -> bool {
    matches!(
        answer.status,
        StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT
    )
}

/// Why the service does not write.
pub(super) fn refused(id: &Id, answer: &Answer, url: &HttpUrl, operation: &'static str) -> Error {
    match answer.status {
        StatusCode::BAD_REQUEST
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::UNPROCESSABLE_ENTITY => {
            let said = answer.complaint().text();
            Error::Refused {
                id: id.clone(),
                problems: vec![said.unwrap_or_else(|| format!("{url} does not take it"))],
            }
        }
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => Error::Unsupported {
            operation,
            reason: format!("{url} only reads"),
        },
        _ => answer.refusal(url).of_write(operation),
    }
}
