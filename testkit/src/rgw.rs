//! A Ceph RADOS Gateway of a test's own: a real server that speaks S3.

mod request;
#[cfg(test)]
mod tests;

use crate::guard::Guard;
use crate::process::{free_port, run, signal, wait_until};
use request::{Keys, put};
use std::fmt;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

const KEYS: Keys = Keys {
    access: "hotbed",
    secret: "correct-horse-battery-staple",
};
const PROGRAMS: [&str; 6] = [
    "ceph",
    "ceph-mon",
    "ceph-osd",
    "monmaptool",
    "radosgw",
    "radosgw-admin",
];
/// What the servers, their logs and the files with their process ids are called here.
const GATEWAY: &str = "gateway";
const STORAGE: &str = "storage";
const MONITOR: &str = "monitor";
const PATIENCE: Duration = Duration::from_mins(2);

/// A gateway, and the smallest cluster that one can stand on, which belong to this process and are gone without a
/// trace when it ends, however it ends. Everything is in memory.
///
/// It compares `If-Match` with a bare ETag only, as some other stores do. Everything here blocks its thread, and
/// panics when a server does not do as it is told.
#[derive(Debug)]
pub struct RgwServer {
    folder: PathBuf,
    port: u16,
    monitor: Mutex<Option<Child>>,
    storage: Mutex<Option<Child>>,
    gateway: Mutex<Option<Child>>,
    buckets: AtomicU32,
    _guard: Guard,
}

/// An empty bucket of an [`RgwServer`].
#[derive(Debug, Clone)]
pub struct Bucket {
    name: String,
    port: u16,
}

/// No Ceph RADOS Gateway is on this machine: says what to install.
#[derive(Debug)]
pub struct NoRgw;

impl RgwServer {
    /// The Debian packages that have the programs.
    pub const DEBIAN_PACKAGES: [&str; 5] =
        ["ceph-common", "ceph-mgr", "ceph-mon", "ceph-osd", "radosgw"];

    /// Looks for the programs on PATH.
    pub fn find() -> Result<(), NoRgw> {
        let is_there = |program: &&str| {
            Command::new(program)
                .arg("--version")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok()
        };
        if PROGRAMS.iter().all(is_there) {
            Ok(())
        } else {
            Err(NoRgw)
        }
    }

    /// The server that the tests of one binary share, each with a bucket or a prefix of its own. Not for those that
    /// stop it.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<RgwServer> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts a server, which takes several seconds.
    pub fn start() -> Self {
        if let Err(missing) = Self::find() {
            panic!("{missing}");
        }
        let folder = tempfile::Builder::new()
            .prefix("hotbed-rgw-")
            .tempdir()
            .expect("there is room for a folder")
            .keep();
        let pid_files = [GATEWAY, STORAGE, MONITOR].map(|name| pid_file(&folder, name));
        let guard = Guard::new(&folder, "KILL", &pid_files);
        let server = Self {
            port: free_port(),
            monitor: Mutex::default(),
            storage: Mutex::default(),
            gateway: Mutex::default(),
            buckets: AtomicU32::new(0),
            folder,
            _guard: guard,
        };
        server.make();
        server
    }

    /// Makes an empty bucket.
    pub fn bucket(&self) -> Bucket {
        let number = self.buckets.fetch_add(1, Ordering::Relaxed);
        let bucket = Bucket {
            name: format!("test-{number}"),
            port: self.port,
        };
        let path = format!("/{}", bucket.name);
        wait_until("a bucket is made", PATIENCE, || {
            put(self.port, &path, &KEYS).is_ok_and(|status| status == 200)
        });
        bucket
    }

    /// Kills the gateway at once: what a crash of it is. What it stored stays where it is.
    pub fn kill(&self) {
        if let Some(mut gateway) = lock(&self.gateway).take() {
            // Its number may soon be somebody else's.
            fs::remove_file(pid_file(&self.folder, GATEWAY)).expect("a file can be removed");
            gateway.kill().expect("the gateway is killed");
            gateway.wait().expect("the gateway ends");
        }
    }

