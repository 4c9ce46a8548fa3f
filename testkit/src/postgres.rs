//! A PostgreSQL server of a test's own.

mod programs;

use crate::guard::Guard;
use crate::process::{children, free_port, is_running, run, signal, wait_until};
pub use programs::{NoPostgres, PostgresPrograms};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

const USER: &str = "hotbed";
/// Asked for over TCP only.
const PASSWORD: &str = "correct horse battery staple";
/// The least of a server that many small tests share. What was acknowledged survives the death of all its processes
/// without an fsync too; only the machine's death would take it.
const SETTINGS: [&str; 6] = [
    "fsync=off",
    "full_page_writes=off",
    "shared_buffers=32MB",
    "max_connections=500",
    "listen_addresses=127.0.0.1",
    "autovacuum_naptime=10s",
];
const PATIENCE: Duration = Duration::from_mins(1);

/// A PostgreSQL server that belongs to this process and is gone without a trace when it ends, however it ends.
///
/// Everything here blocks its thread, and panics when the server does not do as it is told.
#[derive(Debug)]
pub struct PostgresServer {
    programs: PostgresPrograms,
    folder: PathBuf,
    /// As whom the server runs where it may not run as us.
    owner: Option<Owner>,
    settings: Vec<String>,
    port: u16,
    running: Mutex<Option<Child>>,
    databases: AtomicU32,
    _guard: Guard,
}

/// An empty database of a [`PostgresServer`].
#[derive(Debug, Clone)]
pub struct Database {
    name: String,
    folder: PathBuf,
    port: u16,
}

#[derive(Debug, Clone, Copy)]
struct Owner {
    user: u32,
    group: u32,
}

