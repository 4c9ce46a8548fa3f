//! The problems that several routes have in common, as the API description tells them.

use hotbed_api::Problem;
use std::collections::BTreeMap;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

type Responses = BTreeMap<String, RefOr<Response>>;

/// What any request may be told, even by a route that cannot fail.
pub(crate) enum Everywhere {}
/// What any request to the API may be told.
pub(crate) enum Any {}
/// What a request that names an id may be told.
pub(crate) enum OfId {}
/// What a request about the past may be told.
pub(crate) enum OfThePast {}
/// What a conditional request may be told.
pub(crate) enum Conditional {}
/// What a write that has a name may be told.
pub(crate) enum Named {}
/// What a request with a body may be told.
pub(crate) enum WithBody {}
/// What a request to a bot may be told.
pub(crate) enum OfBot {}
/// What a request to a mod may be told.
pub(crate) enum OfMod {}
/// What a request that needs authority may be told.
pub(crate) enum WithAuthority {}
/// What a request of an agent may be told beside its answer.
pub(crate) enum OfAgents {}
/// What a request for a WebSocket may be told.
pub(crate) enum OfSockets {}

impl IntoResponses for Everywhere {
    fn responses() -> Responses {
        let mut responses = problems(&[
            (
                405,
                "The path does not take this method; `Allow` names those that it takes.",
            ),
            (
                421,
                "The server listens on a loopback address and the request is for another host.",
            ),
            (
                500,
                "Something is wrong inside; the server's log says what, under the request id.",
            ),
        ]);
        // Found before there is a request that could be answered with a problem.
        for (status, description) in [
            (
                414,
                "The address is longer than 65,534 bytes. Without a body.",
            ),
            (431, "The headers are too many or too long. Without a body."),
        ] {
            let response = ResponseBuilder::new().description(description).build();
            responses.insert(status.to_string(), RefOr::T(response));
        }
        responses
    }
}

impl IntoResponses for Any {
    fn responses() -> Responses {
        let mut responses = Everywhere::responses();
        responses.extend(problems(&[
            (
                400,
                "Something in the request cannot be read: the id or the query is not UTF-8, a header is malformed.",
            ),
            (
                422,
                "The id is unfit, a query parameter is unknown, or its value is wrong.",
            ),
            (
                503,
                "Not now: the registry cannot be reached, too many requests are under way, or this node has not \
                 caught up with `min_revision`. `Retry-After` says when to try again.",
            ),
        ]));
        responses
    }
}

impl IntoResponses for OfId {
    fn responses() -> Responses {
        problems(&[(404, "There is no such registration.")])
    }
}

impl IntoResponses for OfThePast {
    fn responses() -> Responses {
        problems(&[
            (
                404,
                "There is no such registration, or it has no version of that revision: `detail` says whether that is \
                 forgotten, was its deletion, or never was.",
            ),
            (501, "This kind of registry does not remember the past."),
        ])
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

impl IntoResponses for Named {
    fn responses() -> Responses {
        problems(&[(
            409,
            "A write of this `Idempotency-Key` was done, at `revision`, and written over since.",
        )])
    }
}

impl IntoResponses for WithBody {
    fn responses() -> Responses {
        problems(&[
            (403, "A web page of another origin may not change anything."),
            (408, "The body did not arrive in time."),
            (
                413,
                "The body, or what its values would take in memory, is larger than the limit.",
            ),
            (
                415,
                "The body is not sent as `application/json`, or it is compressed.",
            ),
            (
                422,
                "The body says what cannot be, and `place` where; or the id is unfit, a query parameter is unknown, or its \
                 value is wrong.",
            ),
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

impl IntoResponses for OfMod {
    fn responses() -> Responses {
        problems(&[
            (404, "There is no such mod."),
            (
                409,
                "There is such a mod already, others depend on it, or it is disabled.",
            ),
            (
                422,
                "The registration or the configuration does not fit, or the mod does not come up: `problems` and `detail` say \
                 why. Or a query parameter is unknown, or its value is wrong.",
            ),
        ])
    }
}

impl IntoResponses for WithAuthority {
    fn responses() -> Responses {
        problems(&[
            (
                401,
                "An admin token is needed, or it is another than that of this server.",
            ),
            (
                403,
                "This server is reached beyond its own machine and has no admin token, or a web page of another origin \
                 asks.",
            ),
        ])
    }
}

impl IntoResponses for OfAgents {
    fn responses() -> Responses {
        let mut responses = problems(&[
            (403, "A web page of another origin may not change anything."),
            (408, "The body did not arrive in time."),
            (
                413,
                "The body, or what its values would take in memory, is larger than the limit.",
            ),
            (415, "The body is compressed."),
            (
                422,
                "A number in the body would not be kept as it was sent.",
            ),
            (
                503,
                "Not now: too many requests are under way. `Retry-After` says when to try again.",
            ),
        ]);
        let object = ObjectBuilder::new()
            .property("success", ObjectBuilder::new().schema_type(Type::Boolean))
            .property(
                "error_message",
                ObjectBuilder::new().schema_type(Type::String),
            );
        let content = ContentBuilder::new().schema(Some(object)).build();
        let response = ResponseBuilder::new()
            .description("The request cannot be understood; `error_message` says why.")
            .content("application/json", content)
            .build();
        responses.insert("400".to_owned(), RefOr::T(response));
        responses
    }
}

impl IntoResponses for OfSockets {
    fn responses() -> Responses {
        problems(&[
            (401, "The admin token is another."),
            (
                403,
                "A web page of another origin may not open a WebSocket; or an admin token was sent to a server that has \
                 none.",
            ),
            (
                426,
                "The request is not one for a WebSocket of version 13 over HTTP/1.1.",
            ),
            (503, "Too many streams are open."),
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
