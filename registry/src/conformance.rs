//! What every [`RegistryBackend`] must do, as cases that anybody's backend can run.
//!
//! Say how to make an empty collection, and every case becomes a test of its own:
//!
//! ```
//! use hotbed_registry::conformance::Fixture;
//! use hotbed_registry::{MemoryBackend, RegistryBackend, conformance_tests};
//! use std::sync::Arc;
//!
//! /// Handles of one collection in memory.
//! struct InMemory(Arc<MemoryBackend>);
//!
//! #[async_trait::async_trait]
//! impl Fixture for InMemory {
//!     async fn open(&self) -> Arc<dyn RegistryBackend> {
//!         self.0.clone()
//!     }
//! }
//!
//! async fn in_memory() -> InMemory {
//!     InMemory(Arc::new(MemoryBackend::new()))
//! }
//!
//! conformance_tests!(in_memory);
//! ```
//!
//! What needs a runtime of its own kind, or a report of its own, takes the [`cases`] one by one.

mod compaction;
mod concurrency;
mod filters;
mod history;
mod ids;
mod log;
mod model;
mod paging;
mod preconditions;
mod sorting;
mod subject;
mod touching;
mod values;
mod writes;

use crate::RegistryBackend;
use async_trait::async_trait;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// How long one case may take. None takes a second where nothing is wrong.
const DEADLINE: Duration = Duration::from_mins(2);

/// One collection, empty at first, that a case may do with as it likes.
#[async_trait]
pub trait Fixture: Send + Sync + 'static {
    /// A handle on the collection: where the backend has connections, one of its own each time.
    async fn open(&self) -> Arc<dyn RegistryBackend>;

    /// Whether the backend remembers past versions. Where it says that it does not, the cases about them only see
    /// that its operations say so too.
    fn keeps_history(&self) -> History {
        History::Unsupported
    }
}

/// What a backend makes of past versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// It remembers them.
    Kept,
    /// It answers [`Error::Unsupported`](crate::Error::Unsupported).
    Unsupported,
}

/// One demand on a backend.
#[derive(Clone, Copy)]
pub struct Case {
    /// The demand, as a sentence.
    pub name: &'static str,
    run: fn(Arc<dyn Fixture>) -> Running,
}

type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Case {
    /// Holds a fresh fixture to this demand. Wants a multi-threaded runtime, so that concurrent writers are.
    ///
    /// # Panics
    /// When the backend does not meet it.
    pub async fn run(&self, fixture: impl Fixture) {
        let run = (self.run)(Arc::new(fixture));
        let done = tokio::time::timeout(DEADLINE, run).await;
        assert!(
            done.is_ok(),
            "{}: not done within {} s",
            self.name,
            DEADLINE.as_secs()
        );
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Case").field(&self.name).finish()
    }
}

/// Every case, in reading order.
pub fn cases() -> Vec<Case> {
    crate::conformance_list!(table)
}

/// Holds a backend to every case, each on a fixture of its own.
///
/// # Panics
/// At the first case that it does not meet.
pub async fn run_all<F: Fixture>(make: impl AsyncFn() -> F) {
    for case in cases() {
        case.run(make().await).await;
    }
}

/// Holds a backend to one case, by its name, on a runtime made for it: what [`conformance_tests!`] calls.
///
/// [`conformance_tests!`]: crate::conformance_tests
///
/// # Panics
/// When the backend does not meet it, or there is no such case.
pub fn run_one<F: Fixture>(name: &str, make: impl AsyncFn() -> F) {
    let case = cases()
        .into_iter()
        .find(|case| case.name == name)
        .expect("a case of this name");
    runtime().block_on(async { case.run(make().await).await });
}

/// Holds a backend to a naive model, over random sequences of operations; what fails is shrunk to the
/// shortest sequence that fails.
///
/// # Panics
/// When the backend and the model disagree.
pub fn run_model<F: Fixture>(make: impl AsyncFn() -> F) {
    model::run(&runtime(), make);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .expect("the system lets a test have threads")
}

/// Makes a test of each conformance case, under the case's name, and one of the model.
///
/// Takes an `async fn` that makes a fresh [`Fixture`](crate::conformance::Fixture).
#[macro_export]
macro_rules! conformance_tests {
    ($make:expr) => {
        $crate::conformance_list!(tests $make);

        #[test]
        fn any_sequence_of_operations_agrees_with_the_model() {
            $crate::conformance::run_model($make);
        }
    };
}

