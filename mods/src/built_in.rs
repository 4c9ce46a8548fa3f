use crate::loader::{ModLoader, OpenError, Package, Placement};
use crate::manifest::Manifest;
use crate::mod_trait::{BoxError, Mod};
use crate::path::{ModPath, Scheme};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The mods that are compiled in, found by dotted path.
///
/// [`standard`](Self::standard) has those of this crate, each under the paths that OpenAgents knows it by as well.
#[derive(Clone, Default)]
pub struct BuiltIns {
    by_path: BTreeMap<String, Arc<BuiltIn>>,
}

/// One mod that is compiled in.
struct BuiltIn {
    /// The path in whose place the others stand.
    path: String,
    manifest: Manifest,
    placement: Placement,
    construct: Arc<dyn Fn() -> Result<Arc<dyn Mod>, BoxError> + Send + Sync>,
}

impl BuiltIns {
    /// None, to be added to.
    pub fn none() -> Self {
        Self::default()
    }

    /// The mods of this crate.
    pub fn standard() -> Self {
        crate::standard::register(Self::none())
    }

    /// Adds a mod under its path and other paths that mean the same. A path that is taken is taken over.
    #[must_use]
    pub fn with<F>(
        mut self,
        paths: &[&str],
        manifest: Manifest,
        placement: Placement,
        construct: F,
    ) -> Self
    where
        F: Fn() -> Result<Arc<dyn Mod>, BoxError> + Send + Sync + 'static,
    {
        let built_in = Arc::new(BuiltIn {
            path: paths.first().copied().unwrap_or_default().to_owned(),
            manifest,
            placement,
            construct: Arc::new(construct),
        });
        for path in paths {
            self.by_path
                .insert((*path).to_owned(), Arc::clone(&built_in));
        }
        self
    }

    /// The paths, without those that stand for another.
    pub fn paths(&self) -> Vec<&str> {
        let own = self
            .by_path
            .iter()
            .filter(|(path, built_in)| **path == built_in.path);
        own.map(|(path, _)| path.as_str()).collect()
    }

    /// The shortest part of a path under which there is nothing. If there is something under all of it, it is no mod, and
    /// what misses is the `mod` in it: so Python says it, and clients of OpenAgents look for that.
    fn missing(&self, path: &str) -> String {
        let is_there = |part: &str| {
            let under = |known: &String| {
                let rest = known.strip_prefix(part);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            self.by_path.keys().any(under)
        };
        let ends = path.match_indices('.').map(|(at, _)| at);
        let mut parts = ends.chain([path.len()]).map(|end| &path[..end]);
        let missing = parts.find(|part| !is_there(part));
        missing.map_or_else(|| format!("{path}.mod"), str::to_owned)
    }
}

#[async_trait]
impl ModLoader for BuiltIns {
    fn scheme(&self) -> Scheme {
        Scheme::BUILT_IN
    }

    async fn open(&self, path: &ModPath) -> Result<Package, OpenError> {
        let built_in = self
            .by_path
            .get(path.as_str())
            .ok_or_else(|| OpenError::NoModule {
                path: path.clone(),
                module: self.missing(path.as_str()),
                known: self.paths().into_iter().map(str::to_owned).collect(),
            })?;
        let construct = Arc::clone(&built_in.construct);
        Ok(Package::new(
            built_in.manifest.clone(),
            // Changes with the program only.
            format!("{}@{}", built_in.path, built_in.manifest.version),
            built_in.placement,
            move || construct(),
        ))
    }
}

impl fmt::Debug for BuiltIns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_path.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Caught: `openagents.mod` taken for a part of `openagents.mods`.
    #[test]
    fn what_misses_is_named_as_python_names_it() {
        let built_ins = BuiltIns::standard();
        for (path, module) in [
            ("no.such.mod", "no"),
            ("wiki", "wiki"),
            ("openagents.mods.core.nope", "openagents.mods.core.nope"),
            ("openagents.mod", "openagents.mod"),
            ("openagents.mods", "openagents.mods.mod"),
        ] {
            assert_eq!(built_ins.missing(path), module, "{path}");
        }
    }
}
