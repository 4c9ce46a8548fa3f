use crate::secrets::AllowList;
use crate::settings::MIN_BODY_BYTES;
use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};
use hotbed::events::{EventBus, Interest};
use hotbed::hotreload::ReloadMode;
use hotbed_fleet::NodeId;
use hotbed_registry::HistoryRetention;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// What `hotbed serve` can be told. Every flag is also a variable, shown in the help; a flag wins.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServeArgs {
    /// Directory with environments/ and domains/; ./configs if it exists
    #[arg(long, value_name = "DIR", env = "HOTBED_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Environment to run in: environments/NAME.yaml. Found out if not given: production in a cloud, else development
    #[arg(long, value_name = "NAME", env = "HOTBED_ENVIRONMENT")]
    pub(crate) env: Option<String>,
    /// Secrets that configurations may name themselves, such as env:SLACK_TOKEN,file:/run/secrets/x, or env:BOT_* for all that begin so: whoever may write a configuration has them. Resources of the environment may name any [default: none]
    #[arg(
        long,
        value_name = "SECRETS",
        env = "HOTBED_CONFIG_SECRETS",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) config_secrets: AllowList,
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
    /// File with the token that whoever changes mods must show, at least 16 characters. The variable HOTBED_ADMIN_TOKEN may hold it instead. Without one, everybody who reaches a server on a loopback address may change mods, and nobody elsewhere
    #[arg(long, value_name = "FILE", env = "HOTBED_ADMIN_TOKEN_FILE")]
    pub(crate) admin_token_file: Option<PathBuf>,
    /// Name of this node among those of its fleet [default: HOST:PORT]
    #[arg(long, value_name = "NAME", env = "HOTBED_NODE_ID", value_parser = NodeId::new)]
    pub(crate) node_id: Option<NodeId>,
    /// Directory for the registry and this node's snapshot
    #[arg(
        long,
        value_name = "DIR",
        env = "HOTBED_DATA_DIR",
        default_value = "./data"
    )]
    pub(crate) data_dir: PathBuf,
    /// File with the key that the snapshot is sealed under: 64 hexadecimal digits, such as `openssl rand -hex 32` makes. The variable HOTBED_SNAPSHOT_KEY may hold them instead [default: DATA_DIR/snapshot.key, made at the first start]
    #[arg(long, value_name = "FILE", env = "HOTBED_SNAPSHOT_KEY_FILE")]
    pub(crate) snapshot_key_file: Option<PathBuf>,
    /// Where configurations live: sqlite:PATH, postgres://…, file:DIR, s3://BUCKET/PREFIX, https://HOST/api/v1, layered:OVERLAY,BASE or memory: [default: the environment's resource databases.registry, else sqlite:DATA_DIR/hotbed.db]
    #[arg(long, value_name = "URL", env = "HOTBED_REGISTRY")]
    pub(crate) registry: Option<String>,
    /// What carries changes between nodes: redis://…, postgres://…, nats://… or memory: [default: the environment's resource event_buses.default, else memory:]
    #[arg(long, value_name = "URL", env = "HOTBED_BUS")]
    pub(crate) bus: Option<String>,
    /// Topics on which each change is announced [default: registry:bots; on a bus between processes also registry:instances and registry:configs]
    #[arg(
        long,
        value_name = "TOPIC",
        env = "HOTBED_PUBLISH_TOPICS",
        value_delimiter = ','
    )]
    pub(crate) publish_topics: Vec<String>,
    /// Topics that are listened to, such as registry:* [default: those of --publish-topics; on a bus between processes also registry:changes]
    #[arg(
        long,
        value_name = "TOPIC",
        env = "HOTBED_LISTEN_TOPICS",
        value_delimiter = ','
    )]
    pub(crate) listen_topics: Vec<String>,
    /// How this node learns of changes
    #[arg(long, value_enum, env = "HOTBED_RELOAD", default_value_t = Reload::Hybrid)]
    pub(crate) reload: Reload,
    /// How often the registry is asked for changes, where it is polled, such as 5s or 500ms [default: the environment's setting poll_interval, else 5s]
    #[arg(long, value_name = "TIME", env = "HOTBED_POLL_INTERVAL", value_parser = interval)]
    pub(crate) poll_interval: Option<Duration>,
    /// What happens to a configuration that no bot can be built from: stored with a warning, or refused
    #[arg(long, value_enum, env = "HOTBED_ADMISSION", default_value_t = Admission::Permissive)]
    pub(crate) admission: Admission,
    /// Warn, where others are refused, of configurations that mean something else on another machine, such as by the path of a home directory
    #[arg(
        long,
        env = "HOTBED_ALLOW_UNPORTABLE",
        value_parser = FalseyValueParser::new()
    )]
    pub(crate) allow_unportable: bool,
    /// How many past versions of each bot are kept to go back to, where the registry keeps any
    #[arg(
        long,
        value_name = "N",
        env = "HOTBED_HISTORY_VERSIONS",
        default_value_t = HistoryRetention::default().versions
    )]
    pub(crate) history_versions: u32,
    /// How long a version is kept after it was replaced
    #[arg(long, value_name = "TIME", env = "HOTBED_HISTORY_AGE", default_value = "90d", value_parser = interval)]
    pub(crate) history_age: Duration,
    /// How many bots stay in memory [default: the environment's setting cache_capacity, else 1000]
    #[arg(long, value_name = "N", env = "HOTBED_CACHE_CAPACITY")]
    pub(crate) cache_capacity: Option<u64>,
    /// For how long a bot is trusted to be current without asking the registry [default: the environment's setting cache_ttl, else 5m]
    #[arg(long, value_name = "TIME", env = "HOTBED_CACHE_TTL", value_parser = interval)]
    pub(crate) cache_ttl: Option<Duration>,
    /// Largest request body in bytes [default: the environment's setting max_body_bytes, else 8388608]
    #[arg(long, value_name = "BYTES", env = "HOTBED_MAX_BODY_BYTES", value_parser = clap::value_parser!(u32).range(i64::from(MIN_BODY_BYTES)..))]
    pub(crate) max_body_bytes: Option<u32>,
    /// How long requests are still taken after the stop began, with /readyz answering 503, so that balancers notice
    #[arg(long, value_name = "TIME", env = "HOTBED_DRAIN_DELAY", default_value = "0s", value_parser = delay)]
    pub(crate) drain_delay: Duration,
    /// How long requests and bots in use may take to finish when the server is stopped
    #[arg(long, value_name = "TIME", env = "HOTBED_DRAIN_DEADLINE", default_value = "30s", value_parser = interval)]
    pub(crate) drain_deadline: Duration,
    /// What is logged, such as info, debug, or warn,hotbed_cache=debug [default: the environment's setting log_level, else info]
    #[arg(long, value_name = "FILTER", env = "HOTBED_LOG")]
    pub(crate) log: Option<LogFilter>,
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

