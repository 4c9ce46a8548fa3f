use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where Debian and its relatives keep what they do not put on PATH: one folder for each version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The programs of one PostgreSQL on this machine.
#[derive(Debug, Clone)]
pub struct PostgresPrograms {
    /// `None` if they are on PATH.
    folder: Option<PathBuf>,
}

/// No PostgreSQL is on this machine: says what to install.
#[derive(Debug)]
pub struct NoPostgres;

impl PostgresPrograms {
    /// The Debian package that has them.
    pub const DEBIAN_PACKAGE: &str = "postgresql";

    /// Looks for them on PATH, then where Debian puts them, the newest version first.
    pub fn find() -> Result<Self, NoPostgres> {
        let on_path = Self { folder: None };
        let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(DEBIAN)
            .into_iter()
            .flatten()
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let version = entry.file_name().to_str()?.parse().ok()?;
                Some((version, entry.path().join("bin")))
            })
            .collect();
        versions.sort();
        let in_folders = versions.into_iter().rev().map(|(_, folder)| Self {
            folder: Some(folder),
        });
        std::iter::once(on_path)
            .chain(in_folders)
            .find(Self::are_there)
            .ok_or(NoPostgres)
    }

    fn are_there(&self) -> bool {
        ["initdb", "postgres", "createdb", "pg_isready"]
            .iter()
            .all(|program| {
                self.command(program)
                    .arg("--version")
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .status()
                    .is_ok_and(|status| status.success())
            })
    }

    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let program = Path::new(program.as_ref());
        let mut command = Command::new(match &self.folder {
            Some(folder) => folder.join(program),
            None => program.to_owned(),
        });
        command.stdin(Stdio::null());
        command
    }
}

impl fmt::Display for NoPostgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no PostgreSQL server is on this machine (`initdb`, `postgres`, `createdb` and `pg_isready`, on PATH or \
             in {DEBIAN}/*/bin): install it, on Debian and Ubuntu with `apt-get install {}`",
            PostgresPrograms::DEBIAN_PACKAGE
        )
    }
}

impl std::error::Error for NoPostgres {}
