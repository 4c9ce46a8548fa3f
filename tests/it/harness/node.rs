use super::launch::Logs;
use super::{DEADLINE, eventually};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Client;
use std::process::ExitStatus;
use std::thread;
use tokio::process::Child;
use tokio::time::timeout;

/// A running server. Dropping it kills it, and shows what it said if the test has failed.
#[derive(Debug)]
pub(crate) struct Node {
    child: Child,
    logs: Logs,
    pub(super) client: Client,
    /// `http://127.0.0.1:PORT`.
    pub(crate) url: String,
}

impl Node {
    /// Waits until a process that was started says where it listens, and takes requests. What it said, if it ended
    /// instead.
    pub(super) async fn ready(child: Child, logs: Logs, client: Client) -> Result<Self, String> {
        let mut node = Self {
            child,
            logs,
            client,
            url: String::new(),
        };
        node.url = eventually("listening", DEADLINE, async || {
            let said = node.logs.output();
            if let Some(ended) = node.child.try_wait().unwrap() {
                let errors = node.logs.errors();
                return Ok(Err(format!("it ended with {ended}: {said}{errors}")));
            }
            let line = said
                .lines()
                .find_map(|line| line.trim().strip_prefix("listening"));
            let url = line.and_then(|rest| rest.split_whitespace().next());
            url.map(|url| Ok(url.to_owned())).ok_or(said)
        })
        .await?;
        eventually("ready", DEADLINE, async || {
            match node.try_get("/readyz").await {
                Ok(answer) if answer.status == 200 => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        Ok(node)
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// What it printed.
    pub(crate) fn output(&self) -> String {
        self.logs.output()
    }

    /// What it logged.
    pub(crate) fn errors(&self) -> String {
        self.logs.errors()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid().cast_signed());
        kill(pid, signal).unwrap();
    }

    /// Stops it from running, as a machine that hangs would.
    pub(crate) fn pause(&self) {
        self.signal(Signal::SIGSTOP);
    }

    pub(crate) fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Ends it as its operator does. It must end well.
    pub(crate) async fn terminate(mut self) {
        self.signal(Signal::SIGTERM);
        let ended = self.ended().await;
        assert_eq!(ended.code(), Some(0), "{ended}");
    }

    /// Ends it at once, as the loss of its machine would.
    pub(crate) async fn kill(mut self) {
        self.signal(Signal::SIGKILL);
        self.ended().await;
    }

    /// Waits until it ends.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        timeout(DEADLINE, self.child.wait())
            .await
            .expect("it ends in time")
            .unwrap()
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if thread::panicking() {
            let url = &self.url;
            eprintln!(
                "--- {url} printed\n{}--- and logged\n{}---",
                self.output(),
                self.errors()
            );
        }
    }
}
