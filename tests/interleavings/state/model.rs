//! A writer that publishes only when somebody reads, and clients that read after a reply.

use super::publication::Publication;
use crate::explore;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};

/// Groups that the writer acknowledges.
const GROUPS: u64 = 2;

/// What all threads share.
#[derive(Default)]
struct Shared {
    publication: Publication,
    /// The last group that readers see.
    published: AtomicU64,
    /// The last group that was acknowledged, as clients know it.
    acknowledged: AtomicU64,
}

impl Shared {
    /// The writer's part, in the order of `Writer::launch` and `Writer::land`.
    fn write(&self) {
        for group in 1..=GROUPS {
            if self.publication.take_wanted() {
                self.published.store(group, Ordering::Release);
                self.publication.set_behind(false);
            } else {
                self.publication.set_behind(true);
            }
            self.acknowledged.store(group, Ordering::Release);
        }
    }

    /// A client that knows of a reply reads. Returns whether it needs to wait for the writer.
    fn read(&self) -> bool {
        let known = self.acknowledged.load(Ordering::Acquire);
        if !self.publication.ask() {
            return true;
        }
        let seen = self.published.load(Ordering::Acquire);
        assert!(seen >= known, "group {known} was acknowledged, and a read sees {seen} only");
        false
    }
}

/// A read that need not wait sees all that was acknowledged before it.
#[test]
fn a_read_sees_every_acknowledged_write_or_waits() {
    let runs = explore("lazy publication", || {
        let shared = Arc::new(Shared::default());
        let (one, other) = (shared.clone(), shared.clone());
        let readers =
            [loom::thread::spawn(move || one.read() & one.read()), loom::thread::spawn(move || other.read())];
        shared.write();
        for reader in readers {
            reader.join().expect("the client saw what it should");
        }
    });
    assert!(runs > 100);
}

/// After a reader has asked, the next group is published, and no reader has to wait.
#[test]
fn whoever_asked_is_served_by_the_next_group() {
    explore("asked once", || {
        let shared = Arc::new(Shared::default());
        let reader = {
            let shared = shared.clone();
            loom::thread::spawn(move || shared.read())
        };
        shared.write();
        let waits = reader.join().expect("the client saw what it should");
        // A waiting reader asks the writer, which publishes even if the flag came too late for its last group.
        if waits && shared.publication.take_wanted() {
            shared.published.store(GROUPS, Ordering::Release);
            shared.publication.set_behind(false);
        }
        if waits {
            assert!(shared.published.load(Ordering::Acquire) > 0, "who waits is noticed");
        }
    });
}
