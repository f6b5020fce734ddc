//! What threads share memory by without a lock, behind one name: the tests of interleavings compile the files that use it
//! against a model checker's stand-ins.

#![allow(unsafe_code)]

pub use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
pub use std::sync::{Mutex, MutexGuard};
pub use std::thread::yield_now;

/// Memory that one thread at a time may change while no other looks; whoever uses it argues why that is so.
pub struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

// SAFETY: the cell gives out raw pointers only. Whoever follows one has to argue that nobody writes meanwhile.
unsafe impl<T: Send + Sync> Sync for UnsafeCell<T> {}

impl<T> UnsafeCell<T> {
    /// Holds `value` at first.
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
