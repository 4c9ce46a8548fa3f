//! Why a group does not come into service, as far as that can be told before any of it is built.

use crate::birth::Opened;
use crate::book::Retry;
use crate::desired::Desired;
use crate::id::ModId;
use crate::report::Report;
use crate::survey::Wish;

/// One of a group that is to come into service together.
pub(crate) struct Member<'a> {
    pub(crate) desired: &'a Desired,
    pub(crate) opened: Result<Opened, String>,
    /// The circle that it is in, from itself to itself.
    pub(crate) circle: Option<&'a [ModId]>,
}

/// Why one of a group does not come up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) id: ModId,
    pub(crate) message: String,
    pub(crate) blame: Blame,
}

/// Whose fault a failure is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Blame {
    Itself,
    /// Of another; and when it is worth another try.
    Other(Retry),
}

impl Fault {
    pub(crate) fn itself(id: &ModId, message: String) -> Self {
        Self {
            id: id.clone(),
            message,
            blame: Blame::Itself,
        }
    }

    /// What it is to those who were to come into service with it.
    pub(crate) fn for_others(&self) -> String {
        format!(
            "it was to come into service together with `{}`, which failed: {}",
            self.id, self.message
        )
    }
}

/// Those of a group that cannot come up, whatever they do. Of what is in no group, `why_missing` says why it does not serve,
/// if it does not.
pub(crate) fn foreseen(
    group: &[Member<'_>],
    why_missing: impl Fn(&ModId) -> Option<String>,
) -> Vec<Fault> {
    let is_beside = |on: &ModId| group.iter().any(|member| member.desired.id == *on);
    let fault = |member: &Member<'_>| {
        let id = &member.desired.id;
        if let Some(circle) = member.circle {
            let names: Vec<&str> = circle.iter().map(ModId::as_str).collect();
            let message = format!("it depends on itself: {}", names.join(" → "));
            return Some(Fault::itself(id, message));
        }
        match &member.opened {
            Err(message) => Some(Fault::itself(id, message.clone())),
            Ok(opened) => {
                let others = opened.manifest.dependencies.iter();
                let mut missing = others.filter(|on| !is_beside(on)).filter_map(&why_missing);
                Some(Fault {
                    id: id.clone(),
                    message: missing.next()?,
                    blame: Blame::Other(Retry::Always),
                })
            }
        }
    };
    group.iter().filter_map(fault).collect()
}

/// Why what others depend on does not serve; nothing if it does and is to.
pub(crate) fn why_missing(
    on: &ModId,
    wish: &Wish,
    serves: bool,
    so_far: &Report,
) -> Option<String> {
    let why = match wish.desired.get(on) {
        None => "which is not loaded: load it first".to_owned(),
        Some(desired) if !desired.enabled => "which is disabled: enable it first".to_owned(),
        Some(_) if serves => return None,
        Some(_) => match so_far.failed.get(on) {
            Some(error) => format!("which failed: {error}"),
            None => "which does not run".to_owned(),
        },
    };
    Some(format!("it depends on `{on}`, {why}"))
}
