//! How the mods are, and what is left of those that are gone.

use super::ModHost;
use crate::generation::Generation;
use crate::guard;
use crate::health::Health;
use crate::shared::Shared;
use futures::future::join_all;
use hotbed_lease::Lease;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio_util::sync::CancellationToken;

/// What a host has of its mods at one moment. With no mods and nothing under way all of it is nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Leftovers {
    /// Generations that are not destroyed, each as `id@generation (n calls)`.
    pub generations: Vec<String>,
    /// Tasks that mods run.
    pub mod_tasks: usize,
    /// Events, commands and mutations under way.
    pub jobs: usize,
    /// Calls and tasks on threads of their own, those included whose time is over and that block.
    pub threads: usize,
    /// Services that were taken back and are held all the same, each as `mod/service`.
    pub services: Vec<String>,
}

impl Leftovers {
    /// Whether it is nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn named(self) -> Vec<String> {
        let mut named = self.generations;
        let counts = [
            (self.mod_tasks, "tasks of mods"),
            (self.jobs, "events, commands or changes under way"),
            (self.threads, "calls that block a thread"),
        ];
        named.extend(
            counts
                .into_iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, what)| format!("{count} {what}")),
        );
        named
    }
}

/// Says that a mod is not being asked any more.
struct Asked(Lease<Generation>);

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.asked.store(false, Ordering::Release);
    }
}

impl ModHost {
    /// Asks every mod how it is, all at once, and notes what they say. One that does not answer in time is not well. One
    /// that is being asked already is not asked again: what is noted of it stands until it has answered.
    pub async fn check_health(&self) {
        let table = self.shared.table.now();
        let leases: Vec<Lease<Generation>> =
            table.pipeline().map(|entry| entry.lease.clone()).collect();
        drop(table);
        let asking = leases.into_iter().map(|lease| {
            let shared = Arc::clone(&self.shared);
            async move {
                let (id, number) = (lease.id.clone(), lease.number);
                if let Some(health) = ask(&shared, lease).await {
                    shared.board.note_health(&id, number, health);
                }
            }
        });
        join_all(asking).await;
    }

    /// Looks after the mods until shut down: tries again what failed when its wait is over, and asks now and then how
    /// they are. Run it once.
    pub async fn run(&self, shutdown: CancellationToken) {
        let work = async {
            tokio::join!(self.retry_when_due(), self.ask_now_and_then());
        };
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            () = work => {}
        }
    }

    async fn retry_when_due(&self) {
        let mut due = self.shared.next_retry.subscribe();
        loop {
            let retry_at = *due.borrow_and_update();
            let wait = async {
                match retry_at {
                    Some(retry_at) => tokio::time::sleep_until(retry_at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // An error cannot be: the host is here.
                _ = due.changed() => {}
                () = wait => drop(self.retry().await),
            }
        }
    }

    async fn ask_now_and_then(&self) {
        loop {
            tokio::time::sleep(self.shared.settings.health_interval).await;
            self.check_health().await;
        }
    }

    /// Waits until all generations of a mod that left service are stopped.
    pub async fn retired(&self, id: &str) {
        let mut changed = self.shared.board.watch();
        loop {
            changed.mark_unchanged();
            let status = self.status(id);
            let leaving = status.is_some_and(|status| {
                let in_service = status.generation;
                let mut generations = status.generations.iter();
                generations.any(|(number, _)| in_service.is_none_or(|serving| *number < serving))
            });
            if !leaving || changed.changed().await.is_err() {
                return;
            }
        }
    }

    /// What there is of mods now.
    pub fn leftovers(&self) -> Leftovers {
        let stragglers = self.shared.lender.stragglers();
        Leftovers {
            generations: stragglers
                .into_iter()
                .map(|straggler| {
                    format!(
                        "{}@{} ({} calls)",
                        straggler.name, straggler.generation, straggler.leases
                    )
                })
                .collect(),
            mod_tasks: self.shared.mod_tasks.len(),
            jobs: self.shared.jobs.len(),
            threads: self.shared.threads.len(),
            services: self.shared.held_services(),
        }
    }

    /// Waits until nothing is under way, once nothing new begins.
    pub(super) async fn idle(&self) {
        for tasks in [
            &self.shared.jobs,
            &self.shared.mod_tasks,
            &self.shared.threads,
        ] {
            tasks.close();
            tasks.wait().await;
        }
    }
}

async fn ask(shared: &Shared, lease: Lease<Generation>) -> Option<Health> {
    if lease.asked.swap(true, Ordering::AcqRel) {
        return None;
    }
    let workplace = lease.workplace.clone();
    let asked = Asked(lease);
    let ask = async move { asked.0.instance.health().await };
    let answer = guard::run(&workplace, shared.settings.health_deadline, ask).await;
    Some(answer.unwrap_or_else(|mishap| Health::unhealthy(format!("asked how it is, it {mishap}"))))
}
