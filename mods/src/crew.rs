//! Threads that work for one generation and for nobody else.

use crate::id::ModId;
use std::fmt;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// How long a thread waits for more to do before it ends.
#[cfg(not(test))]
const KEEP_ALIVE: Duration = Duration::from_secs(10);
#[cfg(test)]
const KEEP_ALIVE: Duration = Duration::from_millis(5);
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
        let begun = thread.spawn(move || {
            let _alive = alive;
            stand_back();
            let (tasks, next) = channel();
            let hand = Hand { number, tasks };
            serve(&idle, Task { job, hand }, &next);
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
fn serve(idle: &Weak<Mutex<Idle>>, first: Task, next: &Receiver<Task>) {
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
        task = match next.recv_timeout(KEEP_ALIVE) {
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

    const PATIENCE: Duration = Duration::from_mins(1);

    thread_local! {
        /// Dropped with its thread.
        static ALIVE: RefCell<Option<Sender<()>>> = const { RefCell::new(None) };
    }

    /// Does something, and says what came of it.
    struct Ask<T> {
        work: Box<dyn FnMut() -> T + Send>,
        answer: Option<T>,
        to: Sender<T>,
    }

    impl<T: Send> Job for Ask<T> {
        fn work(&mut self) {
            self.answer = Some((self.work)());
        }

        fn tell(self: Box<Self>) {
            self.to.send(self.answer.unwrap()).unwrap();
        }
    }

    fn crew() -> Crew {
        Crew::new(&ModId::new("it").unwrap())
    }

    fn begin<T: Send + 'static>(
        crew: &Crew,
        work: impl FnMut() -> T + Send + 'static,
    ) -> Receiver<T> {
        let (to, answer) = channel();
        let work = Box::new(work);
        crew.hand(Box::new(Ask {
            work,
            answer: None,
            to,
        }))
        .unwrap();
        answer
    }

    fn ask<T: Send + 'static>(crew: &Crew, work: impl FnMut() -> T + Send + 'static) -> T {
        begin(crew, work).recv_timeout(PATIENCE).unwrap()
    }

    fn worker(crew: &Crew) -> ThreadId {
        ask(crew, || thread::current().id())
    }

    /// Caught: a thread that is back on the list only after it has told (it is another thread now and then).
    #[test]
    fn who_worked_last_works_next_and_is_free_when_it_is_heard_of() {
        let crew = crew();
        let mut in_turn = 0;
        for _ in 0..1_000 {
            let first = worker(&crew);
            // Where the system let more time pass than a thread waits, it is another.
            in_turn += usize::from(worker(&crew) == first);
        }
        assert!(in_turn > 900, "{in_turn}");
    }

    /// Caught: one thread for all of a crew.
    #[test]
    fn what_blocks_a_thread_blocks_no_other() {
        let crew = crew();
        let (release, blocked) = channel::<()>();
        let blocked = begin(&crew, move || blocked.recv().is_err());
        for _ in 0..10 {
            ask(&crew, || ());
        }
        drop(release);
        assert!(blocked.recv_timeout(PATIENCE).unwrap());
    }

    /// Caught: a thread that holds the list it is on (it waits for ever for one that can never come).
    #[test]
    fn threads_end_with_their_crew_and_when_nobody_needs_them() {
        let (alive, ended) = channel();
        let note = move || ALIVE.set(Some(alive.clone()));
        let (dropped, kept) = (crew(), crew());
        ask(&dropped, note.clone());
        ask(&kept, note);
        drop(dropped);
        let all_ended = ended.recv_timeout(PATIENCE);
        assert_eq!(all_ended, Err(RecvTimeoutError::Disconnected));
    }

    /// Caught: one that gives up though it was just taken off the list (what it was to do is never done).
    #[test]
    fn what_is_handed_out_while_a_thread_gives_up_is_done() {
        let crew = crew();
        for turn in 0..300_u64 {
            ask(&crew, || ());
            let pause = KEEP_ALIVE + Duration::from_micros(turn * 7 % 200);
            #[expect(clippy::disallowed_methods, reason = "it is in no runtime")]
            thread::sleep(pause.saturating_sub(Duration::from_micros(100)));
        }
    }

    /// Caught: threads without end; one that ended and counts.
    #[test]
    fn a_crew_has_so_many_threads_and_no_more_until_some_have_ended() {
        let crew = crew();
        let (release, blocked) = channel::<()>();
        let blocked = Arc::new(Mutex::new(blocked));
        let mut busy = Vec::new();
        for _ in 0..MOST {
            let blocked = Arc::clone(&blocked);
            busy.push(begin(&crew, move || {
                blocked.lock().unwrap().recv().is_err()
            }));
        }
        let (to, _answer) = channel();
        let one_more = Box::new(Ask {
            work: Box::new(|| true),
            answer: None,
            to,
        });
        let refused = crew.hand(one_more).unwrap_err();
        assert_eq!(refused.to_string(), "256 are at work for it");
        drop(release);
        for busy in busy {
            assert!(busy.recv_timeout(PATIENCE).unwrap());
        }
        ask(&crew, || ());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_system_prefers_all_other_threads() {
        let nice = || rustix::process::getpriority_process(None).unwrap();
        let here = nice();
        assert_eq!(ask(&crew(), nice), (here + 10).min(19));
    }
}
