//! The config service of the published Python package.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

const SCRIPT: &str = include_str!("config_service/serve.py");
const PYTHON: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../target/python/dataknobs-0.13.1/bin/python"
);

/// The reference server of `dataknobs-bots` 0.13.1, unmodified, over its registry in memory. Ends with this process,
/// however that ends.
#[derive(Debug)]
pub struct ConfigService {
    /// Holds its input open.
    _server: Child,
    port: u16,
    registries: AtomicU32,
}

impl ConfigService {
    /// The server that the tests of one binary share, each with registries of its own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<ConfigService> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        assert!(
            Path::new(PYTHON).exists(),
            "{PYTHON} is missing: run cargo xtask python"
        );
        let mut server = Command::new(PYTHON)
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python can be started");
        let mut line = String::new();
        let output = server.stdout.take().expect("it is piped");
        BufReader::new(output)
            .read_line(&mut line)
            .expect("its output can be read");
        let port = line.trim().parse();
        Self {
            port: port.expect("it says where it listens"),
            _server: server,
            registries: AtomicU32::new(0),
        }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path of an empty registry, below which `/configs` is.
    pub fn registry(&self) -> String {
        let number = self.registries.fetch_add(1, Ordering::Relaxed);
        format!("/r/{number}/api/v1")
    }
}
