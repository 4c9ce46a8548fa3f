use std::fmt::Write;

use hotbed_cli::Exit;
use serde_json::json;

use crate::harness::{Server, events, hotbed, nobody, problem};

/// Changes as the server sends them.
fn changes(changes: &[(u64, &str, &str)]) -> String {
    let mut text = String::new();
    for (revision, kind, id) in changes {
        let data = json!({"id": id, "revision": revision, "kind": kind, "at": "2026-01-02T03:04:05.123456+00:00"});
        write!(text, "id: {revision}\nevent: change\ndata: {data}\n\n").unwrap();
    }
    text
}

#[tokio::test]
async fn changes_are_lines_and_those_of_others_are_passed_over() {
    let log = [
        (1, "created", "greeter"),
        (2, "created", "other"),
        (3, "deactivated", "greeter"),
    ];
    let server = Server::answering([events(&changes(&log))]).await;
    let outcome = hotbed(
        &server.url,
        &["bots", "watch", "greeter", "--after", "0", "--count", "2"],
    )
    .await;
    assert_eq!((outcome.exit, outcome.errors.as_str()), (Exit::Done, ""));
    assert_eq!(
        outcome.output,
        "2026-01-02 03:04:05Z       1  created      greeter\n\
         2026-01-02 03:04:05Z       3  deactivated  greeter\n"
    );
    let seen = &server.seen()[0];
    assert_eq!(seen.uri, "/api/v1/changes?collection=bots");
    assert_eq!(seen.header("last-event-id"), Some("0"));
}

#[tokio::test]
async fn a_lost_connection_is_made_anew_where_it_was_lost_and_nothing_is_missed() {
    let fault =
        json!({"type": "t", "title": "T", "status": 503, "detail": "the registry cannot be read"});
    let server = Server::answering([
        events(": follows\nid: 6\n\n"),
        events(&changes(&[(7, "created", "a")])),
        problem(503, "not ready"),
        events(&format!("event: error\ndata: {fault}\n\n")),
        events(&changes(&[(8, "updated", "a")])),
    ])
    .await;
    let outcome = hotbed(&server.url, &["bots", "watch", "--count", "2"]).await;
    assert_eq!(outcome.exit, Exit::Done);
    let revisions: Vec<_> = outcome
        .output
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2))
        .collect();
    assert_eq!(revisions, ["7", "8"]);
    assert_eq!(
        outcome.errors,
        "connection lost (the server ended it), connecting again\nconnected again\n\
         connection lost (the server ended it), connecting again\nconnected again\n\
         connection lost (the registry cannot be read), connecting again\nconnected again\n"
    );
    let seen = server.seen();
    let asked: Vec<_> = seen
        .iter()
        .map(|seen| seen.header("last-event-id"))
        .collect();
    assert_eq!(asked, [None, Some("6"), Some("7"), Some("7"), Some("7")]);
}

#[tokio::test]
async fn a_compacted_log_is_told_and_the_watch_goes_on_after_its_head() {
    let script = || {
        let compacted = "event: compacted\ndata: {\"oldest\":50,\"head\":90}\n\n";
        [
            events(&format!(": follows\nid: 3\n\n{compacted}")),
            events(&changes(&[(91, "deleted", "a")])),
        ]
    };
    let args = ["bots", "watch", "--after", "3", "--count", "1"];
    let server = Server::answering(script()).await;
    let outcome = hotbed(&server.url, &args).await;
    assert_eq!(
        outcome.errors,
        "the log was compacted: it begins with revision 50; going on after 90. \
         See what there is now with: hotbed bots list\n"
    );
    assert_eq!(server.seen()[1].header("last-event-id"), Some("90"));
    let server = Server::answering(script()).await;
    let outcome = hotbed(&server.url, &[&args[..], &["--output", "json"]].concat()).await;
    let first = outcome.output.lines().next();
    assert_eq!(
        first,
        Some("{\"oldest\":50,\"head\":90}"),
        "a program must know that it missed something"
    );
}

#[tokio::test]
async fn a_refusal_ends_the_watch_at_once_and_so_does_a_server_that_was_never_there() {
    let fault = json!({"type": "t", "title": "T", "status": 422, "detail": "not for you"});
    let server = Server::answering([
        events(&changes(&[(7, "created", "a")])),
        problem(400, "that is no revision"),
        events(&format!("event: error\ndata: {fault}\n\n")),
    ])
    .await;
    let outcome = hotbed(&server.url, &["bots", "watch"]).await;
    assert_eq!(outcome.exit, Exit::Failed);
    assert!(
        outcome.errors.ends_with("error: that is no revision\n"),
        "{}",
        outcome.errors
    );
    let outcome = hotbed(&server.url, &["bots", "watch"]).await;
    assert_eq!(
        (outcome.exit, outcome.errors.as_str()),
        (Exit::Failed, "error: not for you\n")
    );
    let outcome = hotbed(&format!("http://{}", nobody().await), &["bots", "watch"]).await;
    assert_eq!(outcome.exit, Exit::Unreachable);
}

#[tokio::test]
async fn no_change_can_write_to_the_terminal() {
    let server = Server::answering([events(&changes(&[(1, "created", "\u{1b}[2J")]))]).await;
    let outcome = hotbed(
        &server.url,
        &["bots", "watch", "--after", "0", "--count", "1"],
    )
    .await;
    assert!(
        outcome.output.ends_with("\\u{1b}[2J\n"),
        "{}",
        outcome.output
    );
}
