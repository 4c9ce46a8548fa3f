//! The API description for people: Swagger UI out of this binary, which loads nothing from anywhere else.

use crate::fault::{Fault, Kind};
use axum::extract::Path;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use std::sync::Arc;
use utoipa_swagger_ui::Config;

/// What the page may load and run: what comes from here. Swagger UI sets styles from its script.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:";

/// There is no other page yet.
pub(crate) async fn from_root() -> Redirect {
    Redirect::temporary("/docs/")
}

/// The page's own addresses are relative to the folder.
pub(crate) async fn to_folder() -> Redirect {
    Redirect::permanent("/docs/")
}

pub(crate) async fn page(file: Option<Path<String>>) -> Result<Response, Fault> {
    // The default validator is a server elsewhere.
    let config = Config::from("/api/v1/openapi.json")
        .validator_url("none")
        .try_it_out_enabled(true);
    let name = file.as_ref().map_or("index.html", |Path(name)| name);
    match utoipa_swagger_ui::serve(name, Arc::new(config)) {
        Ok(Some(file)) => {
            let headers = [
                (CONTENT_TYPE, file.content_type),
                (CONTENT_SECURITY_POLICY, POLICY.to_owned()),
            ];
            Ok((headers, file.bytes).into_response())
        }
        Ok(None) => Err(Fault::new(
            Kind::NotFound,
            "the page has no such file: it is at /docs/",
        )),
        Err(error) => Err(Fault::internal(error.to_string())),
    }
}
