//! What every [`EventBus`] must do, as cases that anybody's bus can run.
//!
//! Say how to make a bus, and every case becomes a test of its own:
//!
//! ```
//! use hotbed_events::conformance::Fixture;
//! use hotbed_events::{EventBus, MemoryBus, conformance_tests};
//! use std::sync::Arc;
//!
//! /// One bus in memory.
//! struct InMemory(MemoryBus);
//!
//! #[async_trait::async_trait]
//! impl Fixture for InMemory {
//!     async fn open(&self) -> Arc<dyn EventBus> {
//!         Arc::new(self.0.clone())
//!     }
//! }
//!
//! async fn in_memory() -> InMemory {
//!     InMemory(MemoryBus::new())
//! }
//!
//! conformance_tests!(in_memory);
//! ```
//!
//! A bus that has a server says too how that server is taken away, by [`Outages`], and runs the [`outage_tests!`].
//!
//! [`outage_tests!`]: crate::outage_tests

mod carrying;
mod ear;
mod order;
mod outages;
mod sizes;
mod subscribers;
mod topics;

use crate::EventBus;
use async_trait::async_trait;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// How long one case may take. None takes a second where nothing is wrong, but for those that wait for a server.
const DEADLINE: Duration = Duration::from_mins(2);

/// Buses that hear each other and nobody else.
#[async_trait]
pub trait Fixture: Send + Sync + 'static {
    /// A bus: where there are connections, one with its own, as another process would have.
    async fn open(&self) -> Arc<dyn EventBus>;

    /// How many topics the server listens to for these buses, where it can be asked; patterns need not count.
    async fn listened_to(&self) -> Option<usize> {
        None
    }
}

/// Buses whose server can be taken away from them.
#[async_trait]
pub trait Outages: Fixture {
    /// Makes the server fail them.
    async fn begin(&self, outage: Outage);

    /// Makes everything well again: the server runs, and can be reached.
    async fn end(&self);
}

/// How a server fails those who use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// It is killed, and refuses connections.
    Killed,
    /// It ends in good order, and refuses connections.
    Stopped,
    /// Connections to it are cut. New ones can be made at once.
    Cut,
    /// Whatever is sent to it or comes from it is lost, and connections stay open.
    Silent,
}

/// One demand on a bus.
pub struct Case<F: ?Sized> {
    /// The demand, as a sentence.
    pub name: &'static str,
    run: fn(Arc<F>) -> Running,
}

type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

impl<F: ?Sized> Case<F> {
    /// Holds a fresh fixture to this demand. Wants a multi-threaded runtime, so that publishers at once are.
    ///
    /// # Panics
    /// When the bus does not meet it.
    pub async fn run(&self, fixture: Arc<F>) {
        let done = tokio::time::timeout(DEADLINE, (self.run)(fixture)).await;
        assert!(
            done.is_ok(),
            "{}: not done within {} s",
            self.name,
            DEADLINE.as_secs()
        );
    }
}

impl<F: ?Sized> fmt::Debug for Case<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Case").field(&self.name).finish()
    }
}

/// Every case for every bus, in reading order.
pub fn cases() -> Vec<Case<dyn Fixture>> {
    crate::conformance_list!(table)
}

/// Every case for buses whose server can fail, in reading order.
pub fn outage_cases() -> Vec<Case<dyn Outages>> {
    crate::outage_list!(table)
}

/// Holds a bus to one case, by its name, on a runtime made for it: what [`conformance_tests!`] calls.
///
/// [`conformance_tests!`]: crate::conformance_tests
///
/// # Panics
/// When the bus does not meet it, or there is no such case.
pub fn run_one<F: Fixture>(name: &str, make: impl AsyncFn() -> F) {
    let case = named(cases(), name);
    runtime().block_on(async { case.run(Arc::new(make().await)).await });
}

/// Holds a bus to one case of an outage, by its name, on a runtime made for it: what [`outage_tests!`] calls.
///
/// [`outage_tests!`]: crate::outage_tests
///
/// # Panics
/// When the bus does not meet it, or there is no such case.
pub fn run_one_outage<F: Outages>(name: &str, make: impl AsyncFn() -> F) {
    let case = named(outage_cases(), name);
    runtime().block_on(async { case.run(Arc::new(make().await)).await });
}

