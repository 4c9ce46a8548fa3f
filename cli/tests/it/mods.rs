use axum::body::Body;
use axum::http::Response;
use hotbed_cli::{Exit, Reader};
use serde_json::{Value, json};

use crate::harness::{Server, hotbed, hotbed_with, json_answer, problem, problem_with};

pub(crate) fn wiki(changes: &Value) -> Value {
    let mut it = json!({
        "id": "wiki", "path": "openagents.mods.workspace.wiki", "config": {"max_pages": 5}, "registered": {},
        "metadata": {"changed_by": "ada"}, "enabled": true,
        "state": "running", "generation": 2, "revision": 7, "serves": 7, "error": null,
        "loaded_at": "2026-01-02T03:04:05.000000+00:00",
        "health": {"healthy": true, "message": "3 pages", "details": {}}, "priority": 40, "permissions": [],
        "scopes": ["any"],
        "manifest": {
            "name": "Wiki", "version": "0.1.0", "description": "Pages", "capabilities": ["wiki"],
            "dependencies": ["cache"], "words": ["@wiki", "!wiki"], "events": ["wiki.*"]
        },
        "calls": {"done": 4, "failed": 1, "refused": 0, "last_error": "no \u{1b}[31mpage"}
    });
    for (key, value) in changes.as_object().unwrap() {
        it[key] = value.clone();
    }
    it
}

fn as_it_is() -> Response<Body> {
    json_answer(200, &wiki(&json!({})))
}

/// Caught: to tell of a disabled mod only by how it came to stand still.
#[tokio::test]
async fn mods_are_listed_with_how_they_are() {
    let off = json!({"id": "off", "enabled": false, "state": "stopped", "generation": null, "serves": null});
    let bad = json!({"id": "bad", "state": "error", "generation": null, "revision": null, "error": "no\nsuch path"});
    let mods = json!({"items": [wiki(&bad), wiki(&off), wiki(&json!({}))]});
    let server = Server::answering([json_answer(200, &mods)]).await;
    let outcome = hotbed(&server.url, &["mods", "list"]).await;
    assert_eq!((outcome.exit, outcome.errors.as_str()), (Exit::Done, ""));
    assert_eq!(
        outcome.output,
        "ID    STATE     GENERATION  REVISION  PATH                            ERROR\n\
         bad   error     -           -         openagents.mods.workspace.wiki  no\\nsuch path\n\
         off   disabled  -           7         openagents.mods.workspace.wiki\n\
         wiki  running   2           7         openagents.mods.workspace.wiki\n"
    );
    assert_eq!(server.seen()[0].uri, "/api/v1/mods");
}

#[tokio::test]
async fn a_mod_is_shown_with_its_configuration_and_nothing_in_it_acts_on_the_terminal() {
    let server = Server::answering([as_it_is(), as_it_is()]).await;
    let outcome = hotbed(&server.url, &["mods", "show", "wiki"]).await;
    assert_eq!(
        outcome.output,
        "ID           wiki\n\
         PATH         openagents.mods.workspace.wiki\n\
         WHAT         Wiki 0.1.0: Pages\n\
         STATE        running\n\
         GENERATION   2 from revision 7 since 2026-01-02 03:04:05Z\n\
         REVISION     7\n\
         PRIORITY     40\n\
         NEEDS        cache\n\
         EVENTS       wiki.*\n\
         COMMANDS     @wiki, !wiki\n\
         CHANNELS     any\n\
         PERMISSIONS  none\n\
         HEALTH       well: 3 pages\n\
         CALLS        4 done, 1 failed, 0 refused: no \\u{1b}[31mpage\n\
         METADATA     {\"changed_by\":\"ada\"}\n\
         CONFIG\n{\n  \"max_pages\": 5\n}\n"
    );
    let outcome = hotbed(&server.url, &["mods", "show", "wiki", "--output", "json"]).await;
    let shown: Value = serde_json::from_str(&outcome.output).unwrap();
    assert_eq!(shown, wiki(&json!({})));
}

