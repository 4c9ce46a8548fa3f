//! The configuration directory of this repository, as the first command of the README takes it.

use crate::harness::{Launch, ROOT};
use std::fs;

#[tokio::test]
async fn the_bots_of_domain_files_are_registered_once_and_then_left_alone() {
    let launch = Launch::new().in_dir(ROOT).env("COMPANY", "Acme");
    let node = launch.start().await;
    let said = node.output();
    assert!(said.contains("registered   greeter, support-bot"), "{said}");
    assert!(said.contains("environments/development.yaml"), "{said}");
    let reply = node.chat("greeter", "Hello").await.expect(200).json();
    assert_eq!(
        reply["reply"],
        "[greeter@1] You greet people by name, in one short sentence. | you said: Hello"
    );
    let reply = node.chat("support-bot", "Hello").await.expect(200).text;
    assert!(reply.contains("support agent of Acme"), "{reply}");
    let stored = node.get("/api/v1/bots/support-bot").await.text;
    assert!(
        stored.contains("${COMPANY:Example Ltd}"),
        "what is stored is portable: {stored}"
    );
    assert!(stored.contains("\"$resource\":\"chat\""), "{stored}");

    let edited = node.put_bot("greeter", "You were edited.").await;
    let support = node.served("support-bot").await;
    node.terminate().await;

    let node = launch.start().await;
    let said = node.output();
    assert!(said.contains("kept         greeter, support-bot"), "{said}");
    assert_eq!(node.served("greeter").await, edited);
    assert_eq!(node.served("support-bot").await, support);
    node.terminate().await;
}

#[tokio::test]
async fn the_registry_of_the_environment_is_used_unless_another_is_given() {
    let launch = Launch::new().by_default();
    let environments = launch.cwd().join("configs/environments");
    fs::create_dir_all(&environments).unwrap();
    let file = environments.join("development.yaml");
    let resource = |keys: &str| format!("resources: {{databases: {{registry: {{{keys}}}}}}}");
    fs::write(&file, resource("backend: SQLite, path: ./named.db")).unwrap();
    let node = launch.start().await;
    let said = node.output();
    let named =
        "sqlite:./named.db (resources.databases.registry of the environment \"development\")";
    assert!(said.contains(named), "{said}");
    node.put_bot("b", "p").await;
    node.terminate().await;
    assert!(launch.cwd().join("named.db").is_file());

    let node = launch.clone().arg("--registry", "memory:").start().await;
    assert_eq!(node.health().await["registry"]["location"], "memory:");
    node.terminate().await;

    let wrong = "backend: postgres, hots: db, database: d, password: hunter2";
    for (keys, words) in [
        (wrong, "did you mean \"host\"?"),
        (
            "backend: sqlite, path: x.db, collection: mods",
            "collection bots",
        ),
    ] {
        fs::write(&file, resource(keys)).unwrap();
        let ended = launch.fail().await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        for words in [words, "resources.databases.registry"] {
            assert!(ended.errors.contains(words), "{ended:?}");
        }
        assert!(!ended.errors.contains("hunter2"), "{ended:?}");
    }
}
