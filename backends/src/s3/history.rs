//! The past of a registration: each version names those before it.

use super::core::{AT_ONCE, Core};
use super::fault::Fault;
use super::link::Link;
use futures::FutureExt;
use futures::stream::{self, StreamExt, TryStreamExt};
use hotbed_registry::{Id, Past, Revision};

impl Core {
    /// The writes of an id before a revision, newest first, at most `limit`.
    pub(super) async fn history(
        &self,
        id: &Id,
        before: Option<Revision>,
        limit: usize,
    ) -> Result<Vec<Past>, Fault> {
        self.replica.refresh().await?;
        let mut told = Vec::new();
        let mut links = self.newest(id);
        while told.len() < limit && !links.is_empty() {
            let wanted = links
                .iter()
                .filter(|link| before.is_none_or(|before| link.revision < before))
                .take(limit - told.len());
            // Not from the shelf, which does not know what is forgotten.
            let reads: Vec<_> = wanted.map(|link| self.load(id, link).boxed()).collect();
            let found: Vec<_> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
            let count = found.len();
            // From the first that is forgotten, all are.
            let remembered = found.into_iter().map_while(|version| version);
            let told_before = told.len();
            told.extend(remembered.map(|version| version.past.clone()));
            if told.len() - told_before < count {
                break;
            }
            links = self.before(id, &links).await?;
        }
        Ok(told)
    }

    /// What the write at exactly this revision made of an id.
    pub(super) async fn past(&self, id: &Id, revision: Revision) -> Result<Option<Past>, Fault> {
        self.replica.refresh().await?;
        let mut links = self.newest(id);
        while let Some(link) = links
            .iter()
            .find(|link| link.revision <= revision)
            .or(links.last())
        {
            if link.revision == revision {
                let version = self.load(id, link).await?;
                return Ok(version.map(|version| version.past.clone()));
            }
            if link.revision < revision {
                break;
            }
            links = self.before(id, &links).await?;
        }
        Ok(None)
    }

    fn newest(&self, id: &Id) -> Vec<Link> {
        self.replica
            .read()
            .state
            .newest(id)
            .cloned()
            .into_iter()
            .collect()
    }

    /// The links that follow some: those that the last of them names.
    async fn before(&self, id: &Id, links: &[Link]) -> Result<Vec<Link>, Fault> {
        let Some(last) = links.last() else {
            return Ok(Vec::new());
        };
        let version = self.version(id, last).await?;
        Ok(version.map_or_else(Vec::new, |version| version.earlier.clone()))
    }
}
