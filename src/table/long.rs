//! Keys that are too long for a page: their first `STEM_BYTES` bytes are a *stem*. The stem's cell holds the root of a
//! tree that is keyed by the bytes that follow, and so on.
//!
//! All keys of that length or longer are stored like this, so byte order is kept, and a stem never meets a key of its
//! own length. Recursion is bounded by `KEY_BYTES_MAX / STEM_BYTES`. The space for a whole change is reserved before
//! its first step, so that no step can fail for lack of space.

use super::{
    descend,
    error::TableError,
    node::{Payload, STEM_BYTES},
    path::Path,
    root::{CellRoots, Root},
    writer::{Need, TableWriter},
};

impl TableWriter {
    /// `insert` for a key of `STEM_BYTES` or more.
    #[cold]
    pub(super) fn insert_long(
        &mut self,
        root: &mut Root,
        key: &[u8],
        payload: Payload<'_>,
    ) -> Result<bool, TableError> {
        let pages = self.pages_of_change(*root, key)?;
        self.ensure(pages, Need::Room)?;
        self.insert_below(root, key, payload)
    }

    /// Puts the end of a key into the tree of its stem, then updates the stem.
    fn insert_below(
        &mut self,
        root: &mut Root,
        key: &[u8],
        payload: Payload<'_>,
    ) -> Result<bool, TableError> {
        let Some((stem, rest)) = key.split_at_checked(STEM_BYTES) else {
            return self.put(root, key, payload, 1, Need::Headroom, |_| ());
        };
        let mut tree = self.stem_tree(*root, stem)?.unwrap_or(Root::EMPTY);
        let new = self.insert_below(&mut tree, rest, payload)?;
        self.put_stem(root, stem, tree)?;
        Ok(new)
    }

    /// `remove` for a key of `STEM_BYTES` or more.
    #[cold]
    pub(super) fn remove_long(
        &mut self,
        root: &mut Root,
        key: &[u8],
    ) -> Result<Option<CellRoots>, TableError> {
        let pages = self.pages_of_change(*root, key)?;
        self.ensure(pages, Need::Headroom)?;
        self.remove_below(root, key)
    }

    /// Removes the end of a key from the tree of its stem, then the stem too if that was its last key.
    fn remove_below(&mut self, root: &mut Root, key: &[u8]) -> Result<Option<CellRoots>, TableError> {
        let Some((stem, rest)) = key.split_at_checked(STEM_BYTES) else {
            return self.take(root, key, |_| ());
        };
        let Some(mut tree) = self.stem_tree(*root, stem)? else { return Ok(None) };
        let Some(roots) = self.remove_below(&mut tree, rest)? else { return Ok(None) };
        if tree.is_empty() {
            self.take(root, stem, |_| ())?;
        } else {
            self.put_stem(root, stem, tree)?;
        }
        Ok(Some(roots))
    }

    /// `update` for a key of `STEM_BYTES` or more.
    #[cold]
    pub(super) fn update_long(
        &mut self,
        root: &mut Root,
        key: &[u8],
        change: impl FnOnce(&mut [u8]),
    ) -> Result<bool, TableError> {
        let pages = self.pages_of_change(*root, key)?;
        self.ensure(pages, Need::Headroom)?;
        let mut change = Some(change);
        self.update_below(root, key, &mut |bytes| {
            if let Some(change) = change.take() {
                change(bytes);
            }
        })
    }

    /// Changes the end of a key in the tree of its stem, then updates the stem.
    fn update_below(
        &mut self,
        root: &mut Root,
        key: &[u8],
        change: &mut dyn FnMut(&mut [u8]),
    ) -> Result<bool, TableError> {
        let Some((stem, rest)) = key.split_at_checked(STEM_BYTES) else {
            return self.change(root, key, change);
        };
        let Some(mut tree) = self.stem_tree(*root, stem)? else { return Ok(false) };
        let there = self.update_below(&mut tree, rest, change)?;
        if there {
            self.put_stem(root, stem, tree)?;
        }
        Ok(there)
    }

    /// Points a stem to a tree.
    fn put_stem(&mut self, root: &mut Root, stem: &[u8], tree: Root) -> Result<(), TableError> {
        self.put(root, stem, Payload::stem(&tree.encode()), tree.count, Need::Headroom, |_| ())?;
        Ok(())
    }

    /// The tree that a stem points to.
    fn stem_tree(&self, root: Root, stem: &[u8]) -> Result<Option<Root>, TableError> {
        let pages = &self.own.table().pages;
        let found = descend::find(pages, root, stem)?;
        found.map(|(body, index)| descend::stem_at(body, index)).transpose()
    }

    /// Maximum number of pages that a change of one long key can take: for each tree on its path, twice the depth and a
    /// new top page.
    fn pages_of_change(&self, mut root: Root, mut key: &[u8]) -> Result<u64, TableError> {
        let mut pages = 0;
        loop {
            let probe = &key[..key.len().min(STEM_BYTES)];
            let mut path = Path::new();
            let found = if root.is_empty() { Err(0) } else { self.descend(root, probe, &mut path)? };
            pages += 2 * path.len() as u64 + 1;
            let Some((stem, rest)) = key.split_at_checked(STEM_BYTES) else { return Ok(pages) };
            let tree = if found.is_ok() { self.stem_tree(root, stem)? } else { None };
            (root, key) = (tree.unwrap_or(Root::EMPTY), rest);
        }
    }
}
