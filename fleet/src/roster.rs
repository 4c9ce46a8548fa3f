use crate::NodeReport;
use async_trait::async_trait;
use std::fmt;
use uuid::Uuid;

/// Keeps the newest report of each node where all nodes see it: a table of the database that they share.
#[async_trait]
pub trait Roster: fmt::Debug + Send + Sync + 'static {
    /// Writes a node's report over its process's last one.
    async fn tell(&self, report: &NodeReport) -> Result<(), RosterError>;

    /// The reports of all nodes, those of dead ones among them until somebody forgets them. One that cannot be read, of
    /// a newer version perhaps, is left out.
    async fn all(&self) -> Result<Vec<NodeReport>, RosterError>;

    /// Removes the report of a process.
    async fn forget(&self, incarnation: Uuid) -> Result<(), RosterError>;
}

/// The roster cannot be reached; trying again later may work.
#[derive(Debug, thiserror::Error)]
#[error("fleet's roster cannot be reached to {operation}")]
pub struct RosterError {
    /// What was attempted.
    pub operation: &'static str,
    /// What the database said.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}
