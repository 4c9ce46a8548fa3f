//! How the parts of this node are, as the clients of AICO read it.

use super::plugins::plugin;
use super::problems::Everywhere;
use crate::state::Node;
use axum::Json;
use axum::extract::State;
use chrono::Utc;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// See how the mods of this node are, one by one
///
/// `container` is `healthy` if every mod that is to run does, and says that it is well; else `degraded`. The node itself is
/// told of by `/api/v1/health`.
#[utoipa::path(
    get,
    path = "/api/v1/health/detailed",
    operation_id = "detailed_health",
    tag = "plugins",
    responses((status = 200, description = "How each is.", body = Object), Everywhere),
)]
pub(crate) async fn detailed(State(node): State<Arc<Node>>) -> Json<Value> {
    let entries = node.state.mods.entries();
    let services: Map<String, Value> = entries
        .iter()
        .map(|(id, entry)| (id.to_string(), plugin(id, entry)))
        .collect();
    let wanted = services.values().filter(|it| it["enabled"] == true);
    let (mut total, mut healthy) = (0_usize, 0_usize);
    for service in wanted {
        total += 1;
        healthy += usize::from(service["healthy"] == true);
    }
    let container = if healthy == total {
        "healthy"
    } else {
        "degraded"
    };
    let info = &node.state.info;
    Json(json!({
        "status": container,
        "container": container,
        "service": "hotbed",
        "version": info.version,
        "timestamp": Utc::now().to_rfc3339(),
        "uptime_seconds": info.started.elapsed().as_secs_f64(),
        "environment": info.environment,
        "services": services,
        "summary": {"total": total, "healthy": healthy, "unhealthy": total - healthy},
    }))
}
