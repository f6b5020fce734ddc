//! The primitives for sharing memory without a lock, in one module: the tests of interleavings compile the files that
//! use it against a model checker's replacements.

#![allow(unsafe_code)]

pub use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
pub use std::sync::{Mutex, MutexGuard};
pub use std::thread::yield_now;

/// Memory that one thread at a time may change while no other reads it; whoever uses it must argue why that holds.
pub struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

// SAFETY: the cell gives out raw pointers only. Whoever dereferences one has to argue that nobody writes at the same
// time.
unsafe impl<T: Send + Sync> Sync for UnsafeCell<T> {}

impl<T> UnsafeCell<T> {
    /// A cell with the initial value `value`.
    pub fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    /// Calls `look` with a pointer to read through.
    #[inline]
    pub fn with<R>(&self, look: impl FnOnce(*const T) -> R) -> R {
        look(self.0.get())
    }

    /// Calls `change` with a pointer to write through.
    #[inline]
    pub fn with_mut<R>(&self, change: impl FnOnce(*mut T) -> R) -> R {
        change(self.0.get())
    }
}
