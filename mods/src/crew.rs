//! Threads that work for one generation and for nobody else.

use crate::id::ModId;
use std::fmt;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// How long a thread waits for more to do before it ends.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// The most threads of one generation: more than it can use well, and fewer than what a system has for a process.
const MOST: usize = 256;

/// Something to be done on a thread, which may block it for as long as it likes.
pub(crate) trait Job: Send {
    /// Does it. Must not panic.
    fn work(&mut self);

    /// Says that it is done. Whoever hears of it finds the thread free again.
    fn tell(self: Box<Self>);
}

/// Threads that begin when they are needed and end when they are not, or when the last handle to the crew is dropped; those
/// that work end after what they do.
///
/// Nobody else works on them, and they take no place in a pool that others need, such as that of the runtime: whatever a mod
/// blocks, files are read still. On Linux the system prefers all other threads of the process to them, so that a mod that
/// computes without end keeps nobody from being served. Who worked last works next, for that thread is warm still.
#[derive(Clone)]
pub(crate) struct Crew {
    name: Arc<str>,
    keep_alive: Duration,
    idle: Arc<Mutex<Idle>>,
}

#[derive(Default)]
struct Idle {
    /// The one that worked last comes last.
    hands: Vec<Hand>,
    /// How many threads were begun.
    begun: u64,
    /// How many have not ended.
    alive: usize,
}

/// A thread that waits.
struct Hand {
    number: u64,
    tasks: Sender<Task>,
}

/// What a thread is to do, and how it is told of the next.
struct Task {
    job: Box<dyn Job>,
    hand: Hand,
}

impl Crew {
    pub(crate) fn new(id: &ModId) -> Self {
        Self {
            name: format!("mod {id}").into(),
            keep_alive: KEEP_ALIVE,
            idle: Arc::default(),
        }
    }

    /// Has a thread do something: one that waits, or a new one. Fails where too many are at work, or the system has no more.
    pub(crate) fn hand(&self, job: Box<dyn Job>) -> io::Result<()> {
        let (hand, number) = {
            let mut idle = lock(&self.idle);
            let hand = idle.hands.pop();
            if hand.is_none() {
                if idle.alive == MOST {
                    return Err(io::Error::other(format!("{MOST} are at work for it")));
                }
                idle.begun += 1;
                idle.alive += 1;
            }
            (hand, idle.begun)
        };
        match hand {
            Some(hand) => {
                let tasks = hand.tasks.clone();
                // It waits for this: who gives up takes itself off the list first.
                let sent = tasks.send(Task { job, hand });
                sent.map_err(|_| io::Error::other("the one that waited has ended"))
            }
            None => self.begin(number, job),
        }
    }

    fn begin(&self, number: u64, job: Box<dyn Job>) -> io::Result<()> {
        let idle = Arc::downgrade(&self.idle);
        let thread = std::thread::Builder::new().name(self.name.to_string());
        // It ends by itself. What it works on is counted by whoever asked for it.
        let alive = Alive(idle.clone());
        let keep_alive = self.keep_alive;
        let begun = thread.spawn(move || {
            let _alive = alive;
            stand_back();
            let (tasks, next) = channel();
            let hand = Hand { number, tasks };
            serve(&idle, keep_alive, Task { job, hand }, &next);
        });
        begun.map(drop)
    }
}

/// Counts one thread.
struct Alive(Weak<Mutex<Idle>>);

impl Drop for Alive {
    fn drop(&mut self) {
        if let Some(idle) = self.0.upgrade() {
            lock(&idle).alive -= 1;
        }
    }
}

/// What a thread does all its life.
fn serve(idle: &Weak<Mutex<Idle>>, keep_alive: Duration, first: Task, next: &Receiver<Task>) {
    let mut task = first;
    loop {
        let Task { mut job, hand } = task;
        job.work();
        let number = hand.number;
        let is_wanted = idle.upgrade().map(|idle| lock(&idle).hands.push(hand));
        job.tell();
        if is_wanted.is_none() {
            return;
        }
        task = match next.recv_timeout(keep_alive) {
            Ok(task) => task,
            // With the crew its list is gone, and with that the only way to tell this thread of anything.
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) if leave(idle, number) => return,
            // It was taken off the list this moment, for something that is on its way.
            Err(RecvTimeoutError::Timeout) => match next.recv() {
                Ok(task) => task,
                Err(_) => return,
            },
        };
    }
}

/// Takes a thread off the list of those that wait. Answers whether it was there, or there is no list any more.
fn leave(idle: &Weak<Mutex<Idle>>, number: u64) -> bool {
    let Some(idle) = idle.upgrade() else {
        return true;
    };
    let mut idle = lock(&idle);
    let before = idle.hands.len();
    idle.hands.retain(|hand| hand.number != number);
    idle.hands.len() < before
}

/// Makes this thread nicer than the one that began it, by ten steps of the nineteen: `man 7 sched`.
#[cfg(target_os = "linux")]
fn stand_back() {
    use rustix::process::{getpriority_process, setpriority_process};
    let nicer = getpriority_process(None).map(|now| (now + 10).min(19));
    if let Err(error) = nicer.and_then(|nicer| setpriority_process(None, nicer)) {
        tracing::debug!(%error, "a thread of a mod is as important as all others");
    }
}

#[cfg(not(target_os = "linux"))]
fn stand_back() {}

