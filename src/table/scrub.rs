//! The scrub: reads every page that a checkpoint wrote and that is still in use from the device, a few at a time.
//!
//! A pass visits all trees in key order, see `tour`. Each step pins the newest version, descends to the next leaf and
//! unpins it again. So a pass that takes hours keeps no page from being reused. Pages that the writer changes in the
//! meantime are newly written, so nothing is missed. The pages of the newest checkpoint itself come last.
//!
//! A page that no checkpoint has written yet exists only in memory and is skipped. A bad page is reported with its
//! keys, and is checked again in memory before its next use.

use super::{
    branch,
    descend::{DEPTH_MAX, check_kind},
    error::{CorruptReason, MetaFault, TableError},
    finding::Finding,
    meta::Meta,
    node::{self, STEM_BYTES},
    open,
    page::{BODY_BYTES, Body, META_PAGES, PAGE_BYTES},
    pages,
    root::{DROPPED_SLOT, Root},
    shared::Table,
    tour::Tour,
};
use crate::sync::Ordering;

/// A pass over the pages of a table.
pub struct Scrub {
    /// Where the pass is; after the last named tree come the checkpoint's own pages.
    tour: Tour,
    /// Pages read in this pass.
    pages: u64,
    /// Bad pages found in this pass.
    bad: u64,
    /// Generation of the newest checkpoint at the time when the version that is being read was pinned.
    durable: u64,
}

/// What a step of a pass did.
#[derive(Clone, Debug, Default)]
pub struct ScrubStep {
    /// Pages read from the device.
    pub pages: u64,
    /// Bad pages.
    pub findings: Vec<Finding>,
    /// Whether the pass has ended; the next step begins another one.
    pub ended: bool,
}

/// A bad page that ended the descent to a leaf.
struct Bad {
    /// The page.
    page: Root,
    /// What is wrong with it.
    reason: CorruptReason,
    /// The keys below it are at or above this one.
    from: Option<Vec<u8>>,
    /// The keys below it are below this one.
    to: Option<Vec<u8>>,
}

impl Default for Scrub {
    fn default() -> Self {
        Self::new()
    }
}

impl Scrub {
    /// A pass at its start.
    pub fn new() -> Self {
        Self { tour: Tour::new(), pages: 0, bad: 0, durable: 0 }
    }

    /// Pages read, and bad pages found, in this pass.
    pub fn counts(&self) -> (u64, u64) {
        (self.pages, self.bad)
    }

    /// Reads about `pages_max` pages: at least one, and at most the height of a tree more.
    pub fn step(&mut self, table: &Table, pages_max: u64) -> ScrubStep {
        let mut step = ScrubStep::default();
        // Trees that exist only in memory cost no reads, but they do cost time.
        for _ in 0..pages_max.max(1) {
            if step.pages >= pages_max.max(1) || step.ended {
                break;
            }
            if self.tour.slot == DROPPED_SLOT {
                self.check_own(table, &mut step);
                *self = Self { pages: self.pages, bad: self.bad, ..Self::new() };
                step.ended = true;
            } else {
                self.visit(table, &mut step);
            }
        }
        self.pages += step.pages;
        self.bad += step.findings.len() as u64;
        for finding in &step.findings {
            table.report_damage(finding.clone());
        }
        step
    }

    /// Starts over, for the next pass.
    pub fn restart(&mut self) {
        *self = Self::new();
    }

    /// Goes on by one leaf, or enters or leaves one tree.
    fn visit(&mut self, table: &Table, step: &mut ScrubStep) {
        // Read this before taking the snapshot: a page that the snapshot reaches but that is already free at a later
        // checkpoint never got to disk.
        self.durable = table.numbers.generation.load(Ordering::Acquire);
        let snapshot = table.snapshot();
        let Some(root) = self.tour.enter(&snapshot) else { return };
        let key = self.tour.place().key.clone();
        let (leaf, to) = match self.descend(table, root, &key, step) {
            Ok(None) => return self.tour.leave(),
            Ok(Some(found)) => found,
            Err(bad) => {
                let to = bad.to.clone();
                step.findings.push(self.finding(bad));
                return self.tour.go_on(to);
            }
        };
        if !self.tour.go_on_from(leaf, to) {
            let bad = Bad { page: root, reason: CorruptReason::Depth, from: None, to: None };
            step.findings.push(self.finding(bad));
        }
    }

