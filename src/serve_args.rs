use clap::{Args, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// What `hotbed serve` can be told. Every flag is also a variable, shown in the help; a flag wins.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServeArgs {
    /// Directory with environments/ and domains/; ./configs if it exists
    #[arg(long, value_name = "DIR", env = "HOTBED_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Environment to run in: environments/NAME.yaml. Found out if not given: production in a cloud, else development
    #[arg(long, value_name = "NAME", env = "HOTBED_ENVIRONMENT")]
    pub(crate) env: Option<String>,
    /// Address to listen on; beyond loopback only if you say so, and then anybody who reaches it may change everything
    #[arg(
        long,
        value_name = "ADDR",
        env = "HOTBED_LISTEN",
        default_value = "127.0.0.1:8700"
    )]
    pub(crate) listen: SocketAddr,
    /// Names by which clients reach this server, beside loopback names and the listen address
    #[arg(long, value_name = "NAME", env = "HOTBED_HOSTS", value_delimiter = ',')]
    pub(crate) host: Vec<String>,
    /// Directory for the registry and this node's snapshot
    #[arg(
        long,
        value_name = "DIR",
        env = "HOTBED_DATA_DIR",
        default_value = "./data"
    )]
    pub(crate) data_dir: PathBuf,
    /// Where configurations live: sqlite:PATH or memory: [default: sqlite:DATA_DIR/hotbed.db]
    #[arg(long, value_name = "URL", env = "HOTBED_REGISTRY")]
    pub(crate) registry: Option<String>,
    /// What carries changes between components: memory:
    #[arg(
        long,
        value_name = "URL",
        env = "HOTBED_BUS",
        default_value = "memory:"
    )]
    pub(crate) bus: String,
    /// How this node learns of changes
    #[arg(long, value_enum, env = "HOTBED_RELOAD", default_value_t = Reload::Hybrid)]
    pub(crate) reload: Reload,
    /// How often the registry is asked for changes, where it is polled, such as 5s or 500ms
    #[arg(long, value_name = "TIME", env = "HOTBED_POLL_INTERVAL", default_value = "5s", value_parser = interval)]
    pub(crate) poll_interval: Duration,
    /// What happens to a configuration that no bot can be built from: stored with a warning, or refused
    #[arg(long, value_enum, env = "HOTBED_ADMISSION", default_value_t = Admission::Permissive)]
    pub(crate) admission: Admission,
    /// How many bots stay in memory
    #[arg(
        long,
        value_name = "N",
        env = "HOTBED_CACHE_CAPACITY",
        default_value_t = 1_000
    )]
    pub(crate) cache_capacity: u64,
    /// For how long a bot is trusted to be current without asking the registry
    #[arg(long, value_name = "TIME", env = "HOTBED_CACHE_TTL", default_value = "5m", value_parser = interval)]
    pub(crate) cache_ttl: Duration,
    /// Largest request body in bytes
    #[arg(long, value_name = "BYTES", env = "HOTBED_MAX_BODY_BYTES", default_value_t = 8 << 20)]
    pub(crate) max_body_bytes: usize,
    /// How long requests and bots in use may take to finish when the server is stopped
    #[arg(long, value_name = "TIME", env = "HOTBED_DRAIN_DEADLINE", default_value = "30s", value_parser = interval)]
    pub(crate) drain_deadline: Duration,
    /// What is logged, such as info, debug, or warn,hotbed_cache=debug
    #[arg(
        long,
        value_name = "FILTER",
        env = "HOTBED_LOG",
        default_value = "info"
    )]
    pub(crate) log: String,
    /// How the log is written to standard error
    #[arg(long, value_enum, env = "HOTBED_LOG_FORMAT", default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
}

/// How this node learns of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reload {
    /// By asking the registry at an interval.
    Polling,
    /// By events.
    EventDriven,
    /// By both: events for speed, asking for certainty.
    Hybrid,
}

/// What happens to a configuration that no bot can be built from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Admission {
    /// Stored, with a warning: other programs may keep their configurations here too.
    Permissive,
    /// Refused.
    Strict,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// The shortest interval that makes sense for anything here.
const SHORTEST: Duration = Duration::from_millis(10);

fn interval(text: &str) -> Result<Duration, String> {
    match hotbed_cli::parse_duration(text) {
        Ok(time) if time < SHORTEST => Err(format!("at least {SHORTEST:?} is needed")),
        parsed => parsed,
    }
}
