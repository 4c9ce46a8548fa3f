//! A wall clock that tests move, for one process.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Where Debian and its relatives keep libraries: one folder for each kind of machine.
const LIBRARIES: &str = "/usr/lib";
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

/// The wall clock of processes that are started with its [environment](Self::environment). It goes as fast as the
/// machine's, and jumps when it is told to. Clocks that measure time are left alone, as a person who sets the time
/// leaves them alone.
#[derive(Debug)]
pub struct FakeClock {
    library: PathBuf,
    file: PathBuf,
}

/// Nothing on this machine fakes clocks: says what to install.
#[derive(Debug)]
pub struct NoFakeClock;

impl FakeClock {
    /// The Debian package that has it.
    pub const DEBIAN_PACKAGE: &str = "libfaketime";

    /// Looks for the library where Debian puts it.
    pub fn find() -> Result<PathBuf, NoFakeClock> {
        let machines = fs::read_dir(LIBRARIES).into_iter().flatten();
        let machines = machines.filter_map(|entry| Some(entry.ok()?.path()));
        std::iter::once(PathBuf::from(LIBRARIES))
            .chain(machines)
            .map(|folder| folder.join(LIBRARY))
            .find(|library| library.exists())
            .ok_or(NoFakeClock)
    }

    /// A clock that is right, and is kept in a file of this name.
    pub fn kept_in(file: &Path) -> Self {
        let library = Self::find().unwrap_or_else(|missing| panic!("{missing}"));
        let clock = Self {
            library,
            file: file.to_owned(),
        };
        clock.jump(0);
        clock
    }

    /// What a process must find in its environment to go by this clock.
    pub fn environment(&self) -> [(&'static str, OsString); 5] {
        [
            ("LD_PRELOAD", self.library.clone().into()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.clone().into()),
            ("FAKETIME_NO_CACHE", "1".into()),
            // Its name in older versions, and in newer ones.
            ("DONT_FAKE_MONOTONIC", "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
        ]
    }

    /// From now on it is so many seconds ahead of the machine's, or behind it.
    pub fn jump(&self, seconds: i64) {
        // Put in place whole: it is read at any time.
        let new = self.file.with_extension("new");
        let written = fs::write(&new, format!("{seconds:+}s\n"));
        written
            .and_then(|()| fs::rename(&new, &self.file))
            .expect("a file can be written");
    }
}

impl fmt::Display for NoFakeClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no libfaketime is on this machine ({LIBRARIES}/*/{LIBRARY}): install it, on Debian and Ubuntu with \
             `apt-get install {}`",
            FakeClock::DEBIAN_PACKAGE
        )
    }
}

impl std::error::Error for NoFakeClock {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;
    use std::time::SystemTime;

    #[test]
    fn a_process_reads_the_clock_that_it_was_given() {
        let folder = tempfile::tempdir().unwrap();
        let clock = FakeClock::kept_in(&folder.path().join("clock"));
        let reads = || {
            let mut date = Command::new("date");
            let said = date.arg("+%s").envs(clock.environment()).output().unwrap();
            let said: i64 = String::from_utf8(said.stdout)
                .unwrap()
                .trim()
                .parse()
                .unwrap();
            let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
            said - i64::try_from(now).unwrap()
        };
        for seconds in [0, 7_200, -10_800, 0] {
            clock.jump(seconds);
            assert!((reads() - seconds).abs() < 60, "{seconds}");
        }
    }

    #[test]
    fn what_is_missing_is_named_with_the_package_that_has_it() {
        assert!(
            NoFakeClock
                .to_string()
                .ends_with("`apt-get install libfaketime`")
        );
    }
}
