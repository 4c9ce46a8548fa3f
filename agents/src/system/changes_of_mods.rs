//! What agents with authority change of mods.

use super::ask::{Answer, Ask};
use crate::desk::{DeskError, LoadOrder};
use crate::wire::Reply;
use hotbed_mods::ModPath;
use serde_json::json;

pub(super) async fn load(ask: &mut Ask<'_>) -> Answer {
    let path = change(ask)?;
    let config = ask.object("config")?;
    let failed = |message: String| Reply::refused(format!("Failed to load mod: {message}"));
    let path = ModPath::new(&path).map_err(|error| failed(error.to_string()))?;
    let order = LoadOrder {
        path,
        config,
        by: ask.id().clone(),
    };
    match ask.network.desk().load(order).await {
        Ok(loaded) => Ok(Reply::done(
            format!("Successfully loaded mod: {}", loaded.id),
            json!({"mod_id": loaded.id.as_str(), "mod_path": loaded.path.as_str()}),
        )),
        Err(error @ DeskError::AlreadyLoaded { .. }) => Err(Reply::refused(error.to_string())),
        Err(error) => Err(failed(error.to_string())),
    }
}

pub(super) async fn unload(ask: &mut Ask<'_>) -> Answer {
    let name = change(ask)?;
    match ask.network.desk().unload(&name, ask.id()).await {
        Ok(id) => Ok(Reply::done(
            format!("Successfully unloaded mod: {id}"),
            json!({"mod_id": id.as_str()}),
        )),
        Err(DeskError::NotLoaded { .. }) => Err(not_loaded(&name)),
        Err(error) => Err(Reply::refused(format!("Failed to unload mod: {error}"))),
    }
}

pub(super) async fn reload(ask: &mut Ask<'_>) -> Answer {
    let name = change(ask)?;
    match ask.network.desk().reload(&name, ask.id()).await {
        Ok(loaded) => Ok(Reply::done(
            format!("Successfully reloaded mod: {}", loaded.id),
            json!({"mod_id": loaded.id.as_str(), "mod_path": loaded.path.as_str()}),
        )),
        Err(DeskError::NotLoaded { .. }) => Err(not_loaded(&name)),
        Err(error) => Err(Reply::refused(format!("Failed to reload mod: {error}"))),
    }
}

pub(super) async fn enable(ask: &mut Ask<'_>) -> Answer {
    let name = switch(ask, "enable_mod")?;
    let done = ask.network.desk().enable(&name, ask.id()).await;
    switched(ask, "enable_mod", &name, done)
}

pub(super) async fn disable(ask: &mut Ask<'_>) -> Answer {
    let name = switch(ask, "disable_mod")?;
    let done = ask.network.desk().disable(&name, ask.id()).await;
    switched(ask, "disable_mod", &name, done)
}

/// What an agent with authority wants changed. Who has none is not told what is wrong with the rest.
fn change(ask: &mut Ask<'_>) -> Result<String, Reply> {
    if !ask.has_authority() {
        return Err(Reply::refused(DENIED));
    }
    let path = ask.text("mod_path")?;
    path.ok_or_else(|| Reply::refused("mod_path is required in payload"))
}

const DENIED: &str = "Access denied. Admin group required.";

fn switch(ask: &mut Ask<'_>, command: &str) -> Result<String, Reply> {
    ask.only_for_itself()?;
    if !ask.has_authority() {
        let requesting = ("requesting_agent", json!(ask.id().as_str()));
        return Err(Reply::refused_with(
            DENIED,
            ask.data(command, &[requesting]),
        ));
    }
    let path = ask.text("mod_path")?;
    path.ok_or_else(|| {
        let message = "Missing mod_path parameter";
        Reply::refused_with(message, ask.data(command, &[]))
    })
}

fn switched(ask: &Ask<'_>, command: &str, name: &str, done: Result<(), DeskError>) -> Answer {
    let data = ask.data(command, &[("mod_path", json!(name))]);
    let verb = command.strip_suffix("_mod").unwrap_or(command);
    match done {
        Ok(()) => Ok(Reply::done(
            format!("Mod '{name}' {verb}d successfully"),
            data,
        )),
        Err(DeskError::NotLoaded { .. }) => {
            let message = format!("Mod '{name}' not found in configuration");
            Err(Reply::refused_with(message, data))
        }
        Err(error) => {
            let message = format!("Failed to {verb} mod: {error}");
            Err(Reply::refused_with(message, data))
        }
    }
}

/// Names a mod as clients know it: by its id, also when it was asked for by its path.
fn not_loaded(name: &str) -> Reply {
    let id = ModPath::new(name).ok().and_then(|path| path.to_id().ok());
    let shown = id.map_or_else(|| name.to_owned(), |id| id.to_string());
    Reply::refused(format!("Mod '{shown}' is not loaded"))
}
