//! Threads that swap a shared lease under each other's feet, as readers and reloads do.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::{Lender, Returned};

const THREADS: u64 = 4;
const ROUNDS: u64 = 20_000;

#[test]
fn no_value_is_used_after_its_return_and_every_value_is_returned_once() {
    let returns = Arc::new(AtomicUsize::new(0));
    let lender = Lender::new({
        let returns = Arc::clone(&returns);
        move |returned: Returned<AtomicBool>| {
            let (alive, _settled) = returned.into_value();
            if alive.swap(false, Ordering::SeqCst) {
                returns.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    let current = Mutex::new(lender.lend("stress".into(), 0, AtomicBool::new(true)));

    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (lender, current) = (&lender, &current);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    if (round + thread) % 3 == 0 {
                        let next = lender.lend("stress".into(), round, AtomicBool::new(true));
                        let old = std::mem::replace(&mut *current.lock().unwrap(), next);
                        assert!(old.load(Ordering::SeqCst));
                    } else {
                        let lease = current.lock().unwrap().clone();
                        assert!(lease.load(Ordering::SeqCst));
                    }
                    if round % 1024 == 0 {
                        let leased = lender
                            .stragglers()
                            .iter()
                            .filter(|straggler| straggler.leases > 0)
                            .count();
                        assert!(leased >= 1, "the current one is always out");
                    }
                }
            });
        }
    });
    drop(current);

    let lent = 1
        + (0..THREADS)
            .map(|thread| {
                (0..ROUNDS)
                    .filter(|round| (round + thread) % 3 == 0)
                    .count()
            })
            .sum::<usize>();
    assert_eq!(returns.load(Ordering::SeqCst), lent);
    assert_eq!(lender.outstanding(), 0);
}
