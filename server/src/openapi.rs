use hotbed_api as api;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "hotbed",
        description = "A registry of bot configurations, and the bots that are built from them. A change is served \
                       anew at once, with no restart.\n\nWhatever goes wrong is a problem document (RFC 9457), whose \
                       `detail` says what is wrong and what would be right. Every answer carries `X-Request-Id`, and \
                       `X-Hotbed-Revision`: the revision that it was served from.",
    ),
    tags(
        (name = "registrations", description = "Configurations, as they are stored. `/configs` is the name under which clients of the Python config service know `/bots`."),
        (name = "bots", description = "The bots on this node."),
        (name = "mods", description = "Mods: registered for every node, and how they are on this one."),
        (name = "commands", description = "What people type in a chat, and mods answer."),
        (name = "agents", description = "What clients of OpenAgents ask for."),
        (name = "plugins", description = "Mods as clients of AICO know plugins."),
        (name = "changes", description = "The log of everything that changed."),
        (name = "agents", description = "The network of agents, as the clients of OpenAgents speak with it."),
        (name = "operations", description = "For those who run the service."),
    ),
    components(schemas(api::Problem, api::Place, api::Compacted)),
)]
struct Base;

/// The description of the whole API, OpenAPI 3.1: what the routes say of themselves, in its frame.
pub(crate) fn described(routes: OpenApi) -> OpenApi {
    let mut api = Base::openapi().merge_from(routes);
    for (path, item) in &mut api.paths.paths {
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.delete,
        ];
        for operation in operations.into_iter().flatten() {
            // Operations are known by their ids, so the second name of each needs another.
            if path.starts_with("/api/v1/configs")
                && let Some(id) = &mut operation.operation_id
            {
                id.push_str("_config");
            }
        }
    }
    api
}
