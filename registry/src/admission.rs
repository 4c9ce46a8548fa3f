use crate::Id;
use hotbed_configs::PortableConfig;
use std::fmt;

/// How a collection treats configurations that its checks do not accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Admission {
    /// Stored, and the writer is warned: the collection also serves programs that this one knows nothing of.
    #[default]
    Permissive,
    /// Refused.
    Strict,
}

/// Judges a configuration before it is stored. Pure: reads no clock, no network, nothing that may change.
pub trait Check: fmt::Debug + Send + Sync + 'static {
    /// What is wrong with this configuration, if anything.
    fn check(&self, id: &Id, config: &PortableConfig) -> Verdict;
}

/// What a [`Check`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Why no instance can be built from it.
    pub problems: Vec<String>,
    /// What the writer should know although an instance can be built.
    pub warnings: Vec<String>,
}
