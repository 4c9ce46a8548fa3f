use hotbed_cli::{Exit, Reader};
use serde_json::{Value, json};

use crate::harness::{Server, hotbed, hotbed_with, json_answer, registration, respond};

fn written(warnings: Value) -> Value {
    let mut written = registration("greeter", 7);
    written["warnings"] = warnings;
    written
}

#[tokio::test]
async fn a_put_sends_the_configuration_and_tells_the_revision() {
    let server = Server::answering([json_answer(201, &written(json!([])))]).await;
    let args = [
        "bots",
        "put",
        "greeter",
        "--config",
        r#"{"llm": {"provider": "echo"}}"#,
    ];
    let outcome = hotbed(&server.url, &args).await;
    assert_eq!((outcome.exit, outcome.errors.as_str()), (Exit::Done, ""));
    assert_eq!(outcome.output, "created greeter: revision 7, active\n");
    let seen = &server.seen()[0];
    assert_eq!(
        (seen.method.as_str(), seen.uri.path()),
        ("PUT", "/api/v1/bots/greeter")
    );
    assert_eq!(
        seen.json(),
        json!({"config": {"llm": {"provider": "echo"}}}),
        "what was not said is not sent"
    );
    assert_eq!(
        (seen.header("if-match"), seen.header("if-none-match")),
        (None, None)
    );
}

