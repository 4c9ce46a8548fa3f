use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Removes what a server leaves behind, when this is dropped or the process ends, in whatever way.
///
/// It is a process of its own that waits for its input to end: what this process cannot do once it was killed.
pub(crate) struct Guard(Child);

/// Ends the processes whose ids are the first lines of files, then removes the folder.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
cat >/dev/null
folder=$1
signal=$2
shift 2
for file in "$@"; do
    if pid=$(head -n 1 "$file" 2>/dev/null); then
        kill "-$signal" "$pid" 2>/dev/null
        tries=0
        while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 100 ]; do
            tries=$((tries + 1))
            sleep 0.05
        done
    fi
done
rm -rf "$folder"
"#;

impl Guard {
    /// Guards a folder, and the processes that note their ids in `pid_files` for as long as they run; those end by
    /// this signal.
    pub(crate) fn new(folder: &Path, signal: &str, pid_files: &[PathBuf]) -> Self {
        use std::os::unix::process::CommandExt;
        let child = Command::new("sh")
            .args(["-c", SCRIPT, "guard"])
            .arg(folder)
            .arg(signal)
            .args(pid_files)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Out of the terminal's reach: whoever is stopped by Ctrl-C still wants to be tidied up after.
            .process_group(0)
            .spawn();
        Self(child.expect("a shell can be started"))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        if let Err(error) = self.0.wait() {
            assert!(std::thread::panicking(), "not tidied up: {error}");
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Guard").field(&self.0.id()).finish()
    }
}
