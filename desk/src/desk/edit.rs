//! Changes what is registered of a mod, once it is known to fit.

use super::Inside;
use crate::error::ModsError;
use hotbed_configs::PortableConfig;
use hotbed_mods::{Desired, ModId};
use hotbed_registry::{ChangeNote, Draft, Error, Id, Precondition, Registration};
use serde_json::{Map, Value};

/// The keys of a registration that a mod is built from, and whether it is.
const BUILT_FROM: [&str; 3] = ["path", "config", "enabled"];

/// Writes what `change` makes of a registration. Where nothing was demanded of it, somebody else's write in between is no
/// reason to fail: it is done again on that.
pub(super) async fn edit(
    inside: &Inside,
    id: &Id,
    when: Precondition,
    note: ChangeNote,
    change: impl Fn(&mut Map<String, Value>),
) -> Result<(), ModsError> {
    let registry = inside.registry.noting(note);
    loop {
        let now = hold(inside, id, when).await?;
        let mut registered = now.config.as_map().clone();
        change(&mut registered);
        let config = super::portable(registered)?;
        if config == now.config {
            return Ok(());
        }
        prove(inside, id, Some(&now.config), &config).await?;
        let draft = Draft {
            status: now.status,
            ..Draft::active(config)
        };
        match registry
            .put(id, draft, Precondition::At(now.revision))
            .await
        {
            // Each round that loses is a round that another writer won.
            Err(Error::Conflict { .. }) => {}
            written => return Ok(written.map(drop)?),
        }
    }
}

/// What is registered now, if the precondition holds of it.
pub(super) async fn hold(
    inside: &Inside,
    id: &Id,
    when: Precondition,
) -> Result<Registration, ModsError> {
    let Some(now) = inside.registry.reader().peek(id).await? else {
        return Err(ModsError::NotLoaded {
            name: id.to_string(),
        });
    };
    if when.holds(Some(now.revision)) {
        return Ok(now);
    }
    Err(Error::Conflict {
        id: id.clone(),
        expected: when,
        actual: Some(now.revision),
    }
    .into())
}

/// Makes sure that a registration says what a mod should be, and that the mod takes its configuration. Where it is built
/// from the same as before, it is not looked for: also one that is missing can be bound, or moved among the others.
pub(super) async fn prove(
    inside: &Inside,
    id: &Id,
    before: Option<&PortableConfig>,
    config: &PortableConfig,
) -> Result<(), ModsError> {
    let id = ModId::new(id.as_str())?;
    let desired = read(inside, id, config).await?;
    let is_same = |key: &str| before.is_some_and(|before| before.get(key) == config.get(key));
    if BUILT_FROM.iter().all(|key| is_same(key)) {
        return Ok(());
    }
    fits(inside, &desired).await
}

/// Makes sure that a mod takes its configuration. One that is not to run is not looked for: it may be missing.
pub(super) async fn fits(inside: &Inside, desired: &Desired) -> Result<(), ModsError> {
    if desired.enabled {
        inside.host.check(desired).await?;
    }
    Ok(())
}

/// What a registration says. Aside of the runtime, for it may read files of secrets.
pub(super) async fn read(
    inside: &Inside,
    id: ModId,
    config: &PortableConfig,
) -> Result<Desired, ModsError> {
    let (environment, config) = (inside.follower.environment(), config.clone());
    let read = move || Desired::from_registration(id, 0, &config, &environment);
    let read = tokio::task::spawn_blocking(read).await;
    match read {
        Ok(read) => read.map_err(|invalid| ModsError::Invalid {
            problems: invalid.problems,
        }),
        Err(error) => {
            tracing::error!(%error, "a registration of a mod is not understood");
            Err(ModsError::Failed {
                message: "it cannot be understood: see the log".to_owned(),
            })
        }
    }
}
