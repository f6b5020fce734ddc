//! The state of the disks of log and table at one moment: what is durable, what is pending, and what the page cache shows.
//!
//! [`Event`]s change a [`DiskState`]. Every sector that was written and not synced is *pending*, in each version that it had.
//! So is every change to the directory, every change of a file's length, and every page of the table's mapping that was dirty
//! at a disk operation: the kernel may have written it back at any time, or never.

use ackd::table::META_SLOTS;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes that a device writes at once.
pub const SECTOR: usize = 512;
/// Bytes of a page of the table.
pub const PAGE: usize = 4096;
/// Sectors of a page.
pub const PAGE_SECTORS: usize = PAGE / SECTOR;
/// Versions of a page that stay pending; older ones count as written back.
const VERSIONS_MAX: usize = 3;

/// A sector's content.
pub type Sector = Arc<[u8; SECTOR]>;
/// A page's content.
pub type Page = Arc<[u8; PAGE]>;

/// An operation on a disk, or something that became known.
#[derive(Clone)]
pub enum Event {
    /// A log file was made.
    Create { name: String },
    /// Sectors of a log file were written.
    Write { inode: usize, offset: usize, bytes: Arc<[u8]> },
    /// A range of a log file became durable by a direct write.
    Durable { inode: usize, offset: usize, bytes: usize },
    /// A log file was synced.
    Sync { inode: usize },
    /// A sync of a log file failed: what it should have written is no longer pending, but the cache still shows it.
    LostSync { inode: usize },
    /// A log file got another name.
    Rename { from: String, to: String },
    /// A name was removed.
    Remove { name: String },
    /// The log's directory was synced.
    SyncDir,
    /// A sync of the directory, or of what was just appended, failed: everything stays pending.
    LostOther,
    /// Pages of the table's mapping have changed.
    Pages { pages: Vec<(u32, Page)> },
    /// The table's file has at least this many pages.
    Grow { pages: usize },
    /// The table's file was truncated to this many pages.
    Cut { pages: usize },
    /// These pages of the table, and its length, were synced.
    SyncPages { pages: Vec<u32> },
    /// The same, failed.
    LostPages { pages: Vec<u32> },
    /// A meta was written.
    Meta { slot: usize, bytes: Sector },
    /// The metas were synced.
    SyncMeta,
    /// The same, failed.
    LostMeta,
    /// Recovery has ended: from here on the state that it found is promised.
    Recovered,
    /// Number of commands sent.
    Sent(usize),
    /// Number of commands acknowledged, or seen by a reader.
    Promised(usize),
}

/// A change to the directory that may or may not be on disk.
#[derive(Clone)]
pub enum NameChange {
    Link { name: String, inode: usize },
    Rename { from: String, to: String, inode: usize },
    Remove { name: String },
}

/// A log file.
#[derive(Clone, Default)]
pub struct Inode {
    /// What the page cache shows.
    pub cache: Arc<Vec<u8>>,
    /// What is on disk for sure.
    pub durable: Arc<Vec<u8>>,
    /// Versions of sectors written since the last sync, oldest first.
    pub pending: BTreeMap<u32, Vec<Sector>>,
    /// Whether a sync failed, so that cache and device may differ.
    pub lost: bool,
}

/// The table's file.
#[derive(Clone, Default)]
pub struct TableState {
    /// The pages as the mapping shows them; the metas are kept apart.
    pub cache: Vec<Page>,
    /// What is on disk for sure.
    pub durable: Vec<Page>,
    /// Lengths that the file had since it was synced, oldest first.
    pub lengths: Vec<usize>,
    /// Versions of pages seen since they were synced, oldest first.
    pub pending: BTreeMap<u32, Vec<Page>>,
    /// The metas that are on disk for sure.
    pub metas: [Option<Sector>; META_SLOTS],
    /// Metas written since they were synced, oldest first.
    pub pending_metas: [Vec<Sector>; META_SLOTS],
}

/// Log and table.
#[derive(Clone, Default)]
pub struct DiskState {
    pub inodes: Vec<Inode>,
    /// The directory as the running system sees it.
    pub names: BTreeMap<String, usize>,
    /// The directory as it is on disk for sure.
    pub durable_names: BTreeMap<String, usize>,
    /// Changes since it was synced, oldest first.
    pub pending_names: Vec<NameChange>,
    pub table: TableState,
}

impl Event {
    /// Whether it makes something durable: at the moment before it most is pending.
    pub fn is_sync(&self) -> bool {
        use Event::*;
        matches!(
            self,
            Durable { .. }
                | Sync { .. }
                | SyncDir
                | SyncPages { .. }
                | SyncMeta
                | LostSync { .. }
                | LostPages { .. }
                | LostMeta
                | LostOther
        )
    }

