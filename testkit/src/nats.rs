//! A NATS server of a test's own.

use crate::certificate;
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
const CERTIFICATE: &str = "certificate.pem";
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
    /// The Debian packages that have it, and what makes certificates.
    pub const DEBIAN_PACKAGES: [&str; 2] = ["nats-server", "openssl"];

    /// Looks for the programs on PATH, and where Debian puts the server.
    pub fn find() -> Result<(), NoNats> {
        if runs("openssl", "version") {
            program().map(drop)
        } else {
            Err(NoNats)
        }
    }

    /// The server that the tests of one binary share, each below a prefix of its own. Not for those that stop it.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<NatsServer> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[]))
    }

    /// Starts a server with arguments beyond the usual, such as `--auth=TOKEN`.
    pub fn start(settings: &[&str]) -> Self {
        Self::start_in(folder(), settings)
    }

    /// Starts a server that demands TLS, with a certificate that only [`authorities`](Self::authorities) are good for.
    pub fn start_with_tls() -> Self {
        let folder = folder();
        let (certificate, key) = (folder.join(CERTIFICATE), folder.join("key.pem"));
        certificate::make(&certificate, &key);
        let settings = [
            "--tls".to_owned(),
            format!("--tlscert={}", certificate.display()),
            format!("--tlskey={}", key.display()),
        ];
        Self::start_in(folder, &settings)
    }

    fn start_in(folder: PathBuf, settings: &[impl ToString]) -> Self {
        let guard = Guard::new(&folder, "KILL", &[folder.join("pid")]);
        let server = Self {
            settings: settings.iter().map(ToString::to_string).collect(),
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

    /// The PEM file that its certificate is to be checked by.
    pub fn authorities(&self) -> PathBuf {
        self.folder.join(CERTIFICATE)
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

fn folder() -> PathBuf {
    let folder = tempfile::Builder::new().prefix("hotbed-nats-").tempdir();
    folder.expect("there is room for a folder").keep()
}

fn program() -> Result<&'static str, NoNats> {
    [PROGRAM, DEBIAN]
        .into_iter()
        .find(|program| runs(program, "--version"))
        .ok_or(NoNats)
}

fn runs(program: &str, version: &str) -> bool {
    Command::new(program)
        .arg(version)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

impl fmt::Display for NoNats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no NATS server is on this machine (`{PROGRAM}` and `openssl`, on PATH, or {DEBIAN}): install them, on Debian \
             and Ubuntu with `apt-get install {}`",
            NatsServer::DEBIAN_PACKAGES.join(" ")
        )
    }
}

impl std::error::Error for NoNats {}