impl PostgresServer {
    /// The server that the tests of one binary share, each with a database of its own. Not for those that stop it.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<PostgresServer> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[]))
    }

    /// Starts a server with settings beyond the usual, such as `fsync=on`.
    pub fn start(settings: &[&str]) -> Self {
        let programs = PostgresPrograms::find().unwrap_or_else(|missing| panic!("{missing}"));
        let folder = tempfile::Builder::new()
            .prefix("hotbed-postgres-")
            .tempdir()
            .expect("there is room for a folder")
            .keep();
        let guard = Guard::new(&folder, "QUIT", &[folder.join("data/postmaster.pid")]);
        let owner = Owner::other_than_root(&folder);
        let server = Self {
            programs,
            owner,
            settings: SETTINGS
                .iter()
                .chain(settings)
                .map(|setting| (*setting).to_owned())
                .collect(),
            port: free_port(),
            running: Mutex::new(None),
            databases: AtomicU32::new(0),
            folder,
            _guard: guard,
        };
        server.make();
        server.resume();
        server
    }

    /// Makes an empty database.
    pub fn database(&self) -> Database {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let database = Database {
            name: format!("test_{number}"),
            folder: self.folder.clone(),
            port: self.port,
        };
        let mut create = self.client("createdb");
        create.args(["--template=template0", &database.name]);
        run(&mut create);
        database
    }

    /// Ends the server in good order, as an administrator would: clients are sent away.
    pub fn stop(&self) {
        if let Some(mut server) = self.running().take() {
            signal("INT", &[server.id()]);
            server.wait().expect("the server ends");
        }
    }

    /// Kills every process of the server at once: what a crash of it is.
    pub fn kill(&self) {
        if let Some(mut server) = self.running().take() {
            // First, for it would tidy up after the others.
            let children = children(server.id());
            server.kill().expect("the server is killed");
            signal("KILL", &children);
            server.wait().expect("the server ends");
            wait_until("the server's processes end", PATIENCE, || {
                !children.iter().any(|child| is_running(*child))
            });
        }
    }

    /// Starts the server again, at the same address and on the same data.
    pub fn resume(&self) {
        let mut running = self.running();
        if running.is_some() {
            return;
        }
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log())
            .expect("a log can be written");
        let mut server = self.as_owner("postgres");
        server
            .arg("-D")
            .arg(self.data())
            .arg("-k")
            .arg(&self.folder)
            .args(["-p", &self.port.to_string()])
            .args(self.settings.iter().flat_map(|setting| ["-c", setting]))
            .stdout(log.try_clone().expect("a file can be opened twice"))
            .stderr(log);
        let mut server = server.spawn().expect("a server can be started");
        wait_until("the server is ready", PATIENCE, || {
            if let Ok(Some(status)) = server.try_wait() {
                panic!("the server ended with {status}:\n{}", self.said());
            }
            let ready = self
                .client("pg_isready")
                .arg("--quiet")
                .status()
                .expect("pg_isready runs");
            ready.success()
        });
        *running = Some(server);
    }

    /// What the server wrote to its log.
    pub fn said(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    fn make(&self) {
        let password = self.folder.join("password");
        fs::write(&password, PASSWORD).expect("a file can be written");
        if let Some(owner) = self.owner {
            for path in [&self.folder, &password] {
                std::os::unix::fs::chown(path, Some(owner.user), Some(owner.group))
                    .expect("root may give files away");
            }
        }
        let mut initdb = self.as_owner("initdb");
        initdb
            .arg("-D")
            .arg(self.data())
            .args(["--encoding=UTF8", "--no-sync", "--username", USER])
            .args(["--auth-local=trust", "--auth-host=scram-sha-256"])
            .arg("--pwfile")
            .arg(&password);
        run(&mut initdb);
    }

    fn running(&self) -> MutexGuard<'_, Option<Child>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn as_owner(&self, program: &str) -> Command {
        let mut command = self.programs.command(program);
        command.current_dir(&self.folder);
        if let Some(owner) = self.owner {
            command.uid(owner.user).gid(owner.group);
        }
        command
    }

    /// A program that connects to the server.
    fn client(&self, program: &str) -> Command {
        let mut command = self.programs.command(program);
        command.arg("--host").arg(&self.folder).args([
            "--port",
            &self.port.to_string(),
            "--username",
            USER,
        ]);
        command
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // Nobody needs what is in it any more; the guard removes it.
        if let Some(mut server) = self.running().take() {
            signal("QUIT", &[server.id()]);
            if let Err(error) = server.wait() {
                assert!(std::thread::panicking(), "the server does not end: {error}");
            }
        }
    }
}

impl Database {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The way to it through a Unix socket, without a password, which is quick.
    pub fn url(&self) -> String {
        format!(
            "postgres://{USER}@/{}?host={}&port={}",
            self.name,
            self.folder.display(),
            self.port
        )
    }

    /// The way to it over TCP, with the user's password.
    pub fn tcp_url(&self) -> String {
        self.tcp_url_with(PASSWORD)
    }

    /// The way to it through a proxy on another port of this machine, with the user's password.
    pub fn tcp_url_through(&self, port: u16) -> String {
        let through = Self {
            port,
            ..self.clone()
        };
        through.tcp_url()
    }

    /// The way to it over TCP, with any password.
    pub fn tcp_url_with(&self, password: &str) -> String {
        let password = password.replace(' ', "%20");
        format!(
            "postgres://{USER}:{password}@127.0.0.1:{}/{}",
            self.port, self.name
        )
    }

    /// The TCP port of its server.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Owner {
    /// PostgreSQL refuses to run as root: then as the user whom its package makes, or as nobody.
    fn other_than_root(ours: &Path) -> Option<Self> {
        let we = fs::metadata(ours).expect("our own folder").uid();
        (we == 0).then(|| {
            ["postgres", "nobody"]
                .into_iter()
                .find_map(|name| {
                    Some(Self {
                        user: id("-u", name)?,
                        group: id("-g", name)?,
                    })
                })
                .expect("there is a user `postgres` or `nobody`")
        })
    }
}

fn id(which: &str, name: &str) -> Option<u32> {
    let output = Command::new("id").args([which, name]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests;