/// The one list of the cases, from which both [`cases`] and the tests are made.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_list {
    ($form:ident $($make:expr)?) => {
        $crate::conformance_expand! { $form ($($make)?)
            writes {
                an_empty_collection_is_empty,
                a_put_is_read_back_as_it_was_answered,
                a_put_replaces_the_whole_config,
                a_put_without_metadata_keeps_what_is_there,
                a_put_with_metadata_replaces_all_of_it,
                every_status_is_stored,
                the_time_of_creation_stays_and_the_time_of_update_rises,
                times_are_whole_microseconds,
                the_version_counts_the_writes_of_one_id,
                a_recreated_registration_starts_anew,
                revisions_rise_across_ids_and_deletion,
                a_deleted_registration_is_gone,
                deleting_nothing_is_not_found,
                a_write_leaves_other_registrations_alone,
                one_handle_reads_what_another_wrote,
                a_collection_continues_where_it_was_left,
            }
            preconditions {
                absent_creates_what_is_absent,
                absent_refuses_what_is_present,
                present_replaces_what_is_present,
                present_refuses_what_is_absent,
                a_revision_replaces_exactly_that_revision,
                a_revision_refuses_every_other_revision,
                a_revision_refuses_what_is_absent,
                a_revision_does_not_survive_recreation,
                a_delete_at_a_revision_deletes_exactly_that_revision,
                a_delete_at_a_revision_refuses_what_is_absent,
                a_delete_of_what_is_present_refuses_what_is_absent,
                a_delete_of_what_is_absent_deletes_nothing,
                a_refused_write_changes_nothing_and_spends_no_revision,
            }
            log {
                the_log_tells_each_write_once_and_in_order,
                the_log_says_what_happened_to_whom,
                a_change_of_metadata_alone_is_told,
                a_write_that_changes_nothing_is_told_too,
                the_log_carries_the_time_of_the_write,
                the_log_is_read_in_pages,
                a_page_of_the_log_may_be_empty,
                after_the_head_there_is_nothing,
                a_revision_that_never_was_is_not_told_about,
                the_log_of_what_is_deleted_stays,
                heads_say_where_each_registration_stands,
                heads_are_read_in_pages,
            }
            compaction {
                compaction_by_number_keeps_the_newest_entries,
                a_cursor_older_than_the_log_is_told_so,
                compaction_by_age_forgets_what_is_old,
                a_boundless_retention_keeps_everything,
                compaction_leaves_registrations_alone,
                revisions_go_on_after_the_whole_log_is_forgotten,
                revisions_go_on_after_everything_is_gone,
                every_handle_knows_of_a_compaction,
                compaction_may_be_repeated,
                an_empty_log_may_be_compacted,
                a_long_log_is_compacted_whole,
            }
            history {
                the_history_is_told_newest_first,
                what_stands_now_is_the_first_of_its_history,
                the_history_is_read_in_pages,
                a_deletion_is_told_and_what_was_deleted_too,
                a_deletion_keeps_who_and_why,
                the_history_goes_on_after_a_recreation,
                a_past_version_is_exactly_what_was_written,
                of_an_unknown_id_there_is_no_history,
                each_id_has_a_history_of_its_own,
                a_refused_write_has_no_history,
                compaction_keeps_the_newest_writes_of_each_id,
                compaction_never_forgets_what_stands_now,
                compaction_forgets_what_was_replaced_long_ago,
                forgetting_the_log_forgets_no_version,
                a_note_is_not_kept_for_the_next_write,
                the_history_of_concurrent_writers_is_whole,
                creations_and_deletions_at_once_leave_a_whole_history,
                a_long_history_is_told_and_compacted_whole,
            }
            filters {
                a_status_selects_its_registrations,
                texts_are_equal_when_their_bytes_are,
                numbers_are_equal_when_their_values_are,
                extreme_numbers_are_found,
                booleans_are_neither_numbers_nor_texts,
                null_is_not_absence,
                lists_and_objects_are_compared_whole,
                the_order_of_keys_does_not_matter,
                every_key_of_the_filter_must_match,
                a_filter_looks_at_top_level_keys_only,
                hostile_keys_are_only_keys,
                hostile_values_are_only_values,
                a_nul_in_metadata_is_a_character_like_any_other,
                a_filter_joins_status_and_metadata,
                a_count_does_not_mind_order_offset_and_limit,
            }
            sorting {
                without_a_sort_the_order_is_by_id,
                every_field_sorts_both_ways,
                ties_go_by_id,
                the_second_criterion_decides_ties_of_the_first,
                numbers_sort_by_value,
                texts_sort_by_bytes,
                numbers_come_before_texts_and_nothing_comes_last,
                lists_and_objects_sort_as_their_json,
                order_offset_and_limit_apply_in_that_order_after_the_filter,
            }
            paging {
                offset_and_limit_cut_a_listing,
                a_limit_of_zero_lists_nothing,
                beyond_the_end_there_is_nothing,
                a_cursor_continues_after_its_id,
                a_cursor_need_not_exist,
                a_cursor_joins_the_other_filters,
                only_a_full_page_in_id_order_has_a_next_one,
                pages_by_cursor_miss_and_repeat_nothing_while_others_write,
            }
            ids {
                ids_may_be_of_any_script,
                hostile_ids_are_only_ids,
                ids_that_differ_by_case_are_different,
                ids_that_differ_by_normalization_are_different,
                ids_that_look_like_the_same_number_are_different,
                ids_may_be_as_long_as_ids_get,
            }
            values {
                an_empty_config_is_a_config,
                a_large_config_is_stored_whole,
                a_deep_config_is_stored_whole,
                numbers_come_back_exactly,
                texts_come_back_exactly,
                a_nul_in_a_text_comes_back,
                placeholders_are_stored_unresolved,
                large_metadata_is_stored_whole,
            }
            touching {
                a_touch_is_noted,
                a_touch_is_not_a_change,
                a_touch_never_goes_back,
                the_newest_of_one_batch_stands,
                a_touch_of_what_is_absent_creates_nothing,
                a_large_batch_is_noted_whole,
            }
            concurrency {
                many_first_registrations_of_one_id_make_one_chain,
                of_many_creations_exactly_one_wins,
                of_many_deletions_exactly_one_wins,
                conditional_increments_add_up,
                writers_of_different_ids_get_different_revisions,
                a_follower_of_the_log_misses_nothing,
                a_write_is_read_at_once_by_everybody,
                compaction_disturbs_no_writer,
                an_abandoned_write_happens_wholly_or_not_at_all,
            }
        }
    };
}

/// What becomes of the list.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_expand {
    (table () $($module:ident { $($case:ident,)* })*) => {
        vec![$($(Case {
            name: stringify!($case),
            run: |fixture| Box::pin(async move { $module::$case(&*fixture).await }),
        },)*)*]
    };
    (tests ($make:expr) $($module:ident { $($case:ident,)* })*) => {
        $($(#[test]
        fn $case() {
            $crate::conformance::run_one(stringify!($case), $make);
        })*)*
    };
}
