//! Changes what is registered of a mod, once it is known to fit.

use super::Inside;
use crate::error::ModsError;
use hotbed_configs::PortableConfig;
use hotbed_mods::{Desired, ModId};
use hotbed_registry::{ChangeNote, Draft, Error, Id, Precondition};
use serde_json::{Map, Value};

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
        let Some(now) = registry.reader().peek(id).await? else {
            return Err(ModsError::NotLoaded {
                name: id.to_string(),
            });
        };
        if !when.holds(Some(now.revision)) {
            return Err(Error::Conflict {
                id: id.clone(),
                expected: when,
                actual: Some(now.revision),
            }
            .into());
        }
        let mut registered = now.config.as_map().clone();
        change(&mut registered);
        let config = super::portable(registered)?;
        if config == now.config {
            return Ok(());
        }
        prove(inside, id, &config).await?;
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

/// Makes sure that a registration says what a mod should be, and that the mod takes its configuration.
pub(super) async fn prove(
    inside: &Inside,
    id: &Id,
    config: &PortableConfig,
) -> Result<(), ModsError> {
    let id = ModId::new(id.as_str())?;
    let desired = read(inside, id, config)?;
    fits(inside, &desired).await
}

/// Makes sure that a mod takes its configuration. One that is not to run is not looked for: it may be missing.
pub(super) async fn fits(inside: &Inside, desired: &Desired) -> Result<(), ModsError> {
    if desired.enabled {
        inside.host.check(desired).await?;
    }
    Ok(())
}

/// What a registration says.
pub(super) fn read(
    inside: &Inside,
    id: ModId,
    config: &PortableConfig,
) -> Result<Desired, ModsError> {
    let environment = inside.follower.environment();
    Desired::from_registration(id, 0, config, &environment).map_err(|invalid| ModsError::Invalid {
        problems: invalid.problems,
    })
}
