//! A NATS server of a test's own.

use crate::guard::Guard;
use crate::process::{free_port, signal, wait_until};
use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);
const PROGRAM: &str = "nats-server";
/// Where Debian puts it, which is not on everybody's PATH.
const DEBIAN: &str = "/usr/sbin/nats-server";

/// A NATS server that belongs to this process and is gone without a trace when it ends, however it ends. It keeps
/// nothing on disk.
///
/// Everything here blocks its thread, and panics when the server does not do as it is told.
#[derive(Debug)]
pub struct NatsServer {
    folder: PathBuf,
    settings: Vec<String>,
    port: u16,
    running: Mutex<Option<Child>>,
    _guard: Guard,
}

/// No NATS server is on this machine: says what to install.
#[derive(Debug)]
pub struct NoNats;

impl NatsServer {
    /// The Debian package that has it.
    pub const DEBIAN_PACKAGE: &str = "nats-server";

    /// Looks for the program on PATH, then where Debian puts it.
    pub fn find() -> Result<(), NoNats> {
        program().map(drop)
    }

    /// The server that the tests of one binary share, each below a prefix of its own. Not for those that stop it.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<NatsServer> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[]))
    }

    /// Starts a server with arguments beyond the usual, such as `--auth=TOKEN`.
    pub fn start(settings: &[&str]) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("hotbed-nats-")
            .tempdir()
            .expect("there is room for a folder")
            .keep();
        let guard = Guard::new(&folder, "KILL", &[folder.join("pid")]);
        let server = Self {
            settings: settings.iter().map(|&setting| setting.to_owned()).collect(),
            port: free_port(),
            running: Mutex::new(None),
            folder,
            _guard: guard,
        };
        server.resume();
        server
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The way to it, for those who need no password.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Ends the server in good order, as an administrator would.
    pub fn stop(&self) {
        if let Some(mut server) = self.running().take() {
            signal("TERM", &[server.id()]);
            server.wait().expect("the server ends");
        }
    }

    /// Kills the server: what a crash of it is.
    pub fn kill(&self) {
        if let Some(mut server) = self.running().take() {
            server.kill().expect("the server is killed");
            server.wait().expect("the server ends");
        }
    }

    /// Tells the server to get ready for its end, as a rolling upgrade does: it takes no new connections, and ends
    /// those that there are after a while.
    pub fn retire(&self) {
        if let Some(server) = &*self.running() {
            signal("USR2", &[server.id()]);
        }
    }

    /// Starts the server again, at the same address.
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
        let program = program().unwrap_or_else(|missing| panic!("{missing}"));
        let mut server = Command::new(program)
            .args(["--addr", "127.0.0.1", "--port", &self.port.to_string()])
            .arg("--pid")
            .arg(self.folder.join("pid"))
            .args(&self.settings)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file can be opened twice"))
            .stderr(log)
            .spawn()
            .expect("a server can be started");
        wait_until("the server is ready", PATIENCE, || {
            if let Ok(Some(status)) = server.try_wait() {
                panic!("the server ended with {status}:\n{}", self.said());
            }
            self.greets()
        });
        *running = Some(server);
    }

    /// What the server wrote to its log.
    pub fn said(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// Whether it speaks, which it does first.
    fn greets(&self) -> bool {
        let mut greeting = [0; 5];
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))
            .and_then(|mut socket| socket.read_exact(&mut greeting))
            .is_ok_and(|()| greeting == *b"INFO ")
    }

    fn running(&self) -> MutexGuard<'_, Option<Child>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn program() -> Result<&'static str, NoNats> {
    let is_there = |program: &&str| {
        Command::new(program)
            .arg("--version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    [PROGRAM, DEBIAN].into_iter().find(is_there).ok_or(NoNats)
}

impl fmt::Display for NoNats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no NATS server is on this machine (`{PROGRAM}`, on PATH, or {DEBIAN}): install it, on Debian and Ubuntu \
             with `apt-get install {}`",
            NatsServer::DEBIAN_PACKAGE
        )
    }
}

impl std::error::Error for NoNats {}
