use hotbed_cli::{Exit, Reader};
use serde_json::json;

use crate::harness::{Server, hotbed, hotbed_with, json_answer, problem, respond};

#[tokio::test]
async fn the_words_of_mods_are_listed_with_where_they_may_be_used() {
    let list = json!({"items": [
        {"word": "!wiki", "mod": "wiki", "scopes": [], "usage": null},
        {"word": "@wiki", "mod": "wiki", "scopes": ["a", "b"], "usage": "list Names pages."}
    ]});
    let server = Server::answering([json_answer(200, &list)]).await;
    let outcome = hotbed(&server.url, &["commands", "list"]).await;
    assert_eq!(
        outcome.output,
        "WORD   MOD   CHANNELS  USAGE\n\
         !wiki  wiki  none\n\
         @wiki  wiki  a, b      list Names pages.\n"
    );
}

/// Caught: to send only the first word, to send escape codes to the terminal.
#[tokio::test]
async fn a_command_is_sent_as_it_was_said_and_every_answer_is_shown() {
    let reply = json!({"messages": [
        {"text": "There are:\n- a\u{1b}[2J"},
        {"text": "", "uploads": [{"filename": "a\nb.md", "bytes": "YWI="}]}
    ]});
    let server = Server::answering([json_answer(200, &reply), json_answer(200, &reply)]).await;
    let outcome = hotbed(&server.url, &["commands", "run", "@wiki", "list"]).await;
    assert_eq!(outcome.exit, Exit::Done);
    assert_eq!(
        outcome.output,
        "There are:\n- a\\u{1b}[2J\n\n[a\\nb.md, 2 bytes]\n"
    );
    let args = [
        "commands",
        "run",
        "@wiki list",
        "--channel",
        "ops",
        "--username",
        "ada",
        "--output",
        "json",
    ];
    let outcome = hotbed(&server.url, &args).await;
    assert!(outcome.output.contains("\"messages\""), "{outcome:?}");
    let seen = server.seen();
    assert_eq!(seen[0].json(), json!({"text": "@wiki list"}));
    assert_eq!(
        seen[1].json(),
        json!({"text": "@wiki list", "channel": "ops", "username": "ada"})
    );
}

#[tokio::test]
async fn a_command_that_nobody_answers_fails() {
    let none = json!({"messages": []});
    let server = Server::answering([json_answer(200, &none)]).await;
    let outcome = hotbed(&server.url, &["commands", "run", "--", "@typo", "--x"]).await;
    assert_eq!(outcome.exit, Exit::Failed);
    assert_eq!(
        outcome.errors,
        "error: nobody answered: there is no such command, or it says nothing\n\
         hint: see which there are with: hotbed commands list\n"
    );
    assert_eq!(server.seen()[0].json(), json!({"text": "@typo --x"}));
}

#[tokio::test]
async fn a_mod_is_bound_to_a_channel_whatever_the_channel_is_called() {
    let none = || respond(204, "text/plain", "");
    let server =
        Server::answering([none(), none(), problem(404, "Mod 'ghost' is not loaded")]).await;
    let args = ["commands", "bind", "wiki", "a/b c", "--by", "ada"];
    let outcome = hotbed(&server.url, &args).await;
    assert_eq!(outcome.output, "bound wiki to a/b c\n");
    let outcome = hotbed(&server.url, &["commands", "unbind", "wiki", "any"]).await;
    assert_eq!(outcome.output, "unbound wiki from any\n");
    let outcome = hotbed(&server.url, &["commands", "bind", "ghost", "any"]).await;
    assert_eq!(outcome.exit, Exit::NotFound);
    assert!(outcome.errors.contains("hotbed mods list"), "{outcome:?}");
    let seen = server.seen();
    let asked: Vec<_> = seen
        .iter()
        .map(|it| format!("{} {}", it.method, it.uri))
        .collect();
    assert_eq!(
        asked,
        [
            "PUT /api/v1/commands/wiki/scopes/a%2Fb%20c?by=ada",
            "DELETE /api/v1/commands/wiki/scopes/any",
            "PUT /api/v1/commands/ghost/scopes/any"
        ]
    );
}

/// Caught: to end well although something was not taken over.
#[tokio::test]
async fn bindings_are_taken_over_and_what_was_not_is_told() {
    let all = json!({"bound": ["wiki"], "unknown": [], "problems": []});
    let some =
        json!({"bound": [], "unknown": ["dice"], "problems": ["wiki: chans must be a list"]});
    let server = Server::answering([json_answer(200, &all), json_answer(200, &some)]).await;
    let bindmap = json!({"wiki": {"binds": ["@wiki"], "chans": ["ops"]}});
    let args = ["commands", "import", "-"];
    let said = bindmap.to_string();
    let outcome = hotbed_with(&server.url, &args, Reader::Program, &said).await;
    assert_eq!(
        (outcome.exit, outcome.output.as_str()),
        (Exit::Done, "bound wiki\n")
    );
    let outcome = hotbed_with(&server.url, &args, Reader::Program, &said).await;
    assert_eq!(outcome.exit, Exit::Failed);
    assert_eq!(
        outcome.errors,
        "error: there is no mod dice\nerror: wiki: chans must be a list\n"
    );
    let seen = server.seen();
    assert_eq!(seen[0].uri, "/api/v1/commands/import");
    assert_eq!(seen[0].json(), bindmap);
}
