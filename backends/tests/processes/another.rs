use std::process::{Child, Command, Stdio};

/// Where a process that [`Another`] started finds the URL of its store.
const URL: &str = "HOTBED_TEST_STORE";
/// And whatever else it is told.
const TOLD: &str = "HOTBED_TEST_TOLD";

/// Runs one of the ignored tests of this program in a process of its own.
pub(crate) fn another_process(test: &str, url: &str, told: &str) -> Child {
    Command::new(std::env::current_exe().expect("a program"))
        .args([
            "--exact",
            test,
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(URL, url)
        .env(TOLD, told)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a process")
}

/// In such a process: the URL of its store, and what else it was told.
pub(crate) fn as_another_process() -> (String, String) {
    (variable(URL), variable(TOLD))
}

#[expect(
    clippy::disallowed_methods,
    reason = "how one process of a test tells another what to do"
)]
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}
