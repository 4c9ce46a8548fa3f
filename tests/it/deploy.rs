//! A directory that is kept in git, and what `diff` and `apply` make of it.

mod apply;
mod many;
mod mods;
mod story;
mod truth;

use crate::harness::{HOTBED, Node};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;

/// What a command said and how it ended.
#[derive(Debug)]
struct Said {
    code: i32,
    output: String,
    errors: String,
}

impl Said {
    #[track_caller]
    fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.output).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The program in a directory, with nothing of the environment but the server to talk to.
fn command(dir: &Path, node: Option<&Node>, args: &str) -> Command {
    let mut command = Command::new(HOTBED);
    command.args(args.split_whitespace()).current_dir(dir);
    command.env_clear().stdin(Stdio::null());
    if let Some(node) = node {
        command.env("HOTBED_SERVER", &node.url);
    }
    command
}

async fn hotbed(dir: &Path, node: Option<&Node>, args: &str) -> Said {
    let output = command(dir, node, args).output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said {
        code: output.status.code().unwrap(),
        output: text(output.stdout),
        errors: text(output.stderr),
    }
}

/// A domain file of one bot.
fn write_bot(dir: &Path, id: &str, prompt: &str) {
    let folder = dir.join("configs/domains");
    fs::create_dir_all(&folder).unwrap();
    let llm = "{provider: echo, model: echo-1}";
    let text = format!("domain: {{id: {id}}}\nbot: {{llm: {llm}, system_prompt: {prompt}}}\n");
    fs::write(folder.join(format!("{id}.yaml")), text).unwrap();
}