    /// Starts the gateway again, at the same address and on the same data.
    pub fn resume(&self) {
        let mut gateway = lock(&self.gateway);
        if gateway.is_some() {
            return;
        }
        let child = gateway.insert(self.spawn("radosgw", &["-n", "client.rgw"], GATEWAY));
        wait_until("the gateway is ready", PATIENCE, || {
            if let Ok(Some(status)) = child.try_wait() {
                panic!("the gateway ended with {status}:\n{}", self.said());
            }
            answers(self.port)
        });
    }

    /// What the gateway wrote to its log.
    pub fn said(&self) -> String {
        fs::read_to_string(self.folder.join(GATEWAY)).unwrap_or_default()
    }

    /// Brings up a cluster of one monitor and one store in memory, the gateway on it, and a user.
    fn make(&self) {
        for folder in ["mon", "osd", "rgw", "run"] {
            fs::create_dir(self.folder.join(folder)).expect("a folder can be made");
        }
        let cluster = uuid();
        // Several clusters may start at once on one machine, and a port that was free may be taken a moment later.
        let monitor = [free_port(), free_port()];
        fs::write(
            self.configuration(),
            self.settings(&cluster, monitor, self.port),
        )
        .expect("a file can be written");
        let map = self.folder.join("monmap");
        let addresses = addresses(monitor);
        run(Command::new("monmaptool")
            .args(["--create", "--addv", "a", &addresses, "--fsid", &cluster])
            .arg(&map));
        run(self
            .command("ceph-mon")
            .args(["--mkfs", "-i", "a", "--monmap"])
            .arg(&map));
        *lock(&self.monitor) = Some(self.spawn("ceph-mon", &["-i", "a"], MONITOR));
        wait_until("the monitor answers", PATIENCE, || {
            self.ask(&["-s"]).is_some()
        });
        let store = uuid();
        run(self.command("ceph").args(["osd", "new", &store]));
        run(self
            .command("ceph-osd")
            .args(["-i", "0", "--mkfs", "--osd-uuid", &store]));
        *lock(&self.storage) = Some(self.spawn("ceph-osd", &["-i", "0"], STORAGE));
        wait_until("the storage is up", PATIENCE, || {
            self.ask(&["osd", "stat"])
                .is_some_and(|said| said.contains("1 up"))
        });
        self.resume();
        run(self.command("radosgw-admin").args([
            "user",
            "create",
            "--uid=test",
            "--display-name=test",
            "--max-buckets=0",
            &format!("--access-key={}", KEYS.access),
            &format!("--secret={}", KEYS.secret),
        ]));
        // The first object of all takes seconds.
        for path in ["/first", "/first/object"] {
            wait_until("an object is made", PATIENCE, || {
                put(self.port, path, &KEYS).is_ok_and(|status| status == 200)
            });
        }
    }

    fn settings(&self, cluster: &str, monitor: [u16; 2], port: u16) -> String {
        let folder = self.folder.display();
        let addresses = addresses(monitor);
        format!(
            "\
[global]
fsid = {cluster}
mon_host = {addresses}
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
auth_allow_insecure_global_id_reclaim = true
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pg_autoscale_mode = off
mon_warn_on_pool_no_redundancy = false
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_data_avail_crit = 1
mon_max_pg_per_osd = 1000
run_dir = {folder}/run
pid_file =
admin_socket = {folder}/run/$name.asok
log_file =
log_to_file = false
log_to_stderr = true
mon_cluster_log_to_file = false
[mon]
mon_data = {folder}/mon
mon_initial_members = a
[osd]
osd_data = {folder}/osd
osd_journal = {folder}/osd/journal
osd_objectstore = memstore
memstore_device_bytes = 4294967296
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
[client]
admin_socket =
[client.rgw]
rgw_frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw_data = {folder}/rgw
rgw_thread_pool_size = 64
rgw_enable_usage_log = false
ms_mon_client_mode = crc
"
        )
    }

