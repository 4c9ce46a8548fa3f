//! Every interleaving of a few threads on one lender; how to run it stands in the crate's documentation.
//!
//! Each test names a mutation of the crate that it has been seen to catch.
#![cfg(hotbed_loom)]

use hotbed_lease::{Lender, Returned};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::sync::mpsc::{Receiver, channel};
use loom::thread;

fn lender<T: Send + Sync + 'static>() -> (Lender<T>, Receiver<Returned<T>>) {
    let (sender, returns) = channel();
    let sender = loom::sync::Mutex::new(sender);
    let lender =
        Lender::new(move |returned| drop(sender.lock().expect("no sender panics").send(returned)));
    (lender, returns)
}

/// Mutation: a `Drop for Lease` that returns the value when `Arc::try_unwrap` of its pointer succeeds, in place of
/// `Drop for Shared`. Two leases that end together both fail, and the value is never returned.
#[test]
fn the_value_is_returned_once_and_after_every_use() {
    loom::model(|| {
        let (lender, returns) = lender();
        let lease = lender.lend("a".into(), 1, AtomicUsize::new(0));
        let users = [lease.clone(), lease.clone()].map(|lease| {
            thread::spawn(move || {
                lease.fetch_add(1, Ordering::Relaxed);
            })
        });
        drop(lease);

        // Waits for the return only, never for the users: that they are done is the lease's promise. `with_mut` makes
        // loom fail if any of their uses is not ordered before it.
        let (mut value, settled) = returns.recv().unwrap().into_value();
        assert_eq!(value.with_mut(|uses| *uses), 2);
        drop(settled);
        for user in users {
            user.join().unwrap();
        }
        assert_eq!(lender.outstanding(), 0);
    });
}

/// Mutation: `Drop for Shared` strikes the entry from the ledger before it calls `on_return`. The reaper then finds
/// nothing outstanding while it still holds the value.
#[test]
fn nothing_is_outstanding_exactly_when_the_settled_token_is_dropped() {
    loom::model(|| {
        let (lender, returns) = lender();
        let destroyed = Arc::new(AtomicBool::new(false));

        let lease = lender.lend("a".into(), 1, ());
        let user = thread::spawn({
            let lease = lease.clone();
            move || drop(lease)
        });
        let reaper = thread::spawn({
            let (lender, destroyed) = (lender.clone(), Arc::clone(&destroyed));
            move || {
                let ((), settled) = returns.recv().unwrap().into_value();
                assert_eq!(lender.outstanding(), 1);
                destroyed.store(true, Ordering::Relaxed);
                drop(settled);
                assert_eq!(lender.outstanding(), 0);
            }
        });
        drop(lease);

        // Relaxed is enough: who sees a value settled sees all that was done to destroy it.
        if lender.outstanding() == 0 {
            assert!(destroyed.load(Ordering::Relaxed));
        }
        user.join().unwrap();
        reaper.join().unwrap();
        assert_eq!(lender.outstanding(), 0);
    });
}

/// Mutation: `Ledger::reserve` loads and stores `next_key` in two steps. Two values lent together share a key, one
/// hides the other, and a leased value is missing from the list.
#[test]
fn a_leased_value_is_listed_while_others_are_lent_and_returned() {
    loom::model(|| {
        let destroyed = Arc::new(AtomicUsize::new(0));
        let lender = Lender::new({
            let destroyed = Arc::clone(&destroyed);
            move |returned: Returned<()>| {
                destroyed.fetch_add(1, Ordering::Relaxed);
                drop(returned);
            }
        });
        let use_one = |generation| {
            let lender = lender.clone();
            move || {
                let lease = lender.lend("a".into(), generation, ());
                let listed = lender.stragglers();
                let own = listed
                    .iter()
                    .find(|straggler| straggler.generation == generation);
                assert_eq!(own.map(|own| own.leases), Some(1));
                drop(lease);
                assert!(
                    lender
                        .stragglers()
                        .iter()
                        .all(|straggler| straggler.generation != generation)
                );
            }
        };

        let other = thread::spawn(use_one(1));
        use_one(2)();
        other.join().unwrap();
        assert_eq!(destroyed.load(Ordering::Relaxed), 2);
        assert_eq!(lender.stragglers(), []);
    });
}
