use super::record::{Digesting, Fingerprint};
use super::walk::{Digests, Pair, SideBySide};
use super::{ContentDigest, Extras, MoveError};
use crate::{Id, RegistryBackend};
use std::sync::Arc;

/// How two collections compare.
#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) source: ContentDigest,
    pub(super) target: ContentDigest,
    /// Which ids differ.
    pub(super) different: Vec<Id>,
    /// How many the source holds.
    pub(super) count: u64,
}

/// Compares both sides, all of them; `note` is told of each registration of the source. What only the target has is
/// left out where it is to be kept.
pub(super) async fn compare(
    source: &Arc<dyn RegistryBackend>,
    target: &Arc<dyn RegistryBackend>,
    extras: Extras,
    note: impl Fn(u64) + Send,
) -> Result<Comparison, MoveError> {
    let mut sides = SideBySide::new(source, target, Digests::Needed);
    let (mut ours, mut theirs) = (Digesting::default(), Digesting::default());
    let mut different = Vec::new();
    while let Some(Pair { source, target }) = sides.next().await? {
        if source.is_none() && extras == Extras::Keep {
            continue;
        }
        let [print, other] = [&source, &target].map(|it| it.as_ref().map(Fingerprint::of));
        if let Some(print) = print {
            ours.add(print);
            note(ours.count());
        }
        if let Some(print) = other {
            theirs.add(print);
        }
        if print != other {
            different.extend(source.or(target).map(|it| it.id));
        }
    }
    Ok(Comparison {
        count: ours.count(),
        source: ours.digest(),
        target: theirs.digest(),
        different,
    })
}
