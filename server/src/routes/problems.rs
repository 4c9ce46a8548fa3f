//! The problems that several routes have in common, as the API description tells them.

use hotbed_api::Problem;
use std::collections::BTreeMap;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

type Responses = BTreeMap<String, RefOr<Response>>;

/// What any request may be told.
pub(crate) enum Any {}
/// What a request that names an id may be told.
pub(crate) enum OfId {}
/// What a conditional request may be told.
pub(crate) enum Conditional {}
/// What a request with a body may be told.
pub(crate) enum WithBody {}
/// What a request to a bot may be told.
pub(crate) enum OfBot {}

impl IntoResponses for Any {
    fn responses() -> Responses {
        problems(&[
            (
                400,
                "Something in the request cannot be read: the id or the query is not UTF-8, a header is malformed.",
            ),
            (
                421,
                "The server listens on a loopback address and the request is for another host.",
            ),
            (422, "A query parameter is unknown, or its value is wrong."),
            (
                500,
                "Something is wrong inside; the server's log says what, under the request id.",
            ),
            (
                503,
                "Not now: the registry cannot be reached, too many requests are under way, or this node has not \
                 caught up with `min_revision`. `Retry-After` says when to try again.",
            ),
        ])
    }
}

impl IntoResponses for OfId {
    fn responses() -> Responses {
        problems(&[(404, "There is no such registration.")])
    }
}

impl IntoResponses for Conditional {
    fn responses() -> Responses {
        problems(&[
            (403, "A web page of another origin may not change anything."),
            (
                412,
                "`If-Match` or `If-None-Match` does not hold; `revision` says where the registration stands.",
            ),
        ])
    }
}

impl IntoResponses for WithBody {
    fn responses() -> Responses {
        problems(&[
            (403, "A web page of another origin may not change anything."),
            (408, "The body did not arrive in time."),
            (413, "The body is larger than the limit."),
            (415, "The body is not sent as `application/json`."),
        ])
    }
}

impl IntoResponses for OfBot {
    fn responses() -> Responses {
        problems(&[
            (404, "There is no such bot."),
            (
                406,
                "Neither JSON nor server-sent events are acceptable to the client.",
            ),
            (409, "The bot is out of service."),
            (
                502,
                "The model provider failed, or its reply cannot be used.",
            ),
            (
                503,
                "The bot cannot be built or its model provider is not available. `Retry-After` says when to try again.",
            ),
            (504, "The model provider took too long."),
        ])
    }
}

fn problems(of: &[(u16, &str)]) -> Responses {
    let response = |description: &str| {
        let content = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name(Problem::name())))
            .build();
        ResponseBuilder::new()
            .description(description)
            .content("application/problem+json", content)
            .build()
    };
    of.iter()
        .map(|(status, description)| (status.to_string(), RefOr::T(response(description))))
        .collect()
}