    /// Reads the pages down to the leaf of `key`. Returns the leaf and the first key after it; `None` for an empty
    /// tree.
    #[expect(clippy::type_complexity, reason = "a leaf and its bound")]
    fn descend<'t>(
        &mut self,
        table: &'t Table,
        root: Root,
        key: &[u8],
        step: &mut ScrubStep,
    ) -> Result<Option<(&'t Body, Option<Vec<u8>>)>, Bad> {
        if root.is_empty() {
            return Ok(None);
        }
        let (mut pointer, mut from, mut to) = (root, None, None);
        for depth in 0..DEPTH_MAX {
            let read = self.read(table, pointer, depth, step);
            let body =
                read.map_err(|reason| Bad { page: pointer, reason, from: from.clone(), to: to.clone() })?;
            if node::is_leaf(body) {
                return Ok(Some((body, to)));
            }
            let index = branch::child(body, key);
            let bound = |index| node::key(body, index, &mut [0; STEM_BYTES]).to_vec();
            if index > 0 {
                from = Some(bound(index));
            }
            if index + 1 < node::cells(body) {
                to = Some(bound(index + 1));
            }
            pointer = branch::pointer(body, index);
        }
        Err(Bad { page: pointer, reason: CorruptReason::Depth, from, to })
    }

    /// Checks a page on the device, unless it was the last one checked at this depth, and then in memory.
    fn read<'t>(
        &mut self,
        table: &'t Table,
        pointer: Root,
        depth: usize,
        step: &mut ScrubStep,
    ) -> Result<&'t Body, CorruptReason> {
        let way = &mut self.tour.place().way;
        let identity = |root: Root| (root.page, root.generation);
        let known = way.get(depth).is_some_and(|last| identity(*last) == identity(pointer));
        if !known && pointer.generation <= self.durable {
            step.pages += 1;
            check_device(table, pointer).inspect_err(|_| table.pages.suspect(pointer))?;
        }
        let body = table.pages.get(pointer);
        let body = body.and_then(|body| check_kind(body, pointer.page).map(|()| body));
        let body = body.map_err(|error| match error {
            TableError::Corrupt { reason, .. } => reason,
            _ => CorruptReason::Unreadable,
        })?;
        if !known {
            way.truncate(depth);
            way.push(pointer);
        }
        Ok(body)
    }

    /// A finding for a bad page of the innermost tree. For a nested tree, the outer cell's key stands for the keys of
    /// the page.
    fn finding(&self, bad: Bad) -> Finding {
        let (slot, nested) = (Some(self.tour.slot), self.tour.places.len() > 1);
        let outer = nested.then(|| self.tour.places[0].key.clone());
        let (from_key, to_key) = if nested { (outer.clone(), outer) } else { (bad.from, bad.to) };
        Finding { page: bad.page.page, reason: bad.reason, slot, nested, from_key, to_key }
    }

    /// Checks the pages of the newest checkpoint itself: metas, catalogue, allocation map.
    fn check_own(&self, table: &Table, step: &mut ScrubStep) {
        // A checkpoint that ends during the check may reuse these pages, so they are then checked again.
        for _ in 0..CHECKPOINTS_MAX {
            let read = |slot| match table.file.read_meta(slot) {
                Ok(bytes) => Meta::decode(&bytes, slot),
                Err(_) => Err(MetaFault::Unreadable),
            };
            let metas = [read(0), read(1)];
            let bad =
                (0..).zip(&metas).filter(|(_, meta)| meta.is_err_and(|fault| fault != MetaFault::Blank));
            let damaged = CorruptReason::Structure("a damaged meta page");
            step.findings.extend(bad.map(|(slot, _)| own_finding(slot, damaged)));
            let Ok(meta) = Meta::choose(metas[0], metas[1]) else { return };
            let mut pages = 0;
            let checked = check_checkpoint(table, &meta, &mut pages);
            let now = Meta::choose(read(0), read(1)).map_or(0, |meta| meta.sequence);
            if checked.is_ok() || now == meta.sequence {
                step.pages += pages;
                step.findings.extend(checked.err().map(|(page, reason)| own_finding(page, reason)));
                return;
            }
        }
    }
}

/// Maximum number of checks of the checkpoint's own pages, if new checkpoints keep interrupting.
const CHECKPOINTS_MAX: u32 = 16;

/// A finding for a bad page of the checkpoint itself.
fn own_finding(page: u64, reason: CorruptReason) -> Finding {
    Finding { page, reason, slot: None, nested: false, from_key: None, to_key: None }
}

/// Checks catalogue and allocation map of a checkpoint; returns the first bad page as the error.
fn check_checkpoint(table: &Table, meta: &Meta, pages: &mut u64) -> Result<(), (u64, CorruptReason)> {
    let mut read = |pointer: Root| {
        *pages += 1;
        read_device(table, pointer).map_err(|reason| (pointer.page, reason))
    };
    let Some(catalogue) = read(meta.catalogue)? else { return Ok(()) };
    open::read_catalogue(&catalogue).map_err(|reason| (meta.catalogue.page, reason))?;
    let (mut next, mut number) = (meta.map_index, 0);
    while !next.is_empty() {
        let Some(body) = read(next)? else { return Ok(()) };
        let (parts, following) = open::read_index(&body, number).map_err(|reason| (next.page, reason))?;
        for part in parts {
            read(part)?;
        }
        (next, number) = (following, number + 1);
    }
    Ok(())
}

/// Checks a page as the device holds it.
fn check_device(table: &Table, pointer: Root) -> Result<(), CorruptReason> {
    match read_device(table, pointer)? {
        Some(_) => Ok(()),
        None => table.pages.check_mapped(pointer),
    }
}

/// Reads a page from the device and checks it; `None` if only the mapping has it.
fn read_device(table: &Table, pointer: Root) -> Result<Option<Box<Body>>, CorruptReason> {
    let pages = table.pages.count();
    if pointer.page < META_PAGES || pointer.page >= pages {
        return Err(CorruptReason::OutOfFile { pages });
    }
    let mut bytes = [0; PAGE_BYTES];
    if !table.file.read_page(pointer.page, &mut bytes).map_err(|_| CorruptReason::Unreadable)? {
        return Ok(None);
    }
    let (body, stored) = bytes.split_first_chunk::<BODY_BYTES>().expect("a page is longer than its body");
    let stored = u32::from_le_bytes(stored.try_into().expect("four bytes follow the body"));
    pages::check(body, stored, pointer)?;
    Ok(Some(Box::new(*body)))
}