#[tokio::test]
async fn a_put_reads_yaml_from_a_file_and_from_standard_input() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "llm:\n  provider: echo\n").unwrap();
    let server = Server::answering([
        json_answer(200, &written(json!([]))),
        json_answer(200, &written(json!([]))),
    ])
    .await;
    let from_file = file.path().to_str().unwrap();
    let args = [
        "bots",
        "put",
        "greeter",
        "--file",
        from_file,
        "--status",
        "inactive",
        "--if-revision",
        "6",
    ];
    let outcome = hotbed(&server.url, &args).await;
    assert_eq!(outcome.output, "updated greeter: revision 7, active\n");
    let args = [
        "bots",
        "put",
        "greeter",
        "--file",
        "-",
        "--metadata",
        r#"{"team": "a"}"#,
        "--create-only",
    ];
    hotbed_with(
        &server.url,
        &args,
        Reader::Program,
        "{\"llm\": {\"provider\": \"echo\"}}",
    )
    .await;
    let seen = server.seen();
    let config = json!({"llm": {"provider": "echo"}});
    assert_eq!(
        seen[0].json(),
        json!({"config": config, "status": "inactive"})
    );
    assert_eq!(seen[0].header("if-match"), Some("\"6\""));
    assert_eq!(
        seen[1].json(),
        json!({"config": config, "metadata": {"team": "a"}})
    );
    assert_eq!(seen[1].header("if-none-match"), Some("*"));
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_named_and_nothing_is_sent() {
    let server = Server::answering([]).await;
    let outcome = hotbed(
        &server.url,
        &["bots", "put", "x", "--file", "/no/such/file.yaml"],
    )
    .await;
    assert_eq!(outcome.exit, Exit::Failed);
    assert!(
        outcome
            .errors
            .starts_with("error: cannot read /no/such/file.yaml: No such file"),
        "{}",
        outcome.errors
    );
    let outcome = hotbed_with(
        &server.url,
        &["bots", "put", "x", "--file", "-"],
        Reader::Program,
        "- a\n",
    )
    .await;
    assert_eq!(
        outcome.errors,
        "error: standard input cannot be used: it is a list, and must be an object\n"
    );
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn warnings_go_beside_the_result() {
    let warnings = json!(["llm.model: missing", "second\u{1b}[1m"]);
    let server = Server::answering([
        json_answer(200, &written(warnings.clone())),
        json_answer(200, &written(warnings)),
    ])
    .await;
    let args = ["bots", "put", "greeter", "--config", "{}"];
    let outcome = hotbed(&server.url, &args).await;
    let expected = "warning: llm.model: missing\nwarning: second\\u{1b}[1m\n";
    assert_eq!(
        (outcome.exit, outcome.errors.as_str()),
        (Exit::Done, expected)
    );
    let outcome = hotbed(&server.url, &[&args[..], &["--output", "json"]].concat()).await;
    assert_eq!(outcome.errors, expected);
    let printed: Value = serde_json::from_str(&outcome.output).unwrap();
    assert_eq!(printed["warnings"][0], "llm.model: missing");
}

#[tokio::test]
async fn a_bot_goes_in_and_out_of_service_and_away() {
    let gone = || respond(204, "application/json", "");
    let changed = |revision| json_answer(200, &registration("x", revision));
    let server = Server::answering([changed(7), changed(8), gone(), gone()]).await;
    let outcome = hotbed(&server.url, &["bots", "deactivate", "x"]).await;
    assert_eq!(outcome.output, "deactivated x: revision 7\n");
    let outcome = hotbed(
        &server.url,
        &["bots", "activate", "x", "--if-revision", "7"],
    )
    .await;
    assert_eq!(outcome.output, "activated x: revision 8\n");
    let args = [
        "bots", "delete", "a b", "--by", "ada", "--reason", "no & no",
    ];
    let outcome = hotbed(&server.url, &args).await;
    assert_eq!(outcome.output, "deleted a b\n");
    let outcome = hotbed(&server.url, &["bots", "delete", "x", "--output", "json"]).await;
    assert_eq!((outcome.exit, outcome.output.as_str()), (Exit::Done, ""));
    let seen = server.seen();
    let asked: Vec<_> = seen
        .iter()
        .map(|seen| format!("{} {}", seen.method, seen.uri))
        .collect();
    assert_eq!(
        asked,
        [
            "POST /api/v1/bots/x/deactivate",
            "POST /api/v1/bots/x/activate",
            "DELETE /api/v1/bots/a%20b?by=ada&reason=no+%26+no",
            "DELETE /api/v1/bots/x"
        ]
    );
    assert_eq!(seen[0].header("if-match"), None);
    assert_eq!(seen[1].header("if-match"), Some("\"7\""));
}

#[tokio::test]
async fn a_reload_of_one_tells_what_serves_and_fails_when_nothing_new_does() {
    let server = Server::answering([
        json_answer(
            200,
            &json!({"id": "x", "outcome": "refreshed", "revision": 42, "error": null}),
        ),
        json_answer(
            200,
            &json!({"id": "x", "outcome": "failed", "revision": 41, "error": "no key"}),
        ),
    ])
    .await;
    let outcome = hotbed(&server.url, &["bots", "reload", "x"]).await;
    assert_eq!(
        (outcome.exit, outcome.output.as_str()),
        (Exit::Done, "refreshed x: revision 42 serves now\n")
    );
    let outcome = hotbed(&server.url, &["bots", "reload", "x"]).await;
    assert_eq!(
        (outcome.exit, outcome.output.as_str()),
        (Exit::Failed, "failed x: revision 41 serves now\n")
    );
    assert_eq!(outcome.errors, "error: no key\n");
}

#[tokio::test]
async fn a_reload_of_everything_is_reported_id_by_id() {
    let report = json!({
        "added": ["a"], "refreshed": ["greeter"], "removed": ["old"],
        "failed": [{"id": "helper", "error": "LLM_MODEL is not set"}]
    });
    let server = Server::answering([json_answer(200, &report)]).await;
    let outcome = hotbed(&server.url, &["reload"]).await;
    assert_eq!(outcome.exit, Exit::Failed);
    assert_eq!(
        outcome.output,
        "ID       OUTCOME    ERROR\n\
         a        added\n\
         greeter  refreshed\n\
         old      removed\n\
         helper   failed     LLM_MODEL is not set\n"
    );
}
