//! Verification of a table's file, page by page, without changing it and without stopping at the first bad page.
//!
//! Every page that the newest checkpoint reaches is read with ordinary reads, not through a mapping, so that a bad disk
//! block is a finding and not a signal. It is checked: checksum, page number, generation, kind, level, every number
//! inside the page, the order of its keys among themselves and against the separators above it, and the counts. The
//! pages reached are then compared with the allocation map, in both directions.
//!
//! A server may be running. It never writes a page that its durable checkpoint reaches. But when it completes a newer
//! checkpoint, pages of the one being verified may be reused. So findings count only if no newer checkpoint was
//! completed; otherwise verification restarts with that one.

use std::{fs::File, os::unix::fs::OpenOptionsExt, path::Path, rc::Rc};

use super::{
    bitmap::Bitmap,
    branch,
    checkpoint_state::PART_WORDS,
    descend::DEPTH_MAX,
    error::{CorruptReason, MetaFault, TableError},
    finding::Finding,
    leaf,
    map::META_BYTES,
    meta::Meta,
    node::{self, KEY_BYTES_MAX},
    open,
    page::{self, BODY_BYTES, Body, META_PAGES, PAGE_BYTES},
    pages,
    root::{DROPPED_SLOT, ROOT_SLOTS, Root},
    source::PageSource,
};

/// Maximum number of restarts because a running server completed a checkpoint.
const RESTARTS_MAX: u32 = 16;
/// Pages between two calls of the progress callback.
const PROGRESS_PAGES: u64 = 256;

/// Progress of verification.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Pages checked so far.
    pub pages_checked: u64,
    /// Pages in use according to the allocation map; 0 while it is not known.
    pub pages_total: u64,
    /// Number of restarts.
    pub restarts: u32,
}

/// What verification found.
#[derive(Clone, Debug)]
pub struct Report {
    /// The checkpoint that was verified.
    pub meta: Meta,
    /// Everything that is wrong. Empty for a sound table.
    pub findings: Vec<Finding>,
    /// Number of pages that were checked.
    pub pages_checked: u64,
    /// Number of keys in each named tree, by slot.
    pub keys: Vec<u64>,
    /// Number of restarts because a running server completed a checkpoint.
    pub restarts: u32,
}

/// Both meta pages, or what is wrong with them.
pub fn read_metas(source: &(impl PageSource + ?Sized)) -> [Result<Meta, MetaFault>; 2] {
    [0, 1].map(|slot| {
        let mut page = [0; PAGE_BYTES];
        source.read_page(slot, &mut page).map_err(|_| match source.pages() {
            Ok(pages) if pages <= slot => MetaFault::OutOfFile,
            _ => MetaFault::Unreadable,
        })?;
        let bytes: &[u8; META_BYTES] = page.first_chunk().expect("a page is longer than a meta");
        Meta::decode(bytes, slot as usize)
    })
}

/// Verifies a table's file. It is opened for reading only, and a server may be using it.
pub fn verify_path(path: &Path, progress: &mut dyn FnMut(Progress)) -> Result<Report, TableError> {
    let mut options = File::options();
    options.read(true).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32);
    let file = options.open(path).map_err(|source| TableError::Io {
        operation: "open",
        path: path.to_owned(),
        source,
    })?;
    verify(&file, progress)
}

