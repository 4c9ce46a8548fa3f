use hotbed_cli::{Exit, Reader};
use serde_json::json;

use crate::harness::{Server, events, hotbed, hotbed_with, json_answer, problem};

/// A reply in two pieces.
fn reply(text: &str, revision: u64) -> String {
    let (first, second) = text.split_at(text.len() / 2);
    let done = json!({"reply": text, "conversation_id": "c-1", "revision": revision});
    format!(
        ": heartbeat\n\nevent: delta\ndata: {}\n\nevent: delta\ndata: {}\n\nevent: done\ndata: {done}\n\n",
        json!({"text": first}),
        json!({"text": second})
    )
}

#[tokio::test]
async fn one_message_gets_one_reply_and_nothing_else() {
    let server = Server::answering([events(&reply("hello\nyou\u{1b}[31m", 3))]).await;
    let outcome = hotbed(&server.url, &["bots", "chat", "greeter", "hi"]).await;
    assert_eq!((outcome.exit, outcome.errors.as_str()), (Exit::Done, ""));
    assert_eq!(outcome.output, "hello\nyou\\u{1b}[31m\n");
    let seen = &server.seen()[0];
    assert_eq!(seen.uri, "/api/v1/bots/greeter/chat");
    assert_eq!(seen.header("accept"), Some("text/event-stream"));
    assert_eq!(seen.json(), json!({"message": "hi"}));
}

#[tokio::test]
async fn a_message_may_come_from_standard_input_and_belong_to_a_conversation() {
    let server = Server::answering([events(&reply("ok", 3))]).await;
    let args = ["bots", "chat", "greeter", "--conversation", "ada"];
    hotbed_with(&server.url, &args, Reader::Program, "two\nlines\n").await;
    assert_eq!(
        server.seen()[0].json(),
        json!({"message": "two\nlines", "conversation_id": "ada"})
    );
}

#[tokio::test]
async fn as_json_the_reply_is_the_document_of_the_api() {
    let document = json!({"reply": "ok", "conversation_id": "c-1", "revision": 3});
    let server = Server::answering([json_answer(200, &document)]).await;
    let outcome = hotbed(
        &server.url,
        &["bots", "chat", "greeter", "hi", "--output", "json"],
    )
    .await;
    assert_eq!(outcome.output, format!("{document}\n"));
    assert_eq!(server.seen()[0].header("accept"), Some("application/json"));
}

#[tokio::test]
async fn a_talk_goes_on_over_reloads_and_errors_until_the_person_ends_it() {
    let server = Server::answering([
        events(&reply("one", 3)),
        events(&reply("two", 3)),
        problem(502, "the model provider is not available"),
        events(&reply("three", 4)),
    ])
    .await;
    let typed = "first\n\nsecond\nthird\nfourth\n";
    let outcome = hotbed_with(
        &server.url,
        &["bots", "chat", "greeter"],
        Reader::Person,
        typed,
    )
    .await;
    assert_eq!(
        (outcome.exit, outcome.output.as_str()),
        (Exit::Done, "one\ntwo\nthree\n")
    );
    assert_eq!(
        outcome.errors,
        "Talking to greeter. Ctrl-D ends it.\n\
         > [revision 3]\n\
         > > > error: the model provider is not available\n\
         > [revision 4]\n\
         > \n\
         go on with: hotbed bots chat greeter --conversation c-1\n"
    );
    let seen = server.seen();
    let sent: Vec<_> = seen
        .iter()
        .map(|seen| seen.json()["conversation_id"].clone())
        .collect();
    assert_eq!(
        sent,
        [json!(null), json!("c-1"), json!("c-1"), json!("c-1")]
    );
}

#[tokio::test]
async fn a_reply_that_fails_half_way_is_an_error_after_what_came() {
    let delta = "event: delta\ndata: {\"text\": \"so\"}\n\n";
    let fault = json!({"type": "t", "title": "T", "status": 504, "detail": "there was no whole reply within 5 ms"});
    let server = Server::answering([
        events(&format!("{delta}event: error\ndata: {fault}\n\n")),
        events(delta),
    ])
    .await;
    let outcome = hotbed(&server.url, &["bots", "chat", "greeter", "hi"]).await;
    assert_eq!(
        (outcome.exit, outcome.output.as_str()),
        (Exit::Failed, "so\n")
    );
    assert_eq!(
        outcome.errors,
        "error: there was no whole reply within 5 ms\n"
    );
    let outcome = hotbed(&server.url, &["bots", "chat", "greeter", "hi"]).await;
    assert_eq!(
        (outcome.exit, outcome.errors.as_str()),
        (Exit::Failed, "error: the reply broke off\n")
    );
}
