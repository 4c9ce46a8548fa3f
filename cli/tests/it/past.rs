use hotbed_cli::Exit;
use serde_json::{Value, json};

use crate::harness::{Server, hotbed, json_answer, problem_with, registration};

fn write(revision: u64, more: &Value) -> Value {
    let mut write = json!({
        "revision": revision, "kind": "updated", "at": "2026-01-02T03:04:05.123456+00:00", "status": "active",
        "version": 3, "changed_by": null, "change_reason": null
    });
    let fields = write.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    write
}

fn page(items: &[Value], next: Option<u64>) -> Value {
    json!({"items": items, "next": next})
}

fn version(revision: u64, prompt: &str, metadata: &Value) -> Value {
    let mut version = registration("greeter", revision);
    version["config"] = json!({"llm": {"provider": "echo"}, "system_prompt": prompt});
    version["metadata"] = metadata.clone();
    version
}

#[tokio::test]
async fn a_history_is_fetched_page_by_page_and_shown_line_by_line() {
    let deletion = json!({
        "kind": "deleted", "status": null, "version": null, "changed_by": "bob", "change_reason": "it was rude"
    });
    let noted = json!({"changed_by": "ada\u{1b}[2J", "change_reason": "why\nnot"});
    let server = Server::answering([
        json_answer(200, &page(&[write(43, &deletion)], Some(43))),
        json_answer(200, &page(&[write(41, &noted)], None)),
    ])
    .await;
    let outcome = hotbed(&server.url, &["bots", "history", "greeter"]).await;
    assert_eq!((outcome.exit, outcome.errors.as_str()), (Exit::Done, ""));
    assert_eq!(
        outcome.output,
        "REVISION  WHEN                  KIND     STATUS  VERSION  BY            WHY\n\
         43        2026-01-02 03:04:05Z  deleted                   bob           it was rude\n\
         41        2026-01-02 03:04:05Z  updated  active  3        ada\\u{1b}[2J  why\\nnot\n"
    );
    let seen = server.seen();
    let asked: Vec<_> = seen.iter().map(|it| it.uri.to_string()).collect();
    let path = "/api/v1/bots/greeter/history?limit=200";
    assert_eq!(asked, [path.to_owned(), format!("{path}&before=43")]);
}

#[tokio::test]
async fn a_history_ends_where_it_is_told_to_and_says_how_to_go_on() {
    let none = json!({});
    let items = [write(43, &none), write(42, &none)];
    let args = [
        "bots", "history", "greeter", "--limit", "2", "--before", "50",
    ];
    let server = Server::answering([
        json_answer(200, &page(&items, Some(42))),
        json_answer(200, &page(&items, Some(42))),
    ])
    .await;
    let outcome = hotbed(&server.url, &args).await;
    assert_eq!(outcome.errors, "there is more: go on with --before 42\n");
    assert_eq!(
        server.seen()[0].uri,
        "/api/v1/bots/greeter/history?limit=2&before=50"
    );
    let args = [&args[..], &["--output", "json"]].concat();
    let outcome = hotbed(&server.url, &args).await;
    let document: Value = serde_json::from_str(&outcome.output).unwrap();
    assert_eq!(document, page(&items, Some(42)));
}

#[tokio::test]
async fn a_diff_without_revisions_shows_what_the_last_write_changed() {
    let deletion = json!({"kind": "deleted", "status": null, "version": null});
    let new =
        json!({"team": "a", "tier": 1, "changed_by": "bob", "change_reason": "a kinder greeting"});
    let server = Server::answering([
        json_answer(200, &version(45, "one\n2\nthree", &new)),
        json_answer(200, &page(&[write(43, &deletion)], Some(43))),
        json_answer(200, &page(&[write(41, &json!({}))], Some(41))),
        json_answer(200, &version(41, "one\ntwo\nthree", &json!({"team": "a"}))),
    ])
    .await;
    let outcome = hotbed(&server.url, &["bots", "diff", "greeter"]).await;
    assert_eq!((outcome.exit, outcome.errors.as_str()), (Exit::Done, ""));
    assert_eq!(
        outcome.output,
        "--- revision 41, 2026-01-03 03:04:05Z\n\
         +++ revision 45, 2026-01-03 03:04:05Z, by bob: a kinder greeting\n\
         config.system_prompt\n  - two\n  + 2\n\
         metadata.tier\n  + 1\n"
    );
    let asked: Vec<_> = server.seen().iter().map(|it| it.uri.to_string()).collect();
    let path = "/api/v1/bots/greeter";
    let expected = [
        "",
        "/history?limit=10&before=45",
        "/history?limit=10&before=43",
        "?revision=41",
    ];
    assert_eq!(asked, expected.map(|rest| format!("{path}{rest}")));
}