/// Verifies the newest checkpoint of a table.
pub fn verify(
    source: &(impl PageSource + ?Sized),
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, TableError> {
    let mut restarts = 0;
    loop {
        let [first, second] = read_metas(source);
        let meta = Meta::choose(first, second)?;
        let walk = Walk::new(source, meta, restarts, progress).run();
        let [first, second] = read_metas(source);
        let overtaken = Meta::choose(first, second).is_ok_and(|now| now.sequence > meta.sequence);
        if walk.findings.is_empty() || !overtaken || restarts == RESTARTS_MAX {
            let Walk { findings, pages_checked, keys, .. } = walk;
            return Ok(Report { meta, findings, pages_checked, keys, restarts });
        }
        restarts += 1;
    }
}

/// A key that bounds a page.
type Bound = Option<Rc<[u8]>>;

/// A page to check, and what is known about it.
#[derive(Clone)]
struct Task {
    /// The pointer to it.
    pointer: Root,
    /// Its level; `None` for a top page.
    level: Option<u8>,
    /// Its tree.
    tree: Tree,
    /// Its keys are at or above this one.
    from: Bound,
    /// Its keys are below this one.
    to: Bound,
    /// Children before this index are freed already: the page waits in the queue of dropped trees.
    freed_children: u16,
}

/// The tree that a page belongs to.
#[derive(Clone)]
struct Tree {
    /// Slot of the named tree.
    slot: usize,
    /// Whether it is nested in a cell of the named tree.
    nested: bool,
    /// Whether it is the queue of dropped trees itself.
    queue: bool,
    /// The stems that its keys continue.
    stem: Rc<[u8]>,
}

/// One pass over a checkpoint.
struct Walk<'a, S: ?Sized> {
    /// The source of the pages.
    source: &'a S,
    /// The checkpoint.
    meta: Meta,
    /// Pages that something refers to.
    seen: Bitmap,
    /// Pages to check.
    tasks: Vec<Task>,
    /// What is wrong so far.
    findings: Vec<Finding>,
    /// Pages checked so far.
    pages_checked: u64,
    /// Pages that both the checkpoint and the file have; only they take memory.
    pages: u64,
    /// Pages in use according to the allocation map.
    pages_total: u64,
    /// Keys of the named trees.
    keys: Vec<u64>,
    /// Number of earlier passes.
    restarts: u32,
    /// The callback for progress.
    progress: &'a mut dyn FnMut(Progress),
}

impl<'a, S: PageSource + ?Sized> Walk<'a, S> {
    /// A pass that has checked nothing yet.
    fn new(source: &'a S, meta: Meta, restarts: u32, progress: &'a mut dyn FnMut(Progress)) -> Self {
        let mut seen = Bitmap::default();
        let pages = meta.pages.min(source.pages().unwrap_or(0));
        seen.resize(pages);
        let (tasks, findings, keys) = (Vec::new(), Vec::new(), vec![0; ROOT_SLOTS]);
        let (pages_checked, pages_total) = (0, 0);
        Walk {
            source,
            meta,
            seen,
            tasks,
            findings,
            pages_checked,
            pages,
            pages_total,
            keys,
            restarts,
            progress,
        }
    }

    /// Checks everything.
    fn run(mut self) -> Self {
        if self.pages < self.meta.pages {
            self.report_own(self.meta.pages - 1, CorruptReason::OutOfFile { pages: self.pages });
        }
        (0..META_PAGES.min(self.pages) as u32).for_each(|page| self.seen.set(page));
        let map = self.read_map();
        self.push_roots();
        while let Some(task) = self.tasks.pop() {
            if let Err(reason) = self.check_task(&task) {
                self.report(&task, reason);
            }
        }
        if let Some(map) = map.filter(|_| self.findings.is_empty()) {
            self.compare_map(&map);
        }
        self.show_progress();
        self
    }

    /// Reports a page of the checkpoint itself.
    fn report_own(&mut self, page: u64, reason: CorruptReason) {
        let finding = Finding { page, reason, slot: None, nested: false, from_key: None, to_key: None };
        self.findings.push(finding);
    }

    /// Reports a page of a tree.
    fn report(&mut self, task: &Task, reason: CorruptReason) {
        let whole = |bound: &Bound| bound.as_ref().map(|key| [&*task.tree.stem, &**key].concat());
        let from_stem = (!task.tree.stem.is_empty()).then(|| task.tree.stem.to_vec());
        self.findings.push(Finding {
            page: task.pointer.page,
            reason,
            slot: Some(task.tree.slot),
            nested: task.tree.nested,
            from_key: whole(&task.from).or(from_stem),
            to_key: whole(&task.to),
        });
    }

    /// Reports the progress of the pass.
    fn show_progress(&mut self) {
        let (pages_checked, pages_total, restarts) = (self.pages_checked, self.pages_total, self.restarts);
        (self.progress)(Progress { pages_checked, pages_total, restarts });
    }

