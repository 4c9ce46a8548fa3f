use hotbed_cli::Exit;
use serde_json::{Value, json};

use crate::harness::{Server, hotbed, json_answer, registration, respond};

#[tokio::test]
async fn a_list_is_a_table_over_all_pages() {
    let server = Server::answering([
        json_answer(
            200,
            &json!({"items": [registration("greeter", 1)], "next": "greeter"}),
        ),
        json_answer(
            200,
            &json!({"items": [registration("helper", 12)], "next": null}),
        ),
    ])
    .await;
    let outcome = hotbed(&server.url, &["bots", "list"]).await;
    assert_eq!(outcome.exit, Exit::Done);
    assert_eq!(
        outcome.output,
        "ID       STATUS  REVISION  VERSION  UPDATED\n\
         greeter  active  1         1        2026-01-03 03:04:05Z\n\
         helper   active  12        1        2026-01-03 03:04:05Z\n"
    );
    let asked: Vec<_> = server
        .seen()
        .iter()
        .map(|seen| seen.uri.to_string())
        .collect();
    assert_eq!(
        asked,
        [
            "/api/v1/bots?limit=500",
            "/api/v1/bots?limit=500&after=greeter"
        ]
    );
}

#[tokio::test]
async fn a_limit_asks_for_no_more_than_is_wanted_and_says_that_there_may_be_more() {
    let server = Server::answering([json_answer(
        200,
        &json!({"items": [registration("greeter", 1)], "next": "greeter"}),
    )])
    .await;
    let outcome = hotbed(&server.url, &["bots", "list", "--limit", "1"]).await;
    assert_eq!(
        outcome.errors,
        "there may be more: raise --limit to see them\n"
    );
    assert_eq!(server.seen()[0].uri, "/api/v1/bots?limit=1");
}

#[tokio::test]
async fn filters_and_orders_are_sent_as_the_api_wants_them() {
    let server = Server::answering([json_answer(200, &json!({"items": [], "next": null}))]).await;
    let args = [
        "bots", "list", "--status", "inactive", "--filter", "team=a b", "--filter", "tier=2",
    ];
    let more = [
        "--sort",
        "updated_at:desc",
        "--sort",
        "bot_id",
        "--output",
        "json",
    ];
    let outcome = hotbed(&server.url, &[&args[..], &more[..]].concat()).await;
    assert_eq!(outcome.output, "{\n  \"items\": [],\n  \"next\": null\n}\n");
    assert_eq!(
        server.seen()[0].uri.query(),
        Some(
            "status=inactive&filter_metadata=%7B%22team%22%3A%22a+b%22%2C%22tier%22%3A2%7D\
             &sort=updated_at%3Adesc&sort=bot_id"
        )
    );
}

#[tokio::test]
async fn json_is_what_the_server_sent_digit_by_digit_and_in_its_order() {
    let body = r#"{"id":"x","big":123456789012345678901234567890,"small":1.10,"a":[]}"#;
    let server = Server::answering([respond(200, "application/json", body)]).await;
    let outcome = hotbed(&server.url, &["bots", "get", "x", "--output", "json"]).await;
    let compact: String = outcome.output.split_whitespace().collect();
    assert_eq!(compact, body);
}

#[tokio::test]
async fn a_bot_is_shown_with_its_configuration_and_cannot_write_to_the_terminal() {
    let mut bot = registration("greeter", 3);
    bot["config"]["system_prompt"] = Value::from("be kind\u{1b}[2J\u{9b}2J");
    let server = Server::answering([json_answer(200, &bot)]).await;
    let outcome = hotbed(&server.url, &["bots", "get", "greeter"]).await;
    assert_eq!(
        outcome.output,
        r#"ID         greeter
STATUS     active
REVISION   3
VERSION    1
CREATED    2026-01-02 03:04:05Z
UPDATED    2026-01-03 03:04:05Z
LAST USED  2026-01-03 09:00:00Z
METADATA   {"team":"support"}
CONFIG
{
  "llm": {
    "provider": "echo"
  },
  "system_prompt": "be kind\u001b[2J\u009b2J"
}
"#
    );
}

