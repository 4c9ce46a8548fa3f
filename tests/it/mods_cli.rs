//! A mod from the command line, from its load to its end.

use crate::harness::{HOTBED, Launch, Node};
use tokio::process::Command;

const TOKEN: &str = "0123456789abcdef";

/// What was said, and how it ended.
#[derive(Debug)]
struct Ran {
    code: i32,
    output: String,
    errors: String,
}

async fn hotbed(node: &Node, args: &[&str], token: Option<&str>) -> Ran {
    let mut command = Command::new(HOTBED);
    command.args(args).env_clear();
    command.env("HOTBED_SERVER", &node.url);
    command.envs(token.map(|token| ("HOTBED_ADMIN_TOKEN", token)));
    command.stdin(std::process::Stdio::null());
    let ran = command.output().await.unwrap();
    Ran {
        code: ran.status.code().unwrap(),
        output: String::from_utf8(ran.stdout).unwrap(),
        errors: String::from_utf8(ran.stderr).unwrap(),
    }
}

/// Meant to catch: a route, a parameter or a field that the client spells otherwise than the server.
#[tokio::test]
async fn a_mod_is_loaded_changed_used_and_unloaded_from_the_command_line() {
    let node = Launch::new().env("HOTBED_ADMIN_TOKEN", TOKEN).start().await;
    let path = "openagents.mods.workspace.wiki";
    let load = ["mods", "load", path, "--scope", "ops", "--by", "ada"];
    let project = "openagents.mods.workspace.project";
    let wrong = [
        "mods",
        "config",
        "wiki",
        "--set",
        r#"{"max_pages": "many"}"#,
    ];
    let right = [
        "mods",
        "config",
        "wiki",
        "--set",
        r#"{"max_pages": 5}"#,
        "--merge",
    ];
    let list = ["commands", "run", "@wiki", "list", "--channel"];
    let in_ops = [&list[..], &["ops"]].concat();
    let elsewhere = [&list[..], &["town-square"]].concat();
    for (args, code, told) in [
        (
            &load[..],
            0,
            "loaded wiki: running, generation 1, revision 1\n",
        ),
        (&load, 4, "already loaded"),
        (&["mods", "load", "no.such.mod"], 1, "no.such.mod"),
        (
            &["mods", "load", project, "--disabled"],
            0,
            "loaded project: disabled",
        ),
        (&["mods", "list"], 0, path),
        (&["mods", "show", path], 0, "CHANNELS     ops\n"),
        (
            &["reload", "--dry-run"],
            0,
            "Module reload complete. refreshed=0 added=0 removed=0 failed=0\n",
        ),
        (
            &["reload", "wiki", "--dry-run"],
            0,
            "the mod wiki would be refreshed",
        ),
        (&["reload", "project"], 1, "enable it first"),
        (
            &["reload", "wiki"],
            0,
            "reloaded the mod wiki: running, generation 2",
        ),
        (&["reload", "ghost"], 3, "no bot and no mod is called"),
        (&["mods", "schema", "wiki"], 0, "max_pages"),
        (&wrong, 1, "max_pages"),
        (&right, 0, "configured wiki: running"),
        (&["mods", "config", "wiki"], 0, "\"max_pages\": 5"),
        (&["mods", "health", "wiki"], 0, "HEALTH"),
        (&["commands", "list"], 0, "@wiki"),
        (&in_ops, 0, "page"),
        (&elsewhere, 1, "nobody answered"),
        (
            &["commands", "bind", "wiki", "town-square"],
            0,
            "bound wiki to town-square\n",
        ),
        (&elsewhere, 0, "page"),
        (
            &["commands", "unbind", "wiki", "ops"],
            0,
            "unbound wiki from ops\n",
        ),
        (
            &["mods", "disable", "wiki", "--by", "ada"],
            0,
            "disabled wiki: disabled",
        ),
        (&elsewhere, 1, "nobody answered"),
        (&["mods", "enable", "wiki"], 0, "enabled wiki: running"),
        (&elsewhere, 0, "page"),
        (
            &["mods", "unload", "wiki", "--reason", "done"],
            0,
            "unloaded wiki\n",
        ),
        (&["mods", "unload", "wiki"], 3, "hotbed mods list"),
    ] {
        let ran = hotbed(&node, args, Some(TOKEN)).await;
        assert_eq!(ran.code, code, "{args:?}: {ran:?}");
        let said = format!("{}{}", ran.output, ran.errors);
        assert!(said.contains(told), "{args:?}: {said}");
        assert!(!said.contains(TOKEN), "{args:?}: {said}");
    }
    node.terminate().await;
}

/// Meant to catch: a hint that leads nowhere.
#[tokio::test]
async fn who_has_no_admin_token_looks_but_does_not_touch() {
    let node = Launch::new().env("HOTBED_ADMIN_TOKEN", TOKEN).start().await;
    let load = ["mods", "load", "openagents.mods.workspace.wiki"];
    for token in [None, Some("another-token-than-this")] {
        let ran = hotbed(&node, &load, token).await;
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(
            ran.errors
                .contains("hint: the server's admin token goes into"),
            "{ran:?}"
        );
        let ran = hotbed(&node, &["mods", "list"], token).await;
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{TOKEN}\n")).unwrap();
    let with_file = [
        &load[..],
        &["--admin-token-file", file.path().to_str().unwrap()],
    ]
    .concat();
    let ran = hotbed(&node, &with_file, Some("another-token-than-this")).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    node.terminate().await;
}