fn named<F: ?Sized>(cases: Vec<Case<F>>, name: &str) -> Case<F> {
    let mut cases = cases.into_iter();
    cases
        .find(|case| case.name == name)
        .expect("a case of this name")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .expect("the system lets a test have threads")
}

/// Makes a test of each case for every bus, under the case's name.
///
/// Takes an `async fn` that makes a fresh [`Fixture`](crate::conformance::Fixture).
#[macro_export]
macro_rules! conformance_tests {
    ($make:expr) => {
        $crate::conformance_list!(tests $make);
    };
}

/// Makes a test of each case for buses whose server can fail, under the case's name.
///
/// Takes an `async fn` that makes fresh [`Outages`](crate::conformance::Outages).
#[macro_export]
macro_rules! outage_tests {
    ($make:expr) => {
        $crate::outage_list!(tests $make);
    };
}

/// The one list of the cases for every bus, from which both [`cases`] and the tests are made.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_list {
    ($form:ident $($make:expr)?) => {
        $crate::conformance_expand! { $form run_one ($($make)?)
            carrying {
                a_subscription_begins_with_a_gap,
                everybody_hears_what_anybody_publishes,
                an_event_arrives_as_it_was_published,
                every_kind_arrives,
                texts_of_any_script_arrive,
                nothing_published_is_nothing_heard,
                where_nothing_happens_no_gap_is_told,
            }
            order {
                events_of_one_publisher_are_heard_in_order,
                a_big_batch_is_heard_whole_and_in_order,
                publishers_at_once_are_each_heard_in_order,
            }
            topics {
                a_topic_hears_no_other,
                several_topics_are_heard_through_one_subscription,
                a_pattern_hears_what_it_matches,
                patterns_may_overlap,
                a_fact_told_on_several_topics_is_heard_once,
                facts_on_several_topics_are_each_heard,
                topics_may_be_of_any_script,
                topics_may_be_as_long_as_topics_get,
                hostile_topics_are_only_topics,
            }
            sizes {
                a_large_event_is_carried_whole_or_refused,
                a_refused_event_hinders_none_that_follows,
            }
            subscribers {
                a_slow_subscriber_gets_a_gap_and_delays_nobody,
                many_subscriptions_each_hear_their_own,
                many_subscriptions_of_one_topic_all_hear,
                a_dropped_subscription_takes_nothing_from_the_others,
                dropped_subscriptions_leave_nothing_behind,
                subscribing_again_hears_again,
                subscribing_and_unsubscribing_at_once_loses_nothing,
                an_abandoned_subscription_harms_nobody,
            }
        }
    };
}

/// The one list of the cases for buses whose server can fail.
#[doc(hidden)]
#[macro_export]
macro_rules! outage_list {
    ($form:ident $($make:expr)?) => {
        $crate::conformance_expand! { $form run_one_outage ($($make)?)
            outages {
                a_killed_server_is_told_and_heard_again_when_it_is_back,
                a_stopped_server_is_told_and_heard_again_when_it_is_back,
                a_cut_connection_is_told_and_made_anew,
                a_silent_server_is_told_and_heard_again_when_it_speaks,
                all_that_was_listened_to_is_heard_again,
                a_server_that_fails_again_and_again_is_heard_again_each_time,
                during_an_outage_a_subscription_is_refused_soon,
                during_an_outage_publishing_fails_soon,
                a_subscription_ended_during_an_outage_stays_ended,
                a_bus_made_during_an_outage_works_after_it,
            }
        }
    };
}

/// What becomes of a list.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_expand {
    (table $run:ident () $($module:ident { $($case:ident,)* })*) => {
        vec![$($(Case {
            name: stringify!($case),
            run: |fixture| Box::pin(async move { $module::$case(&*fixture).await }),
        },)*)*]
    };
    (tests $run:ident ($make:expr) $($module:ident { $($case:ident,)* })*) => {
        $($(#[test]
        fn $case() {
            $crate::conformance::$run(stringify!($case), $make);
        })*)*
    };
}