    /// Reads a page that something points to, and checks all that can be checked in this page alone.
    fn read(&mut self, pointer: Root) -> Result<Box<Body>, CorruptReason> {
        let pages = self.pages;
        if pointer.page < META_PAGES || pointer.page >= pages {
            return Err(CorruptReason::OutOfFile { pages });
        }
        if self.seen.get(pointer.page as u32) {
            return Err(CorruptReason::Shared);
        }
        self.seen.set(pointer.page as u32);
        self.pages_checked += 1;
        if self.pages_checked.is_multiple_of(PROGRESS_PAGES) {
            self.show_progress();
        }
        let mut bytes = [0; PAGE_BYTES];
        self.source.read_page(pointer.page, &mut bytes).map_err(|_| CorruptReason::Unreadable)?;
        let (body, stored) = bytes.split_first_chunk::<BODY_BYTES>().expect("a page is longer than its body");
        let stored = u32::from_le_bytes(stored.try_into().expect("four bytes follow the body"));
        pages::check(body, stored, pointer)?;
        if pointer.generation > self.meta.generation {
            return Err(CorruptReason::Generation {
                expected: self.meta.generation,
                found: pointer.generation,
            });
        }
        Ok(Box::new(*body))
    }

    /// Reads the allocation map; `None` if it cannot be read.
    fn read_map(&mut self) -> Option<Bitmap> {
        let mut parts = Vec::new();
        let mut next = self.meta.map_index;
        let mut number = 0;
        while !next.is_empty() {
            let sum = (number == 0).then_some(self.meta.map_index_checksum);
            let read = self.read(next).and_then(|body| {
                check_sum(&body, sum)?;
                open::read_index(&body, number)
            });
            match read {
                Ok((pointers, following)) => {
                    parts.extend(pointers);
                    next = following;
                    number += 1;
                }
                Err(reason) => {
                    self.report_own(next.page, reason);
                    return None;
                }
            }
        }
        if self.pages < self.meta.pages {
            return None;
        }
        let mut map = Bitmap::default();
        map.resize(self.pages);
        let chunks = map.words_mut().chunks_mut(PART_WORDS);
        if chunks.len() != parts.len() {
            let reason = CorruptReason::Structure("the allocation map does not cover the file");
            self.report_own(self.meta.map_index.page, reason);
            return None;
        }
        let mut whole = true;
        for ((number, words), pointer) in chunks.enumerate().zip(parts) {
            let read = self.read(pointer);
            let read = read.and_then(|body| open::read_part(&body, number as u32, pointer, words));
            if let Err(reason) = read {
                self.report_own(pointer.page, reason);
                whole = false;
            }
        }
        self.pages_total = map.words().iter().map(|word| u64::from(word.count_ones())).sum();
        whole.then_some(map)
    }

    /// Puts the top pages of all named trees on the list.
    fn push_roots(&mut self) {
        let catalogue = self.meta.catalogue;
        let sum = Some(self.meta.catalogue_checksum);
        let read = self.read(catalogue).and_then(|body| {
            check_sum(&body, sum)?;
            open::read_catalogue(&body)
        });
        match read {
            Err(reason) => self.report_own(catalogue.page, reason),
            Ok(roots) => {
                for (slot, root) in roots.into_iter().enumerate() {
                    self.keys[slot] = root.count;
                    let queue = slot == DROPPED_SLOT;
                    self.push_tree(root, Tree { slot, nested: false, queue, stem: Rc::new([]) }, 0);
                }
            }
        }
    }

    /// Puts the top page of a tree on the list.
    fn push_tree(&mut self, root: Root, tree: Tree, freed_children: u16) {
        if !root.is_empty() {
            self.tasks.push(Task { pointer: root, level: None, tree, from: None, to: None, freed_children });
        }
    }

    /// Checks one page of a tree and puts what it points to on the list.
    fn check_task(&mut self, task: &Task) -> Result<(), CorruptReason> {
        let body = self.read(task.pointer)?;
        let found = page::level(&body);
        if page::kind(&body) != if found == 0 { page::LEAF } else { page::BRANCH } {
            return Err(CorruptReason::Kind { found: page::kind(&body) });
        }
        if let Some(expected) = task.level.filter(|expected| *expected != found) {
            return Err(CorruptReason::Level { expected, found });
        }
        if usize::from(found) >= DEPTH_MAX {
            return Err(CorruptReason::Depth);
        }
        if node::cells_overlap(&body) {
            return Err(CorruptReason::Structure("cells that share bytes"));
        }
        let keys = check_order(&body, task)?;
        let count = if found == 0 { leaf::count(&body) } else { branch::count(&body) };
        if count != task.pointer.count {
            return Err(CorruptReason::Count { expected: task.pointer.count, found: count });
        }
        if found == 0 {
            self.push_nested(&body, task, &keys)
        } else {
            self.push_children(&body, task, &keys);
            Ok(())
        }
    }