    fn configuration(&self) -> PathBuf {
        self.folder.join("ceph.conf")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .arg("--conf")
            .arg(self.configuration())
            .current_dir(&self.folder)
            .stdin(Stdio::null());
        command
    }

    /// Starts a server that stays in the foreground, writes to a log of this name, and is known to the guard by it.
    fn spawn(&self, program: &str, args: &[&str], name: &str) -> Child {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.join(name))
            .expect("a log can be written");
        let child = self
            .command(program)
            .args(args)
            .arg("-f")
            .stdout(log.try_clone().expect("a file can be opened twice"))
            .stderr(log)
            .spawn()
            .expect("a server can be started");
        // The gateway does not write one itself.
        fs::write(pid_file(&self.folder, name), child.id().to_string())
            .expect("a file can be written");
        child
    }

    /// Asks the monitor something; nothing if it does not answer yet.
    fn ask(&self, question: &[&str]) -> Option<String> {
        let output = self
            .command("ceph")
            .args(["--connect-timeout", "3"])
            .args(question)
            .output()
            .expect("ceph runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success().then_some(said)
    }
}

impl Drop for RgwServer {
    fn drop(&mut self) {
        // Nobody needs what is in it any more; the guard removes what is left.
        for server in [&self.gateway, &self.storage, &self.monitor] {
            if let Some(mut server) = lock(server).take() {
                signal("KILL", &[server.id()]);
                if let Err(error) = server.wait() {
                    assert!(std::thread::panicking(), "a server does not end: {error}");
                }
            }
        }
    }
}

impl Bucket {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port of its gateway.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The way to a prefix of it, with the keys that it asks for.
    pub fn url(&self, prefix: &str) -> String {
        self.url_through(self.port, prefix)
    }

    /// The same through a proxy on another port of this machine.
    pub fn url_through(&self, port: u16, prefix: &str) -> String {
        self.url_with(KEYS.secret, port, prefix)
    }

    /// The same with another secret.
    pub fn url_with(&self, secret: &str, port: u16, prefix: &str) -> String {
        let (access, name) = (KEYS.access, &self.name);
        format!("s3://{access}:{secret}@{name}/{prefix}?endpoint=http://127.0.0.1:{port}")
    }

    /// The key and the secret that the gateway asks for.
    pub fn keys(&self) -> (&'static str, &'static str) {
        (KEYS.access, KEYS.secret)
    }
}

impl fmt::Display for NoRgw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no Ceph RADOS Gateway is on this machine (`{}`, on PATH): install it, on Debian and Ubuntu with \
             `apt-get install --no-install-recommends {}`",
            PROGRAMS.join("`, `"),
            RgwServer::DEBIAN_PACKAGES.join(" ")
        )
    }
}

impl std::error::Error for NoRgw {}

/// What a monitor calls its addresses: of its newer protocol and of its older one.
fn addresses([newer, older]: [u16; 2]) -> String {
    format!("[v2:127.0.0.1:{newer},v1:127.0.0.1:{older}]")
}

fn pid_file(folder: &std::path::Path, name: &str) -> PathBuf {
    folder.join("run").join(format!("{name}.pid"))
}

fn uuid() -> String {
    let uuid = fs::read_to_string("/proc/sys/kernel/random/uuid").expect("the system is Linux");
    uuid.trim().to_owned()
}

/// Whether something answers HTTP there.
fn answers(port: u16) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(3)))?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
        stream.read(&mut [0; 16])
    };
    ask().is_ok_and(|count: usize| count > 0)
}

fn lock(child: &Mutex<Option<Child>>) -> MutexGuard<'_, Option<Child>> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}
