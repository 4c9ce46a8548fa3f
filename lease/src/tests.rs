//! Behaviour through the public API, on real threads; `tests/loom.rs` covers the interleavings these cannot force.

mod model;
mod stress;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvError, TryRecvError};
use std::sync::{Arc, OnceLock};

use crate::{Lease, Lender, Returned, Settled, Straggler};

/// A lender whose values come back on a channel, as to a reaper.
fn lender<T: Send + Sync + 'static>() -> (Lender<T>, Receiver<Returned<T>>) {
    let (sender, returns) = mpsc::channel();
    let lender = Lender::new(move |returned| drop(sender.send(returned)));
    (lender, returns)
}

fn straggler(name: &str, generation: u64, leases: usize) -> Straggler {
    Straggler {
        name: name.into(),
        generation,
        leases,
    }
}

/// Counts its own destruction.
struct Counts(Arc<AtomicUsize>);

impl Drop for Counts {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_value_is_returned_once_after_its_last_lease_ends() {
    let destroyed = Arc::new(AtomicUsize::new(0));
    let (lender, returns) = lender();
    let first = lender.lend("a".into(), 7, Counts(Arc::clone(&destroyed)));
    let second = first.clone();

    drop(first);
    assert_eq!(returns.try_recv().unwrap_err(), TryRecvError::Empty);
    drop(second);

    let returned = returns.try_recv().unwrap();
    assert_eq!((returned.name(), returned.generation()), ("a", 7));
    assert_eq!(
        destroyed.load(Ordering::SeqCst),
        0,
        "destroying is the receiver's part"
    );
    drop(returned);
    assert_eq!(destroyed.load(Ordering::SeqCst), 1);
    assert_eq!(returns.try_recv().unwrap_err(), TryRecvError::Empty);
}

#[test]
fn a_value_is_outstanding_until_its_settled_token_is_dropped() {
    let (lender, returns) = lender();
    assert_eq!(lender.outstanding(), 0);
    let lease = lender.lend("a".into(), 1, ());
    assert_eq!(lender.outstanding(), 1);
    drop(lease);
    let ((), settled) = returns.try_recv().unwrap().into_value();
    assert_eq!(lender.outstanding(), 1);
    drop(settled);
    assert_eq!(lender.outstanding(), 0);
}

#[test]
fn a_returned_value_dropped_whole_is_destroyed_before_it_is_settled() {
    struct Looks(Lender<Looks>, Arc<AtomicUsize>);
    impl Drop for Looks {
        fn drop(&mut self) {
            self.1.store(self.0.outstanding(), Ordering::SeqCst);
        }
    }

    let seen = Arc::new(AtomicUsize::new(usize::MAX));
    let lender = Lender::new(drop);
    drop(lender.lend("a".into(), 1, Looks(lender.clone(), Arc::clone(&seen))));
    assert_eq!(seen.load(Ordering::SeqCst), 1);
    assert_eq!(lender.outstanding(), 0);
}

#[test]
fn stragglers_are_named_in_the_order_they_were_lent_with_their_leases() {
    let (lender, returns) = lender();
    let b = lender.lend("b".into(), 2, ());
    let a = lender.lend("a".into(), 1, ());
    let b_again = lender.lend("b".into(), 3, ());
    let more = [b.clone(), b.clone()];
    drop(a);

    assert_eq!(
        lender.stragglers(),
        [
            straggler("b", 2, 3),
            straggler("a", 1, 0),
            straggler("b", 3, 1)
        ]
    );
    drop((b, b_again, more));
    drop(returns.try_iter().collect::<Vec<_>>());
    assert_eq!(lender.stragglers(), []);
}

#[test]
fn a_lease_gives_its_value_its_name_and_its_generation() {
    let (lender, _returns) = lender();
    let lease = lender.lend("a".into(), 7, String::from("value"));
    assert_eq!(
        (lease.as_str(), lease.name(), lease.generation()),
        ("value", "a", 7)
    );
    assert_eq!(
        format!("{lease:?}"),
        r#"Lease { name: "a", generation: 7, .. }"#
    );
    assert_eq!(format!("{lender:?}"), "Lender { outstanding: 1, .. }");
}

#[test]
fn on_return_may_drop_other_leases_lend_and_ask_who_is_out() {
    struct Holds(Option<Lease<Holds>>);

    // The callback learns of its lender only afterwards, and through a static: owning it would be a cycle.
    static LENDER: OnceLock<Lender<Holds>> = OnceLock::new();
    static RETURNED: AtomicUsize = AtomicUsize::new(0);
    let lender = LENDER.get_or_init(|| {
        Lender::new(|returned: Returned<Holds>| {
            let lender = LENDER.get().unwrap();
            let own = (returned.name().to_owned(), returned.generation());
            let (Holds(inner), settled) = returned.into_value();
            drop(inner);
            let listed = lender
                .stragglers()
                .into_iter()
                .any(|s| (&*s.name, s.generation) == (&*own.0, own.1));
            if listed && RETURNED.fetch_add(1, Ordering::SeqCst) == 0 {
                drop(lender.lend("from the callback".into(), 0, Holds(None)));
            }
            drop(settled);
        })
    });

    let inner = lender.lend("inner".into(), 1, Holds(None));
    drop(lender.lend("outer".into(), 2, Holds(Some(inner))));
    assert_eq!(RETURNED.load(Ordering::SeqCst), 3);
    assert_eq!(lender.outstanding(), 0);
}

#[test]
fn a_panic_in_on_return_ends_there_and_the_value_is_destroyed_and_settled() {
    let destroyed = Arc::new(AtomicUsize::new(0));
    let lender = Lender::new(|returned: Returned<Counts>| {
        assert_ne!(returned.name(), "bad", "this panic is expected");
    });

    drop(lender.lend("bad".into(), 1, Counts(Arc::clone(&destroyed))));
    drop(lender.lend("good".into(), 1, Counts(Arc::clone(&destroyed))));
    assert_eq!(destroyed.load(Ordering::SeqCst), 2);
    assert_eq!(lender.outstanding(), 0);

    // A second panic while this thread unwinds would abort the whole test run.
    let lease = lender.lend("bad".into(), 2, Counts(Arc::clone(&destroyed)));
    std::thread::spawn(move || {
        let _lease = lease;
        panic!("this panic is expected too");
    })
    .join()
    .unwrap_err();
    assert_eq!(destroyed.load(Ordering::SeqCst), 3);
    assert_eq!(lender.outstanding(), 0);
}

#[test]
fn leases_outlive_their_lender_and_the_callback_goes_with_the_last_of_them() {
    let (lender, returns) = lender();
    let lease = lender.lend("a".into(), 1, 5);
    drop(lender);
    assert_eq!(*lease, 5);
    drop(lease);
    let (value, _settled) = returns.try_recv().unwrap().into_value();
    assert_eq!(value, 5);
    assert_eq!(
        returns.recv().unwrap_err(),
        RecvError,
        "nothing can come back any more"
    );
}

#[test]
fn handles_can_be_shared_between_threads() {
    fn shareable<T: Send + Sync + Clone + 'static>() {}
    fn movable<T: Send + 'static>() {}
    shareable::<Lease<String>>();
    shareable::<Lender<String>>();
    movable::<Returned<String>>();
    movable::<Settled>();
    assert_eq!(size_of::<Lease<String>>(), size_of::<Arc<String>>());
}