#[tokio::test]
async fn a_diff_of_two_revisions_tells_programs_whether_they_differ() {
    let none = json!({});
    let answers = |prompt| {
        [
            json_answer(200, &version(43, prompt, &none)),
            json_answer(200, &version(41, "one", &none)),
        ]
    };
    let mut args = vec!["bots", "diff", "greeter", "--from", "41", "--to", "43"];
    args.extend(["--exit-code", "--output", "json"]);
    let server = Server::answering(answers("two")).await;
    let outcome = hotbed(&server.url, &args).await;
    assert_eq!((outcome.exit, outcome.exit.code()), (Exit::Differs, 2));
    let document: Value = serde_json::from_str(&outcome.output).unwrap();
    let difference = json!({"pointer": "/config/system_prompt", "from": "one", "to": "two"});
    assert_eq!(
        document,
        json!({"id": "greeter", "from": 41, "to": 43, "differences": [difference]})
    );
    let server = Server::answering(answers("one")).await;
    let outcome = hotbed(&server.url, &args).await;
    assert_eq!(outcome.exit, Exit::Done);
    let server = Server::answering(answers("one")).await;
    let outcome = hotbed(&server.url, &args[..7]).await;
    assert!(
        outcome.output.ends_with("\nno difference\n"),
        "{}",
        outcome.output
    );
}

#[tokio::test]
async fn a_diff_with_nothing_to_compare_with_says_so() {
    let server = Server::answering([
        json_answer(200, &version(41, "one", &json!({}))),
        json_answer(200, &page(&[], None)),
    ])
    .await;
    let outcome = hotbed(&server.url, &["bots", "diff", "greeter"]).await;
    assert_eq!(outcome.exit, Exit::NotFound);
    assert_eq!(
        outcome.errors,
        "error: no version of \"greeter\" before revision 41 is remembered: name another with --from\n"
    );
    let forgotten = "registration \"greeter\" has no version 3: it is forgotten, if it ever was";
    let kind = json!({"type": "urn:hotbed:problem:no-version"});
    let server = Server::answering([problem_with(404, forgotten, &kind)]).await;
    let outcome = hotbed(&server.url, &["bots", "diff", "greeter", "--to", "3"]).await;
    assert_eq!(outcome.exit, Exit::NotFound);
    assert_eq!(
        outcome.errors,
        format!("error: {forgotten}\nhint: see which there are with: hotbed bots history\n")
    );
}

#[tokio::test]
async fn a_rollback_says_to_what_and_on_which_condition() {
    let mut written = registration("greeter", 44);
    written["warnings"] = json!(["llm.model: the model is not pinned"]);
    for condition in ["--if-revision", "--if-match"] {
        let server = Server::answering([json_answer(200, &written)]).await;
        let mut args = vec!["bots", "rollback", "greeter", "--to", "41"];
        args.extend([condition, "43", "--by", "ada", "--reason", "it was worse"]);
        let outcome = hotbed(&server.url, &args).await;
        assert_eq!(outcome.exit, Exit::Done);
        assert_eq!(
            outcome.output,
            "rolled back greeter: revision 44 is what revision 41 was, active\n"
        );
        assert_eq!(
            outcome.errors,
            "warning: llm.model: the model is not pinned\n"
        );
        let seen = &server.seen()[0];
        assert_eq!(seen.uri.path(), "/api/v1/bots/greeter/rollback");
        assert_eq!(seen.header("if-match"), Some("\"43\""));
        let body = json!({"revision": 41, "by": "ada", "reason": "it was worse"});
        assert_eq!(seen.json(), body);
    }
    let server = Server::answering([json_answer(200, &written)]).await;
    let args = [
        "bots", "rollback", "greeter", "--to", "41", "--output", "json",
    ];
    let outcome = hotbed(&server.url, &args).await;
    assert_eq!(
        serde_json::from_str::<Value>(&outcome.output).unwrap(),
        written
    );
    let seen = &server.seen()[0];
    assert_eq!(
        (seen.json(), seen.header("if-match")),
        (json!({"revision": 41}), None)
    );
}

#[tokio::test]
async fn who_writes_and_why_go_along_with_each_write() {
    let mut written = registration("greeter", 7);
    written["warnings"] = json!([]);
    for verb in ["put", "activate", "deactivate"] {
        let server = Server::answering([json_answer(200, &written)]).await;
        let mut args = vec![
            "bots", verb, "greeter", "--by", "Ada L.", "--reason", "a & b",
        ];
        if verb == "put" {
            args.extend(["--config", "{}"]);
        }
        assert_eq!(hotbed(&server.url, &args).await.exit, Exit::Done);
        let query = server.seen()[0].uri.query().map(str::to_owned);
        assert_eq!(query.as_deref(), Some("by=Ada+L.&reason=a+%26+b"), "{verb}");
    }
}
