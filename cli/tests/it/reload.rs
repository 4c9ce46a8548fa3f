use axum::body::Body;
use axum::http::Response;
use hotbed_cli::Exit;
use serde_json::{Value, json};

use crate::harness::{Server, hotbed, json_answer, problem};
use crate::mods::wiki;

fn report(bots_failed: &Value, mods_failed: &Value) -> Response<Body> {
    let text = "Module reload complete. refreshed=1 added=0 removed=0 failed=0\n- `a`: b";
    json_answer(
        200,
        &json!({
            "added": ["new"], "refreshed": ["greeter"], "removed": [], "failed": bots_failed,
            "mods": {"added": [], "refreshed": ["wiki"], "removed": [], "failed": mods_failed, "text": text}
        }),
    )
}

fn instance(state: &str, revision: &Value) -> Response<Body> {
    json_answer(
        200,
        &json!({
            "id": "wiki", "state": state, "revision": revision, "observed": 42, "built_ago_ms": null,
            "retry_in_ms": null, "error": null
        }),
    )
}

fn rebuilt(outcome: &str) -> Response<Body> {
    json_answer(
        200,
        &json!({"id": "wiki", "outcome": outcome, "revision": 42, "error": "no such model"}),
    )
}

fn a_mod() -> Response<Body> {
    json_answer(200, &wiki(&json!({})))
}

fn nothing() -> Response<Body> {
    problem(404, "there is none")
}

fn asked(server: &Server) -> Vec<String> {
    let line = |it: &crate::harness::Seen| format!("{} {}", it.method, it.uri);
    server.seen().iter().map(line).collect()
}

#[tokio::test]
async fn a_reload_of_everything_tells_of_mods_as_a_chat_does() {
    let none = json!([]);
    let server = Server::answering([report(&none, &none), report(&none, &none)]).await;
    let told = "ID       OUTCOME    ERROR\nnew      added\ngreeter  refreshed\n\n\
                Module reload complete. refreshed=1 added=0 removed=0 failed=0\n- `a`: b\n";
    let outcome = hotbed(&server.url, &["reload"]).await;
    assert_eq!((outcome.exit, outcome.output.as_str()), (Exit::Done, told));
    let outcome = hotbed(&server.url, &["reload", "--dry-run"]).await;
    assert_eq!(outcome.exit, Exit::Done);
    assert_eq!(
        outcome.output,
        format!("Nothing was done. A reload would do this:\n{told}")
    );
    assert_eq!(
        asked(&server),
        ["POST /api/v1/reload", "POST /api/v1/reload?dry_run=true"]
    );
}

/// Caught: to look only at bots, or only at mods.
#[tokio::test]
async fn a_reload_fails_if_a_bot_or_a_mod_could_not_be_built() {
    let (none, one) = (json!([]), json!([{"id": "x", "error": "no"}]));
    let server = Server::answering([report(&one, &none), report(&none, &one)]).await;
    for _ in 0..2 {
        assert_eq!(hotbed(&server.url, &["reload"]).await.exit, Exit::Failed);
    }
}

/// Caught: to ask for the reload of a mod that is not there.
#[tokio::test]
async fn an_id_names_a_bot_or_a_mod_or_both() {
    let server = Server::answering([
        instance("ready", &json!(41)),
        nothing(),
        rebuilt("refreshed"),
        nothing(),
        a_mod(),
        a_mod(),
        instance("ready", &json!(41)),
        a_mod(),
        rebuilt("failed"),
        a_mod(),
        nothing(),
        nothing(),
    ])
    .await;
    let bot = "refreshed the bot wiki: revision 42 serves now\n";
    let module = "reloaded the mod wiki: running, generation 2, revision 7\n";
    let outcome = hotbed(&server.url, &["reload", "wiki"]).await;
    assert_eq!((outcome.exit, outcome.output.as_str()), (Exit::Done, bot));
    let outcome = hotbed(&server.url, &["reload", "wiki"]).await;
    assert_eq!(
        (outcome.exit, outcome.output.as_str()),
        (Exit::Done, module)
    );
    let outcome = hotbed(&server.url, &["reload", "wiki"]).await;
    assert_eq!(outcome.exit, Exit::Failed);
    assert_eq!(
        outcome.output,
        format!("failed the bot wiki: revision 42 serves now\n{module}")
    );
    assert_eq!(outcome.errors, "error: no such model\n");
    let (bot, module) = ("/api/v1/bots/wiki", "/api/v1/mods/wiki");
    let look = [format!("GET {bot}/instance"), format!("GET {module}")];
    let mut expected = look.to_vec();
    expected.push(format!("POST {bot}/reload"));
    expected.extend(look.clone());
    expected.push(format!("POST {module}/reload"));
    expected.extend(look);
    expected.push(format!("POST {bot}/reload"));
    expected.push(format!("POST {module}/reload"));
    assert_eq!(asked(&server), expected);
    let outcome = hotbed(&server.url, &["reload", "wiki"]).await;
    assert_eq!(outcome.exit, Exit::NotFound);
    assert_eq!(
        outcome.errors,
        "error: no bot and no mod is called \"wiki\"\n\
         hint: see which there are with: hotbed bots list, and hotbed mods list\n"
    );
}

