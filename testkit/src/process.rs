//! What the standard library does not know of processes.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Waits for what another process does; asks often, for it may be done soon.
pub(crate) fn wait_until(what: &str, patience: Duration, mut done: impl FnMut() -> bool) {
    const PAUSE: Duration = Duration::from_millis(10);
    let mut left = patience;
    while !done() {
        assert!(left > PAUSE, "{what}: not within {patience:?}");
        left -= PAUSE;
        #[expect(
            clippy::disallowed_methods,
            reason = "waits for another process, in a thread of a test"
        )]
        std::thread::sleep(PAUSE);
    }
}

/// A port that nobody listens on now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("it was bound").port()
}

/// Runs a program to its end, which must be a good one; answers what it said.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command
        .stdout(Stdio::piped())
        .output()
        .unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    assert!(
        output.status.success(),
        "{command:?} ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Sends a signal to processes, as far as they are still there.
pub(crate) fn signal(name: &str, processes: &[u32]) {
    let processes = processes.iter().map(u32::to_string);
    let sent = Command::new("kill")
        .arg(format!("-{name}"))
        .args(processes)
        .stderr(Stdio::null())
        .status();
    assert!(sent.is_ok(), "signals cannot be sent: {sent:?}");
}

/// The processes that a process has started. Empty where the system has no `/proc`.
pub(crate) fn children(of: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    ids.filter(|&id| stat(id).is_some_and(|stat| stat.parent == of))
        .collect()
}

/// Whether a process runs; one that ended and was not waited for does not.
pub(crate) fn is_running(process: u32) -> bool {
    stat(process).is_some_and(|stat| stat.state != "Z")
}

struct Stat {
    state: String,
    parent: u32,
}

fn stat(process: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name stands in parentheses, and may hold some itself.
    let mut words = text.rsplit_once(')')?.1.split_whitespace();
    Some(Stat {
        state: words.next()?.to_owned(),
        parent: words.next()?.parse().ok()?,
    })
}