    /// A digest of the event.
    pub fn digest(&self) -> u64 {
        use std::hash::Hasher;
        let mut hasher = rapidhash::fast::RapidHasher::default();
        let mut number = |number: usize| hasher.write_usize(number);
        match self {
            Event::Pages { pages } => pages.iter().for_each(|(page, _)| number(*page as usize)),
            Event::SyncPages { pages } | Event::LostPages { pages } => {
                pages.iter().for_each(|page| number(*page as usize));
            }
            Event::Write { inode, offset, .. } => [*inode, *offset].into_iter().for_each(number),
            Event::Durable { inode, offset, bytes } => {
                [*inode, *offset, *bytes].into_iter().for_each(number);
            }
            Event::Sync { inode } | Event::LostSync { inode } => number(*inode),
            Event::Grow { pages } | Event::Cut { pages } => number(*pages),
            Event::Meta { slot, .. } => number(*slot),
            Event::Sent(count) | Event::Promised(count) => number(*count),
            _ => {}
        }
        match self {
            Event::Pages { pages } => pages.iter().for_each(|(_, page)| hasher.write(&page[..])),
            Event::Write { bytes, .. } => hasher.write(bytes),
            Event::Meta { bytes, .. } => hasher.write(&bytes[..]),
            Event::Create { name } | Event::Remove { name } => hasher.write(name.as_bytes()),
            Event::Rename { from, to } => {
                hasher.write(from.as_bytes());
                hasher.write(to.as_bytes());
            }
            _ => {}
        }
        hasher.write(self.what().as_bytes());
        hasher.finish()
    }

    /// A word for it.
    fn what(&self) -> &'static str {
        match self {
            Event::Create { .. } => "create",
            Event::Write { .. } => "write",
            Event::Durable { .. } => "durable",
            Event::Sync { .. } => "sync",
            Event::LostSync { .. } => "failed sync",
            Event::Rename { .. } => "rename",
            Event::Remove { .. } => "remove",
            Event::SyncDir => "sync directory",
            Event::LostOther => "failed sync of directory or append",
            Event::Pages { .. } => "table: dirty pages",
            Event::Grow { .. } => "table: grow",
            Event::Cut { .. } => "table: cut",
            Event::SyncPages { .. } => "table: sync pages",
            Event::LostPages { .. } => "table: failed sync of pages",
            Event::Meta { .. } => "table: write meta",
            Event::SyncMeta => "table: sync meta",
            Event::LostMeta => "table: failed sync of meta",
            Event::Recovered => "recovered",
            Event::Sent(_) => "sent",
            Event::Promised(_) => "promised",
        }
    }

    /// The event as text.
    pub fn text(&self) -> String {
        let what = self.what();
        match self {
            Event::Create { name } | Event::Remove { name } => format!("{what} {name}"),
            Event::Write { inode, offset, bytes } => {
                format!("{what} {} bytes at {offset} of file {inode}", bytes.len())
            }
            Event::Durable { inode, offset, bytes } => {
                format!("{what}: {bytes} bytes at {offset} of file {inode}")
            }
            Event::Sync { inode } | Event::LostSync { inode } => format!("{what} of file {inode}"),
            Event::Rename { from, to } => format!("{what} {from} to {to}"),
            Event::Pages { pages } => format!("{what}: {}", pages.len()),
            Event::SyncPages { pages } | Event::LostPages { pages } => format!("{what}: {}", pages.len()),
            Event::Grow { pages } | Event::Cut { pages } => format!("{what} to {pages} pages"),
            Event::Meta { slot, .. } => format!("{what} {slot}"),
            Event::Sent(count) | Event::Promised(count) => format!("{what}: {count}"),
            _ => what.to_owned(),
        }
    }
}

impl Inode {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        put(Arc::make_mut(&mut self.cache), bytes, offset);
        for (index, sector) in bytes.as_chunks::<SECTOR>().0.iter().enumerate() {
            let versions = self.pending.entry((offset / SECTOR + index) as u32).or_default();
            if versions.last().is_none_or(|last| **last != *sector) {
                versions.push(Arc::new(*sector));
            }
        }
    }

    fn make_durable(&mut self, sectors: std::ops::Range<u32>) {
        let durable = Arc::make_mut(&mut self.durable);
        for sector in sectors {
            if let Some(last) = self.pending.remove(&sector).and_then(|versions| versions.last().cloned()) {
                put(durable, &last[..], sector as usize * SECTOR);
            }
        }
    }

    fn sync(&mut self) {
        self.make_durable(0..self.pending.last_key_value().map_or(0, |(last, _)| last + 1));
        let bytes = self.cache.len();
        if self.durable.len() < bytes {
            Arc::make_mut(&mut self.durable).resize(bytes, 0);
        }
    }

    /// What a direct read returns: pending sectors are written first.
    pub fn device(&self) -> Arc<Vec<u8>> {
        if !self.lost {
            return self.cache.clone();
        }
        let mut device = self.clone();
        device.sync();
        device.durable
    }
}

