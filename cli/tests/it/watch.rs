use std::fmt::Write;

use hotbed_cli::Exit;
use serde_json::json;

use crate::harness::{Server, events, hotbed, json_answer, nobody, problem};

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
    assert_eq!(
        server.seen()[0].uri,
        "/api/v1/changes?collection=bots&after=0"
    );
}

#[tokio::test]
async fn a_lost_connection_is_made_anew_where_it_was_lost_and_nothing_is_missed() {
    let server = Server::answering([
        json_answer(200, &json!({"changes": [], "next": 6, "head": 6})),
        events(": nothing yet\n\n"),
        events(&changes(&[(7, "created", "a")])),
        problem(503, "not ready"),
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
        "connection lost (the server ended it), connecting again\nconnected again\n".repeat(2)
    );
    let seen = server.seen();
    assert_eq!(
        (seen[0].uri.query(), seen[0].header("accept")),
        (Some("collection=bots"), Some("application/json"))
    );
    let asked: Vec<_> = seen[1..]
        .iter()
        .map(|seen| seen.header("last-event-id").unwrap())
        .collect();
    assert_eq!(
        asked,
        ["6", "6", "7", "7"],
        "also what came before the first event is not missed"
    );
}

#[tokio::test]
async fn a_compacted_log_is_told_and_the_watch_goes_on_after_its_head() {
    let compacted = "id: 90\nevent: compacted\ndata: {\"oldest\":50,\"head\":90}\n\n";
    let script = || {
        let text = format!("{compacted}{}", changes(&[(91, "deleted", "a")]));
        [events(compacted), events(&text)]
    };
    let server = Server::answering(script()).await;
    let outcome = hotbed(
        &server.url,
        &["bots", "watch", "--after", "3", "--count", "1"],
    )
    .await;
    assert!(
        outcome.errors.starts_with(
            "the log was compacted: it begins with revision 50; going on after 90. \
             See what there is now with: hotbed bots list\n"
        ),
        "{}",
        outcome.errors
    );
    assert_eq!(server.seen()[1].header("last-event-id"), Some("90"));
    let server = Server::answering(script()).await;
    let args = [
        "bots", "watch", "--after", "3", "--count", "1", "--output", "json",
    ];
    let outcome = hotbed(&server.url, &args).await;
    let first = outcome.output.lines().next();
    assert_eq!(
        first,
        Some("{\"oldest\":50,\"head\":90}"),
        "a program must know that it missed something"
    );
}

#[tokio::test]
async fn a_refusal_ends_the_watch_at_once_and_so_does_a_server_that_was_never_there() {
    let script = [
        events(&changes(&[(7, "created", "a")])),
        problem(400, "that is no revision"),
    ];
    let server = Server::answering(script).await;
    let outcome = hotbed(&server.url, &["bots", "watch", "--after", "6"]).await;
    assert_eq!(outcome.exit, Exit::Failed);
    assert!(
        outcome.errors.ends_with("error: that is no revision\n"),
        "{}",
        outcome.errors
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
