use std::pin::pin;

use super::agent::{Agent, AgentArgs};
use crate::error::Error;
use crate::exit::Exit;
use crate::interrupt::Interrupts;
use crate::session::Session;

/// Joins a network, does something there, and leaves it however that ends. A signal ends it before it is done; a second one
/// while it leaves ends it at once.
pub(super) async fn visit(
    args: &AgentArgs,
    session: &mut Session<'_>,
    errand: impl AsyncFnOnce(&Agent, &mut Session<'_>) -> Result<Exit, Error>,
) -> Result<Exit, Error> {
    let request = args.request()?;
    let mut interrupts = Interrupts::listen().map_err(Error::Signals)?;
    let mut join = pin!(Agent::join(session.client.clone(), request));
    let mut is_over = false;
    let agent = loop {
        // Only who knows whether it has joined can leave.
        tokio::select! {
            biased;
            () = interrupts.next() => {
                if is_over {
                    return Ok(Exit::Failed);
                }
                is_over = true;
                session.note("stopping: waiting for the network to answer; a second signal ends at once");
            }
            joined = &mut join => break joined?,
        }
    };
    let outcome = if is_over {
        None
    } else {
        tokio::select! {
            biased;
            () = interrupts.next() => None,
            outcome = errand(&agent, session) => Some(outcome),
        }
    };
    let left = tokio::select! {
        biased;
        () = interrupts.next() => None,
        left = agent.leave() => Some(left),
    };
    match left {
        Some(Ok(())) => {}
        Some(Err(error)) => session.warn(&format!("{} is still in the network: {error}", agent.id)),
        None => session.warn(&format!("{} may still be in the network", agent.id)),
    }
    outcome.unwrap_or_else(|| {
        session.complain("interrupted");
        Ok(Exit::Failed)
    })
}
