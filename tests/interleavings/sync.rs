//! Replaces `src/sync.rs`.
//!
//! loom supports sequentially consistent fences, but treats sequentially consistent accesses as weaker ones. So each such
//! access is an acquiring or releasing access with a fence here. Compilers do the same for weakly ordered processors, either
//! with a fence after each store or with one before each load. The code must be right with both: both are [tried](FENCES).

pub use loom::cell::UnsafeCell;
pub use loom::sync::atomic::Ordering;
pub use loom::sync::{Mutex, MutexGuard};
pub use loom::thread::yield_now;

use loom::sync::atomic::fence;
use std::cell::Cell;

/// Where a sequentially consistent access has its fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fences {
    /// After each store.
    BehindStores,
    /// Before each load.
    BeforeLoads,
}

thread_local! {
    /// The placement that is tried. All threads of a model run on one thread of the system.
    pub static FENCES: Cell<Fences> = const { Cell::new(Fences::BehindStores) };
}

/// The fence of a sequentially consistent access, at one of its sides.
fn fence_if(ordering: Ordering, side: Fences) {
    if ordering == Ordering::SeqCst && FENCES.get() == side {
        fence(Ordering::SeqCst);
    }
}

fn load_ordering(ordering: Ordering) -> Ordering {
    if ordering == Ordering::SeqCst { Ordering::Acquire } else { ordering }
}

fn store_ordering(ordering: Ordering) -> Ordering {
    if ordering == Ordering::SeqCst { Ordering::Release } else { ordering }
}

fn both_ordering(ordering: Ordering) -> Ordering {
    if ordering == Ordering::SeqCst { Ordering::AcqRel } else { ordering }
}

/// An atomic of one width.
macro_rules! atomic {
    ($name:ident, $inner:ident, $value:ty) => {
        #[derive(Debug, Default)]
        pub struct $name(loom::sync::atomic::$inner);

        #[allow(dead_code, reason = "not every width needs all of them")]
        impl $name {
            pub fn new(value: $value) -> Self {
                Self(loom::sync::atomic::$inner::new(value))
            }

            pub fn load(&self, ordering: Ordering) -> $value {
                fence_if(ordering, Fences::BeforeLoads);
                self.0.load(load_ordering(ordering))
            }

            pub fn store(&self, value: $value, ordering: Ordering) {
                self.0.store(value, store_ordering(ordering));
                fence_if(ordering, Fences::BehindStores);
            }

            fn both(&self, ordering: Ordering, act: impl FnOnce(&Self, Ordering) -> $value) -> $value {
                fence_if(ordering, Fences::BeforeLoads);
                let old = act(self, both_ordering(ordering));
                fence_if(ordering, Fences::BehindStores);
                old
            }

            pub fn swap(&self, value: $value, ordering: Ordering) -> $value {
                self.both(ordering, |this, ordering| this.0.swap(value, ordering))
            }
        }
    };
}

/// What only numbers do.
macro_rules! number {
    ($name:ident, $value:ty) => {
        #[allow(dead_code, reason = "not every width needs all of them")]
        impl $name {
            pub fn fetch_max(&self, value: $value, ordering: Ordering) -> $value {
                self.both(ordering, |this, ordering| this.0.fetch_max(value, ordering))
            }

            pub fn fetch_or(&self, value: $value, ordering: Ordering) -> $value {
                self.both(ordering, |this, ordering| this.0.fetch_or(value, ordering))
            }

            pub fn fetch_and(&self, value: $value, ordering: Ordering) -> $value {
                self.both(ordering, |this, ordering| this.0.fetch_and(value, ordering))
            }

            pub fn compare_exchange(
                &self,
                old: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                fence_if(success, Fences::BeforeLoads);
                let done = self.0.compare_exchange(old, new, both_ordering(success), load_ordering(failure));
                fence_if(success, Fences::BehindStores);
                done
            }
        }
    };
}

atomic!(AtomicBool, AtomicBool, bool);
atomic!(AtomicU8, AtomicU8, u8);
atomic!(AtomicU64, AtomicU64, u64);
atomic!(AtomicUsize, AtomicUsize, usize);
number!(AtomicU8, u8);
number!(AtomicU64, u64);
number!(AtomicUsize, usize);
