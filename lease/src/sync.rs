//! What the crate takes from `std::sync`, and the same from loom when loom checks it.

#[cfg(hotbed_loom)]
pub(crate) use self::modelled::*;
#[cfg(not(hotbed_loom))]
pub(crate) use self::real::*;

#[cfg(not(hotbed_loom))]
mod real {
    use std::any::Any;
    use std::sync::Weak;
    pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
    pub(crate) use std::sync::{Arc as Counted, Mutex, MutexGuard};

    /// Counts the handles of a [`Counted`] without being one.
    ///
    /// It cannot become one either: a caller that only lists stragglers must never end up as the last user of a value.
    pub(crate) struct Handles(Weak<dyn Any + Send + Sync>);

    impl Handles {
        pub(crate) fn of<T: Any + Send + Sync>(shared: &Counted<T>) -> Self {
            let weak: Weak<T> = Counted::downgrade(shared);
            Self(weak)
        }

        pub(crate) fn count(&self) -> usize {
            self.0.strong_count()
        }
    }
}

#[cfg(hotbed_loom)]
mod modelled {
    use std::ops::Deref;

    use loom::sync::Arc;
    use loom::sync::atomic::AtomicUsize;
    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};
    pub(crate) use loom::sync::{Mutex, MutexGuard};

    /// Stands in for `std::sync::Arc`: loom's has no `Weak`, so the count that `Weak` would read is kept beside it.
    pub(crate) struct Counted<T> {
        shared: Arc<T>,
        handles: Arc<AtomicUsize>,
    }

    impl<T> Counted<T> {
        pub(crate) fn new(value: T) -> Self {
            Self {
                shared: Arc::new(value),
                handles: Arc::new(AtomicUsize::new(1)),
            }
        }
    }

    impl<T> Clone for Counted<T> {
        fn clone(&self) -> Self {
            self.handles.fetch_add(1, Ordering::Relaxed);
            Self {
                shared: Arc::clone(&self.shared),
                handles: Arc::clone(&self.handles),
            }
        }
    }

    impl<T> Drop for Counted<T> {
        fn drop(&mut self) {
            // Before the value goes, as in `std`: whoever sees the value returned sees no handle.
            self.handles.fetch_sub(1, Ordering::Release);
        }
    }

    impl<T> Deref for Counted<T> {
        type Target = T;

        fn deref(&self) -> &T {
            &self.shared
        }
    }

    pub(crate) struct Handles(Arc<AtomicUsize>);

    impl Handles {
        pub(crate) fn of<T>(shared: &Counted<T>) -> Self {
            Self(Arc::clone(&shared.handles))
        }

        pub(crate) fn count(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }
}