impl Reload {
    /// The mode of a loop that learns of changes so.
    pub(crate) fn mode(
        self,
        every: Duration,
        bus: Arc<dyn EventBus>,
        topics: Interest,
    ) -> ReloadMode {
        match self {
            Self::Polling => ReloadMode::Polling { every },
            Self::EventDriven => ReloadMode::EventDriven { bus, topics },
            Self::Hybrid => ReloadMode::Hybrid { bus, topics, every },
        }
    }
}

/// What happens to a configuration that no bot can be built from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Admission {
    /// Stored, with a warning: other programs may keep their configurations here too.
    Permissive,
    /// Refused.
    Strict,
}

/// What is logged, understood.
#[derive(Debug)]
pub(crate) struct LogFilter(pub(crate) EnvFilter, String);

impl PartialEq for LogFilter {
    fn eq(&self, other: &Self) -> bool {
        self.1 == other.1
    }
}

impl Clone for LogFilter {
    fn clone(&self) -> Self {
        self.1.parse().expect("the same text was parsed before")
    }
}

impl FromStr for LogFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let filter = EnvFilter::builder().parse(text);
        let filter =
            filter.map_err(|_| "write it like info, or warn,hotbed_cache=debug".to_owned())?;
        Ok(Self(filter, text.to_owned()))
    }
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

/// Like an interval, but none at all will do.
fn delay(text: &str) -> Result<Duration, String> {
    if matches!(text, "0" | "0s") {
        Ok(Duration::ZERO)
    } else {
        interval(text)
    }
}

pub(crate) fn interval(text: &str) -> Result<Duration, String> {
    match hotbed_cli::parse_duration(text) {
        Ok(time) if time < SHORTEST => Err(format!("at least {SHORTEST:?} is needed")),
        parsed => parsed,
    }
}

/// What these words after `serve` say, for tests.
#[cfg(test)]
pub(crate) fn parsed(words: &[&str]) -> ServeArgs {
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Whole {
        #[command(flatten)]
        args: ServeArgs,
    }

    let words = std::iter::once("serve").chain(words.iter().copied());
    Whole::try_parse_from(words).unwrap().args
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_of_the_past_is_kept_as_the_registry_thinks_good() {
        let args = parsed(&[]);
        let expected = HistoryRetention::default();
        assert_eq!(args.history_versions, expected.versions);
        assert_eq!(args.history_age, expected.age);
    }

    /// Caught: another default, to take a list for one secret.
    #[test]
    fn nothing_is_waived_or_allowed_by_default() {
        let args = parsed(&[]);
        assert!(!args.allow_unportable);
        assert_eq!(args.config_secrets, AllowList::default());
        let args = parsed(&[
            "--allow-unportable",
            "--config-secrets",
            "env:A,file:/run/secrets/x",
        ]);
        assert!(args.allow_unportable);
        let allowed = "env:A, file:/run/secrets/x".parse().unwrap();
        assert_eq!(args.config_secrets, allowed);
    }
}