    /// Puts the children of a branch on the list.
    fn push_children(&mut self, body: &Body, task: &Task, keys: &[Rc<[u8]>]) {
        for index in usize::from(task.freed_children)..node::cells(body) {
            let from = if index == 0 { task.from.clone() } else { Some(keys[index].clone()) };
            let to = keys.get(index + 1).cloned().or_else(|| task.to.clone());
            self.tasks.push(Task {
                pointer: branch::pointer(body, index),
                level: Some(page::level(body) - 1),
                tree: task.tree.clone(),
                from,
                to,
                freed_children: 0,
            });
        }
    }

    /// Puts the trees that the cells of a leaf hold on the list.
    fn push_nested(&mut self, body: &Body, task: &Task, keys: &[Rc<[u8]>]) -> Result<(), CorruptReason> {
        for (index, key) in keys.iter().enumerate() {
            let tree = &task.tree;
            if let Some(root) = leaf::stem(body, index) {
                if root.is_empty() {
                    return Err(CorruptReason::Structure("a stem without a tree"));
                }
                if tree.stem.len() + key.len() > KEY_BYTES_MAX {
                    return Err(CorruptReason::Structure("a key that is too long"));
                }
                let stem = [&*tree.stem, key].concat().into();
                self.push_tree(root, Tree { stem, ..tree.clone() }, 0);
                continue;
            }
            let cell = leaf::cell(body, index);
            let mut freed_children = 0;
            if tree.queue {
                let bytes = cell.bytes.try_into();
                let malformed = CorruptReason::Structure("a malformed queue of dropped trees");
                freed_children = u16::from_le_bytes(bytes.map_err(|_| malformed)?);
            }
            for root in cell.roots.as_slice() {
                let inner = Tree { slot: tree.slot, nested: true, queue: false, stem: Rc::new([]) };
                self.push_tree(*root, inner, freed_children);
            }
        }
        Ok(())
    }

    /// Compares what was reached with what the allocation map says.
    fn compare_map(&mut self, map: &Bitmap) {
        for page in 0..self.pages as u32 {
            match (self.seen.get(page), map.get(page)) {
                (true, false) => self.report_own(u64::from(page), CorruptReason::NotAllocated),
                (false, true) => self.report_own(u64::from(page), CorruptReason::Leaked),
                _ => {}
            }
        }
    }
}

/// Checks a page against the checksum in a meta.
fn check_sum(body: &Body, stored: Option<u32>) -> Result<(), CorruptReason> {
    let computed = page::checksum(body);
    match stored.filter(|stored| *stored != computed) {
        Some(stored) => Err(CorruptReason::Checksum { stored, computed }),
        None => Ok(()),
    }
}

/// Checks that the keys of a page ascend and stay within its bounds, and returns them. In a branch the first is empty
/// and unused.
fn check_order(body: &Body, task: &Task) -> Result<Vec<Rc<[u8]>>, CorruptReason> {
    let mut bytes = [0; node::STEM_BYTES];
    let first = usize::from(!node::is_leaf(body));
    let mut keys: Vec<Rc<[u8]>> = (0..first).map(|_| Rc::new([]) as Rc<[u8]>).collect();
    for cell in first..node::cells(body) {
        let key = node::key(body, cell, &mut bytes);
        let ascending = cell == first || *keys[cell - 1] < *key;
        let below = task.from.as_ref().is_some_and(|from| *key < **from);
        let above = task.to.as_ref().is_some_and(|to| *key >= **to);
        if !ascending || below || above {
            return Err(CorruptReason::Order { cell: cell as u16 });
        }
        keys.push(key.into());
    }
    Ok(keys)
}
