//! The commands as documents show them.

use crate::harness::{HOTBED, Launch, Node, ROOT};
use std::fs;
use std::path::Path;
use std::process::Output;
use tokio::process::Command;

/// Each command of the `sh` blocks of a document that begins with `hotbed`, but `hotbed serve`, which the test does.
/// A block below `<!-- not run: REASON -->` is not taken.
fn commands(document: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let (mut is_shell, mut in_block, mut is_excused) = (false, false, false);
    for line in document.lines() {
        if let Some(language) = line.strip_prefix("```") {
            is_shell = !in_block && language.trim() == "sh" && !is_excused;
            is_excused &= !in_block;
            in_block = !in_block;
        } else if in_block {
            if is_shell && line.starts_with("hotbed ") && !line.starts_with("hotbed serve") {
                commands.push(line.to_owned());
            }
        } else if line.starts_with("<!-- not run: ") {
            is_excused = true;
        } else if !line.trim().is_empty() {
            is_excused = false;
        }
    }
    commands
}

#[test]
fn commands_are_found_in_shell_blocks_that_are_not_excused() {
    let document = "\
```sh
hotbed health
hotbed serve --env production
cargo build
```

<!-- not run: needs a terminal -->

```sh
hotbed bots chat concierge
```
```text
$ hotbed health
hotbed health
```
```sh
hotbed bots list
```
";
    assert_eq!(commands(document), ["hotbed health", "hotbed bots list"]);
}

/// Runs a line as a shell would where `hotbed` is installed, from the root of the repository.
async fn run(node: &Node, line: &str) -> Output {
    let script = format!("hotbed() {{ \"$HOTBED\" \"$@\"; }}; {line}");
    let mut shell = Command::new("sh");
    shell.args(["-ec", &script]).current_dir(ROOT);
    shell.env("HOTBED", HOTBED).env("HOTBED_SERVER", &node.url);
    shell.stdin(std::process::Stdio::null());
    shell.output().await.unwrap()
}

async fn run_all(document: &str) {
    let text = fs::read_to_string(Path::new(ROOT).join(document)).unwrap();
    let commands = commands(&text);
    assert!(!commands.is_empty(), "{document} shows no command");
    let node = Launch::new().in_dir(ROOT).start().await;
    for line in commands {
        let ran = run(&node, &line).await;
        assert!(ran.status.success(), "{line}: {ran:?}");
        assert!(!ran.stdout.is_empty(), "{line} says nothing");
    }
    node.terminate().await;
}

#[tokio::test]
async fn every_command_of_the_command_line_page_works() {
    run_all("docs/cli.md").await;
}

#[tokio::test]
async fn every_command_of_the_page_of_mods_works() {
    run_all("docs/mods.md").await;
}

#[tokio::test]
async fn every_command_of_the_readme_works() {
    run_all("README.md").await;
}

#[tokio::test]
async fn exit_codes_tell_what_went_wrong() {
    let node = Launch::new().start().await;
    let revision = node.put_bot("b", "p").await;
    let config = r#"--config '{"llm": {"provider": "echo"}}'"#;
    for (line, code) in [
        ("hotbed bots get b".to_owned(), 0),
        ("hotbed bots get stranger".to_owned(), 3),
        ("hotbed bots chat stranger hi".to_owned(), 3),
        (
            format!("hotbed bots put b {config} --if-revision {}", revision + 1),
            4,
        ),
        (format!("hotbed bots put b {config} --create-only"), 4),
        (
            format!("hotbed bots delete b --if-revision {}", revision + 1),
            4,
        ),
        (
            "hotbed bots deactivate b; hotbed bots chat b hi".to_owned(),
            1,
        ),
        ("hotbed bots put b --config '{'".to_owned(), 64),
        ("hotbed bots no-such-command".to_owned(), 64),
        ("hotbed --server http://127.0.0.1:1 bots list".to_owned(), 5),
        ("hotbed --server http://127.0.0.1:1 health".to_owned(), 5),
    ] {
        let ran = run(&node, &line).await;
        assert_eq!(ran.status.code(), Some(code), "{line}: {ran:?}");
        let errors = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(errors.contains("error:"), code != 0, "{line}: {errors}");
    }
    node.terminate().await;
}

#[tokio::test]
async fn what_was_changed_is_shown_and_undone() {
    let node = Launch::new().start().await;
    let first = node.put_bot("b", "one").await;
    let bad = "hotbed bots put b --config '{\"llm\": {\"provider\": \"echo\"}, \"system_prompt\": \"two\"}' \
               --by 'Ada L.' --reason 'two & more'";
    let rollback = format!("hotbed bots rollback b --to {first}");
    let second = first + 1;
    for (line, code, told) in [
        (bad.to_owned(), 0, "updated b"),
        ("hotbed bots history b".to_owned(), 0, "Ada L.  two & more"),
        (
            "hotbed bots diff b".to_owned(),
            0,
            "  - \"one\"\n  + \"two\"\n",
        ),
        (
            "hotbed bots diff b --exit-code".to_owned(),
            2,
            "by Ada L.: two & more",
        ),
        (format!("{rollback} --if-match {first}"), 4, ""),
        (
            format!("{rollback} --if-match {second} --by bob"),
            0,
            "rolled back b",
        ),
        (
            format!("hotbed bots diff b --from {first} --exit-code"),
            0,
            "no difference",
        ),
        (
            "hotbed bots history b --limit 1".to_owned(),
            0,
            &*format!("bob  rollback to revision {first}"),
        ),
        ("hotbed bots delete b".to_owned(), 0, "deleted b"),
        ("hotbed bots diff b".to_owned(), 3, ""),
        ("hotbed bots rollback b --to 999".to_owned(), 3, ""),
        (rollback.clone(), 0, "rolled back b"),
        ("hotbed bots chat b hi".to_owned(), 0, "one"),
    ] {
        let ran = run(&node, &line).await;
        assert_eq!(ran.status.code(), Some(code), "{line}: {ran:?}");
        let output = String::from_utf8(ran.stdout).unwrap();
        assert!(output.contains(told), "{line}: {output}");
    }
    node.terminate().await;
}

#[tokio::test]
async fn completions_are_written_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = Command::new(HOTBED)
            .args(["completions", shell])
            .output()
            .await
            .unwrap();
        assert!(ran.status.success(), "{ran:?}");
        let script = String::from_utf8(ran.stdout).unwrap();
        for word in ["hotbed", "serve", "bots", "mods", "send-event", "--server"] {
            let word = if shell == "fish" {
                word.trim_start_matches('-')
            } else {
                word
            };
            assert!(
                script.contains(word),
                "{word} is not in the script for {shell}"
            );
        }
    }
}

#[tokio::test]
async fn a_closed_pipe_is_no_error() {
    let node = Launch::new().start().await;
    for n in 0..50 {
        node.put_bot(&format!("bot-{n}"), "p").await;
    }
    let ran = run(&node, "hotbed bots list --output json | head -n 1").await;
    assert!(ran.status.success() && ran.stderr.is_empty(), "{ran:?}");
    node.terminate().await;
}
