use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::harness::{Closed, Root, RootCommand};

fn refused(args: &[&str]) -> ErrorKind {
    Root::try_parse_from(["hotbed"].iter().chain(args))
        .unwrap_err()
        .kind()
}

#[test]
fn the_arguments_are_free_of_contradictions() {
    Root::command().debug_assert();
}

#[test]
fn every_command_and_every_argument_is_explained() {
    fn check(command: &clap::Command) {
        assert!(
            command.get_about().is_some(),
            "{} has no help",
            command.get_name()
        );
        for argument in command.get_arguments() {
            assert!(
                argument.get_help().is_some(),
                "{} {} has no help",
                command.get_name(),
                argument.get_id()
            );
        }
        command.get_subcommands().for_each(check);
    }
    Root::command().get_subcommands().for_each(check);
}

#[test]
fn the_help_tells_the_exit_codes() {
    let help = Root::command().render_long_help().to_string();
    assert!(help.contains("5  the server cannot be reached"), "{help}");
}

#[test]
fn a_configuration_comes_from_exactly_one_place() {
    assert_eq!(
        refused(&["bots", "put", "x"]),
        ErrorKind::MissingRequiredArgument
    );
    assert_eq!(
        refused(&["bots", "put", "x", "--config", "{}", "--file", "-"]),
        ErrorKind::ArgumentConflict
    );
}

#[test]
fn a_write_has_one_condition() {
    let args = [
        "bots",
        "put",
        "x",
        "--config",
        "{}",
        "--if-revision",
        "1",
        "--create-only",
    ];
    assert_eq!(refused(&args), ErrorKind::ArgumentConflict);
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_sent() {
    assert_eq!(refused(&["bots", "delete", ""]), ErrorKind::ValueValidation);
    assert_eq!(
        refused(&["bots", "delete", ".."]),
        ErrorKind::ValueValidation
    );
    assert_eq!(
        refused(&["bots", "put", "x", "--config", "[]"]),
        ErrorKind::ValueValidation
    );
    assert_eq!(
        refused(&["bots", "list", "--filter", "team"]),
        ErrorKind::ValueValidation
    );
    assert_eq!(
        refused(&["health", "--server", "ftp://x"]),
        ErrorKind::ValueValidation
    );
    assert_eq!(
        refused(&["health", "--timeout", "0"]),
        ErrorKind::ValueValidation
    );
    assert_eq!(
        refused(&["health", "--output", "xml"]),
        ErrorKind::InvalidValue
    );
}

/// Caught: to take who and why for a configuration that is only looked at.
#[test]
fn what_is_said_of_a_write_needs_one() {
    let config = ["mods", "config", "wiki"];
    for more in [
        &["--merge"][..],
        &["--by", "ada"],
        &["--reason", "x"],
        &["--if-revision", "1"],
    ] {
        let args = [&config[..], more].concat();
        assert_eq!(
            refused(&args),
            ErrorKind::MissingRequiredArgument,
            "{args:?}"
        );
    }
    for wrong in ["[]", "@", "a.yaml"] {
        let args = [&config[..], &["--set", wrong]].concat();
        assert_eq!(refused(&args), ErrorKind::ValueValidation, "{args:?}");
    }
    assert_eq!(
        refused(&["commands", "run"]),
        ErrorKind::MissingRequiredArgument
    );
    assert_eq!(refused(&["mods", "load", ""]), ErrorKind::InvalidValue);
}

#[test]
fn options_may_stand_on_either_side_of_the_command() {
    let parse = |args: &[&str]| {
        Root::try_parse_from(["hotbed"].iter().chain(args))
            .unwrap()
            .options
    };
    let before = parse(&["--server", "http://other:1", "bots", "list"]);
    let after = parse(&["bots", "list", "--server", "http://other:1"]);
    assert_eq!(before.server, after.server);
}

#[test]
fn completions_name_the_commands_and_survive_a_reader_that_goes_away() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let root = Root::try_parse_from(["hotbed", "completions", shell]).unwrap();
        let RootCommand::Completions(completions) = root.command else {
            panic!("another command")
        };
        let mut script = Vec::new();
        completions
            .write(&mut Root::command(), &mut script)
            .unwrap();
        let script = String::from_utf8(script).unwrap();
        for word in ["deactivate", "cascade", "unbind", "send-event"] {
            assert!(script.contains(word), "{shell}: {script}");
        }
        completions
            .write(&mut Root::command(), &mut Closed)
            .unwrap();
    }
}
