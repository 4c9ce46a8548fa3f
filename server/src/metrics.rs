//! What is counted, in the text form that Prometheus scrapes.

use crate::ServerState;
use crate::state::Node;
use axum::http::{Method, StatusCode};
use hotbed_cache::InstanceState;
use hotbed_fleet::Fleet;
use hotbed_hotreload::Freshness;
use hotbed_registry::Revision;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::time::Duration;

/// The type of what [`Metrics::scrape`] answers.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the server counts itself; what others count is asked for when it is scraped.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("hotbed");
        let requests = Family::default();
        // 100 µs to 26 s.
        let durations = Family::new_with_constructor(
            (|| Histogram::new(exponential_buckets(1e-4, 4.0, 10))) as fn() -> _,
        );
        registry.register("http_requests", "Requests answered", requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "Time from the head of a request to the head of its answer",
            Unit::Seconds,
            durations.clone(),
        );
        Self {
            registry,
            requests,
            durations,
        }
    }

    /// Notes an answered request. Routes are templates and methods are those we know, so their number is bounded.
    pub(crate) fn note_request(
        &self,
        method: &Method,
        route: &str,
        status: StatusCode,
        took: Duration,
    ) {
        let status = match status.as_u16() {
            ..200 => "1xx",
            200..300 => "2xx",
            300..400 => "3xx",
            400..500 => "4xx",
            500.. => "5xx",
        };
        let labels = RequestLabels {
            method: method_label(method),
            route: route.to_owned(),
            status,
        };
        self.requests.get_or_create(&labels).inc();
        self.durations
            .get_or_create(&RouteLabels {
                route: route.to_owned(),
            })
            .observe(took.as_secs_f64());
    }

    /// Everything as it is now. `head` is the registry's newest revision, if it answers.
    pub(crate) fn scrape(&self, node: &Node, head: Option<Revision>) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode_registry(&mut text, &self.registry)?;
        encode_registry(&mut text, &current(node, head))?;
        encode_eof(&mut text)?;
        Ok(text)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// What others know, as metrics of one scrape.
fn current(node: &Node, head: Option<Revision>) -> Registry {
    let state = &node.state;
    let (cache, freshness) = (state.bots.stats(), state.hot_reload.freshness());
    let ids = state.bots.held();
    let count_of = |counts: fn(InstanceState) -> bool| {
        ids.iter().filter(|held| counts(held.state)).count() as u64
    };
    let mut metrics = Registry::with_prefix("hotbed");

    let version = vec![
        ("version", state.info.version.clone()),
        ("environment", state.info.environment.clone()),
    ];
    metrics.register("build", "What is running", Info::new(version));
    let mut count =
        |name: &str, help: &str, value: u64| metrics.register(name, help, ConstCounter::new(value));
    count(
        "cache_hits",
        "Leases handed out without waiting",
        cache.hits,
    );
    count(
        "cache_misses",
        "Calls that had to wait, or were told that there is nothing",
        cache.misses,
    );
    count("cache_builds", "Instances created", cache.builds);
    count(
        "cache_build_failures",
        "Builds that failed",
        cache.build_failures,
    );
    count(
        "cache_renewals",
        "Instances confirmed instead of being rebuilt",
        cache.renewals,
    );
    count(
        "cache_evictions",
        "Ids that left because the cache was full or they were idle",
        cache.evictions,
    );

    let mut show = |name: &str, help: &str, value: u64| metrics.register(name, help, gauge(value));
    show(
        "cache_size",
        "Ids known, with or without an instance",
        cache.size,
    );
    show(
        "cache_instances",
        "Instances not yet destroyed",
        cache.instances,
    );
    show(
        "cache_failing",
        "Ids whose newest revision could not be built",
        count_of(is_failing),
    );
    show(
        "cache_degraded",
        "Those of them that an earlier instance serves for",
        count_of(is_degraded),
    );
    show(
        "registry_up",
        "Whether the registry answers",
        u64::from(head.is_some()),
    );
    if let Some(head) = head {
        show(
            "registry_head_revision",
            "The registry's newest revision",
            head.0,
        );
    }
    show(
        "node_revision",
        "The revision that this node has caught up with",
        freshness.revision.0,
    );
    show(
        "node_stale",
        "Whether this node cannot say that it is up to date",
        u64::from(freshness.stale),
    );
    let newest = head.unwrap_or_default().max(freshness.head);
    show(
        "node_behind_revisions",
        "Revisions that exist and that this node has not caught up with",
        newest.0.saturating_sub(freshness.revision.0),
    );
    register_fleet(&mut metrics, &state.fleet);
    register_times(&mut metrics, state, &freshness);
    metrics
}

/// Which nodes are seen.
fn register_fleet(metrics: &mut Registry, fleet: &Fleet) {
    let nodes = fleet.nodes();
    let silent = nodes.iter().filter(|seen| seen.silent).count();
    metrics.register(
        "fleet_nodes",
        "Nodes that this one sees, itself included",
        gauge(nodes.len() as u64),
    );
    metrics.register(
        "fleet_silent_nodes",
        "Those of them that should have been heard since",
        gauge(silent as u64),
    );
}

/// How long things have been so.
fn register_times(metrics: &mut Registry, state: &ServerState, freshness: &Freshness) {
    metrics.register_with_unit(
        "node_behind",
        "How long this node has known of revisions that it has not caught up with",
        Unit::Seconds,
        ConstGauge::new(freshness.behind_for.as_secs_f64()),
    );
    if let Some(ago) = freshness.confirmed_ago {
        let help = "How long ago this node last confirmed that it is up to date";
        metrics.register_with_unit(
            "node_confirmed_ago",
            help,
            Unit::Seconds,
            ConstGauge::new(ago.as_secs_f64()),
        );
    }
    let uptime = ConstGauge::new(state.info.started.elapsed().as_secs_f64());
    metrics.register_with_unit(
        "uptime",
        "How long this node has been running",
        Unit::Seconds,
        uptime,
    );
}

/// Whether the newest revision of an id could not be built, whatever serves meanwhile.
pub(crate) fn is_failing(state: InstanceState) -> bool {
    matches!(state, InstanceState::Degraded | InstanceState::Failed)
}

/// Whether an earlier instance of an id serves, because the newest revision could not be built.
pub(crate) fn is_degraded(state: InstanceState) -> bool {
    state == InstanceState::Degraded
}

fn gauge(value: u64) -> ConstGauge<i64> {
    ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX))
}

fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}
