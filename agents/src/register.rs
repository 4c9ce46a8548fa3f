use crate::admission::NotAdmitted;
use crate::agent_id::InvalidAgentId;
use crate::secret::Secret;
use std::time::Duration;

/// What an agent gets that joined.
#[derive(Debug, Clone)]
pub struct Registered {
    /// By what it proves from now on who it is. It is shown this once.
    pub secret: Secret,
    /// The group that it belongs to.
    pub group: String,
    /// The name of the network.
    pub network_name: String,
    /// The id of the network.
    pub network_id: String,
}

/// Why an agent did not join. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// Its id is none.
    #[error(transparent)]
    InvalidId(#[from] InvalidAgentId),
    /// There is an agent of this id, and whoever asks did not show its secret: unregister it, or wait until it is idle.
    #[error("Agent {id} already registered with network")]
    Taken {
        /// Which.
        id: String,
    },
    /// It was kicked a short time ago.
    #[error("Agent {id} was kicked, and may come back in {} s", wait.as_secs() + 1)]
    Kicked {
        /// Which.
        id: String,
        /// For how long it stays outside.
        wait: Duration,
    },
    /// It has not the password that is needed.
    #[error(transparent)]
    NotAdmitted(#[from] NotAdmitted),
    /// It says too much of itself.
    #[error("metadata is too large: {bytes} bytes, and {limit} are allowed")]
    Metadata {
        /// How much it says.
        bytes: usize,
        /// How much is allowed.
        limit: usize,
    },
    /// The network is full: try again later.
    #[error("there are {limit} agents already, and more are not allowed")]
    Full {
        /// How many there may be.
        limit: usize,
    },
}
