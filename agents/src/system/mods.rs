//! What agents ask about mods.

use super::ask::{Answer, Ask};
use crate::mod_list::{is_in_service, named};
use crate::wire::Reply;
use hotbed_mods::{Manifest, ModStatus};
use serde_json::{Value, json};

pub(super) fn list(ask: &mut Ask<'_>) -> Answer {
    ask.only_for_itself()?;
    let statuses = ask.network.host().statuses();
    let in_service = statuses.iter().filter(|status| is_in_service(status));
    let mods: Vec<Value> = in_service.map(described).collect();
    let data = ask.data("list_mods", &[("mods", json!(mods))]);
    Ok(Reply::done("Mod list retrieved successfully", data))
}

pub(super) fn manifest(ask: &mut Ask<'_>) -> Answer {
    ask.only_for_itself()?;
    let name = ask.required("mod_name")?;
    let statuses = ask.network.host().statuses();
    let status = named(statuses.iter(), &name);
    let manifest = status.and_then(|status| Some((status, status.manifest.as_deref()?)));
    let command = "get_mod_manifest";
    let mod_name = ("mod_name", json!(name));
    let Some((status, manifest)) = manifest else {
        let message = format!("No manifest found for mod {name}");
        return Err(Reply::refused_with(message, ask.data(command, &[mod_name])));
    };
    let entries = [mod_name, ("manifest", written(status, manifest))];
    let message = "Mod manifest retrieved successfully";
    Ok(Reply::done(message, ask.data(command, &entries)))
}

fn described(status: &ModStatus) -> Value {
    let manifest = status.manifest.as_deref().cloned().unwrap_or_default();
    json!({
        "name": status.path.as_str(),
        "description": or(&manifest.description, "No description available"),
        "version": or(&manifest.version, "1.0.0"),
        // Agents that have no part of their own for it can use it all the same.
        "requires_adapter": false,
        "capabilities": manifest.capabilities,
        "implementation": status.path.as_str(),
        "authors": manifest.authors,
        "license": manifest.license,
        // Mods are no classes here.
        "network_mod_class": null,
        "id": status.id.as_str(),
        "state": status.state.as_str(),
        "generation": status.generation,
    })
}

fn written(status: &ModStatus, manifest: &Manifest) -> Value {
    let dependencies = manifest.dependencies.iter();
    let dependencies: Vec<&str> = dependencies.map(hotbed_mods::ModId::as_str).collect();
    let form = manifest.form.as_ref();
    json!({
        "mod_name": or(&manifest.name, status.id.as_str()),
        "version": or(&manifest.version, "1.0.0"),
        "description": manifest.description,
        "capabilities": manifest.capabilities,
        "dependencies": dependencies,
        "authors": manifest.authors,
        "license": manifest.license,
        "agent_adapter_class": null,
        "network_mod_class": null,
        "requires_adapter": false,
        "metadata": {},
        "default_config": {},
        "config_schema": form.map(hotbed_mods::SettingsForm::to_json_schema),
    })
}

fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}