/// Caught: to send what was not said, to send a number as a text.
#[tokio::test]
async fn a_load_sends_what_was_said_and_nothing_else() {
    let server = Server::answering([
        json_answer(201, &wiki(&json!({}))),
        json_answer(201, &wiki(&json!({}))),
        json_answer(201, &wiki(&json!({}))),
    ])
    .await;
    let path = "openagents.mods.workspace.wiki";
    let outcome = hotbed(&server.url, &["mods", "load", path]).await;
    assert_eq!(outcome.exit, Exit::Done);
    assert_eq!(
        outcome.output,
        "loaded wiki: running, generation 2, revision 7\n"
    );
    let all = [
        "mods",
        "load",
        path,
        "--id",
        "pages",
        "--config",
        "{\"max_pages\": 5}",
        "--disabled",
        "--priority",
        "15",
        "--permission",
        "service:a",
        "--permission",
        "*",
        "--scope",
        "ops",
        "--by",
        "Ada L.",
        "--reason",
        "a & b",
    ];
    hotbed(&server.url, &all).await;
    let by_input = [
        "mods",
        "load",
        path,
        "--config",
        "-",
        "--priority",
        "security",
    ];
    hotbed_with(&server.url, &by_input, Reader::Program, "max_pages: 6\n").await;
    let seen = server.seen();
    assert_eq!(
        (seen[0].method.as_str(), seen[0].uri.to_string().as_str()),
        ("POST", "/api/v1/mods")
    );
    assert_eq!(seen[0].json(), json!({"path": path}));
    assert_eq!(
        seen[1].json(),
        json!({
            "id": "pages", "path": path, "config": {"max_pages": 5}, "enabled": false, "priority": 15,
            "permissions": ["service:a", "*"], "scopes": ["ops"]
        })
    );
    assert_eq!(seen[1].uri.query(), Some("by=Ada+L.&reason=a+%26+b"));
    assert_eq!(
        seen[2].json(),
        json!({"path": path, "config": {"max_pages": 6}, "priority": "security"})
    );
}

/// Caught: to take whatever is in the way for a conflict, to name the list of bots where a mod is not.
#[tokio::test]
async fn a_mod_that_is_there_already_is_a_conflict_and_one_that_is_not_is_not_found() {
    let taken = json!({"type": "urn:hotbed:problem:taken"});
    let needed = json!({"type": "urn:hotbed:problem:needed"});
    let server = Server::answering([
        problem_with(409, "Mod 'wiki' is already loaded", &taken),
        problem_with(409, "mod 'cache' is needed by wiki", &needed),
        problem(404, "Mod 'ghost' is not loaded"),
    ])
    .await;
    let outcome = hotbed(&server.url, &["mods", "load", "a.wiki"]).await;
    assert_eq!(outcome.exit, Exit::Conflict);
    let outcome = hotbed(&server.url, &["mods", "unload", "cache"]).await;
    assert_eq!(outcome.exit, Exit::Failed);
    let outcome = hotbed(&server.url, &["mods", "show", "ghost"]).await;
    assert_eq!(outcome.exit, Exit::NotFound);
    assert_eq!(
        outcome.errors,
        "error: Mod 'ghost' is not loaded\nhint: see which there are with: hotbed mods list\n"
    );
}

#[tokio::test]
async fn an_unload_tells_all_that_went() {
    let gone = json!({"unloaded": ["wiki", "cache"]});
    let server = Server::answering([json_answer(200, &gone), json_answer(200, &gone)]).await;
    let outcome = hotbed(&server.url, &["mods", "unload", "cache"]).await;
    assert_eq!(outcome.output, "unloaded wiki\nunloaded cache\n");
    let args = [
        "mods",
        "unload",
        "a.b/c",
        "--cascade",
        "--by",
        "ada",
        "--output",
        "json",
    ];
    let outcome = hotbed(&server.url, &args).await;
    assert!(outcome.output.contains("\"unloaded\""), "{outcome:?}");
    let seen = server.seen();
    let asked: Vec<_> = seen
        .iter()
        .map(|it| format!("{} {}", it.method, it.uri))
        .collect();
    assert_eq!(
        asked,
        [
            "DELETE /api/v1/mods/cache",
            "DELETE /api/v1/mods/a.b%2Fc?cascade=true&by=ada"
        ]
    );
}

