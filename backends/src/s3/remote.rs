use super::fault::{Arrived, Fault, Trouble};
use super::url::{EtagStyle, S3Url};
use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{GetOptions, ObjectStore, PutMode, PutOptions, PutPayload, UpdateVersion};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How often something is tried that went wrong on the way.
const TRIES: u32 = 3;
/// The least that a way to a store is taken to carry in a second, in bytes.
const RATE: u64 = 1024 * 1024;

/// The bucket, seen from a prefix: whatever is asked of it is answered or given up in time.
#[derive(Debug, Clone)]
pub(super) struct Remote {
    store: Arc<dyn ObjectStore>,
    url: S3Url,
    /// What every key begins with; ends with a slash unless it is empty.
    root: String,
    patience: Duration,
    style: EtagStyle,
}

/// What a conditional read found.
#[derive(Debug)]
pub(super) enum Found {
    Nothing,
    Unchanged,
    Body { body: Bytes, version: UpdateVersion },
}

/// What became of a conditional write.
#[derive(Debug)]
pub(super) enum Swap {
    Done(UpdateVersion),
    /// Something else stands there; which may be what was to be written, if an earlier try arrived unheard.
    Lost(Arrived),
}

/// Why nobody can say that a conditional write was done.
#[derive(Debug)]
pub(super) enum SwapFault {
    /// It was not.
    NotDone(Fault),
    /// It may have been, and may even be done yet.
    Unknown(Fault),
}

