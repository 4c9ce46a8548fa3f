//! The real servers that tests start: installed where this may be done, or said how.

use std::path::Path;

use anyhow::{Result, bail};
use hotbed_testkit::{FakeClock, NatsServer, PostgresPrograms, RedisServer, RgwServer};

use crate::step::{command, succeed};

/// A server that some tests need.
struct Server {
    name: &'static str,
    /// What is missing, and what to do about it.
    missing: fn() -> Option<String>,
    /// The packages of Debian and Ubuntu that have it.
    packages: &'static [&'static str],
}

const SERVERS: [Server; 5] = [
    Server {
        name: "NATS",
        missing: || NatsServer::find().err().map(|missing| missing.to_string()),
        packages: &NatsServer::DEBIAN_PACKAGES,
    },
    Server {
        name: "PostgreSQL",
        missing: || {
            PostgresPrograms::find()
                .err()
                .map(|missing| missing.to_string())
        },
        packages: &[PostgresPrograms::DEBIAN_PACKAGE],
    },
    Server {
        name: "Redis",
        missing: || RedisServer::find().err().map(|missing| missing.to_string()),
        packages: &RedisServer::DEBIAN_PACKAGES,
    },
    Server {
        name: "Ceph RADOS Gateway",
        missing: || RgwServer::find().err().map(|missing| missing.to_string()),
        packages: &RgwServer::DEBIAN_PACKAGES,
    },
    // No server, but what tests of servers need all the same.
    Server {
        name: "libfaketime",
        missing: || FakeClock::find().err().map(|missing| missing.to_string()),
        packages: &[FakeClock::DEBIAN_PACKAGE],
    },
];

/// Makes sure that every server can be started; as root, installs those that are missing from the system's packages.
pub(crate) fn prepare(root: &Path) -> Result<()> {
    let missing = || SERVERS.iter().filter(|server| (server.missing)().is_some());
    let packages: Vec<&str> = missing()
        .flat_map(|server| server.packages)
        .copied()
        .collect();
    if packages.is_empty() {
        return Ok(());
    }
    if may_install(root) {
        for server in missing() {
            println!("    installing {}", server.name);
        }
        install(root, &packages)?;
    }
    let missing: Vec<String> = SERVERS
        .iter()
        .filter_map(|server| (server.missing)())
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        bail!("{}", missing.join("\n"))
    }
}

fn may_install(root: &Path) -> bool {
    let root_is_us = command(root, "id", &["-u"])
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    root_is_us && command(root, "apt-get", &["--version"]).output().is_ok()
}

fn install(root: &Path, packages: &[&str]) -> Result<()> {
    let apt = |args: &[&str]| {
        succeed(command(root, "apt-get", args).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    apt(&["update", "-q"])?;
    apt(&[
        &["install", "-q", "-y", "--no-install-recommends"],
        packages,
    ]
    .concat())
}