/// Caught: to end well although the mod does not run.
#[tokio::test]
async fn what_does_not_come_up_is_told_and_fails() {
    let down = json!({"state": "error", "generation": null, "error": "no such key"});
    let off = json!({"enabled": false, "state": "stopped", "generation": null});
    let server = Server::answering([
        as_it_is(),
        json_answer(200, &wiki(&off)),
        json_answer(200, &wiki(&down)),
        json_answer(200, &wiki(&down)),
    ])
    .await;
    let outcome = hotbed(&server.url, &["mods", "reload", "wiki"]).await;
    assert_eq!(
        outcome.output,
        "reloaded wiki: running, generation 2, revision 7\n"
    );
    let outcome = hotbed(&server.url, &["mods", "disable", "wiki", "--by", "ada"]).await;
    assert_eq!(
        (outcome.exit, outcome.output.as_str()),
        (Exit::Done, "disabled wiki: disabled, revision 7\n")
    );
    for args in [
        &["mods", "enable", "wiki"][..],
        &["mods", "enable", "wiki", "--output", "json"],
    ] {
        let outcome = hotbed(&server.url, args).await;
        assert_eq!(
            (outcome.exit, outcome.errors.as_str()),
            (Exit::Failed, "error: no such key\n")
        );
    }
    let seen = server.seen();
    let asked: Vec<_> = seen
        .iter()
        .map(|it| format!("{} {}", it.method, it.uri))
        .collect();
    assert_eq!(
        asked,
        [
            "POST /api/v1/mods/wiki/reload",
            "POST /api/v1/mods/wiki/disable?by=ada",
            "POST /api/v1/mods/wiki/enable",
            "POST /api/v1/mods/wiki/enable"
        ]
    );
}

#[tokio::test]
async fn a_configuration_is_shown_replaced_or_written_over() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "max_pages: 9\n").unwrap();
    let config = json!({"config": {"max_pages": 5}});
    let server = Server::answering([json_answer(200, &config), as_it_is(), as_it_is()]).await;
    let outcome = hotbed(&server.url, &["mods", "config", "wiki"]).await;
    assert_eq!(outcome.output, "{\n  \"max_pages\": 5\n}\n");
    let from_file = format!("@{}", file.path().display());
    let args = ["mods", "config", "wiki", "--set", &from_file];
    let outcome = hotbed(&server.url, &args).await;
    assert_eq!(
        outcome.output,
        "configured wiki: running, generation 2, revision 7\n"
    );
    let args = [
        "mods",
        "config",
        "wiki",
        "--set",
        "{\"a\": null}",
        "--merge",
        "--if-revision",
        "7",
        "--by",
        "ada",
    ];
    hotbed(&server.url, &args).await;
    let seen = server.seen();
    assert_eq!(
        (seen[0].method.as_str(), seen[0].uri.path()),
        ("GET", "/api/v1/mods/wiki/config")
    );
    assert_eq!(
        (seen[1].method.as_str(), seen[1].uri.query()),
        ("PUT", None)
    );
    assert_eq!(seen[1].json(), json!({"config": {"max_pages": 9}}));
    assert_eq!(seen[1].header("if-match"), None);
    assert_eq!(seen[2].uri.query(), Some("merge=true&by=ada"));
    assert_eq!(seen[2].json(), json!({"config": {"a": null}}));
    assert_eq!(seen[2].header("if-match"), Some("\"7\""));
}

#[tokio::test]
async fn what_a_configuration_may_hold_is_a_table() {
    let form = json!({"sections": [{"id": "a", "title": "A", "fields": [
        {"key": "max_pages", "type": "number", "label": "Most pages", "required": false, "default": 10, "min": 1},
        {"key": "key", "type": "password", "label": "Key", "required": true, "description": "Of the service."},
        {"key": "note", "type": "string", "label": "Note", "required": false}
    ]}]});
    let schema = json!({"json_schema": {}, "form": form});
    let none = json!({"json_schema": null, "form": null});
    let server = Server::answering([json_answer(200, &schema), json_answer(200, &none)]).await;
    let outcome = hotbed(&server.url, &["mods", "schema", "wiki"]).await;
    assert_eq!(
        outcome.output,
        "KEY        TYPE      DEFAULT        WHAT\n\
         max_pages  number    10             Most pages\n\
         key        password  must be given  Key: Of the service.\n\
         note       string    none           Note\n"
    );
    let outcome = hotbed(&server.url, &["mods", "schema", "wiki"]).await;
    assert_eq!(
        (outcome.exit, outcome.errors.as_str()),
        (Exit::Done, "it takes any configuration\n")
    );
}

#[tokio::test]
async fn a_mod_that_is_not_well_fails() {
    let well = json!({"healthy": true, "message": "", "details": {"pages": 3}});
    let ill = json!({"healthy": false, "message": "no disk", "details": {}});
    let server = Server::answering([json_answer(200, &well), json_answer(200, &ill)]).await;
    let outcome = hotbed(&server.url, &["mods", "health", "wiki"]).await;
    assert_eq!(
        (outcome.exit, outcome.output.as_str()),
        (Exit::Done, "HEALTH  well\npages   3\n")
    );
    let outcome = hotbed(&server.url, &["mods", "health", "wiki"]).await;
    assert_eq!(
        (outcome.exit, outcome.output.as_str()),
        (Exit::Failed, "HEALTH   not well\nMESSAGE  no disk\n")
    );
}
