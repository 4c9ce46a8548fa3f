//! What is asked of mods as they are listed: which one a name means, and which are in service.

use hotbed_mods::{Desired, ModStatus};

/// What has the id and the path of a mod.
pub(crate) trait Named {
    fn id(&self) -> &str;
    fn path(&self) -> &str;
}

/// The mod of exactly this id, or else of exactly this path.
pub(crate) fn named<'a, T: Named>(
    mods: impl Iterator<Item = &'a T> + Clone,
    name: &str,
) -> Option<&'a T> {
    let (mut by_path, mut by_id) = (mods.clone(), mods);
    let found = by_id.find(|one| one.id() == name);
    found.or_else(|| by_path.find(|one| one.path() == name))
}

/// Whether a generation of it takes events now.
pub(crate) fn is_in_service(status: &ModStatus) -> bool {
    status.generation.is_some()
}

impl Named for ModStatus {
    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn path(&self) -> &str {
        self.path.as_str()
    }
}

impl Named for Desired {
    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn path(&self) -> &str {
        self.path.as_str()
    }
}
