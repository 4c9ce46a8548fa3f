use super::url::{S3Url, Service};
use hotbed_registry::Error;
use object_store::client::{HttpError, HttpErrorKind};
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What went wrong at the store or on the way to it, in words that say what to do. Can be told to many callers.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    kind: Kind,
    reason: String,
    source: Option<Arc<Said>>,
}

#[derive(Debug, Clone)]
enum Kind {
    Unavailable,
    Corrupt { place: String },
}

/// What the store or the system said, without what could be a secret: a store answers a wrong signature with the
/// text that was signed.
#[derive(Debug)]
struct Said(String);

impl Fault {
    pub(super) fn said(reason: String) -> Self {
        Self {
            kind: Kind::Unavailable,
            reason,
            source: None,
        }
    }

    pub(super) fn corrupt(place: String, reason: impl fmt::Display) -> Self {
        Self {
            kind: Kind::Corrupt { place },
            reason: reason.to_string(),
            source: None,
        }
    }

    fn new(reason: String, said: String) -> Self {
        Self {
            source: Some(Arc::new(Said(said))),
            ..Self::said(reason)
        }
    }

    /// There was no answer in time.
    pub(super) fn late(url: &S3Url, patience: Duration) -> Self {
        Self::said(format!(
            "{url} has not answered for {patience:?}: see whether it is overloaded, or the way to it cut"
        ))
    }

    /// It went wrong while the index was being replaced, and nobody could find out what became of it.
    #[must_use]
    pub(super) fn at_commit(self) -> Self {
        let reason = format!(
            "whether it was done is not known, for it went wrong during the commit: read before you try again; {}",
            self.reason
        );
        Self { reason, ..self }
    }

    /// What a caller is told whose operation this ended.
    pub(super) fn during(&self, operation: &'static str) -> Error {
        match &self.kind {
            Kind::Unavailable => Error::Unavailable {
                operation,
                reason: self.reason.clone(),
                source: self
                    .source
                    .as_ref()
                    .map(|source| Box::new(Arc::clone(source)).into()),
            },
            Kind::Corrupt { place } => Error::Corrupt {
                place: place.clone(),
                reason: self.reason.clone(),
            },
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Said {}

/// What an answer that is no success means for who asked.
#[derive(Debug)]
pub(super) enum Trouble {
    /// There is no such object.
    Missing,
    /// It is as the asker knows it.
    Unchanged,
    /// The condition does not hold.
    Lost,
    /// It can be asked again: the request did not arrive, or was not understood, or nobody knows.
    Passing { fault: Fault, arrived: Arrived },
    /// It is refused and will be.
    Refused(Fault),
}

/// Whether the store may have done what it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrived {
    No,
    Perhaps,
}

impl Trouble {
    pub(super) fn of(error: &object_store::Error, url: &S3Url) -> Self {
        use object_store::Error as E;
        let said = error.to_string();
        let code = between(&said, "<Code>", "</Code>").unwrap_or_default();
        match error {
            E::NotModified { .. } => Self::Unchanged,
            E::Precondition { .. } | E::AlreadyExists { .. } => Self::Lost,
            // For the object's absence is what a reader acts upon, and the bucket's is not.
            E::NotFound { .. }
                if ["NoSuchBucket", "ContainerNotFound"]
                    .iter()
                    .any(|it| said.contains(it)) =>
            {
                Self::Refused(Fault::said(format!("{url} has no such bucket: make it")))
            }
            E::NotFound { .. } => Self::Missing,
            E::PermissionDenied { .. } | E::Unauthenticated { .. } => Self::Refused(Fault::new(
                format!(
                    "{url} lets nobody in with these keys, or not do this: check {}, and what they are allowed",
                    match url.service {
                        Service::S3 => "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
                        Service::Google => "GOOGLE_SERVICE_ACCOUNT",
                        Service::Azure =>
                            "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
                    }
                ),
                format!("refused, {code}"),
            )),
            _ => Self::transport(error, url).unwrap_or_else(|| Self::status(&said, code, url)),
        }
    }

    /// What went wrong below HTTP, if it did.
    fn transport(error: &object_store::Error, url: &S3Url) -> Option<Self> {
        let http = causes(error).find_map(|cause| cause.downcast_ref::<HttpError>())?;
        let arrived = match http.kind() {
            HttpErrorKind::Connect => Arrived::No,
            _ => Arrived::Perhaps,
        };
        let words: Vec<_> = causes(http).map(ToString::to_string).collect();
        let fault = Fault::new(
            format!("{url} is not reached: see whether it runs, and whether the way to it is open"),
            words.last().cloned().unwrap_or_default(),
        );
        Some(Self::Passing { fault, arrived })
    }

    fn status(said: &str, code: &str, url: &S3Url) -> Self {
        let status = between(said, "status code: ", " ").and_then(|word| word.parse::<u16>().ok());
        let shown = status.map(|status| format!("status {status} {code}"));
        let fault = Fault::new(
            format!("{url} does not do what it is asked for"),
            shown.unwrap_or_else(|| "no answer that this program understands".into()),
        );
        match status {
            Some(408 | 429 | 500..) => Self::Passing {
                fault,
                arrived: Arrived::Perhaps,
            },
            None if said.contains("redirect") => Self::Refused(Fault::said(format!(
                "{url} sends elsewhere: name the right region and endpoint in the URL"
            ))),
            _ => Self::Refused(fault),
        }
    }

    /// What it is to somebody who knows no better.
    pub(super) fn into_fault(self, url: &S3Url) -> Fault {
        match self {
            Self::Passing { fault, .. } | Self::Refused(fault) => fault,
            Self::Missing | Self::Unchanged | Self::Lost => {
                Fault::said(format!("{url} answers what it was not asked"))
            }
        }
    }
}

fn causes<'e>(
    error: &'e (dyn StdError + 'static),
) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(before)?;
    let (word, _) = rest.split_once(after)?;
    (word.len() < 60).then_some(word)
}