impl TableState {
    /// The page as the mapping shows it.
    pub fn page<'p>(&'p self, page: usize, zero: &'p Page) -> &'p Page {
        self.cache.get(page).unwrap_or(zero)
    }

    fn dirty(&mut self, page: u32, content: &Page) {
        self.cache[page as usize] = content.clone();
        let versions = self.pending.entry(page).or_default();
        versions.push(content.clone());
        if versions.len() > VERSIONS_MAX {
            let oldest = versions.remove(0);
            self.write_back(page, oldest);
        }
    }

    /// A page that is beyond the durable length stays pending there.
    fn write_back(&mut self, page: u32, content: Page) {
        if let Some(durable) = self.durable.get_mut(page as usize) {
            *durable = content;
        }
    }

    /// Gives the file another length.
    fn resize(&mut self, pages: usize) {
        if pages != self.cache.len() {
            self.cache.resize(pages, zero_page());
            self.pending.split_off(&(pages as u32));
            self.lengths.push(pages);
        }
    }

    /// What is durable once the first `lengths` pending lengths are on disk: what was cut off comes back as zeros.
    pub fn durable_with(&self, lengths: usize) -> Vec<Page> {
        let mut durable = self.durable.clone();
        self.lengths[..lengths].iter().for_each(|pages| durable.resize(*pages, zero_page()));
        durable
    }

    fn sync(&mut self, pages: &[u32]) {
        self.durable = self.durable_with(self.lengths.len());
        self.lengths.clear();
        for page in pages {
            if let Some(last) = self.pending.remove(page).and_then(|versions| versions.last().cloned()) {
                self.write_back(*page, last);
            }
        }
    }

    /// A meta as it reads now.
    pub fn meta(&self, slot: usize) -> Option<&Sector> {
        self.pending_metas[slot].last().or(self.metas[slot].as_ref())
    }
}

impl DiskState {
    /// Applies one event.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Create { name } => {
                let inode = self.inodes.len();
                self.inodes.push(Inode::default());
                self.names.insert(name.clone(), inode);
                self.pending_names.push(NameChange::Link { name: name.clone(), inode });
            }
            Event::Write { inode, offset, bytes } => self.inodes[*inode].write(*offset, bytes),
            Event::Durable { inode, offset, bytes } => {
                let range = (offset / SECTOR) as u32..((offset + bytes) / SECTOR) as u32;
                self.inodes[*inode].make_durable(range);
            }
            Event::Sync { inode } => self.inodes[*inode].sync(),
            Event::LostSync { inode } => {
                self.inodes[*inode].pending.clear();
                self.inodes[*inode].lost = true;
            }
            Event::Rename { from, to } => {
                let Some(inode) = self.names.remove(from) else { return };
                self.names.insert(to.clone(), inode);
                self.pending_names.push(NameChange::Rename { from: from.clone(), to: to.clone(), inode });
            }
            Event::Remove { name } => {
                self.names.remove(name);
                self.pending_names.push(NameChange::Remove { name: name.clone() });
            }
            Event::SyncDir => {
                self.durable_names = self.names.clone();
                self.pending_names.clear();
            }
            Event::Pages { pages } => {
                pages.iter().for_each(|(page, content)| self.table.dirty(*page, content))
            }
            Event::Grow { pages } => self.table.resize(self.table.cache.len().max(*pages)),
            Event::Cut { pages } => self.table.resize(*pages),
            Event::SyncPages { pages } => self.table.sync(pages),
            Event::LostPages { pages } => pages.iter().for_each(|page| drop(self.table.pending.remove(page))),
            Event::Meta { slot, bytes } => self.table.pending_metas[*slot].push(bytes.clone()),
            Event::SyncMeta => {
                for (durable, pending) in self.table.metas.iter_mut().zip(&mut self.table.pending_metas) {
                    *durable = pending.last().cloned().or(durable.take());
                    pending.clear();
                }
            }
            Event::LostMeta => self.table.pending_metas.iter_mut().for_each(Vec::clear),
            Event::LostOther | Event::Recovered | Event::Sent(_) | Event::Promised(_) => {}
        }
    }
}

/// A shared page of zeros.
pub fn zero_page() -> Page {
    static ZERO: std::sync::OnceLock<Page> = std::sync::OnceLock::new();
    ZERO.get_or_init(|| Arc::new([0; PAGE])).clone()
}

/// Writes `bytes` at `offset`, and extends the file if necessary.
pub fn put(file: &mut Vec<u8>, bytes: &[u8], offset: usize) {
    let end = offset + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[offset..end].copy_from_slice(bytes);
}
