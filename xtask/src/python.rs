//! The published Python clients that the integration tests run: one virtual environment for each version.

mod interpreter;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::step::{command, succeed};

/// The oldest version in use of each client and the newest, each pinned by `tests/it/python/requirements-NAME-VERSION.txt`.
const CLIENTS: [Client; 4] = [
    Client::dataknobs("0.6.9"),
    Client::dataknobs("0.13.1"),
    Client::openagents("0.7.0"),
    Client::openagents("0.9.3.post20"),
];

/// A published client.
struct Client {
    name: &'static str,
    version: &'static str,
    /// What the tests import of it.
    import: &'static str,
}

impl Client {
    const fn dataknobs(version: &'static str) -> Self {
        Self {
            name: "dataknobs",
            version,
            import: "from dataknobs_bots.registry import HTTPRegistryBackend",
        }
    }

    const fn openagents(version: &'static str) -> Self {
        Self {
            name: "openagents",
            version,
            import: "from openagents.core.client import AgentClient",
        }
    }
}

/// Makes `target/python/NAME-VERSION/` for each client, unless it is there and complete.
pub(crate) fn prepare(root: &Path) -> Result<()> {
    for client in CLIENTS {
        let environment = Environment::new(root, &client);
        if !environment.is_complete()? {
            println!("    making {}", environment.folder.display());
            environment.make(root)?;
        }
    }
    Ok(())
}

struct Environment {
    folder: PathBuf,
    requirements: PathBuf,
    /// A copy of the requirements, written last: what is here was installed from these.
    marker: PathBuf,
    import: &'static str,
}

impl Environment {
    fn new(root: &Path, client: &Client) -> Self {
        let Client {
            name,
            version,
            import,
        } = client;
        // Not in the folder of CARGO_TARGET_DIR: the tests look for it here.
        let folder = root.join(format!("target/python/{name}-{version}"));
        Self {
            requirements: root.join(format!("tests/it/python/requirements-{name}-{version}.txt")),
            marker: folder.join("complete"),
            folder,
            import,
        }
    }

    fn program(&self) -> PathBuf {
        self.folder.join("bin/python")
    }

    fn is_complete(&self) -> Result<bool> {
        let wanted = self.wanted()?;
        // The program is a link to the interpreter, which may have been removed since.
        Ok(self.program().exists()
            && fs::read_to_string(&self.marker).is_ok_and(|installed| installed == wanted))
    }

    fn wanted(&self) -> Result<String> {
        fs::read_to_string(&self.requirements)
            .with_context(|| format!("cannot read {}", self.requirements.display()))
    }

    fn make(&self, root: &Path) -> Result<()> {
        let python = interpreter::find(root)?;
        let (folder, requirements) = (
            self.folder.to_string_lossy(),
            self.requirements.to_string_lossy(),
        );
        succeed(&mut command(
            root,
            python,
            &["-m", "venv", "--clear", &folder],
        ))?;
        let install = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--no-compile",
            "--requirement",
            &requirements,
        ];
        succeed(&mut command(root, self.program(), &install))
            .context("the packages come from PyPI: is it reachable?")?;
        succeed(&mut command(root, self.program(), &["-c", self.import]))
            .with_context(|| format!("{} lacks a package", self.requirements.display()))?;
        fs::write(&self.marker, self.wanted()?)
            .with_context(|| format!("cannot write {}", self.marker.display()))
    }
}
