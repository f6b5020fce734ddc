//! The pages that only the writer can reach. `pages` explains why the unsafe code is sound.

#![allow(unsafe_code)]

use std::sync::Arc;

use super::{
    map::Region,
    node,
    page::{Body, META_PAGES, set_identity},
    shared::Table,
};
use crate::sync::Ordering;

/// The writer's right to write pages of its own generation, which nobody else can reach.
///
/// It lends one page at a time, so two references to one page cannot meet.
pub(super) struct OwnPages {
    /// The table whose pages they are.
    table: Arc<Table>,
}

impl OwnPages {
    /// The right of the table's one writer.
    pub(super) fn new(table: Arc<Table>) -> OwnPages {
        OwnPages { table }
    }

    /// The table whose pages they are.
    #[inline]
    pub(super) fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// One of the writer's own pages, to be changed.
    #[inline]
    pub(super) fn body_mut(&mut self, page: u64) -> &mut Body {
        assert!(page < self.table.pages.count.load(Ordering::Relaxed) && page >= META_PAGES);
        // SAFETY: the file has the page (asserted). The writer asks for pages of its own generation only: freshly
        // allocated, reachable by no pinned version; and `&mut self` excludes a second reference of the writer's.
        unsafe { self.table.pages.map.body_mut(page) }
    }

    /// One of the writer's own pages, to be read.
    #[inline]
    pub(super) fn body(&self, page: u64) -> &Body {
        assert!(page < self.table.pages.count.load(Ordering::Relaxed) && page >= META_PAGES);
        // SAFETY: as for `body_mut`; `&self` excludes a writing reference of the writer's.
        unsafe { self.table.pages.map.body(page, Region::Writing) }
    }

    /// Copies the content of a node page to one of the writer's own pages and stamps it.
    #[inline]
    pub(super) fn copy_node(&mut self, from: u64, to: u64, generation: u64) {
        let count = self.table.pages.count.load(Ordering::Relaxed);
        assert!(from < count && to < count && from != to && from.min(to) >= META_PAGES);
        // SAFETY: the file has both pages and they differ (asserted). `from` is reachable by the writer's version
        // and so not written; `to` is freshly allocated, reachable by nobody, and `&mut self` is exclusive.
        let (source, target) =
            unsafe { (self.table.pages.map.body(from, Region::Reading), self.table.pages.map.body_mut(to)) };
        node::copy(source, target);
        set_identity(target, to, generation);
    }
}
