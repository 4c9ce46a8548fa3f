//! Writing registrations.

use super::problems::{Any, Conditional, Named, OfId, WithBody};
use crate::body::{Read, check_object, read_json};
use crate::conditions::{etag, precondition};
use crate::fault::{Fault, Kind};
use crate::freshness::{refusal, served};
use crate::note::{self, NOTE};
use crate::once::Sent;
use crate::params::Params;
use crate::path_id::PathId;
use crate::state::Node;
use crate::wire;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{ETAG, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use hotbed_api::{Place, RegistrationWrite, Written};
use hotbed_configs::PortableConfig;
use hotbed_registry::{Admitted, ChangeNote, Draft, Error, Id, Revision, Status};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::sync::Arc;

/// Everything in a path segment but what RFC 3986 calls unreserved.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Create or replace the registration that the body names
#[utoipa::path(
    post,
    path = "",
    tag = "registrations",
    params(
        ("by" = Option<String>, Query, description = "Who writes: kept in the metadata as `changed_by`."),
        ("reason" = Option<String>, Query, description = "Why: kept in the metadata as `change_reason`."),
        ("If-Match" = Option<String>, Header, description = "Only if it stands at one of these `ETag`s, or exists (`*`)."),
        ("If-None-Match" = Option<String>, Header, description = "`*`: only if it does not exist."),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for this write, 1 to 128 visible characters: sent again under it to the same node, soon, it is not done twice."),
    ),
    request_body = RegistrationWrite,
    responses(
        (status = 200, description = "It was replaced.", body = Written,
            headers(("ETag" = String, description = "Its revision, in quotes."))),
        (status = 201, description = "It is new.", body = Written,
            headers(("ETag" = String, description = "Its revision, in quotes."), ("Location" = String, description = "Where it is."))),
        Conditional,
        Named,
        Any,
        WithBody,
    ),
)]
pub(crate) async fn post(
    State(node): State<Arc<Node>>,
    uri: Uri,
    request: Request,
) -> Result<Response, Fault> {
    let said = note::in_query(&Params::read(&uri, &NOTE)?)?;
    let understand = |body: RegistrationWrite| {
        let id = match (&body.bot_id, &body.id) {
            (Some(bot_id), Some(id)) if bot_id != id => return Err(two_names(bot_id, id)),
            (Some(id), _) | (None, Some(id)) => Id::new(id)?,
            (None, None) => {
                return Err(Fault::new(
                    Kind::Invalid,
                    "bot_id is missing: name the registration",
                ));
            }
        };
        Ok((id, draft(body)?))
    };
    let (limits, memory) = (&node.limits(), &node.bodies);
    let read = read_json(request, limits, memory, understand).await?;
    store(&node, said, read).await
}

/// Create or replace a registration
///
/// Configuration, status and, if it is given, metadata are replaced as a whole.
#[utoipa::path(
    put,
    path = "/{id}",
    tag = "registrations",
    params(
        ("id" = String, Path, description = "Its name. If the body names one, it must be the same."),
        ("created_at" = Option<String>, Query, description = "When it was created elsewhere, if this write creates it here by moving it."),
        ("by" = Option<String>, Query, description = "Who writes: kept in the metadata as `changed_by`."),
        ("reason" = Option<String>, Query, description = "Why: kept in the metadata as `change_reason`."),
        ("If-Match" = Option<String>, Header, description = "Only if it stands at one of these `ETag`s, or exists (`*`)."),
        ("If-None-Match" = Option<String>, Header, description = "`*`: only if it does not exist."),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for this write, 1 to 128 visible characters: sent again under it to the same node, soon, it is not done twice."),
    ),
    request_body = RegistrationWrite,
    responses(
        (status = 200, description = "It was replaced.", body = Written,
            headers(("ETag" = String, description = "Its revision, in quotes."))),
        (status = 201, description = "It is new.", body = Written,
            headers(("ETag" = String, description = "Its revision, in quotes."), ("Location" = String, description = "Where it is."))),
        Conditional,
        Named,
        Any,
        WithBody,
    ),
)]
pub(crate) async fn put(
    State(node): State<Arc<Node>>,
    PathId(id): PathId,
    uri: Uri,
    request: Request,
) -> Result<Response, Fault> {
    let [by, reason] = NOTE;
    let params = Params::read(&uri, &[by, "created_at", reason])?;
    let said = note::in_query(&params)?;
    let created_at = params.time("created_at")?;
    let understand = move |body: RegistrationWrite| {
        for named in [&body.bot_id, &body.id].into_iter().flatten() {
            if named != id.as_str() {
                return Err(two_names(id.as_str(), named));
            }
        }
        let draft = draft(body)?;
        Ok((
            id,
            Draft {
                created_at,
                ..draft
            },
        ))
    };
    let (limits, memory) = (&node.limits(), &node.bodies);
    let read = read_json(request, limits, memory, understand).await?;
    store(&node, said, read).await
}

