//! What a new user does, in the order of docs/cli.md.

use super::hotbed;
use crate::harness::Launch;
use std::fs;

/// Meant to catch: to exit with 0 where there are differences, to leave a field out of the comparison, to write what is the same,
/// to let `init` write over what is there.
#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "one story, told from its beginning to its end"
)]
async fn from_an_example_to_production_and_back() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path();
    let node = Launch::new().arg("--env", "development").arg("--config", {
        hotbed(dir, None, "init").await.expect(0);
        // The server reads the environment; the bots come with `apply`.
        fs::create_dir(dir.join("server")).unwrap();
        let copy = dir.join("server/environments");
        fs::create_dir(&copy).unwrap();
        fs::copy(
            dir.join("configs/environments/development.yaml"),
            copy.join("development.yaml"),
        )
        .unwrap();
        dir.join("server")
    });
    let node = node.start().await;

    let said = hotbed(dir, None, "init").await.expect(0);
    assert!(
        said.output
            .starts_with("kept configs/environments/development.yaml, which is there"),
        "{said:?}"
    );
    let said = hotbed(dir, None, "check").await.expect(0);
    assert_eq!(
        said.output,
        "1 bot in 1 file, 2 environments: no problem\nproduction needs LLM_MODEL: the model that bots talk with\n"
    );
    let said = hotbed(dir, None, "check --env production").await.expect(1);
    assert!(
        said.errors
            .starts_with("error: configs/environments/production.yaml:")
            && said.errors.contains("LLM_MODEL"),
        "{said:?}"
    );
    let said = hotbed(dir, None, "resolve greeter --env development")
        .await
        .expect(0);
    assert_eq!(said.json()["llm"]["model"], "echo-1");

    let said = hotbed(dir, Some(&node), "diff").await.expect(2);
    assert_eq!(
        said.output,
        "+ greeter (configs/domains/greeter.yaml)\n1 to create, 0 the same\n"
    );
    let said = hotbed(dir, Some(&node), "apply --wait --by ada")
        .await
        .expect(0);
    assert!(
        said.output.starts_with(
            "created greeter: revision 1\n1 created, 0 updated, 0 deleted, 0 the same\n"
        ),
        "{said:?}"
    );
    assert!(
        said.output.contains("bots: revision 1 on 1 of 1 nodes"),
        "{said:?}"
    );
    let said = hotbed(dir, Some(&node), "diff").await.expect(0);
    assert_eq!(said.output, "1 the same\n");
    assert_eq!(node.served("greeter").await, 1);

    let file = dir.join("configs/domains/greeter.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("by name, in one", "in one")).unwrap();
    let said = hotbed(dir, Some(&node), "diff").await.expect(2);
    assert_eq!(
        said.output,
        "~ greeter at revision 1, its live instance is rebuilt\n    config.system_prompt\n      \
         - \"You greet people by name, in one short sentence.\"\n      \
         + \"You greet people in one short sentence.\"\n1 to update, 0 the same; 1 live instance is rebuilt\n"
    );
    let said = hotbed(dir, Some(&node), "apply --dry-run --output json")
        .await
        .expect(2);
    assert_eq!(
        said.json()["steps"][0]["differences"][0]["pointer"],
        "/config/system_prompt"
    );
    assert_eq!(node.head().await, 1, "a dry run writes nothing");
    hotbed(dir, Some(&node), "apply").await.expect(0);
    assert!(
        node.chat("greeter", "hi")
            .await
            .text
            .contains("You greet people in one")
    );
    hotbed(dir, Some(&node), "apply").await.expect(0);
    assert_eq!(node.head().await, 2, "what is the same is not written");

    hotbed(dir, Some(&node), "bots rollback greeter --to 1 --by bob")
        .await
        .expect(0);
    let said = hotbed(dir, Some(&node), "diff").await.expect(2);
    assert!(said.output.contains("by name"), "{said:?}");
    fs::write(&file, text).unwrap();
    hotbed(dir, Some(&node), "diff").await.expect(0);

    fs::remove_file(&file).unwrap();
    hotbed(dir, Some(&node), "diff").await.expect(0);
    let said = hotbed(dir, Some(&node), "apply --prune").await.expect(0);
    assert!(
        said.output.starts_with("deleted greeter: revision 4\n"),
        "{said:?}"
    );
    node.get("/api/v1/bots/greeter").await.expect(404);
    node.terminate().await;
}
