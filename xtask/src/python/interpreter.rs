//! Which Python the clients are installed into.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use anyhow::{Context, Result, bail};

use crate::step::{command, succeed};

/// What dataknobs-bots 0.13.1 and today's dependencies of 0.6.9 need.
const OLDEST: (u32, u32) = (3, 12);
/// Names to try, the best tried first: the pinned packages are known to have binaries for these.
const NAMES: [&str; 4] = ["python3.13", "python3.12", "python3.14", "python3"];
const ADVICE: &str = "\
Install Python 3.12 or newer with its `venv` module, then run this again:
  Debian 13, Ubuntu 24.04 or newer:  apt-get install python3-venv
  anything older, or without root:   install uv (https://docs.astral.sh/uv/), which this task then uses to get one";

/// The first interpreter that is new enough and can make a virtual environment; with `uv` on PATH, one that it fetches.
pub(super) fn find(root: &Path) -> Result<PathBuf> {
    let fetched = root.join("target/python/interpreters");
    let mut refusals = Vec::new();
    if let Some(found) = first_fit(root, &fetched, &mut refusals) {
        return Ok(found);
    }
    let looked_at = refusals.join("\n  ");
    if command(root, "uv", &["--version"]).output().is_err() {
        bail!("no Python is fit for the tests of the published clients:\n  {looked_at}\n{ADVICE}");
    }
    let folder = fetched.to_string_lossy();
    let install = [
        "python",
        "install",
        "3.13",
        "--no-bin",
        "--install-dir",
        &folder,
    ];
    if let Err(error) = succeed(&mut command(root, "uv", &install)) {
        bail!("{error:#}, and no Python that is here is fit:\n  {looked_at}\n{ADVICE}");
    }
    first_fit(root, &fetched, &mut refusals).context("uv installed a Python that does not run here")
}

fn first_fit(root: &Path, fetched: &Path, refusals: &mut Vec<String>) -> Option<PathBuf> {
    let named = NAMES.map(PathBuf::from).into_iter();
    let versions = pyenv().map(|pyenv| pyenv.join("versions"));
    let below = versions
        .into_iter()
        .chain([fetched.to_owned()])
        .flat_map(|folder| interpreters(&folder));
    for candidate in named.chain(below) {
        match unfit(root, &candidate) {
            None => return Some(candidate),
            Some(reason) => refusals.push(format!("{}: {reason}", candidate.display())),
        }
    }
    None
}

/// `FOLDER/*/bin/python3`, in the order of their names.
fn interpreters(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.path().join("bin/python3"))
        .collect();
    found.retain(|path| path.exists());
    found.sort();
    found
}

/// Where pyenv keeps its versions; the names on PATH stand only for those it has switched on.
fn pyenv() -> Option<PathBuf> {
    let set = |name: &str| -> Option<OsString> {
        #[expect(
            clippy::disallowed_methods,
            reason = "a task of the repository, not a part of the program"
        )]
        std::env::var_os(name)
    };
    set("PYENV_ROOT")
        .map(PathBuf::from)
        .or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".pyenv")))
}

/// Why an interpreter cannot serve, or `None` if it can.
fn unfit(root: &Path, python: &Path) -> Option<String> {
    // Debian packs `venv` without `ensurepip`, which an environment with pip needs.
    let probe = "import sys; print(*sys.version_info[:2]); import venv, ensurepip";
    match command(root, python, &["-c", probe]).output() {
        Err(error) => Some(error.to_string()),
        Ok(output) => judge(&output),
    }
}

fn judge(output: &Output) -> Option<String> {
    let Some((major, minor)) = version(&output.stdout) else {
        return Some("does not run".to_owned());
    };
    if (major, minor) < OLDEST {
        return Some(format!("is {major}.{minor}, too old"));
    }
    (!output.status.success()).then(|| {
        format!("is {major}.{minor}, but has no `venv`: install python{major}.{minor}-venv")
    })
}

fn version(stdout: &[u8]) -> Option<(u32, u32)> {
    let text = str::from_utf8(stdout).ok()?;
    let (major, minor) = text.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;

    fn judged(stdout: &str, code: i32) -> Option<String> {
        // A wait status holds the exit code in its second byte.
        let status = ExitStatus::from_raw(code << 8);
        judge(&Output {
            status,
            stdout: stdout.into(),
            stderr: Vec::new(),
        })
    }

    #[test]
    fn an_interpreter_that_is_new_and_whole_is_fit() {
        assert_eq!(judged("3 12\n", 0), None);
        assert_eq!(judged("3 13\n", 0), None);
    }

    #[test]
    fn what_is_old_or_lacks_venv_or_does_not_run_is_told_apart() {
        assert_eq!(judged("3 9\n", 0).as_deref(), Some("is 3.9, too old"));
        assert!(
            judged("3 12\n", 1).is_some_and(|reason| reason.contains("install python3.12-venv"))
        );
        assert_eq!(judged("", 127).as_deref(), Some("does not run"));
    }
}
