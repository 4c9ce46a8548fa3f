//! Commands over HTTP, as programs and as Mattermost give them.

use crate::harness::{Answer, Node, OK, with_header};
use axum::body::Body;
use axum::http::{Method, Request};
use hotbed_server::{AdminToken, Authority, Chats};
use serde_json::{Value, json};
use std::collections::BTreeSet;

async fn say(node: &Node, body: Value) -> Vec<String> {
    let answer = node.post("/api/v1/commands", &body).await;
    assert_eq!(answer.status, OK, "{answer:?}");
    texts(&answer)
}

fn texts(answer: &Answer) -> Vec<String> {
    let messages = answer.json()["messages"].as_array().unwrap().clone();
    let text = |message: &Value| message["text"].as_str().unwrap().to_owned();
    messages.iter().map(text).collect()
}

fn form(body: &str) -> Request<Body> {
    Request::post("/api/v1/commands")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(body.to_owned()))
        .unwrap()
}

async fn with_wiki() -> Node {
    let node = Node::new().await;
    node.wiki("wiki").await;
    node
}

/// A node that is guarded by a token, and knows a chat server.
async fn guarded() -> Node {
    let mut node = with_wiki().await;
    let token = || AdminToken::new("0123456789abcdef").unwrap();
    node.state.authority = Authority::new(node.state.access.listen, Some(token()));
    node.state.chats = Chats {
        tokens: vec![AdminToken::new("mattermost-token-1").unwrap()],
        admins: BTreeSet::from(["Ada".to_owned(), "u9".to_owned()]),
    };
    node.router = hotbed_server::router(node.state.clone());
    node
}

#[tokio::test]
async fn a_text_or_a_command_is_answered_by_who_knows_its_words() {
    let node = with_wiki().await;
    let by_text = say(
        &node,
        json!({"text": "hello\n@wiki list\n!map", "channel": "ops"}),
    )
    .await;
    assert_eq!(by_text.len(), 2, "{by_text:?}");
    let by_command = say(
        &node,
        json!({"command": "@wiki", "params": ["list"], "channel": "ops"}),
    );
    assert_eq!(by_command.await[0], by_text[0]);
    assert!(say(&node, json!({"text": "hello @wiki"})).await.is_empty());
    for wrong in [
        json!({}),
        json!({"text": "a", "command": "b"}),
        json!({"text": "a", "params": ["b"]}),
        json!({"command": "@wiki", "files": [{"filename": "a", "bytes": "?"}]}),
        json!({"command": "@wiki", "chanel": "ops"}),
    ] {
        let answer = node.post("/api/v1/commands", &wrong).await;
        assert_eq!(answer.status, 422, "{wrong}");
    }
    let listed = node.get("/api/v1/commands").await.json();
    assert_eq!(listed["items"][0]["word"], "!wiki");
    assert_eq!(listed["items"][0]["mod"], "wiki");
}

/// M1: `@reload` could never be given. Meant to catch: to answer before the reload, to reload for anybody.
#[tokio::test]
async fn a_reload_is_told_and_done_for_admins_only() {
    let node = with_wiki().await;
    let reloading = "Reloading command modules…";
    let report = "Module reload complete. refreshed=1 added=0 removed=0 failed=0";
    let before = node.get("/api/v1/mods/wiki").await.json();
    assert_eq!(
        say(&node, json!({"text": "!reload wiki"})).await,
        [reloading, report]
    );
    let after = node.get("/api/v1/mods/wiki").await.json();
    assert!(after["generation"].as_u64() > before["generation"].as_u64());

    let node = guarded().await;
    let asked = json!({"text": "@reload", "username": "eve"});
    let denied = "@eve, you do not have permission to reload modules.";
    assert_eq!(say(&node, asked.clone()).await, [denied]);
    let request = crate::harness::with_json(Method::POST, "/api/v1/commands", &asked.to_string());
    let request = with_header(request, "authorization", "Bearer 0123456789abcdef");
    let answer = node.send(request).await;
    assert_eq!(texts(&answer)[0], reloading);
}

/// Meant to catch: to believe who somebody is without a token, a token that is compared by its beginning.
#[tokio::test]
async fn mattermost_is_believed_by_its_token() {
    let node = guarded().await;
    let said = |user: &str, token: &str, rest: &str| {
        form(&format!(
            "token={token}&user_name={user}&user_id=u1&channel_name=ops&{rest}"
        ))
    };
    let token = "mattermost-token-1";
    let slash = node
        .send(said("eve", token, "command=%2Fwiki&text=list"))
        .await;
    assert_eq!(slash.json()["response_type"], "in_channel");
    let denied = node
        .send(said("eve", token, "text=%40reload&trigger_word=%40reload"))
        .await;
    assert_eq!(
        denied.json(),
        json!({"response_type": "comment", "text": "@eve, you do not have permission to reload modules."})
    );
    let done = node.send(said("ada", token, "text=%40reload")).await.json();
    let text = done["text"].as_str().unwrap();
    assert!(
        text.starts_with("Reloading command modules…\n\nModule reload complete."),
        "{text}"
    );
    let by_id = format!("token={token}&user_name=eve&user_id=u9&channel_name=ops&text=%40reload");
    let done = node.send(form(&by_id)).await.json();
    let text = done["text"].as_str().unwrap();
    assert!(text.starts_with("Reloading command modules…"), "{text}");
    for wrong in ["mattermost-token-2", "mattermost-token-", ""] {
        let refused = node.send(said("ada", wrong, "text=%40reload")).await;
        assert_eq!(refused.status, 401, "{wrong}");
    }
    let unknown = node
        .send(said("eve", token, "command=%2Fnope&text="))
        .await
        .json();
    assert_eq!(unknown["text"], "There is no command `@nope` here.");
    let silent = node.send(said("eve", token, "text=hello")).await;
    assert_eq!(silent.json(), json!({}));
    assert_eq!(node.send(said("eve", token, "")).await.status, 422);
}

