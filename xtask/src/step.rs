//! One announced step of a task: its command, its duration, and its name when it fails.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// Runs `work` between a line that announces it and a line that says how long it took.
pub(crate) fn step(name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    #[expect(
        clippy::disallowed_methods,
        reason = "measures real time, which no test pauses"
    )]
    let begin = Instant::now();
    println!("==> {name}");
    work().with_context(|| format!("step `{name}` failed"))?;
    println!("    {name}: {:.1} s", begin.elapsed().as_secs_f32());
    Ok(())
}

/// A command in the root of the repository that reads nothing from the terminal.
pub(crate) fn command(root: &Path, program: impl AsRef<std::ffi::OsStr>, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root).stdin(Stdio::null());
    command
}

/// The same command, run only when nothing else wants the processors.
pub(crate) fn behind(of: &Command) -> Command {
    let mut nice = Command::new("nice");
    nice.args(["-n", "19"])
        .arg(of.get_program())
        .args(of.get_args())
        .stdin(Stdio::null());
    if let Some(directory) = of.get_current_dir() {
        nice.current_dir(directory);
    }
    for (name, value) in of.get_envs() {
        if let Some(value) = value {
            nice.env(name, value);
        }
    }
    nice
}

/// Runs `cargo` with `args`, its output going where ours goes.
pub(crate) fn cargo(root: &Path, args: &[&str]) -> Result<()> {
    succeed(&mut command(root, "cargo", args))
}

/// Runs `command` to its end and fails unless it succeeded.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot run `{}`", shown(command)))?;
    if !status.success() {
        bail!("`{}` ended with {status}", shown(command));
    }
    Ok(())
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_step_is_named_with_its_command_and_status() {
        let failing = || succeed(&mut command(Path::new("."), "sh", &["-c", "exit 3"]));
        let error = format!("{:#}", step("demo", failing).unwrap_err());
        assert!(error.contains("step `demo` failed"), "{error}");
        assert!(
            error.contains("`sh -c exit 3` ended with exit status: 3"),
            "{error}"
        );
    }

    #[test]
    fn what_runs_behind_is_the_same_command_at_the_lowest_priority() {
        let mut said = command(Path::new("/"), "sh", &["-c", "echo $X; pwd; nice"]);
        let output = behind(said.env("X", "is set")).output().unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output, "is set\n/\n19\n");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = format!(
            "{:#}",
            succeed(&mut command(Path::new("."), "no-such-program", &[])).unwrap_err()
        );
        assert!(error.contains("cannot run `no-such-program`"), "{error}");
    }
}
