use std::fs;
use std::path::Path;

use hotbed_cli::Exit;
use serde_json::{Value, json};

use crate::harness::{Server, hotbed, json_answer, nobody, problem, registration, respond};

/// A directory with one bot of each id.
fn directory(ids: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for id in ids {
        put(
            dir.path(),
            &format!("domains/{id}.yaml"),
            &format!("domain: {{id: {id}}}\nbot: {{llm: {{provider: echo}}}}\n"),
        );
    }
    dir
}

fn put(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn page(items: &[Value]) -> axum::http::Response<axum::body::Body> {
    json_answer(200, &json!({"items": items, "next": null}))
}

fn owned(id: &str, revision: u64, config: &Value) -> Value {
    let mut it = registration(id, revision);
    it["metadata"] = json!({"managed_by": "hotbed-apply:default"});
    it["config"] = config.clone();
    it
}

fn written(id: &str, revision: u64) -> axum::http::Response<axum::body::Body> {
    let mut it = registration(id, revision);
    it["warnings"] = json!([]);
    json_answer(200, &it)
}

#[tokio::test]
async fn a_check_asks_nobody_and_tells_every_problem_with_its_place() {
    let dir = directory(&["a"]);
    put(dir.path(), "domains/b.yaml", "domain: {id: b}\n");
    put(dir.path(), "environments/production.yaml", "nmae: x\n");
    let path = dir.path().display().to_string();
    let server = Server::answering([]).await;
    let outcome = hotbed(&server.url, &["check", &path]).await;
    assert_eq!(outcome.exit, Exit::Failed);
    assert_eq!(
        outcome.output,
        "1 bot in 2 files, 1 environment: 2 problems\n"
    );
    let errors: Vec<_> = outcome
        .errors
        .lines()
        .map(|line| line.replace(&path, "DIR"))
        .collect();
    assert!(
        errors[0].starts_with("error: DIR/domains/b.yaml:1:1: bot: required"),
        "{errors:?}"
    );
    assert!(
        errors[1].starts_with("error: DIR/environments/production.yaml:1:1: nmae: unknown key"),
        "{errors:?}"
    );
    assert!(server.seen().is_empty());

    let outcome = hotbed(&server.url, &["check", &path, "--output", "json"]).await;
    let document: Value = serde_json::from_str(&outcome.output).unwrap();
    assert_eq!(document["problems"][0]["line"], 1);
    assert_eq!(document["problems"][0]["key"], "bot");
    for args in [["diff", &path], ["apply", &path]] {
        let outcome = hotbed(&server.url, &args).await;
        assert_eq!(outcome.exit, Exit::Failed);
        assert!(
            outcome
                .errors
                .ends_with("nothing was compared, and nothing is changed\n")
        );
    }
    assert!(server.seen().is_empty(), "what is wrong is not compared");
}

#[tokio::test]
async fn a_diff_reads_page_by_page_and_writes_nothing() {
    let dir = directory(&["a", "b", "c"]);
    let path = dir.path().display().to_string();
    let echo = json!({"llm": {"provider": "echo"}});
    let first = json!({"items": [owned("a", 1, &echo)], "next": "a"});
    let live = json!({"id": "b", "state": "ready", "revision": 2, "observed": 2, "built_ago_ms": 1, "retry_in_ms": null, "error": null});
    let server = Server::answering([
        json_answer(200, &first),
        page(&[owned("b", 2, &json!({"llm": {"provider": "other", "api_key": "sk-proj-0123456789abcdefghijklmnopqrstuv"}}))]),
        page(&[live]),
    ])
    .await;
    let outcome = hotbed(&server.url, &["diff", &path]).await;
    assert_eq!(outcome.exit, Exit::Differs);
    let output = outcome.output.replace(&path, "DIR");
    assert!(
        output.starts_with("~ b at revision 2, its live instance is rebuilt\n    config.llm.api_key\n      - \"[hidden: "),
        "{output}"
    );
    assert!(!output.contains("0123456789"), "{output}");
    assert!(
        output.ends_with(
            "    config.llm.provider\n      - \"other\"\n      + \"echo\"\n+ c (DIR/domains/c.yaml)\n\
             1 to create, 1 to update, 1 the same; 1 live instance is rebuilt\n"
        ),
        "{output}"
    );
    let asked: Vec<_> = server
        .seen()
        .iter()
        .map(|it| format!("{} {}", it.method, it.uri))
        .collect();
    let bots = "GET /api/v1/bots?limit=500";
    assert_eq!(
        asked,
        [
            bots.to_owned(),
            format!("{bots}&after=a"),
            "GET /api/v1/instances?limit=500".to_owned()
        ]
    );
}

/// Meant to catch: to send no condition, or the wrong one; to leave out the label, the status or the note.
#[tokio::test]
async fn every_write_says_what_it_was_compared_with() {
    let dir = directory(&["new", "old"]);
    let path = dir.path().display().to_string();
    let answers = || {
        let gone = axum::http::Response::builder()
            .status(204)
            .header("x-hotbed-revision", "9");
        [
            page(&[owned("gone", 3, &json!({})), owned("old", 4, &json!({}))]),
            page(&[]),
            // The mods.
            page(&[]),
            gone.body(axum::body::Body::empty()).unwrap(),
            written("new", 10),
            written("old", 11),
        ]
    };
    let server = Server::answering(answers()).await;
    let args = ["apply", &path, "--prune", "--by", "ada", "--reason", "r 7"];
    let outcome = hotbed(&server.url, &args).await;
    assert_eq!((outcome.exit, outcome.errors.as_str()), (Exit::Done, ""));
    assert!(
        outcome
            .output
            .ends_with("1 created, 1 updated, 1 deleted, 0 the same\n"),
        "{}",
        outcome.output
    );
    let mut seen = server.seen();
    assert_eq!(seen.len(), 6);
    seen.drain(..3);
    seen.sort_by_key(|it| it.uri.to_string());
    let conditions = ["if-match", "if-none-match"];
    let said: Vec<_> = seen
        .iter()
        .map(|it| {
            (
                it.method.as_str(),
                it.uri.path(),
                conditions.map(|name| it.header(name)),
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            ("DELETE", "/api/v1/bots/gone", [Some("\"3\""), None]),
            ("PUT", "/api/v1/bots/new", [None, Some("*")]),
            ("PUT", "/api/v1/bots/old", [Some("\"4\""), None]),
        ]
    );
    for it in &seen {
        assert_eq!(it.uri.query(), Some("by=ada&reason=r+7"));
    }
    assert_eq!(
        seen[1].json(),
        json!({
            "config": {"llm": {"provider": "echo"}}, "status": "active",
            "metadata": {"managed_by": "hotbed-apply:default"}
        })
    );
}

#[tokio::test]
async fn a_conflict_and_a_refusal_are_told_and_counted() {
    let dir = directory(&["a", "b"]);
    let path = dir.path().display().to_string();
    let server = Server::answering([
        page(&[]),
        page(&[]),
        problem(412, "registration \"a\" exists already"),
        problem(412, "registration \"b\" exists already"),
    ])
    .await;
    let outcome = hotbed(&server.url, &["apply", &path]).await;
    assert_eq!(outcome.exit, Exit::Failed);
    assert_eq!(
        outcome.output,
        "0 created, 0 updated, 0 deleted, 2 in conflict, 0 the same\n"
    );
    assert!(
        outcome
            .errors
            .contains("error: a was changed by somebody else meanwhile"),
        "{}",
        outcome.errors
    );
    let server = Server::answering([
        page(&[]),
        page(&[]),
        respond(400, "text/plain", "no"),
        problem(422, "no bot"),
    ])
    .await;
    let outcome = hotbed(&server.url, &["apply", &path]).await;
    assert_eq!(
        outcome.output,
        "0 created, 0 updated, 0 deleted, 2 refused, 0 the same\n"
    );
}

#[tokio::test]
async fn nobody_at_the_other_end_is_unreachable_and_not_different() {
    let dir = directory(&["a"]);
    let url = format!("http://{}", nobody().await);
    for command in ["diff", "apply"] {
        let outcome = hotbed(&url, &[command, &dir.path().display().to_string()]).await;
        assert_eq!(outcome.exit, Exit::Unreachable);
    }
}

#[tokio::test]
async fn an_example_is_written_once_and_can_be_resolved() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("configs").display().to_string();
    let server = Server::answering([]).await;
    let outcome = hotbed(&server.url, &["init", &path]).await;
    assert_eq!(
        (outcome.exit, outcome.output.lines().count()),
        (Exit::Done, 3)
    );
    put(dir.path(), "configs/domains/greeter.yaml", "mine");
    let outcome = hotbed(&server.url, &["init", &path, "--output", "json"]).await;
    let document: Value = serde_json::from_str(&outcome.output).unwrap();
    assert_eq!(document["written"], json!([]));
    assert_eq!(
        fs::read_to_string(dir.path().join("configs/domains/greeter.yaml")).unwrap(),
        "mine"
    );

    put(
        dir.path(),
        "configs/domains/greeter.yaml",
        "domain: {id: g}\nbot: {llm: {$resource: chat, type: llms}}",
    );
    let outcome = hotbed(
        &server.url,
        &["resolve", "g", &path, "--env", "development"],
    )
    .await;
    let resolved: Value = serde_json::from_str(&outcome.output).unwrap();
    assert_eq!(
        resolved,
        json!({"llm": {"provider": "echo", "model": "echo-1"}})
    );
    let outcome = hotbed(&server.url, &["resolve", "g", &path, "--env", "production"]).await;
    assert_eq!(outcome.exit, Exit::Failed);
    assert!(outcome.errors.contains("LLM_MODEL"), "{}", outcome.errors);
    let outcome = hotbed(
        &server.url,
        &["resolve", "h", &path, "--env", "development"],
    )
    .await;
    assert_eq!(outcome.exit, Exit::NotFound);
}
