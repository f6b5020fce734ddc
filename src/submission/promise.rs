//! The completion of a submission, promised to the connection that waits for it.
//!
//! A connection uses one pair for its whole life: the resolver travels with each submission and comes back with its
//! completion. Resolving returns the waker instead of calling it. So the writer can resolve many promises before the
//! first task runs, and a task that was woken does not find the promise locked.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use super::Completion;

/// The writer is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the writer has stopped")]
pub struct Closed;

/// The waiting end.
pub struct Promise(Arc<Slot>);

/// The writer's end. If it is dropped unresolved, the promise is broken: the writer is gone.
pub struct Resolver(Arc<Slot>);

/// What both ends share.
struct Slot(Mutex<State>);

/// The state of a promise.
enum State {
    /// Not resolved yet. The waker of the task that waits, if one does.
    Pending(Option<Waker>),
    /// Resolved.
    Resolved(Completion),
    /// One end is gone.
    Broken,
}

/// Creates a promise.
pub fn promise() -> (Promise, Resolver) {
    let slot = Arc::new(Slot(Mutex::new(State::Pending(None))));
    (Promise(slot.clone()), Resolver(slot))
}

impl Promise {
    /// Waits for the completion.
    ///
    /// # Errors
    /// The writer is gone.
    pub async fn wait(&self) -> Result<Completion, Closed> {
        poll_fn(|context| self.poll(context)).await
    }

    /// Takes the completion, if it is there.
    pub fn try_take(&self) -> Option<Completion> {
        match self.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => answer.ok(),
            Poll::Pending => None,
        }
    }

    /// Takes the completion if it is there; otherwise the task is woken when it is.
    fn poll(&self, context: &mut Context<'_>) -> Poll<Result<Completion, Closed>> {
        let mut state = self.0.lock();
        match &mut *state {
            State::Pending(Some(waker)) => waker.clone_from(context.waker()),
            State::Pending(none) => *none = Some(context.waker().clone()),
            State::Broken => return Poll::Ready(Err(Closed)),
            State::Resolved(_) => {
                let resolved = std::mem::replace(&mut *state, State::Pending(None));
                drop(state);
                let State::Resolved(completion) = resolved else { unreachable!("it was resolved") };
                return Poll::Ready(Ok(completion));
            }
        }
        Poll::Pending
    }
}

impl Completion {
    /// Resolves the promise of the submission. The caller must call the waker that is returned.
    #[must_use]
    pub fn resolve(self) -> Option<Waker> {
        let slot = self.submission.reply_to.0.clone();
        let resolved = State::Resolved(self);
        let mut state = slot.lock();
        if let State::Pending(waker) = &mut *state {
            let waker = waker.take();
            *state = resolved;
            return waker;
        }
        // The client is gone. Unlock first: dropping the resolver locks the state, too.
        drop(state);
        None
    }
}

impl Slot {
    /// The state, locked.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Breaks the promise; returns the old state, to be dropped after the slot is unlocked.
    fn give_up(&self) -> State {
        std::mem::replace(&mut *self.lock(), State::Broken)
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        drop(self.0.give_up());
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        if let State::Pending(Some(waker)) = self.0.give_up() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use smol::future::block_on;

    use super::*;
    use crate::submission::Submission;

    fn completion(reply_to: Resolver) -> Completion {
        let mut submission = Submission::empty(reply_to);
        submission.out.extend_from_slice(b"+OK\r\n");
        Completion { submission, executed: 1, is_next_long: false, replies_at: 0 }
    }

    #[test]
    fn a_pair_serves_one_submission_after_the_other() {
        let (promise, mut resolver) = promise();
        for _ in 0..3 {
            assert!(promise.try_take().is_none());
            assert!(completion(resolver).resolve().is_some(), "whoever asked is to be woken");
            let answer = block_on(promise.wait()).unwrap();
            assert_eq!(answer.submission.out, b"+OK\r\n");
            resolver = answer.submission.reply_to;
        }
        drop(resolver);
        assert!(block_on(promise.wait()).is_err(), "the writer is gone");
    }

    #[test]
    fn an_answer_for_nobody_is_freed() {
        for resolves_first in [true, false] {
            let (promise, resolver) = promise();
            let slot = Arc::downgrade(&promise.0);
            if resolves_first {
                assert!(completion(resolver).resolve().is_none());
                drop(promise);
            } else {
                drop(promise);
                assert!(completion(resolver).resolve().is_none());
            }
            assert!(slot.upgrade().is_none());
        }
    }
}
