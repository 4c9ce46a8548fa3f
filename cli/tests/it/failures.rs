use axum::body::Body;
use futures::stream;
use hotbed_cli::{Exit, Reader};
use serde_json::json;

use crate::harness::{
    Closed, Server, hotbed, json_answer, nobody, problem, problem_with, registration, respond,
    run_into,
};

#[tokio::test]
async fn a_server_that_is_not_there_is_named_with_the_way_to_start_one() {
    let url = format!("http://{}", nobody().await);
    let outcome = hotbed(&url, &["bots", "list"]).await;
    assert_eq!(outcome.exit, Exit::Unreachable);
    assert_eq!(outcome.exit.code(), 5);
    assert!(
        outcome
            .errors
            .starts_with(&format!("error: cannot reach {url}: Connection refused")),
        "{}",
        outcome.errors
    );
    assert!(
        outcome
            .errors
            .contains("hint: start one with: hotbed serve"),
        "{}",
        outcome.errors
    );
    assert_eq!(outcome.output, "");
}

#[tokio::test]
async fn a_server_that_is_silent_for_too_long_is_given_up() {
    let never = Body::from_stream(stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let server = Server::answering([respond(200, "application/json", never)]).await;
    let outcome = hotbed(&server.url, &["health", "--timeout", "100ms"]).await;
    assert_eq!(outcome.exit, Exit::Unreachable);
    assert!(
        outcome
            .errors
            .contains("stopped answering: operation timed out"),
        "{}",
        outcome.errors
    );
}

#[tokio::test]
async fn what_is_not_there_has_its_own_exit_code() {
    let server = Server::answering([problem(404, "no registration \"ghost\"")]).await;
    let outcome = hotbed(&server.url, &["bots", "get", "ghost"]).await;
    assert_eq!((outcome.exit, outcome.exit.code()), (Exit::NotFound, 3));
    assert_eq!(
        outcome.errors,
        "error: no registration \"ghost\"\nhint: see what there is with: hotbed bots list\n"
    );
}

#[tokio::test]
async fn a_conflict_tells_where_the_registration_stands() {
    let conflict = problem_with(
        412,
        "greeter is at revision 42, not 41",
        &json!({"revision": 42}),
    );
    let server = Server::answering([conflict]).await;
    let outcome = hotbed(
        &server.url,
        &["bots", "delete", "greeter", "--if-revision", "41"],
    )
    .await;
    assert_eq!((outcome.exit, outcome.exit.code()), (Exit::Conflict, 4));
    assert_eq!(
        outcome.errors,
        "error: greeter is at revision 42, not 41\n\
         hint: it is at revision 42 now: look at it, then use --if-revision 42\n"
    );
    assert_eq!(server.seen()[0].header("if-match"), Some("\"41\""));
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_request_is_told() {
    let problems = &json!({"problems": ["llm.provider: unknown", "memory.type: missing"]});
    let server =
        Server::answering([problem_with(422, "no bot can be built from this", problems)]).await;
    let outcome = hotbed(&server.url, &["bots", "put", "x", "--config", "{}"]).await;
    assert_eq!((outcome.exit, outcome.exit.code()), (Exit::Failed, 1));
    assert_eq!(
        outcome.errors,
        "error: no bot can be built from this\n  - llm.provider: unknown\n  - memory.type: missing\n"
    );
}

#[tokio::test]
async fn an_error_of_the_server_names_the_request_in_its_log() {
    let server = Server::answering([problem_with(
        500,
        "something broke",
        &json!({"request_id": "b8e9"}),
    )])
    .await;
    let outcome = hotbed(&server.url, &["reload"]).await;
    assert_eq!(outcome.exit, Exit::Failed);
    assert_eq!(
        outcome.errors,
        "error: something broke\nhint: the server's log tells more about request b8e9\n"
    );
}

#[tokio::test]
async fn something_else_that_answers_is_not_taken_for_a_server_of_ours() {
    let page = "<html>\u{1b}[31mnot here\n</html>";
    let server = Server::answering([
        respond(404, "text/html", page),
        respond(200, "text/html", page),
        respond(200, "text/html", page),
        respond(307, "text/plain", ""),
    ])
    .await;
    let outcome = hotbed(&server.url, &["bots", "get", "x"]).await;
    assert_eq!(
        outcome.exit,
        Exit::Failed,
        "a page that is missing is not a bot that is missing"
    );
    assert_eq!(
        outcome.errors,
        format!(
            "error: {} answered 404 Not Found, and not as a hotbed server does: \
             <html>\\u{{1b}}[31mnot here\\n</html>\nhint: is --server the address of a hotbed server?\n",
            server.url
        )
    );
    let outcome = hotbed(&server.url, &["bots", "get", "x", "--output", "json"]).await;
    assert_eq!((outcome.exit, outcome.output.as_str()), (Exit::Failed, ""));
    assert!(
        outcome.errors.contains("is not understood: expected value"),
        "{}",
        outcome.errors
    );
    let outcome = hotbed(&server.url, &["bots", "watch"]).await;
    assert_eq!(outcome.exit, Exit::Failed);
    let outcome = hotbed(&server.url, &["bots", "delete", "x"]).await;
    assert_eq!(outcome.exit, Exit::Failed, "a redirect is not followed");
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn a_reader_that_goes_away_has_seen_enough() {
    let page = json!({"items": [registration("greeter", 1)], "next": null});
    let server = Server::answering([json_answer(200, &page)]).await;
    let mut errors = Vec::new();
    let exit = run_into(
        &server.url,
        &["bots", "list"],
        Reader::Program,
        b"",
        &mut Closed,
        &mut errors,
    )
    .await;
    assert_eq!(exit, Exit::Done);
    assert!(errors.is_empty());
}

#[tokio::test]
async fn a_fault_tells_its_story_even_where_nobody_reads_it() {
    let server = Server::answering([problem(404, "no registration \"x\"")]).await;
    let exit = run_into(
        &server.url,
        &["bots", "get", "x"],
        Reader::Program,
        b"",
        &mut Closed,
        &mut Closed,
    )
    .await;
    assert_eq!(exit, Exit::NotFound);
}
