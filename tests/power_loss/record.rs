//! The disks of log and table as the shipped code sees them: they do what they are asked, and record it.
//!
//! A recording disk keeps an [`Event`] for every operation, so that each moment of a run can be checked afterwards. A plain
//! disk keeps only its content: recovery from an image needs no more, and runs faster on it.

use super::media::{DiskState, Event, Inode, PAGE, Page, SECTOR, zero_page};
use ackd::table::{META_BYTES, Mapping, MemoryRegion, TableFile};
use rustix::io::Errno;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use wal::{Access, Method, Storage, StorageFile};

/// Called before each event; returns events about what has become known, which are recorded first.
pub type Observer = Box<dyn FnMut() -> Vec<Event> + Send>;

/// One handle for log and table. Clones are the same disks.
#[derive(Clone)]
pub struct Disks {
    shared: Arc<Shared>,
}

struct Shared {
    inner: Mutex<Inner>,
    /// What the table maps.
    region: Arc<MemoryRegion>,
    observer: Mutex<Option<Observer>>,
    /// Whether appends go through the page cache.
    buffered: bool,
}

struct Inner {
    state: DiskState,
    /// The recorded events, on recording disks.
    events: Option<Vec<Event>>,
    /// The sync, counted from 0, that fails.
    failing_sync: Option<u64>,
    /// Syncs so far.
    syncs: u64,
    /// Whether syncs of the log's files do nothing and report success, once recovery is over.
    lying: bool,
    /// Whether it is over.
    recovered: bool,
}

/// How a run's disks behave.
#[derive(Clone, Copy, Debug, Default)]
pub struct Behaviour {
    /// Whether appends go through the page cache.
    pub buffered: bool,
    /// The sync, counted from 0, that fails.
    pub failing_sync: Option<u64>,
    /// Whether syncs of the log's files do nothing once recovery is over: a disk that lies.
    pub lying: bool,
}

impl Disks {
    /// Disks that hold `state` and record all operations.
    pub fn recording(state: DiskState, region: &Arc<MemoryRegion>, behaviour: Behaviour) -> Self {
        let disks = Self::new(state, region, behaviour.buffered, Some(Vec::new()));
        disks.inner().failing_sync = behaviour.failing_sync;
        disks.inner().lying = behaviour.lying;
        disks
    }

    /// Disks that hold `state` and record nothing.
    pub fn plain(state: DiskState, region: &Arc<MemoryRegion>, buffered: bool) -> Self {
        Self::new(state, region, buffered, None)
    }

    fn new(state: DiskState, region: &Arc<MemoryRegion>, buffered: bool, events: Option<Vec<Event>>) -> Self {
        let zero = zero_page();
        (0..region.pages()).for_each(|page| region.write_page(page, state.table.page(page, &zero)));
        let inner = Inner { state, events, failing_sync: None, syncs: 0, lying: false, recovered: false };
        let (inner, observer) = (Mutex::new(inner), Mutex::new(None));
        Self { shared: Arc::new(Shared { inner, region: region.clone(), observer, buffered }) }
    }

    /// Sets the observer that is called before each event.
    pub fn observe(&self, observer: Observer) {
        *self.shared.observer.lock().expect("no panic while it was locked") = Some(observer);
    }

    /// Records that something became known.
    pub fn note(&self, event: Event) {
        let mut inner = self.inner();
        inner.recovered |= matches!(event, Event::Recovered);
        inner.remember(event);
    }

    /// Takes back that one more command was sent.
    pub fn take_back_sent(&self) {
        let mut inner = self.inner();
        let events = inner.events.iter_mut().flatten().rev();
        let sent = events.into_iter().find_map(|event| match event {
            Event::Sent(sent) => Some(sent),
            _ => None,
        });
        *sent.expect("a command was sent") -= 1;
    }

    /// Calls the observer, checks the table's pages a last time, and returns all events.
    pub fn finish(&self) -> Vec<Event> {
        self.ask_observer();
        *self.shared.observer.lock().expect("no panic while it was locked") = None;
        let mut inner = self.inner();
        self.look_at_pages(&mut inner);
        inner.events.take().unwrap_or_default()
    }

    /// The table's file.
    pub fn file(&self) -> Box<dyn TableFile> {
        Box::new(RecordedTable(self.clone()))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.shared.inner.lock().expect("no panic while it was locked")
    }

    fn ask_observer(&self) {
        let mut observer = self.shared.observer.lock().expect("no panic while it was locked");
        if let Some(observer) = &mut *observer {
            let known = observer();
            known.into_iter().for_each(|event| self.note(event));
        }
    }

    /// Records the pages that changed.
    fn look_at_pages(&self, inner: &mut Inner) {
        if inner.events.is_none() {
            return;
        }
        let pages = inner.state.table.cache.iter().enumerate();
        let changed = pages.filter_map(|(number, known)| {
            let changed = self.shared.region.read_changed(number, known)?;
            Some((number as u32, Page::from(changed)))
        });
        let changed: Vec<_> = changed.collect();
        if !changed.is_empty() {
            inner.remember(Event::Pages { pages: changed });
        }
    }

    /// Applies an event that changes the disks.
    fn change(&self, event: Event) {
        self.begin().remember(event);
    }

    /// Applies a sync; if it must fail, applies `lost` instead.
    fn sync(&self, event: Event, lost: Event) -> io::Result<()> {
        let mut inner = self.begin();
        let number = inner.syncs;
        inner.syncs += 1;
        if inner.failing_sync == Some(number) {
            inner.remember(lost);
            return Err(Errno::IO.into());
        }
        if !(inner.lying && inner.recovered && matches!(event, Event::Durable { .. } | Event::Sync { .. })) {
            inner.remember(event);
        }
        Ok(())
    }

