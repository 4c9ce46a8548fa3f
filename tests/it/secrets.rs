//! Secrets of a running server.

use crate::harness::Launch;
use serde_json::json;
use std::fs;

const SECRET: &str = "hunter2-swordfish";

/// Mutation: the environment is not given what reads secrets, configurations may name any, an answer shows one.
#[tokio::test]
async fn a_bot_is_built_with_a_secret_that_nobody_is_shown() {
    let launch = Launch::new();
    let configs = launch.home().join("configs");
    fs::create_dir_all(configs.join("environments")).unwrap();
    let file = launch.home().join("key");
    fs::write(&file, format!("{SECRET}\n")).unwrap();
    let yaml = format!(
        "resources: {{llms: {{chat: {{provider: echo, api_key: {{$secret: 'file:{}'}}}}}}}}",
        file.display()
    );
    fs::write(configs.join("environments/development.yaml"), yaml).unwrap();
    let launch = launch
        .arg("--config", &configs)
        .env("MINE", SECRET)
        .env("OTHER", SECRET);
    let node = launch.arg("--config-secrets", "env:MINE").start().await;
    let own = |name: &str| json!({"llm": {"provider": "echo", "api_key": {"$secret": name}}});
    let mut told = String::new();
    let leaked = json!({"llm": {"provider": "echo"}, "system_prompt": {"$secret": "env:MINE"}});
    for (id, config, status) in [
        (
            "resource",
            json!({"llm": {"$resource": "chat", "type": "llms"}}),
            200,
        ),
        ("allowed", own("env:MINE"), 200),
        ("refused", own("env:OTHER"), 503),
        ("leaked", leaked, 503),
    ] {
        let put = node
            .put(&format!("/api/v1/bots/{id}"), &json!({ "config": config }))
            .await;
        // Of what may not be read the writer is told at once, not when the bot fails.
        assert_eq!(
            put.text.contains("--config-secrets"),
            id == "refused",
            "{}",
            put.text
        );
        told += &put.text;
        let chat = node.chat(id, "Hello").await;
        assert_eq!(chat.status, status, "{id}: {}", chat.text);
        told += &chat.text;
        told += &node.get(&format!("/api/v1/bots/{id}")).await.text;
        told += &node.instance(id).await.to_string();
    }
    assert!(told.contains("--config-secrets"), "{told}");
    assert!(
        told.contains("a secret may stand in `llm.api_key` only"),
        "{told}"
    );
    told += &node.health().await.to_string();
    told += &node.output();
    told += &node.errors();
    assert!(!told.contains("hunter2"), "{told}");
    node.terminate().await;
}