fn lock(idle: &Mutex<Idle>) -> MutexGuard<'_, Idle> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Crew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crew")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::thread::{self, ThreadId};

    const PATIENCE: Duration = Duration::from_secs(20);
    const LONG: Duration = Duration::from_hours(1);
    const SHORT: Duration = Duration::from_millis(5);

    thread_local! {
        /// Dropped with its thread.
        static ALIVE: RefCell<Option<Sender<()>>> = const { RefCell::new(None) };
    }

    /// Does something, and says what came of it and how many threads of its crew waited then.
    struct Ask<T> {
        work: Box<dyn FnMut() -> T + Send>,
        answer: Option<T>,
        crew: Weak<Mutex<Idle>>,
        to: Sender<(T, usize)>,
    }

    impl<T: Send> Job for Ask<T> {
        fn work(&mut self) {
            self.answer = Some((self.work)());
        }

        fn tell(self: Box<Self>) {
            let idle = self.crew.upgrade();
            let waiting = idle.map_or(0, |idle| lock(&idle).hands.len());
            self.to.send((self.answer.unwrap(), waiting)).unwrap();
        }
    }

    fn crew(keep_alive: Duration) -> Crew {
        Crew {
            keep_alive,
            ..Crew::new(&ModId::new("it").unwrap())
        }
    }

    fn try_to_begin<T: Send + 'static>(
        crew: &Crew,
        work: impl FnMut() -> T + Send + 'static,
    ) -> io::Result<Receiver<(T, usize)>> {
        let (to, answer) = channel();
        crew.hand(Box::new(Ask {
            work: Box::new(work),
            answer: None,
            crew: Arc::downgrade(&crew.idle),
            to,
        }))?;
        Ok(answer)
    }

    fn begin<T: Send + 'static>(
        crew: &Crew,
        work: impl FnMut() -> T + Send + 'static,
    ) -> Receiver<(T, usize)> {
        try_to_begin(crew, work).unwrap()
    }

    fn ask<T: Send + 'static>(crew: &Crew, work: impl FnMut() -> T + Send + 'static) -> T {
        begin(crew, work).recv_timeout(PATIENCE).unwrap().0
    }

    /// A thread that is at work until the sender is dropped.
    fn busy(crew: &Crew) -> (Sender<()>, Receiver<(ThreadId, usize)>) {
        let (release, blocked) = channel::<()>();
        let working = begin(crew, move || {
            blocked.recv().unwrap_err();
            thread::current().id()
        });
        (release, working)
    }

    /// Caught: a thread that is back on the list only after it has told.
    #[test]
    fn whoever_hears_that_something_is_done_finds_the_thread_free() {
        let crew = crew(LONG);
        let ((), waiting) = begin(&crew, || ()).recv_timeout(PATIENCE).unwrap();
        assert_eq!(waiting, 1);
    }

    /// Caught: who has waited longest works next.
    #[test]
    fn who_worked_last_works_next() {
        let crew = crew(LONG);
        let both = [busy(&crew), busy(&crew)];
        for (release, working) in both {
            drop(release);
            let (last, _) = working.recv_timeout(PATIENCE).unwrap();
            assert_eq!(ask(&crew, || thread::current().id()), last);
        }
    }

    /// Caught: one thread for all of a crew.
    #[test]
    fn what_blocks_a_thread_blocks_no_other() {
        let crew = crew(LONG);
        let (release, working) = busy(&crew);
        for _ in 0..10 {
            ask(&crew, || ());
        }
        drop(release);
        working.recv_timeout(PATIENCE).unwrap();
    }

    /// Caught: a thread that keeps the list it is on (with its crew gone it waits for what can never come); one that waits
    /// for ever.
    #[test]
    fn threads_end_with_their_crew_and_when_nobody_needs_them() {
        for (keep_alive, is_kept) in [(LONG, false), (SHORT, true)] {
            let (alive, ended) = channel();
            let crew = crew(keep_alive);
            ask(&crew, move || ALIVE.set(Some(alive.clone())));
            let kept = is_kept.then_some(crew);
            let all_ended = ended.recv_timeout(PATIENCE);
            assert_eq!(all_ended, Err(RecvTimeoutError::Disconnected));
            drop(kept);
        }
    }

    /// Caught: one that gives up though it was just taken off the list (what it was to do is never done).
    #[test]
    fn what_is_handed_out_while_a_thread_gives_up_is_done() {
        // It gives up at once, and at once it is handed more.
        let crew = crew(Duration::ZERO);
        for _ in 0..5_000 {
            ask(&crew, || ());
        }
    }

    /// Caught: threads without end; one that ended and counts.
    #[test]
    fn a_crew_has_so_many_threads_and_no_more_until_some_have_ended() {
        let crew = crew(SHORT);
        let all: Vec<_> = (0..MOST).map(|_| busy(&crew)).collect();
        let refused = try_to_begin(&crew, || ()).unwrap_err();
        assert_eq!(refused.to_string(), "256 are at work for it");
        for (release, working) in all {
            drop(release);
            working.recv_timeout(PATIENCE).unwrap();
        }
        let alive = || lock(&crew.idle).alive;
        for _ in 0..4_000 {
            if alive() == 0 {
                break;
            }
            #[expect(clippy::disallowed_methods, reason = "it is in no runtime")]
            thread::sleep(SHORT);
        }
        assert_eq!(alive(), 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_system_prefers_all_other_threads() {
        let nice = || rustix::process::getpriority_process(None).unwrap();
        let here = nice();
        assert_eq!(ask(&crew(LONG), nice), (here + 10).min(19));
    }
}