    fn begin(&self) -> MutexGuard<'_, Inner> {
        self.ask_observer();
        let mut inner = self.inner();
        self.look_at_pages(&mut inner);
        inner
    }
}

impl Inner {
    fn remember(&mut self, event: Event) {
        match &mut self.events {
            Some(events) => {
                self.state.apply(&event);
                events.push(event);
            }
            None => self.show(&event),
        }
    }

    /// Applies an event to a plain disk, for which only the content of the cache counts.
    fn show(&mut self, event: &Event) {
        match event {
            Event::Write { inode, offset, bytes } => {
                super::media::put(Arc::make_mut(&mut self.state.inodes[*inode].cache), bytes, *offset);
            }
            Event::Durable { .. } | Event::Sync { .. } | Event::SyncDir | Event::SyncPages { .. } => {}
            event => self.state.apply(event),
        }
    }
}

/// An open log file.
pub struct RecordedFile {
    disks: Disks,
    inode: usize,
    /// Whether reads come from the page cache.
    cached: bool,
}

impl Storage for Disks {
    type File = RecordedFile;

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.inner().state.names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<RecordedFile> {
        if self.inner().state.names.contains_key(name) {
            return Err(Errno::EXIST.into());
        }
        self.change(Event::Create { name: name.to_owned() });
        self.open(name, Access::Write)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<RecordedFile> {
        let inode = *self.inner().state.names.get(name).ok_or(Errno::NOENT)?;
        Ok(RecordedFile { disks: self.clone(), inode, cached: access == Access::Read })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        if !self.inner().state.names.contains_key(from) {
            return Err(Errno::NOENT.into());
        }
        self.change(Event::Rename { from: from.to_owned(), to: to.to_owned() });
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        if !self.inner().state.names.contains_key(name) {
            return Err(Errno::NOENT.into());
        }
        self.change(Event::Remove { name: name.to_owned() });
        Ok(())
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.sync(Event::SyncDir, Event::LostOther)
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("recorded").join(name)
    }
}

impl RecordedFile {
    fn with<T>(&self, see: impl FnOnce(&Inode) -> T) -> T {
        see(&self.disks.inner().state.inodes[self.inode])
    }

    fn write(&self, bytes: &[u8], offset: u64) -> usize {
        let aligned = offset.is_multiple_of(SECTOR as u64) && bytes.len().is_multiple_of(SECTOR);
        assert!(aligned, "the log writes whole sectors only");
        self.disks.change(Event::Write { inode: self.inode, offset: offset as usize, bytes: bytes.into() });
        bytes.len()
    }
}

impl StorageFile for RecordedFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.with(|inode| inode.cache.len() as u64))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let content = self.with(|inode| if self.cached { inode.cache.clone() } else { inode.device() });
        let start = content.len().min(usize::try_from(offset).unwrap_or(usize::MAX));
        let count = buffer.len().min(content.len() - start);
        buffer[..count].copy_from_slice(&content[start..start + count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        Ok(self.write(bytes, offset))
    }

    fn append_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let count = self.write(bytes, offset);
        if !self.disks.shared.buffered {
            let durable = Event::Durable { inode: self.inode, offset: offset as usize, bytes: count };
            self.disks.sync(durable, Event::LostOther)?;
        }
        Ok(count)
    }

    fn sync(&self) -> io::Result<()> {
        self.disks.sync(Event::Sync { inode: self.inode }, Event::LostSync { inode: self.inode })
    }

    fn allocate(&self, _bytes: u64) -> io::Result<()> {
        Ok(())
    }

    fn method(&self) -> Method {
        if self.disks.shared.buffered { Method::Buffered } else { Method::Direct }
    }

    fn alignment_bytes(&self) -> usize {
        SECTOR
    }
}

/// The table's file.
struct RecordedTable(Disks);

impl TableFile for RecordedTable {
    fn map(&self) -> io::Result<Mapping> {
        self.0.shared.region.map()
    }

    fn bytes(&self) -> io::Result<u64> {
        Ok((self.0.inner().state.table.cache.len() * PAGE) as u64)
    }

    fn grow(&self, _from: u64, to: u64) -> io::Result<()> {
        self.0.change(Event::Grow { pages: to as usize / PAGE });
        Ok(())
    }

    fn shrink(&self, to: u64) -> io::Result<()> {
        let pages = to as usize / PAGE;
        self.0.change(Event::Cut { pages });
        self.0.shared.region.clear(pages..self.0.shared.region.pages());
        Ok(())
    }

    fn sync(&self, pages: &[u32]) -> io::Result<()> {
        let pages = pages.to_vec();
        self.0.sync(Event::SyncPages { pages: pages.clone() }, Event::LostPages { pages })
    }

    fn write_meta(&self, slot: usize, meta: &[u8; META_BYTES]) -> io::Result<()> {
        self.0.change(Event::Meta { slot, bytes: Arc::new(*meta) });
        Ok(())
    }

    fn sync_meta(&self) -> io::Result<()> {
        self.0.sync(Event::SyncMeta, Event::LostMeta)
    }

    fn read_meta(&self, slot: usize) -> io::Result<[u8; META_BYTES]> {
        Ok(self.0.inner().state.table.meta(slot).map_or([0; META_BYTES], |meta| **meta))
    }

    fn path(&self) -> PathBuf {
        PathBuf::from("recorded table")
    }
}
