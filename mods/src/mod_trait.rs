use crate::command::{CommandCall, CommandReply};
use crate::context::Context;
use crate::event::{ModEvent, Response};
use crate::health::Health;
use async_trait::async_trait;

/// What a mod may fail with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Something that comes and goes while everything else goes on: the one trait to implement for mods of your own.
///
/// A generation is constructed, initialized and started once, and then asked about events and commands, many at once.
/// Every call has a deadline, after which it is dropped where it waits; panics are caught and count as failures. What
/// began in one generation ends in it, also when a newer one has taken its place.
///
/// No step may wait for a change of the host that takes it: changes are made one after the other, and that would wait for
/// itself until its deadline.
#[async_trait]
pub trait Mod: Send + Sync + 'static {
    /// Takes up what the mod needs. `Ok(false)` says that it does not want to run, and is a failure.
    async fn initialize(&self, _context: &Context) -> Result<bool, BoxError> {
        Ok(true)
    }

    /// Begins the work. Whatever becomes of it, [`stop`](Self::stop) follows.
    async fn start(&self) -> Result<(), BoxError> {
        Ok(())
    }

    /// Looks at an event that one of the manifest's patterns matches. `None` leaves it to the mods behind this one.
    async fn handle(&self, _event: &ModEvent) -> Result<Option<Response>, BoxError> {
        Ok(None)
    }

    /// Does a command that begins with one of the manifest's words. `None` says nothing.
    async fn command(&self, _call: &CommandCall) -> Result<Option<CommandReply>, BoxError> {
        Ok(None)
    }

    /// Says how the mod is. Asked after `start`, and a new generation that is not well then does not take over; and
    /// every now and then.
    async fn health(&self) -> Health {
        Health::healthy()
    }

    /// Ends the work. Called once for each generation whose `initialize` was called, after its last event.
    async fn stop(&self) -> Result<(), BoxError> {
        Ok(())
    }
}
