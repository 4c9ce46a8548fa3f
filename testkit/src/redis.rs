//! A Redis server of a test's own.

use crate::certificate;
use crate::guard::Guard;
use crate::process::{free_port, run, wait_until};
use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

/// A Redis server that belongs to this process and is gone without a trace when it ends, however it ends. It keeps
/// nothing on disk.
///
/// Everything here blocks its thread, and panics when the server does not do as it is told.
#[derive(Debug)]
pub struct RedisServer {
    folder: PathBuf,
    settings: Vec<String>,
    port: u16,
    /// Where it speaks TLS, if it does.
    tls_port: Option<u16>,
    running: Mutex<Option<Child>>,
    _guard: Guard,
}

/// No Redis is on this machine: says what to install.
#[derive(Debug)]
pub struct NoRedis;

impl RedisServer {
    /// The Debian packages that have it, its client, and what makes certificates.
    pub const DEBIAN_PACKAGES: [&str; 2] = ["redis-server", "openssl"];

    /// Looks for the programs on PATH, and where Debian puts them.
    pub fn find() -> Result<(), NoRedis> {
        let needed = [
            ("redis-server", "--version"),
            ("redis-cli", "--version"),
            ("openssl", "version"),
        ];
        let is_there = |(name, version): (&str, &str)| {
            let said = quiet(&mut Command::new(program(name)))
                .arg(version)
                .status();
            said.is_ok_and(|status| status.success())
        };
        if needed.into_iter().all(is_there) {
            Ok(())
        } else {
            Err(NoRedis)
        }
    }

    /// The server that the tests of one binary share, each on channels of its own. Not for those that stop it.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<RedisServer> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[]))
    }

    /// Starts a server with settings beyond the usual, such as `requirepass secret`.
    pub fn start(settings: &[&str]) -> Self {
        Self::start_with(settings, None)
    }

    /// Starts a server that speaks TLS too, with a certificate that only [`authorities`](Self::authorities) are good
    /// for.
    pub fn start_with_tls(settings: &[&str]) -> Self {
        Self::start_with(settings, Some(free_port()))
    }

    fn start_with(settings: &[&str], tls_port: Option<u16>) -> Self {
        if let Err(missing) = Self::find() {
            panic!("{missing}");
        }
        let folder = tempfile::Builder::new()
            .prefix("hotbed-redis-")
            .tempdir()
            .expect("there is room for a folder")
            .keep();
        let guard = Guard::new(&folder, "KILL", &[folder.join("pid")]);
        let server = Self {
            settings: settings.iter().map(|&setting| setting.to_owned()).collect(),
            port: free_port(),
            tls_port,
            running: Mutex::new(None),
            folder,
            _guard: guard,
        };
        if tls_port.is_some() {
            certificate::make(&server.authorities(), &server.key());
        }
        server.resume();
        server
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The way to it over TCP.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The way to it over TLS, with its authorities.
    pub fn tls_url(&self) -> String {
        let port = self.tls_port.expect("it was started with TLS");
        let authorities = self.authorities();
        format!(
            "rediss://127.0.0.1:{port}?ssl_ca_certs={}",
            authorities.display()
        )
    }

    /// The PEM file that its certificate is to be checked by.
    pub fn authorities(&self) -> PathBuf {
        self.folder.join("certificate.pem")
    }

    /// Its Unix socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// Asks the server something, as `redis-cli` prints it.
    pub fn ask(&self, command: &[&str]) -> String {
        run(self.client().args(command))
    }

    /// Ends the server in good order, as an administrator would.
    pub fn stop(&self) {
        if let Some(mut server) = self.running().take() {
            crate::process::signal("TERM", &[server.id()]);
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
        self.configure();
        let mut server = Command::new(program("redis-server"))
            .arg(self.folder.join("config"))
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
            let answer = self.client().arg("PING").stderr(Stdio::null()).output();
            // One that wants a password is there too.
            answer.is_ok_and(|answer| {
                let said = String::from_utf8_lossy(&answer.stdout);
                said.starts_with("PONG") || said.starts_with("NOAUTH")
            })
        });
        *running = Some(server);
    }

    /// What the server wrote to its log.
    pub fn said(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// Writes the settings down: what was given comes last, and so wins.
    fn configure(&self) {
        let folder = self.folder.display();
        let mut settings = vec![
            format!("port {}", self.port),
            "bind 127.0.0.1".to_owned(),
            format!("unixsocket {}", self.socket().display()),
            "unixsocketperm 700".to_owned(),
            format!("dir {folder}"),
            format!("pidfile {folder}/pid"),
            "daemonize no".to_owned(),
            "save \"\"".to_owned(),
            "appendonly no".to_owned(),
        ];
        if let Some(port) = self.tls_port {
            settings.extend([
                format!("tls-port {port}"),
                format!("tls-cert-file {}", self.authorities().display()),
                format!("tls-ca-cert-file {}", self.authorities().display()),
                format!("tls-key-file {}", self.key().display()),
                "tls-auth-clients no".to_owned(),
            ]);
        }
        settings.extend(self.settings.iter().cloned());
        let text = settings.join("\n") + "\n";
        fs::write(self.folder.join("config"), text).expect("a file can be written");
    }

    /// A certificate that is its own authority.
    fn key(&self) -> PathBuf {
        self.folder.join("key.pem")
    }

    /// A program that connects to the server: through its socket, which needs no certificate.
    fn client(&self) -> Command {
        let mut client = Command::new(program("redis-cli"));
        client.stdin(Stdio::null()).arg("-s").arg(self.socket());
        client
    }

    fn running(&self) -> MutexGuard<'_, Option<Child>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // Nobody needs what is in it any more; the guard removes its folder.
        if let Some(mut server) = self.running().take() {
            let ended = server.kill().and_then(|()| server.wait());
            if let Err(error) = ended {
                assert!(std::thread::panicking(), "the server does not end: {error}");
            }
        }
    }
}

impl fmt::Display for NoRedis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no Redis server is on this machine (`redis-server`, `redis-cli` and `openssl`, on PATH or in /usr/bin): install \
             them, on Debian and Ubuntu with `apt-get install {}`",
            RedisServer::DEBIAN_PACKAGES.join(" ")
        )
    }
}

impl std::error::Error for NoRedis {}

/// A program by its name: from PATH, unless only Debian's folder has it.
fn program(name: &str) -> PathBuf {
    match quiet(&mut Command::new(name)).arg("--version").status() {
        Ok(_) => name.into(),
        Err(_) => Path::new("/usr/bin").join(name),
    }
}

/// The same command, whose words are nobody's business.
fn quiet(command: &mut Command) -> &mut Command {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_server_comes_back_at_its_address_and_is_gone_when_it_is_dropped() {
        let server = RedisServer::start(&["maxclients 77"]);
        assert_eq!(
            server.ask(&["CONFIG", "GET", "maxclients"]).trim(),
            "maxclients\n77"
        );
        server.kill();
        assert!(TcpListener::bind(("127.0.0.1", server.port())).is_ok());
        server.resume();
        server.stop();
        server.resume();
        assert_eq!(server.ask(&["PING"]).trim(), "PONG");
        let (folder, port) = (server.folder.clone(), server.port());
        assert!(folder.exists());
        drop(server);
        assert!(!folder.exists());
        assert!(TcpListener::bind(("127.0.0.1", port)).is_ok());
    }

    #[test]
    fn what_is_missing_is_named_with_the_package_that_has_it() {
        assert!(
            NoRedis
                .to_string()
                .ends_with("`apt-get install redis-server openssl`")
        );
    }
}