#[tokio::test]
async fn an_instance_tells_what_serves_and_why_nothing_newer_does() {
    let server = Server::answering([json_answer(
        200,
        &json!({
            "id": "greeter", "state": "degraded", "revision": 41, "observed": 42, "built_ago_ms": 61_000,
            "retry_in_ms": 1_500, "error": {"kind": "config", "message": "LLM_MODEL is not set", "revision": 42}
        }),
    )])
    .await;
    let outcome = hotbed(&server.url, &["bots", "instance", "greeter"]).await;
    assert_eq!(
        outcome.output,
        "ID        greeter\n\
         STATE     degraded\n\
         SERVES    revision 41\n\
         NEWEST    revision 42\n\
         BUILT     1m 1s ago\n\
         ERROR     config: LLM_MODEL is not set (revision 42)\n\
         NEXT TRY  in 1s\n"
    );
}

fn health(status: &str) -> Value {
    json!({
        "status": status, "readiness": "ready", "version": "0.1.0", "uptime_ms": 61_000, "environment": "development",
        "registry": {
            "state": "reachable", "location": "sqlite:data/registry.db", "admission": "permissive",
            "head": 42, "registrations": 3, "active": 2
        },
        "node": "web-1",
        "bus": {"location": "memory:", "mode": "hybrid"},
        "freshness": {
            "revision": 42, "head": 44, "behind_by": 2, "behind_for_ms": 1_500, "confirmed_ago_ms": 1_200, "stale": false
        },
        "cache": {
            "hits": 10, "misses": 2, "builds": 2, "build_failures": 1, "renewals": 0, "evictions": 0,
            "size": 2, "instances": 1
        },
        "failures": {"total": 2, "items": [{
            "id": "helper", "state": "failed", "revision": null, "observed": 40, "built_ago_ms": null,
            "retry_in_ms": 500, "error": {"kind": "factory", "message": "no key", "revision": 40}
        }]},
        "warnings": ["the snapshot is old"]
    })
}

#[tokio::test]
async fn health_is_told_in_full_and_fails_unless_all_is_well() {
    let server = Server::answering([json_answer(200, &health("degraded"))]).await;
    let outcome = hotbed(&server.url, &["health"]).await;
    assert_eq!(outcome.exit, Exit::Failed);
    assert_eq!(
        outcome.output,
        "STATUS       degraded, ready\n\
         SERVER       hotbed 0.1.0, up 1m 1s\n\
         NODE         web-1\n\
         ENVIRONMENT  development\n\
         REGISTRY     sqlite:data/registry.db, permissive, 3 bots, 2 active, at revision 42\n\
         BUS          memory:, reload is hybrid\n\
         FRESHNESS    follows to revision 42, confirmed 1s ago, 2 revisions behind for 1s\n\
         CACHE        2 ids, 1 instances; 10 hits, 2 misses, 2 builds, 1 failed\n\
         \n\
         FAILED        STATE   SERVES   ERROR\n\
         helper        failed  nothing  no key\n\
         … and 1 more\n"
    );
    assert_eq!(outcome.errors, "warning: the snapshot is old\n");
}

#[tokio::test]
async fn health_succeeds_when_all_is_well_and_reads_a_503_that_tells_what_is_wrong() {
    let server = Server::answering([
        json_answer(200, &health("ok")),
        json_answer(503, &health("down")),
    ])
    .await;
    assert_eq!(hotbed(&server.url, &["health"]).await.exit, Exit::Done);
    let outcome = hotbed(&server.url, &["health"]).await;
    assert_eq!(outcome.exit, Exit::Failed);
    assert!(
        outcome.output.starts_with("STATUS       down, ready\n"),
        "{}",
        outcome.output
    );
}