impl Remote {
    pub(super) fn new(
        store: Arc<dyn ObjectStore>,
        url: S3Url,
        patience: Duration,
        style: EtagStyle,
    ) -> Self {
        let root = match &*url.prefix {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        Self {
            store,
            url,
            root,
            patience,
            style,
        }
    }

    pub(super) fn url(&self) -> &S3Url {
        &self.url
    }

    /// The same bucket, with ETags in another style.
    pub(super) fn with_style(&self, style: EtagStyle) -> Self {
        Self {
            style,
            ..self.clone()
        }
    }

    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// What lies below a key.
    pub(super) fn below(&self, key: &str) -> Self {
        Self {
            root: format!("{}{key}/", self.root),
            ..self.clone()
        }
    }

    /// Where a key stands, for messages.
    pub(super) fn place(&self, key: &str) -> String {
        format!("{}, {}{key}", self.url, self.root)
    }

    /// Reads an object.
    pub(super) async fn get(&self, key: &str) -> Result<Option<Bytes>, Fault> {
        match self.read(key, None).await? {
            Found::Body { body, .. } => Ok(Some(body)),
            Found::Nothing | Found::Unchanged => Ok(None),
        }
    }

    /// Reads an object unless it is still the version that is known.
    pub(super) async fn read(
        &self,
        key: &str,
        known: Option<&UpdateVersion>,
    ) -> Result<Found, Fault> {
        let path = self.path(key)?;
        let options = GetOptions {
            if_none_match: known.and_then(|known| known.e_tag.clone()),
            ..GetOptions::default()
        };
        let read = || async {
            let get = self.store.get_opts(&path, options.clone());
            let found = self.once(self.patience / 2, get).await?;
            let version = UpdateVersion {
                e_tag: found.meta.e_tag.clone(),
                version: found.meta.version.clone(),
            };
            let time = self.time_for(found.meta.size) / 2;
            let body = self.once(time, found.bytes()).await?;
            Ok(Found::Body { body, version })
        };
        match self.persist(self.patience, read).await {
            Ok(found) => Ok(found),
            Err(Trouble::Missing) => Ok(Found::Nothing),
            Err(Trouble::Unchanged) => Ok(Found::Unchanged),
            Err(other) => Err(other.into_fault(&self.url)),
        }
    }

    /// Writes an object under a key that nothing else is ever written to.
    pub(super) async fn put(&self, key: &str, body: Bytes) -> Result<(), Fault> {
        let path = self.path(key)?;
        let time = self.time_for(body.len() as u64);
        let payload = PutPayload::from(body);
        let put = || async {
            let options = PutOptions::default();
            let put = self.store.put_opts(&path, payload.clone(), options);
            self.once(time / 2, put).await
        };
        match self.persist(time, put).await {
            Ok(_) => Ok(()),
            Err(Trouble::Missing) => Err(Fault::said(format!(
                "{} has no such bucket: make it",
                self.url
            ))),
            Err(other) => Err(other.into_fault(&self.url)),
        }
    }

    /// Replaces an object if it is still the version that is known, or makes it if there is none. What may have
    /// arrived is sent again until it is known to be done or never to be done: the same bytes under the same condition
    /// cannot be done twice, for no version of such an object is ever like an earlier one.
    pub(super) async fn swap(
        &self,
        key: &str,
        body: Bytes,
        known: Option<&UpdateVersion>,
    ) -> Result<Swap, SwapFault> {
        let path = self.path(key).map_err(SwapFault::NotDone)?;
        let time = self.time_for(body.len() as u64);
        let deadline = Instant::now() + time;
        let payload = PutPayload::from(body);
        let options = PutOptions::from(match known {
            Some(known) => PutMode::Update(self.styled(known)),
            None => PutMode::Create,
        });
        let mut arrived = Arrived::No;
        for tries in 1.. {
            let put = self.store.put_opts(&path, payload.clone(), options.clone());
            let fault = match self.once(time / 2, put).await {
                Ok(done) => return Ok(Swap::Done(done.into())),
                Err(Trouble::Lost) => return Ok(Swap::Lost(arrived)),
                Err(Trouble::Passing {
                    fault,
                    arrived: now,
                }) => {
                    if now == Arrived::Perhaps {
                        arrived = now;
                    }
                    fault
                }
                Err(other) => return Err(swap_fault(arrived, other.into_fault(&self.url))),
            };
            let pause = pause(tries);
            let given_up = arrived == Arrived::No && tries >= TRIES;
            if given_up || Instant::now() + pause >= deadline {
                return Err(swap_fault(arrived, fault));
            }
            sleep(pause).await;
        }
        unreachable!("the loop above has no end")
    }

    /// The keys below a key, without it.
    pub(super) async fn list(&self, below: &str) -> Result<Vec<String>, Fault> {
        let path = self.path(below)?;
        let mut listing = self.store.list(Some(&path));
        let mut keys = Vec::new();
        let strip = format!("{path}/");
        loop {
            // The time is for a page of keys, of which most are at hand.
            match timeout(self.patience, listing.next()).await {
                Ok(Some(Ok(object))) => {
                    keys.extend(
                        object
                            .location
                            .as_ref()
                            .strip_prefix(&strip)
                            .map(str::to_owned),
                    );
                }
                Ok(Some(Err(error))) => {
                    return Err(Trouble::of(&error, &self.url).into_fault(&self.url));
                }
                Ok(None) => return Ok(keys),
                Err(_) => return Err(Fault::late(&self.url, self.patience)),
            }
        }
    }

    /// Deletes objects; those that are gone already are none the less gone.
    pub(super) async fn delete(&self, keys: &[String]) -> Result<(), Fault> {
        let paths: Vec<Path> = keys
            .iter()
            .map(|key| self.path(key))
            .collect::<Result<_, _>>()?;
        let mut deleted = self
            .store
            .delete_stream(stream::iter(paths.into_iter().map(Ok)).boxed());
        loop {
            match timeout(self.patience, deleted.try_next()).await {
                Ok(Ok(Some(_)) | Err(object_store::Error::NotFound { .. })) => {}
                Ok(Ok(None)) => return Ok(()),
                Ok(Err(error)) => return Err(Trouble::of(&error, &self.url).into_fault(&self.url)),
                Err(_) => return Err(Fault::late(&self.url, self.patience)),
            }
        }
    }

    fn path(&self, key: &str) -> Result<Path, Fault> {
        Path::parse(format!("{}{key}", self.root))
            .map_err(|error| Fault::corrupt(self.place(key), error))
    }

    fn styled(&self, version: &UpdateVersion) -> UpdateVersion {
        let mut version = version.clone();
        if self.style == EtagStyle::Bare {
            version.e_tag = version.e_tag.map(|it| it.trim_matches('"').to_owned());
        }
        version
    }

    fn time_for(&self, size: u64) -> Duration {
        self.patience + Duration::from_secs(size / RATE)
    }

    /// Tries something that may be done twice, again where that may help.
    async fn persist<T, W>(&self, time: Duration, work: impl Fn() -> W) -> Result<T, Trouble>
    where
        W: Future<Output = Result<T, Trouble>>,
    {
        let deadline = Instant::now() + time;
        for tries in 1.. {
            let outcome = work().await;
            let pause = pause(tries);
            if tries >= TRIES
                || !matches!(outcome, Err(Trouble::Passing { .. }))
                || Instant::now() + pause >= deadline
            {
                return outcome;
            }
            sleep(pause).await;
        }
        unreachable!("the loop above has no end")
    }

    async fn once<T>(
        &self,
        time: Duration,
        work: impl Future<Output = Result<T, object_store::Error>>,
    ) -> Result<T, Trouble> {
        match timeout(time, work).await {
            Ok(done) => done.map_err(|error| Trouble::of(&error, &self.url)),
            Err(_) => Err(Trouble::Passing {
                fault: Fault::late(&self.url, time),
                arrived: Arrived::Perhaps,
            }),
        }
    }
}

fn swap_fault(arrived: Arrived, fault: Fault) -> SwapFault {
    match arrived {
        Arrived::No => SwapFault::NotDone(fault),
        Arrived::Perhaps => SwapFault::Unknown(fault),
    }
}

/// How long to wait after so many tries: 20 ms and twice as long each time, up to a second, with some chance in it.
fn pause(tries: u32) -> Duration {
    let full = Duration::from_millis(20 << tries.min(6)).min(Duration::from_secs(1));
    full.mul_f64(0.5 + rand::random::<f64>() / 2.0)
}
