use super::fault::Fault;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Mutex;

/// Lets many who want to know the newest share one question, as far as it was asked after they came.
#[derive(Debug)]
pub(super) struct Turns {
    begun: AtomicU64,
    last: Mutex<Turn>,
}

#[derive(Debug)]
struct Turn {
    number: u64,
    outcome: Result<(), Fault>,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self {
            begun: AtomicU64::new(0),
            last: Mutex::new(Turn {
                number: 0,
                outcome: Ok(()),
            }),
        }
    }

    /// Does the work, or waits for somebody who began it after this was called, and takes what came of that.
    pub(super) async fn share(
        &self,
        work: impl Future<Output = Result<(), Fault>>,
    ) -> Result<(), Fault> {
        let before = self.begun.load(Ordering::SeqCst);
        let mut last = self.last.lock().await;
        if last.number > before {
            return last.outcome.clone();
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let outcome = work.await;
        *last = Turn {
            number,
            outcome: outcome.clone(),
        };
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn who_comes_while_a_question_is_under_way_waits_for_the_next_one() {
        let (turns, asked) = (Arc::new(Turns::new()), Arc::new(AtomicU64::new(0)));
        let mut all = tokio::task::JoinSet::new();
        for came in 0..10 {
            let (turns, asked) = (Arc::clone(&turns), Arc::clone(&asked));
            all.spawn(async move {
                tokio::time::sleep(Duration::from_millis(came)).await;
                let before = asked.load(Ordering::SeqCst);
                let work = async {
                    asked.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    Ok(())
                };
                turns.share(work).await.unwrap();
                assert!(asked.load(Ordering::SeqCst) > before);
            });
        }
        all.join_all().await;
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }
}
