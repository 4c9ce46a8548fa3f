use super::problems::Everywhere;
use crate::fault::{Fault, Kind};
use crate::metrics::{is_degraded, is_failing};
use crate::mods_wire;
use crate::state::Node;
use crate::wire;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use hotbed_api::{
    BusHealth, Failures, Freshness, Health, HealthStatus, Liveness, Problem, Readiness,
    RegistryHealth, RegistryState,
};
use hotbed_cache::Held;
use hotbed_registry::{Query, Reader, Status};
use std::sync::Arc;
use std::time::Duration;

/// How long the registry may take to say how it is.
const PATIENCE: Duration = Duration::from_secs(2);
/// Failing ids that are named.
const NAMED: usize = 100;

/// See whether the process is up
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "operations",
    responses((status = 200, description = "It is.", body = Liveness), Everywhere),
)]
pub(crate) async fn healthz() -> Json<Liveness> {
    Json(Liveness {
        status: HealthStatus::Ok,
    })
}

/// See whether this node takes requests
///
/// It does not while it starts, once it drains, and while there is nothing that it could serve.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operations",
    responses(
        (status = 200, description = "It does.", body = Liveness),
        (status = 503, description = "It does not; `detail` says why.", body = Problem, content_type = "application/problem+json"),
        Everywhere,
    ),
)]
pub(crate) async fn readyz(State(node): State<Arc<Node>>) -> Result<Json<Liveness>, Fault> {
    let readiness = *node.state.readiness.borrow();
    let why = match readiness {
        Readiness::Starting => "this node is starting",
        Readiness::Draining => "this node is about to end",
        Readiness::Ready if !can_serve(&node) && !answers(&node.reader).await => {
            "the registry cannot be reached and this node holds nothing that it could serve"
        }
        Readiness::Ready => {
            return Ok(Json(Liveness {
                status: HealthStatus::Ok,
            }));
        }
    };
    Err(Fault::new(Kind::Unavailable, why).retry_after(Duration::from_secs(1)))
}

/// See how this node is doing
#[utoipa::path(
    get,
    path = "/api/v1/health",
    tag = "operations",
    responses(
        (status = 200, description = "It serves.", body = Health),
        (status = 503, description = "It serves nothing: `status` is `down`.", body = Health),
        Everywhere,
    ),
)]
pub(crate) async fn health(State(node): State<Arc<Node>>) -> Response {
    let state = &node.state;
    let registry = registry(&node).await;
    let freshness = wire::freshness(state.hot_reload.freshness());
    let failing = failing(&node);
    let mods = mods_wire::mods_health(&state.mods.entries(), NAMED);
    // An id without an earlier instance may be none of a bot: a permissive collection keeps configurations for other
    // programs too.
    let holds_back = failing.iter().any(|held| is_degraded(held.state)) || mods.well < mods.wanted;
    let status = overall(registry.state, can_serve(&node), &freshness, holds_back);
    let warnings = warnings(&node, registry.state);
    let health = Health {
        status,
        readiness: *state.readiness.borrow(),
        version: state.info.version.clone(),
        service: "hotbed".to_owned(),
        timestamp: Utc::now(),
        uptime_ms: wire::millis(state.info.started.elapsed()),
        uptime_seconds: state.info.started.elapsed().as_secs_f64(),
        environment: state.info.environment.clone(),
        registry,
        node: state.info.node.to_string(),
        bus: BusHealth {
            location: state.info.bus.clone(),
            mode: state.hot_reload.mode().to_owned(),
        },
        freshness,
        cache: wire::cache(state.bots.stats()),
        failures: Failures {
            total: failing.len() as u64,
            items: failing.iter().take(NAMED).map(wire::instance).collect(),
        },
        mods,
        warnings,
    };
    let code = if status == HealthStatus::Down {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    (code, Json(health)).into_response()
}

fn overall(
    registry: RegistryState,
    can_serve: bool,
    freshness: &Freshness,
    holds_back: bool,
) -> HealthStatus {
    if registry == RegistryState::Unreachable && !can_serve {
        HealthStatus::Down
    } else if freshness.stale {
        HealthStatus::Stale
    } else if registry == RegistryState::Unreachable || holds_back {
        HealthStatus::Degraded
    } else {
        HealthStatus::Ok
    }
}

/// Whether there is something to serve without the registry.
fn can_serve(node: &Node) -> bool {
    node.state.bots.stats().instances > 0 || node.reader.snapshot_len() > 0
}

async fn answers(reader: &Reader) -> bool {
    matches!(
        tokio::time::timeout(PATIENCE, reader.head()).await,
        Ok(Ok(_))
    )
}

async fn registry(node: &Node) -> RegistryHealth {
    let reader = &node.reader;
    let numbers = async {
        let head = reader.head().await?;
        let all = reader.count(&Query::default()).await?;
        let active = reader
            .count(&Query {
                status: Some(Status::Active),
                ..Query::default()
            })
            .await?;
        Ok::<_, hotbed_registry::Error>((head, all, active))
    };
    let asked = match tokio::time::timeout(PATIENCE, numbers).await {
        Ok(asked) => asked.map_err(|error| error.to_string()),
        Err(_) => Err(format!("it did not answer within {} s", PATIENCE.as_secs())),
    };
    let info = &node.state.info;
    let (state, numbers, error) = match asked {
        Ok(numbers) => (RegistryState::Reachable, Some(numbers), None),
        Err(error) => (RegistryState::Unreachable, None, Some(error)),
    };
    RegistryHealth {
        state,
        location: info.registry.clone(),
        admission: wire::admission(info.admission),
        head: numbers.map(|(head, ..)| head.0),
        registrations: numbers.map(|(_, all, _)| all),
        active: numbers.map(|(.., active)| active),
        error,
    }
}

/// The ids whose newest revision could not be built, those first that an earlier instance serves for.
fn failing(node: &Node) -> Vec<Held> {
    let mut failing = node.state.bots.held();
    failing.retain(|held| is_failing(held.state));
    failing.sort_by(|a, b| {
        let order = (!is_degraded(a.state)).cmp(&!is_degraded(b.state));
        order.then_with(|| a.id.cmp(&b.id))
    });
    failing
}

fn warnings(node: &Node, registry: RegistryState) -> Vec<String> {
    let info = &node.state.info;
    let mut warnings = info.warnings.borrow().clone();
    warnings.extend(node.reader.snapshot_warnings());
    if registry == RegistryState::Unreachable {
        warnings.push(format!(
            "the registry {} cannot be reached: this node serves what it has in memory, and {} registrations from its \
             snapshot",
            info.registry,
            node.reader.snapshot_len()
        ));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use HealthStatus::{Degraded, Down, Ok, Stale};
    use RegistryState::{Reachable, Unreachable};

    #[test]
    fn the_word_for_all_is_the_worst_that_applies() {
        let freshness = |stale| Freshness {
            revision: 1,
            head: 1,
            behind_by: 0,
            behind_for_ms: 0,
            confirmed_ago_ms: Some(1),
            stale,
            error: None,
        };
        for (registry, can_serve, stale, holds_back, expected) in [
            (Reachable, false, false, false, Ok),
            (Reachable, true, false, true, Degraded),
            (Unreachable, true, false, false, Degraded),
            (Reachable, true, true, true, Stale),
            (Unreachable, true, true, true, Stale),
            (Unreachable, false, true, false, Down),
        ] {
            let status = overall(registry, can_serve, &freshness(stale), holds_back);
            assert_eq!(status, expected, "{registry:?} {can_serve} {stale}");
        }
    }
}