/// Delete a registration
#[utoipa::path(
    delete,
    path = "/{id}",
    tag = "registrations",
    params(
        ("id" = String, Path, description = "Its name."),
        ("by" = Option<String>, Query, description = "Who deletes it: told by its history as `changed_by`."),
        ("reason" = Option<String>, Query, description = "Why: told by its history as `change_reason`."),
        ("If-Match" = Option<String>, Header, description = "Only if it stands at one of these `ETag`s, or exists (`*`)."),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for this write, 1 to 128 visible characters: sent again under it to the same node, soon, it is not done twice."),
    ),
    responses((status = 204, description = "It is gone."), OfId, Conditional, Any),
)]
pub(crate) async fn delete(
    State(node): State<Arc<Node>>,
    PathId(id): PathId,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Fault> {
    let said = note::in_query(&Params::read(&uri, &NOTE)?)?;
    let gone = |revision| Ok(served(revision, StatusCode::NO_CONTENT.into_response()));
    let begun = match node.named.begin(&headers, &id)? {
        Sent::New(begun) => begun,
        Sent::Done(revision) => return gone(revision),
    };
    let when = precondition(&headers, &node, &id).await?;
    let (registry, whose) = (node.state.registry.clone(), id.clone());
    let deleted = complete(&node, async move {
        let deleted = registry.noting(said).delete(&whose, when).await;
        if let (Ok(revision), Some(begun)) = (&deleted, begun) {
            begun.done(*revision);
        }
        deleted
    });
    match deleted.await? {
        Ok(revision) => gone(revision),
        Err(error) => Err(refusal(&node, &id, error).await),
    }
}

async fn store(node: &Node, said: ChangeNote, read: Read<(Id, Draft)>) -> Result<Response, Fault> {
    let Read {
        headers,
        body: (id, draft),
        share: _share,
    } = read;
    let begun = match node.named.begin(&headers, &id)? {
        Sent::New(begun) => begun,
        Sent::Done(revision) => return done_before(node, &id, revision).await,
    };
    let when = precondition(&headers, node, &id).await?;
    let (registry, whose) = (node.state.registry.clone(), id.clone());
    let put = complete(node, async move {
        let put = registry.noting(said).put(&whose, draft, when).await;
        if let (Ok(admitted), Some(begun)) = (&put, begun) {
            begun.done(admitted.registration.revision);
        }
        put
    });
    answer(node, &id, put.await?).await
}

/// Answers a write.
pub(super) async fn answer(
    node: &Node,
    id: &Id,
    done: Result<Admitted, Error>,
) -> Result<Response, Fault> {
    match done {
        Ok(admitted) => Ok(written(admitted)),
        Err(error) => Err(refusal(node, id, error).await),
    }
}

/// Has a write and the note of its name go on together if the client hangs up.
async fn complete<R: Send + 'static>(
    node: &Node,
    write: impl Future<Output = R> + Send + 'static,
) -> Result<R, Fault> {
    let done = node.writes.spawn(write).await;
    done.map_err(|error| Fault::internal(error.to_string()))
}

/// What a write is answered that was done when it was sent before, under the same name.
async fn done_before(node: &Node, id: &Id, revision: Revision) -> Result<Response, Fault> {
    match node.reader.peek(id).await? {
        Some(registration) if registration.revision == revision => Ok(written(Admitted {
            registration,
            warnings: Vec::new(),
        })),
        _ => {
            let detail =
                format!("this write was done, at revision {revision}, and written over since");
            Err(Fault::new(Kind::WrittenOver, detail).at_revision(Some(revision.0)))
        }
    }
}

fn written(admitted: Admitted) -> Response {
    let Admitted {
        registration,
        warnings,
    } = admitted;
    let (id, revision) = (registration.id.clone(), registration.revision);
    let is_new = registration.version == 1;
    let mut response = Json(Written {
        registration: wire::registration(registration),
        warnings,
    })
    .into_response();
    response.headers_mut().insert(ETAG, etag(revision));
    if is_new {
        *response.status_mut() = StatusCode::CREATED;
        response.headers_mut().insert(LOCATION, location(&id));
    }
    served(revision, response)
}

fn draft(body: RegistrationWrite) -> Result<Draft, Fault> {
    check_object("config", &body.config)?;
    if let Some(metadata) = &body.metadata {
        check_object("metadata", metadata)?;
    }
    let config = PortableConfig::from_map(body.config).map_err(|error| {
        let place = Place {
            path: "config".into(),
            ..Place::default()
        };
        Fault::new(Kind::Invalid, format!("config: {error}")).at_place(place)
    })?;
    let status = body.status.map_or(Status::Active, wire::status_from);
    Ok(Draft {
        config,
        status,
        metadata: body.metadata,
        created_at: None,
    })
}

fn two_names(one: &str, other: &str) -> Fault {
    let shown = |id: &str| id.chars().take(64).collect::<String>();
    Fault::new(
        Kind::Invalid,
        format!(
            "the request names two ids, {:?} and {:?}: send one",
            shown(one),
            shown(other)
        ),
    )
}

fn location(id: &Id) -> HeaderValue {
    let path = format!("/api/v1/bots/{}", utf8_percent_encode(id.as_str(), SEGMENT));
    HeaderValue::from_str(&path).expect("a percent-encoded path is a header value")
}