/// Caught: to stop at the first of the two.
#[tokio::test]
async fn what_goes_wrong_with_the_bot_does_not_keep_the_mod_from_being_reloaded() {
    let away = || problem(503, "the registry cannot be reached");
    let look = || [instance("ready", &json!(41)), a_mod()];
    let both = || look().into_iter().chain([away(), a_mod()]);
    let server = Server::answering(both().chain(both())).await;
    let outcome = hotbed(&server.url, &["reload", "wiki"]).await;
    assert_eq!(
        (outcome.exit, outcome.output.as_str()),
        (
            Exit::Failed,
            "reloaded the mod wiki: running, generation 2, revision 7\n"
        )
    );
    assert_eq!(outcome.errors, "error: the registry cannot be reached\n");
    let outcome = hotbed(&server.url, &["reload", "wiki", "--output", "json"]).await;
    assert_eq!(outcome.exit, Exit::Failed);
    let shown: Value = serde_json::from_str(&outcome.output).unwrap();
    assert_eq!(shown, json!({"bot": null, "mod": wiki(&json!({}))}));
}

/// Caught: to forget those that depend on those that depend on it, to promise the reload of a mod that is disabled.
#[tokio::test]
async fn a_dry_run_of_one_says_what_would_become_of_it() {
    let needs = |id: &str, of: &str, generation: Value| {
        let mut it = wiki(&json!({"id": id, "generation": generation}));
        it["manifest"]["dependencies"] = json!([of]);
        it
    };
    let all = json!({"items": [
        needs("b", "wiki", json!(1)), needs("c", "b", json!(1)), needs("d", "wiki", json!(null)),
        needs("e", "other", json!(1))
    ]});
    let off = wiki(&json!({"enabled": false, "generation": null}));
    let server = Server::answering([
        instance("degraded", &json!(41)),
        a_mod(),
        json_answer(200, &all),
        nothing(),
        json_answer(200, &off),
        json_answer(200, &all),
        instance("inactive", &json!(null)),
        nothing(),
        instance("unloaded", &json!(null)),
        nothing(),
    ])
    .await;
    let args = ["reload", "wiki", "--dry-run"];
    let outcome = hotbed(&server.url, &args).await;
    assert_eq!(outcome.exit, Exit::Done);
    assert_eq!(
        outcome.output,
        "the bot wiki would be refreshed: revision 41 serves now, revision 42 is the newest\n\
         the mod wiki would be refreshed: generation 2 serves now; and with it b, c\n"
    );
    let outcome = hotbed(&server.url, &args).await;
    assert_eq!(
        (outcome.exit, outcome.output.as_str()),
        (
            Exit::Failed,
            "the mod wiki would be refused: it is disabled: enable it first\n"
        )
    );
    let outcome = hotbed(&server.url, &args).await;
    assert_eq!(
        outcome.output,
        "the bot wiki would be removed: it is out of service, and nothing is built of it\n"
    );
    let outcome = hotbed(&server.url, &[&args[..], &["--output", "json"]].concat()).await;
    let shown: Value = serde_json::from_str(&outcome.output).unwrap();
    assert_eq!(
        shown,
        json!({"would": [{
            "kind": "bot", "id": "wiki", "would": "added", "with": [],
            "why": "nothing serves now, revision 42 is the newest"
        }]})
    );
    assert!(asked(&server).iter().all(|it| it.starts_with("GET")));
}
