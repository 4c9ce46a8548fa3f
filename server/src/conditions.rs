//! `ETag`, `If-Match` and `If-None-Match`. A registration's ETag is its revision in quotes; a list's is the
//! collection's newest revision; that of what changes without a new revision is a digest.

use crate::fault::{Fault, Kind};
use crate::freshness::refusal;
use crate::state::Node;
use axum::http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue};
use hotbed_registry::{Error, Id, Precondition, Revision};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// What a revision is called in headers.
pub(crate) fn etag(revision: Revision) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{revision}\"")).expect("digits in quotes are a header value")
}

/// Whether the client has this revision already and need not be sent it.
pub(crate) fn is_known(headers: &HeaderMap, revision: Revision) -> Result<bool, Fault> {
    Ok(match tags(headers, &IF_NONE_MATCH, Weak::Allowed)? {
        None => false,
        Some(Tags::Any) => true,
        Some(Tags::Of(known)) => known.contains(&revision),
    })
}

/// What the content of an answer is called in headers. A page of the history is called so: what is forgotten of it takes
/// no revision.
pub(crate) fn content_etag(content: &impl Serialize) -> HeaderValue {
    let content = serde_json::to_vec(content).expect("answers are plain data");
    let digest = Sha256::digest(content);
    let hex = digest[..16].iter().map(|byte| format!("{byte:02x}"));
    let tag = format!("\"sha256-{}\"", hex.collect::<String>());
    HeaderValue::from_str(&tag).expect("digits in quotes are a header value")
}

/// Whether the client has what is called so already and need not be sent it.
pub(crate) fn has_content(headers: &HeaderMap, tag: &HeaderValue) -> Result<bool, Fault> {
    let known = values(headers, &IF_NONE_MATCH)?;
    let strong = |it: &String| it == "*" || it.strip_prefix("W/").unwrap_or(it).as_bytes() == tag;
    Ok(known.iter().any(strong))
}

/// What a writer requires of the registration that it writes to.
pub(crate) async fn precondition(
    headers: &HeaderMap,
    node: &Node,
    id: &Id,
) -> Result<Precondition, Fault> {
    let revisions = match demanded(headers)? {
        Demanded::This(when) => return Ok(when),
        Demanded::OneOf(revisions) => revisions,
    };
    if let [revision] = revisions[..] {
        return Ok(Precondition::At(revision));
    }
    // The registry checks one revision, so pick the one that may hold; it is checked again with the write.
    let current = node
        .reader
        .peek(id)
        .await?
        .map(|registration| registration.revision);
    if let Some(current) = current.filter(|current| revisions.contains(current)) {
        return Ok(Precondition::At(current));
    }
    let last = revisions.last().expect("a list of tags holds one at least");
    let expected = Precondition::At(*last);
    let conflict = Error::Conflict {
        id: id.clone(),
        expected,
        actual: current,
    };
    Err(refusal(node, id, conflict).await)
}

/// The same where nobody looks first at which revision it stands: one tag at most.
pub(crate) fn known_precondition(headers: &HeaderMap) -> Result<Precondition, Fault> {
    match demanded(headers)? {
        Demanded::This(when) => Ok(when),
        Demanded::OneOf(revisions) => match revisions[..] {
            [revision] => Ok(Precondition::At(revision)),
            _ => Err(bad(
                "If-Match takes one tag here: send the ETag of what you read",
            )),
        },
    }
}

/// What headers require.
enum Demanded {
    This(Precondition),
    /// To stand at one of these.
    OneOf(Vec<Revision>),
}

fn demanded(headers: &HeaderMap) -> Result<Demanded, Fault> {
    let (matching, absent) = (
        tags(headers, &IF_MATCH, Weak::Refused)?,
        tags(headers, &IF_NONE_MATCH, Weak::Allowed)?,
    );
    Ok(match (matching, absent) {
        (None, None) => Demanded::This(Precondition::Any),
        (None, Some(Tags::Any)) => Demanded::This(Precondition::Absent),
        (Some(Tags::Any), None) => Demanded::This(Precondition::Present),
        (Some(Tags::Of(revisions)), None) => Demanded::OneOf(revisions),
        (None, Some(Tags::Of(_))) => {
            return Err(bad(
                "If-None-Match takes only * on a write, which creates and never replaces",
            ));
        }
        (Some(_), Some(_)) => {
            return Err(bad(
                "If-Match and If-None-Match contradict each other: send one of them",
            ));
        }
    })
}

#[derive(Debug, PartialEq)]
enum Tags {
    Any,
    Of(Vec<Revision>),
}

#[derive(Clone, Copy, PartialEq)]
enum Weak {
    Allowed,
    Refused,
}

fn values(headers: &HeaderMap, name: &HeaderName) -> Result<Vec<String>, Fault> {
    let mut values = Vec::new();
    for value in headers.get_all(name) {
        let value = value
            .to_str()
            .map_err(|_| bad(&format!("{name} is not text")))?;
        for tag in value.split(',').map(str::trim) {
            values.push(tag.to_owned());
        }
    }
    Ok(values)
}

fn tags(headers: &HeaderMap, name: &HeaderName, weak: Weak) -> Result<Option<Tags>, Fault> {
    let tags = values(headers, name)?;
    match tags.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Ok(None),
        ["*"] => Ok(Some(Tags::Any)),
        ref tags => tags
            .iter()
            .map(|tag| revision(tag, name, weak))
            .collect::<Result<_, _>>()
            .map(Tags::Of)
            .map(Some),
    }
}

fn revision(tag: &str, name: &HeaderName, weak: Weak) -> Result<Revision, Fault> {
    let strong = match tag.strip_prefix("W/") {
        Some(_) if weak == Weak::Refused => {
            return Err(bad(&format!(
                "{name} holds the weak tag {tag}, which can never match: send the ETag as it came"
            )));
        }
        Some(strong) => strong,
        None => tag,
    };
    let digits = strong
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    digits.and_then(|digits| digits.parse().ok()).map(Revision).ok_or_else(|| {
        let shown: String = tag.chars().take(64).collect();
        bad(&format!("{name} holds {shown:?}, which is no ETag of this server: send one like \"41\", quotes included"))
    })
}

fn bad(detail: &str) -> Fault {
    Fault::new(Kind::BadRequest, detail)
}