/// M6, M8: bindings outlive what is broken or gone for a while, and none is lost to another.
#[tokio::test]
async fn a_mod_is_bound_to_channels_by_command_and_by_address() {
    let node = with_wiki().await;
    let bound = say(&node, json!({"text": "@unbind wiki", "channel": "dev"})).await;
    assert_eq!(
        bound,
        [
            "`wiki` unbound from dev.\nBound to all channels, and so to this one still: `wiki`. Unbind from `any` first."
        ]
    );
    let (ops, qa) = (
        "/api/v1/commands/wiki/scopes/ops",
        "/api/v1/commands/wiki/scopes/qa",
    );
    let put = |path| crate::harness::request(Method::PUT, path);
    let (first, second) = tokio::join!(node.send(put(ops)), node.send(put(qa)));
    assert_eq!((first.status, second.status), (204, 204));
    assert_eq!(
        node.delete("/api/v1/commands/wiki/scopes/any").await.status,
        204
    );
    let scopes = || async { node.get("/api/v1/mods/wiki").await.json()["scopes"].clone() };
    assert_eq!(scopes().await, json!(["ops", "qa"]));
    assert!(
        say(&node, json!({"text": "@wiki list", "channel": "dev"}))
            .await
            .is_empty()
    );
    assert_eq!(
        say(&node, json!({"text": "@wiki list", "channel": "qa"}))
            .await
            .len(),
        1
    );
    node.post_nothing("/api/v1/mods/wiki/disable").await;
    node.post_nothing("/api/v1/mods/wiki/enable").await;
    assert_eq!(scopes().await, json!(["ops", "qa"]));
    assert_eq!(
        node.delete("/api/v1/commands/none/scopes/any").await.status,
        404
    );

    let bindmap = json!({
        "wiki": {"binds": ["@wiki"], "chans": ["support"]},
        "dice": {"binds": ["@dice"], "chans": ["any"]},
        "odd": [],
    });
    let imported = node.post("/api/v1/commands/import", &bindmap).await.json();
    assert_eq!(imported["bound"], json!(["wiki"]));
    assert_eq!(imported["unknown"], json!(["dice"]));
    assert_eq!(imported["problems"].as_array().unwrap().len(), 1);
    assert_eq!(scopes().await, json!(["support"]));
}

/// B18, A8: nobody changes anything without the token, whichever door it is.
///
/// Meant to catch: a door without a guard.
#[tokio::test]
async fn every_door_that_changes_mods_asks_for_the_token() {
    let node = guarded().await;
    let before = node.get("/api/v1/mods/wiki").await.json();
    let config = json!({"config": {"max_pages": 1}});
    let doors = [
        (
            Method::POST,
            "/api/v1/mods",
            json!({"path": "hotbed.mods.project"}),
        ),
        (
            Method::PUT,
            "/api/v1/mods/wiki",
            json!({"path": "hotbed.mods.project"}),
        ),
        (Method::DELETE, "/api/v1/mods/wiki", json!(null)),
        (Method::POST, "/api/v1/mods/wiki/reload", json!(null)),
        (Method::POST, "/api/v1/mods/wiki/enable", json!(null)),
        (Method::POST, "/api/v1/mods/wiki/disable", json!(null)),
        (Method::PUT, "/api/v1/mods/wiki/config", config.clone()),
        (Method::POST, "/api/v1/reload", json!(null)),
        (Method::POST, "/api/v1/admin/plugins/wiki/stop", json!(null)),
        (
            Method::PUT,
            "/api/v1/admin/plugins/wiki/config",
            config.clone(),
        ),
        (Method::GET, "/api/admin/mods", json!(null)),
        (Method::GET, "/api/admin/mods/wiki/config", json!(null)),
        (Method::GET, "/api/admin/mods/wiki/schema", json!(null)),
        (Method::PUT, "/api/admin/mods/wiki/config", config),
        (Method::POST, "/api/admin/network/restart", json!(null)),
        (Method::PUT, "/api/v1/commands/wiki/scopes/x", json!(null)),
        (
            Method::DELETE,
            "/api/v1/commands/wiki/scopes/any",
            json!(null),
        ),
        (Method::POST, "/api/v1/commands/import", json!({})),
    ];
    for (method, path, body) in doors {
        for shown in [None, Some("Bearer 0123456789abcdeF")] {
            let request = crate::harness::with_json(method.clone(), path, &body.to_string());
            let request = match shown {
                Some(shown) => with_header(request, "authorization", shown),
                None => request,
            };
            let answer = node.send(request).await;
            assert_eq!(answer.status, 401, "{method} {path}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
    }
    assert_eq!(node.get("/api/v1/mods/wiki").await.json(), before);
}
