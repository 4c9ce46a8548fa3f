use crate::fault::{Fault, Kind};
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use hotbed_registry::Id;

/// The id in the path of a request, decoded and parsed.
#[derive(Debug)]
pub(crate) struct PathId(pub(crate) Id);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| Fault::new(Kind::BadRequest, "the id in the path is not UTF-8"))?;
        Ok(Self(Id::new(&text)?))
    }
}
