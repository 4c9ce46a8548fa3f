#![allow(missing_docs)]
use clap::{Parser, Subcommand};
use hotbed_cli::*;
use std::io::IsTerminal;
#[derive(Debug, Parser)]
#[command(name = "hotbed", after_help = EXIT_CODES)]
struct Root {
    #[command(flatten)]
    options: ClientOptions,
    #[command(subcommand)]
    command: RootCommand,
}
#[derive(Debug, Subcommand)]
enum RootCommand {
    #[command(flatten)]
    Client(Command),
    Completions(Completions),
}
#[tokio::main]
async fn main() -> std::process::ExitCode {
    let root = Root::parse();
    let RootCommand::Client(command) = root.command else {
        panic!()
    };
    let mut input = tokio::io::BufReader::new(tokio::io::stdin());
    let reader = if std::io::stdin().is_terminal() {
        Reader::Person
    } else {
        Reader::Program
    };
    run(
        command,
        &root.options,
        Streams {
            input: &mut input,
            reader,
            output: &mut std::io::stdout(),
            errors: &mut std::io::stderr(),
        },
    )
    .await
    .into()
}
