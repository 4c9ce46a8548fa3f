use super::core::Core;
use super::fault::Fault;
use super::link::Link;
use super::remote::SwapFault;
use super::state::{Place, State};
use crate::job::Jobs;
use async_trait::async_trait;
use hotbed_registry::{
    Access, ChangeNote, Changes, CollectionName, Draft, Error, Id, Page, Past, Precondition, Query,
    Registration, RegistryBackend, Retention, Revision, SortField, matches, page,
};
use std::collections::HashMap;
use std::fmt;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// How often a read begins anew because a compaction took away what it was about to read.
const TRIES: usize = 8;

const GET: &str = "read a registration";
const LIST: &str = "list registrations";
const HISTORY: &str = "tell the past of a registration";

/// One collection of a bucket.
pub(super) struct S3Collection {
    core: Arc<Core>,
    name: CollectionName,
    jobs: Jobs,
    closing: CancellationToken,
}

impl S3Collection {
    pub(super) fn new(
        core: Arc<Core>,
        name: CollectionName,
        jobs: Jobs,
        closing: CancellationToken,
    ) -> Self {
        Self {
            core,
            name,
            jobs,
            closing,
        }
    }

    /// Does something unless the store is closed.
    async fn during<T>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Error> {
        if self.closing.is_cancelled() {
            return Err(Fault::said("it is closed".into()).during(operation));
        }
        work.await.map_err(|fault| fault.during(operation))
    }

    /// Looks at the newest state.
    async fn look<T>(
        &self,
        operation: &'static str,
        look: impl FnOnce(&State) -> T,
    ) -> Result<T, Error> {
        self.during(operation, self.core.replica.refresh()).await?;
        Ok(look(&self.core.replica.read().state))
    }

    async fn refresh(&self) -> Result<(), Fault> {
        let (index, accesses) = (self.core.replica.refresh(), self.core.refresh_accesses());
        tokio::try_join!(index, accesses).map(drop)
    }

    async fn find(&self, id: &Id) -> Result<Option<Registration>, Fault> {
        for _ in 0..TRIES {
            self.refresh().await?;
            let found = {
                let copy = self.core.replica.read();
                let entry = copy.state.entries.get(id);
                entry.map(|it| (it.link.clone(), it.registration.clone()))
            };
            let Some((link, brief)) = found else {
                return Ok(None);
            };
            let whole = self.complete(vec![(link, brief)]).await?;
            if let Some(whole) = whole {
                return Ok(whole.into_iter().next());
            }
        }
        Err(self.gone())
    }

    /// The whole of registrations of which the index tells the rest; nothing if one is not there any more.
    async fn complete(
        &self,
        briefs: Vec<(Link, Registration)>,
    ) -> Result<Option<Vec<Registration>>, Fault> {
        let links = briefs
            .iter()
            .map(|(link, brief)| (brief.id.clone(), link.clone()));
        let versions = self.core.versions(links.collect()).await?;
        let whole = briefs
            .into_iter()
            .zip(versions)
            .map(|((_, brief), version)| match &version?.past {
                Past::Written(written) => Some(Registration {
                    last_accessed_at: brief.last_accessed_at,
                    ..Registration::clone(written)
                }),
                Past::Deleted { .. } => None,
            });
        Ok(whole.collect())
    }

    async fn page(&self, query: &Query) -> Result<Page, Fault> {
        for _ in 0..TRIES {
            self.refresh().await?;
            let (briefs, next) = self
                .select(query, |state, elsewhere| {
                    let all = all(state, elsewhere);
                    let Page { items, next } = page(query, all);
                    let briefs = items.into_iter().filter_map(|brief| {
                        let link = state.entries.get(&brief.id)?.link.clone();
                        Some((link, brief))
                    });
                    (briefs.collect::<Vec<_>>(), next)
                })
                .await?;
            if let Some(items) = self.complete(briefs).await? {
                return Ok(Page { items, next });
            }
        }
        Err(self.gone())
    }

