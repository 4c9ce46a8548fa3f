use std::collections::{BTreeMap, BTreeSet};

use hotbed_api::{InstanceList, ModList, RegistrationList};
use hotbed_deploy::Registered;
use serde::de::DeserializeOwned;

use crate::command::status_word;
use crate::error::Error;
use crate::exit::Exit;
use crate::session::Session;

/// Registrations, or instances, asked for at once.
const PAGE: usize = 500;

/// Every bot that is registered, and what of them the server has in memory.
pub(super) async fn existing(session: &Session<'_>) -> Result<BTreeMap<String, Registered>, Error> {
    let mut existing = BTreeMap::new();
    let mut after = None;
    loop {
        let page: RegistrationList = page("bots", after, session).await?;
        for it in page.items {
            let registered = Registered {
                config: it.config,
                status: status_word(it.status).to_owned(),
                metadata: it.metadata,
                revision: it.revision,
                is_live: false,
            };
            existing.insert(it.id, registered);
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    for id in live(session).await? {
        if let Some(registered) = existing.get_mut(&id) {
            registered.is_live = true;
        }
    }
    Ok(existing)
}

/// Every mod that is registered.
pub(super) async fn existing_mods(
    session: &Session<'_>,
) -> Result<BTreeMap<String, Registered>, Error> {
    let answer = match session.client.send(session.client.get(&["mods"])).await {
        // An older server, which has none.
        Err(error) if error.exit() == Exit::NotFound => return Ok(BTreeMap::new()),
        answer => answer?,
    };
    let mods: ModList = session.client.understand(&answer.body)?;
    // What is not registered any more is on its way out.
    let registered = mods.items.into_iter().filter_map(|it| {
        let registered = Registered {
            config: it.registered?,
            status: status_word(hotbed_api::Status::Active).to_owned(),
            metadata: it.metadata,
            revision: it.revision?,
            is_live: it.generation.is_some(),
        };
        Some((it.id, registered))
    });
    Ok(registered.collect())
}

/// The ids that the server has an instance of.
async fn live(session: &Session<'_>) -> Result<BTreeSet<String>, Error> {
    let mut live = BTreeSet::new();
    let mut after = None;
    loop {
        let page: InstanceList = page("instances", after, session).await?;
        let served = page.items.into_iter().filter(|it| it.revision.is_some());
        live.extend(served.map(|it| it.id));
        after = page.next;
        if after.is_none() {
            return Ok(live);
        }
    }
}

async fn page<T: DeserializeOwned>(
    of: &str,
    after: Option<String>,
    session: &Session<'_>,
) -> Result<T, Error> {
    let mut query = vec![("limit", PAGE.to_string())];
    query.extend(after.map(|after| ("after", after)));
    let request = session.client.get(&[of]).query(&query);
    let answer = session.client.send(request).await?;
    session.client.understand(&answer.body)
}
