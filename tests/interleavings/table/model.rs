//! A writer that changes a table of one page, and readers that pin a version and look at it twice.

#![allow(unsafe_code)]

use super::alloc::Space;
use super::bitmap::Bitmap;
use super::root::{NO_ROOTS, Root, Roots};
use super::versions::{Versions, generation};
use crate::explore;
use crate::sync::UnsafeCell;
use loom::sync::Arc;

/// Pages of the file; the two meta pages are never allocated.
const PAGES: u64 = 8;
/// Pages that are never allocated.
const META_PAGES: u32 = 2;
/// The slot of the one tree.
const SLOT: usize = 3;

/// What all threads share.
struct Shared {
    versions: Versions,
    /// Each page holds the generation that wrote it.
    pages: Vec<UnsafeCell<u64>>,
}

/// The writer's own part, as `TableWriter` has it.
struct Writer {
    shared: Arc<Shared>,
    space: Space,
    roots: Roots,
}

fn table() -> (Arc<Shared>, Writer) {
    let mut live = Bitmap::default();
    live.resize(PAGES);
    (0..META_PAGES).for_each(|page| live.set(page));
    let shared = Arc::new(Shared {
        versions: Versions::new(1, &NO_ROOTS),
        pages: (0..PAGES).map(|_| UnsafeCell::new(0)).collect(),
    });
    let space = Space::new(live, PAGES, 1, PAGES);
    (shared.clone(), Writer { shared, space, roots: NO_ROOTS })
}

impl Writer {
    /// Writes a new version of the tree, and publishes it. Each step is one of `TableWriter`, in the same order.
    fn change(&mut self) {
        let generation = self.space.generation();
        let page = self.space.allocate();
        // SAFETY: that nobody looks at this page is what the model checks.
        self.shared.pages[page as usize].with_mut(|page| unsafe { *page = generation });
        let old = std::mem::replace(&mut self.roots[SLOT], Root { page, generation, count: 1 });
        if !old.is_empty() {
            self.space.free_page(old.page, old.generation);
        }
        self.space.freeze(&self.roots);
        self.space.release(PAGES as usize, |pins| self.shared.versions.pins(pins));
        let group = self.space.oldest_frozen().expect("a generation was frozen");
        self.shared.versions.publish(group.generation, &group.roots);
        self.space.published();
    }
}

impl Shared {
    /// Pins a version, looks at it as often as asked, and unpins it. Returns its generation.
    fn read(&self, looks: usize) -> u64 {
        let (slot, word) = self.versions.pin();
        for _ in 0..looks {
            // SAFETY: the slot holds the word until it is given back below.
            let root = unsafe { self.versions.roots(word) }[SLOT];
            if !root.is_empty() {
                assert_eq!(root.generation, generation(word), "the roots are those of the version");
                // SAFETY: that nobody writes this page is what the model checks.
                let found = self.pages[root.page as usize].with(|page| unsafe { *page });
                assert_eq!(found, root.generation, "the page is that of the version");
            }
        }
        self.versions.unpin(slot, word);
        generation(word)
    }
}

/// Versions are published and pages reused while one reader reads twice.
#[test]
fn a_pinned_version_keeps_its_pages_and_its_roots() {
    let runs = explore("one reader", || {
        let (shared, mut writer) = table();
        (0..3).for_each(|_| writer.change());
        let reader = loom::thread::spawn(move || {
            let first = shared.read(2);
            let second = shared.read(1);
            assert!(first <= second, "versions do not go back");
        });
        (0..4).for_each(|_| writer.change());
        assert!(writer.space.pages() - writer.space.free() < PAGES, "pages are used again");
        reader.join().expect("the reader found all well");
    });
    assert!(runs > 100);
}

/// Two readers use the same slots while versions are published.
#[test]
fn readers_that_meet_keep_their_own_versions() {
    let runs = explore("two readers", || {
        let (shared, mut writer) = table();
        (0..3).for_each(|_| writer.change());
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let shared = shared.clone();
                loom::thread::spawn(move || shared.read(1))
            })
            .collect();
        (0..2).for_each(|_| writer.change());
        for reader in readers {
            reader.join().expect("the reader found all well");
        }
    });
    assert!(runs > 100);
}

/// A reader sees the version that was published before it started, or a newer one.
#[test]
fn a_reader_sees_what_was_published_before_it_came() {
    explore("published before", || {
        let (shared, mut writer) = table();
        let told = Arc::new(loom::sync::atomic::AtomicU64::new(1));
        let seen = told.clone();
        let reader = loom::thread::spawn(move || {
            let told = seen.load(loom::sync::atomic::Ordering::Acquire);
            assert!(shared.read(1) >= told, "a version that was published is seen");
        });
        for _ in 0..3 {
            writer.change();
            told.store(writer.space.generation() - 1, loom::sync::atomic::Ordering::Release);
        }
        reader.join().expect("the reader found all well");
    });
}