    /// Looks at the state together with the metadata that a query asks for and the index does not tell.
    async fn select<T>(
        &self,
        query: &Query,
        look: impl Fn(&State, &HashMap<Link, Registration>) -> T,
    ) -> Result<T, Fault> {
        let sorts = query.sort.iter();
        let asks = !query.metadata.is_empty()
            || sorts
                .map(|it| &it.field)
                .any(|field| matches!(field, SortField::Metadata(_)));
        let by_others = Query {
            metadata: serde_json::Map::new(),
            ..query.clone()
        };
        let mut elsewhere = HashMap::new();
        for _ in 0..TRIES {
            let missing: Vec<_> = {
                let copy = self.core.replica.read();
                let missing: Vec<_> = copy
                    .state
                    .entries
                    .values()
                    .filter(|it| asks && it.metadata == Place::Object)
                    .filter(|it| matches(&by_others, &it.registration))
                    .filter(|it| !elsewhere.contains_key(&it.link))
                    .map(|it| (it.link.clone(), it.registration.clone()))
                    .collect();
                if missing.is_empty() {
                    return Ok(look(&copy.state, &elsewhere));
                }
                missing
            };
            let links: Vec<_> = missing.iter().map(|(link, _)| link.clone()).collect();
            match self.complete(missing).await? {
                Some(found) => elsewhere.extend(links.into_iter().zip(found)),
                None => self.core.replica.refresh().await?,
            }
        }
        Err(self.gone())
    }

    fn gone(&self) -> Fault {
        Fault::said(format!(
            "{} loses versions faster than they can be read: try again, or compact less",
            self.core.remote.url()
        ))
    }
}

/// All registrations, with the metadata that was found elsewhere.
fn all<'s>(
    state: &'s State,
    elsewhere: &'s HashMap<Link, Registration>,
) -> impl Iterator<Item = &'s Registration> {
    state
        .entries
        .values()
        .map(|entry| elsewhere.get(&entry.link).unwrap_or(&entry.registration))
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl RegistryBackend for S3Collection {
    async fn get(&self, id: &Id) -> Result<Option<Registration>, Error> {
        self.during(GET, self.find(id)).await
    }

    async fn put(&self, id: &Id, draft: Draft, when: Precondition) -> Result<Registration, Error> {
        self.jobs.put(&self.name, id, draft, when).await
    }

    async fn delete(
        &self,
        id: &Id,
        when: Precondition,
        note: &ChangeNote,
    ) -> Result<Revision, Error> {
        self.jobs.delete(&self.name, id, when, note).await
    }

    async fn list(&self, query: &Query) -> Result<Page, Error> {
        self.during(LIST, self.page(query)).await
    }

    async fn count(&self, query: &Query) -> Result<u64, Error> {
        let count = async {
            self.core.replica.refresh().await?;
            self.select(query, |state, elsewhere| {
                all(state, elsewhere)
                    .filter(|it| matches(query, it))
                    .count() as u64
            })
            .await
        };
        self.during("count registrations", count).await
    }

    async fn head(&self) -> Result<Revision, Error> {
        self.look("read its revision", |state| state.head).await
    }

    async fn heads(&self, after: Option<&Id>, limit: usize) -> Result<Vec<(Id, Revision)>, Error> {
        let from = after.map_or(Unbounded, Excluded);
        self.look("list its heads", |state| {
            let later = state.entries.range::<Id, _>((from, Unbounded)).take(limit);
            later
                .map(|(id, entry)| (id.clone(), entry.link.revision))
                .collect()
        })
        .await
    }

    async fn changes(&self, after: Revision, limit: usize) -> Result<Changes, Error> {
        self.look("read its log", |state| state.changes(after, limit))
            .await
    }

    async fn touch(&self, accesses: &[Access]) -> Result<(), Error> {
        self.during("note accesses", self.core.touch(accesses))
            .await
    }

    async fn compact(&self, keep: Retention) -> Result<Revision, Error> {
        let compact = async {
            self.core.compact(keep).await.map_err(|fault| match fault {
                // To forget twice is to forget once.
                SwapFault::NotDone(fault) | SwapFault::Unknown(fault) => fault,
            })
        };
        self.during("compact its log", compact).await
    }

    async fn history(
        &self,
        id: &Id,
        before: Option<Revision>,
        limit: usize,
    ) -> Result<Vec<Past>, Error> {
        self.during(HISTORY, self.core.history(id, before, limit))
            .await
    }

    async fn past(&self, id: &Id, revision: Revision) -> Result<Option<Past>, Error> {
        self.during(HISTORY, self.core.past(id, revision)).await
    }
}

impl fmt::Debug for S3Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Collection")
            .field("url", self.core.remote.url())
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
