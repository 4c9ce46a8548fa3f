use super::{DEADLINE, Node};
use reqwest::Client;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// The program under test.
pub(crate) const HOTBED: &str = env!("CARGO_BIN_EXE_hotbed");
/// The root of this repository.
pub(crate) const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// How a node is started: everything of it lies in one temporary directory, which goes with the last handle.
///
/// A node has its own data directory; nodes of one launch share the registry's file. It runs in an empty directory, so
/// that no `./configs` is found, and sees nothing of the environment.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    home: Arc<Home>,
    name: &'static str,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    shell: Option<&'static str>,
    /// Where it runs.
    cwd: PathBuf,
    places: Places,
    client: Client,
}

/// Who says where a node keeps its data.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Places {
    Given,
    Default,
}

#[derive(Debug)]
struct Home {
    dir: TempDir,
    starts: AtomicUsize,
}

/// How a process that was not to go on ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) errors: String,
}

impl Launch {
    pub(crate) fn new() -> Self {
        let home = Home {
            dir: tempfile::tempdir().unwrap(),
            starts: AtomicUsize::new(0),
        };
        let cwd = home.dir.path().join("empty");
        fs::create_dir(&cwd).unwrap();
        let client = Client::builder()
            .no_proxy()
            .retry(reqwest::retry::never())
            .timeout(DEADLINE)
            .build()
            .unwrap();
        Self {
            home: Arc::new(home),
            name: "a",
            args: Vec::new(),
            env: Vec::new(),
            shell: None,
            cwd,
            places: Places::Given,
            client,
        }
    }

    /// Another node on the same registry.
    pub(crate) fn named(&self, name: &'static str) -> Self {
        Self {
            name,
            ..self.clone()
        }
    }

    pub(crate) fn arg(mut self, flag: &str, value: impl AsRef<OsStr>) -> Self {
        self.args.extend([flag.into(), value.as_ref().into()]);
        self
    }

    pub(crate) fn polling(self, every: Duration) -> Self {
        self.arg("--poll-interval", format!("{}ms", every.as_millis()))
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.into(), value.as_ref().into()));
        self
    }

    /// Commands of a shell that becomes the server.
    pub(crate) fn shell(mut self, commands: &'static str) -> Self {
        self.shell = Some(commands);
        self
    }

    pub(crate) fn in_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.cwd = dir.into();
        self
    }

    /// A node that is told nothing of where to keep its data.
    pub(crate) fn by_default(mut self) -> Self {
        self.places = Places::Default;
        self
    }

    pub(crate) fn cwd(&self) -> &Path {
        &self.cwd
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.dir.path()
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.home().join(self.name)
    }

    /// The registry's file.
    pub(crate) fn registry(&self) -> PathBuf {
        self.home().join("registry.db")
    }

    /// Starts a node and waits until it is ready.
    pub(crate) async fn start(&self) -> Node {
        let started = self.try_start().await;
        started.unwrap_or_else(|said| panic!("{said}"))
    }

    /// Starts a node and waits until it is ready, or until it has ended: then what it said.
    pub(crate) async fn try_start(&self) -> Result<Node, String> {
        let (child, logs) = self.spawn(&self.serve());
        Node::ready(child, logs, self.client.clone()).await
    }

    /// Starts a node that must end by itself.
    pub(crate) async fn fail(&self) -> Ended {
        self.run(&self.serve()).await
    }

    /// Runs the program with nothing but these arguments until it ends.
    pub(crate) async fn run(&self, args: &[OsString]) -> Ended {
        let (mut child, logs) = self.spawn(args);
        let ended = timeout(DEADLINE, child.wait()).await;
        let errors = logs.errors();
        Ended {
            code: ended
                .unwrap_or_else(|_| panic!("it goes on: {errors}"))
                .unwrap()
                .code(),
            errors,
        }
    }

    fn serve(&self) -> Vec<OsString> {
        let mut args: Vec<OsString> = vec!["serve".into()];
        let given = |flag: &str| self.args.iter().any(|arg| arg == flag);
        if !given("--listen") {
            args.extend(["--listen".into(), "127.0.0.1:0".into()]);
        }
        if self.places == Places::Given {
            args.extend(["--data-dir".into(), self.data_dir().into()]);
            if !given("--registry") {
                let url = format!("sqlite:{}", self.registry().display());
                args.extend(["--registry".into(), url.into()]);
            }
        }
        args.extend(self.args.iter().cloned());
        args
    }

    fn spawn(&self, args: &[OsString]) -> (Child, Logs) {
        let start = self.home.starts.fetch_add(1, Ordering::Relaxed);
        let logs = Logs {
            file: self.home().join(format!("{}-{start}", self.name)),
            _home: Arc::clone(&self.home),
        };
        let mut command = match self.shell {
            None => Command::new(HOTBED),
            Some(commands) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("{commands}; exec \"$0\" \"$@\""), HOTBED]);
                shell
            }
        };
        let child = command
            .args(args)
            .env_clear()
            .envs(self.env.iter().cloned())
            .current_dir(&self.cwd)
            .stdin(Stdio::null())
            .stdout(File::create(logs.output_file()).unwrap())
            .stderr(File::create(logs.errors_file()).unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        (child, logs)
    }
}

/// Where a process writes to. Keeps its home.
#[derive(Debug)]
pub(crate) struct Logs {
    file: PathBuf,
    _home: Arc<Home>,
}

impl Logs {
    fn output_file(&self) -> PathBuf {
        self.file.with_extension("out")
    }

    fn errors_file(&self) -> PathBuf {
        self.file.with_extension("err")
    }

    pub(crate) fn output(&self) -> String {
        fs::read_to_string(self.output_file()).unwrap_or_default()
    }

    pub(crate) fn errors(&self) -> String {
        fs::read_to_string(self.errors_file()).unwrap_or_default()
    }
}
