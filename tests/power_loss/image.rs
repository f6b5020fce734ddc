//! What a power cut may leave: each pending part of a disk's state may be on disk or not.
//!
//! A [`Unit`] is the smallest thing that is on disk or not: a pending sector (or block of 4 KiB, on a device that writes
//! blocks atomically) in one of its versions, a file's growth, one of the lengths that the table's file had, a change to the
//! directory, a meta, a sector or page of the table's mapping. A [`Choice`] says for each unit which version is on disk; 0 is
//! none. A version that is durable is not a unit. A meta may also be torn in the middle of its sector: its checksum must
//! detect that.

use super::media::{DiskState, Inode, NameChange, PAGE, PAGE_SECTORS, Page, SECTOR, Sector, put, zero_page};
use super::record::Disks;
use ackd::table::{META_SLOTS, MemoryRegion, PageSource, slot_place};
use rand::Rng;
use rand::rngs::SmallRng;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// For each unit, which version is on disk.
pub type Choice = Vec<u8>;

/// Lengths of the table that are distinguished; older ones count as durable.
const LENGTHS_MAX: usize = 4;

/// Up to this many combinations of versions, all are tried.
pub const EXHAUSTIVE_MAX: u64 = 1 << 12;

/// How much a device writes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Atom {
    /// 512 bytes.
    Sector,
    /// 4 KiB.
    Block,
}

/// Something that is on disk or not.
#[derive(Clone, Copy, Debug)]
pub struct Unit {
    pub what: What,
    /// Number of versions that may be there.
    pub versions: u8,
}

/// What a unit is.
#[derive(Clone, Copy, Debug)]
pub enum What {
    /// A sector of a log file.
    Sector { inode: usize, sector: u32 },
    /// A block of 4 KiB of a log file, in its last version.
    Block { inode: usize, block: u32 },
    /// The growth of a log file.
    Length { inode: usize },
    /// A pending change to the directory, by its index.
    Name { index: usize },
    /// The length of the table: one of those that it had.
    TableLength,
    /// A meta: its versions, and the last one torn at either end.
    Meta { slot: usize },
    /// A page of the table.
    Page { page: u32 },
    /// A sector of a page of the table.
    PageSector { page: u32, sector: usize },
}

/// All units of a moment: the log's, then the table's.
pub struct Units {
    pub list: Vec<Unit>,
    /// How many of them belong to the log.
    pub log: usize,
}

/// What is left of the table: its pages.
#[derive(Clone)]
pub struct TableImage(Vec<Page>);

/// What is left of the log.
pub struct LogImage {
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
}

impl Units {
    /// The units of `state`.
    pub fn of(state: &DiskState, atom: Atom) -> Self {
        let mut list = Vec::new();
        for (number, inode) in state.inodes.iter().enumerate() {
            log_units(number, inode, atom, &mut list);
        }
        let names = 0..state.pending_names.len();
        list.extend(names.map(|index| Unit { what: What::Name { index }, versions: 1 }));
        let log = list.len();
        table_units(state, atom, &mut list);
        Self { list, log }
    }

    /// Number of different choices among these units.
    pub fn product(units: &[Unit]) -> u64 {
        units.iter().fold(1, |product: u64, unit| product.saturating_mul(u64::from(unit.versions) + 1))
    }

    /// The choice with this number, among all choices.
    pub fn nth(units: &[Unit], mut number: u64) -> Choice {
        let digit = |unit: &Unit| {
            let base = u64::from(unit.versions) + 1;
            let digit = number % base;
            number /= base;
            digit as u8
        };
        units.iter().map(digit).collect()
    }

    /// A random choice, in which none, some, most or all units are on disk.
    pub fn any(units: &[Unit], random: &mut SmallRng) -> Choice {
        let share = [0, 1, 3, 5, 7, 8][random.random_range(0..6)];
        let mut bits = 0_u64;
        let one = |(index, unit): (usize, &Unit)| {
            if index % 16 == 0 {
                bits = random.random();
            }
            let here = bits >> (4 * (index % 16)) & 15;
            if (here & 7) >= share {
                return 0;
            }
            if here & 8 == 0 { unit.versions } else { random.random_range(1..=unit.versions) }
        };
        units.iter().enumerate().map(one).collect()
    }

    /// A choice as text.
    pub fn text(&self, choice: &Choice) -> String {
        let chosen = self.list.iter().zip(choice).filter(|(_, version)| **version > 0);
        let text = |(unit, version): (&Unit, &u8)| match unit.versions {
            1 => format!("{:?}", unit.what),
            versions => format!("{:?} in version {version} of {versions}", unit.what),
        };
        let chosen: Vec<String> = chosen.map(text).collect();
        format!("{} of {} pending units reached the disk: {chosen:?}", chosen.len(), self.list.len())
    }
}

fn log_units(number: usize, inode: &Inode, atom: Atom, list: &mut Vec<Unit>) {
    let held = |sector: u32, version: &Sector| {
        let at = sector as usize * SECTOR;
        inode.durable.get(at..at + SECTOR).is_some_and(|bytes| bytes == &version[..])
    };
    let news =
        inode.pending.iter().filter(|(sector, versions)| versions.len() > 1 || !held(**sector, &versions[0]));
    match atom {
        Atom::Sector => list.extend(news.map(|(sector, versions)| Unit {
            what: What::Sector { inode: number, sector: *sector },
            versions: versions.len().min(9) as u8,
        })),
        Atom::Block => {
            let mut last = None;
            for block in news.map(|(sector, _)| sector / PAGE_SECTORS as u32) {
                if last.replace(block) != Some(block) {
                    list.push(Unit { what: What::Block { inode: number, block }, versions: 1 });
                }
            }
        }
    }
    if inode.durable.len() < inode.cache.len() {
        list.push(Unit { what: What::Length { inode: number }, versions: 1 });
    }
}

fn table_units(state: &DiskState, atom: Atom, list: &mut Vec<Unit>) {
    let table = &state.table;
    let zero = zero_page();
    if !table.lengths.is_empty() {
        list.push(Unit { what: What::TableLength, versions: table.lengths.len().min(LENGTHS_MAX) as u8 });
    }
    for (slot, pending) in table.pending_metas.iter().enumerate().filter(|(_, pending)| !pending.is_empty()) {
        list.push(Unit { what: What::Meta { slot }, versions: pending.len().min(5) as u8 + 2 });
    }
    for (&page, versions) in &table.pending {
        let count = versions.len() as u8;
        if atom == Atom::Block {
            list.push(Unit { what: What::Page { page }, versions: count });
            continue;
        }
        let durable = table.durable.get(page as usize).unwrap_or(&zero);
        for sector in 0..PAGE_SECTORS {
            let range = sector * SECTOR..(sector + 1) * SECTOR;
            if versions.iter().any(|version| version[range.clone()] != durable[range.clone()]) {
                list.push(Unit { what: What::PageSector { page, sector }, versions: count });
            }
        }
    }
}

/// What is left of the log for a `choice` of its `units`.
pub fn log_image(state: &DiskState, units: &[Unit], choice: &[u8]) -> LogImage {
    let whole = |inode: &Inode| Inode { cache: inode.durable.clone(), ..Inode::default() };
    let mut inodes: Vec<Inode> = state.inodes.iter().map(whole).collect();
    let mut names = state.durable_names.clone();
    for (unit, &version) in units.iter().zip(choice).filter(|(_, version)| **version > 0) {
        let one = |inode: usize, sector: u32, version: usize, inodes: &mut Vec<Inode>| {
            let content = &state.inodes[inode].pending[&sector][version];
            put(Arc::make_mut(&mut inodes[inode].cache), &content[..], sector as usize * SECTOR);
        };
        match unit.what {
            What::Sector { inode, sector } => one(inode, sector, usize::from(version) - 1, &mut inodes),
            What::Block { inode, block } => {
                let first = block * PAGE_SECTORS as u32;
                let pending = state.inodes[inode].pending.range(first..first + PAGE_SECTORS as u32);
                pending.for_each(|(sector, versions)| one(inode, *sector, versions.len() - 1, &mut inodes));
            }
            What::Length { inode } => {
                let bytes = state.inodes[inode].cache.len();
                Arc::make_mut(&mut inodes[inode].cache).resize(bytes, 0);
            }
            What::Name { index } => change_name(&mut names, &state.pending_names[index]),
            _ => unreachable!("a unit of the table"),
        }
    }
    lose_growth(state, units, choice, &mut inodes);
    LogImage { inodes, names }
}

/// What was written after a file's end is on disk only if its growth is.
fn lose_growth(state: &DiskState, units: &[Unit], choice: &[u8], inodes: &mut [Inode]) {
    for (unit, version) in units.iter().zip(choice) {
        if let (What::Length { inode }, 0) = (unit.what, version) {
            let bytes = state.inodes[inode].durable.len();
            if inodes[inode].cache.len() > bytes {
                Arc::make_mut(&mut inodes[inode].cache).truncate(bytes);
            }
        }
    }
}

fn change_name(names: &mut BTreeMap<String, usize>, change: &NameChange) {
    match change {
        NameChange::Link { name, inode } => drop(names.insert(name.clone(), *inode)),
        NameChange::Rename { from, to, inode } => {
            if names.get(from) == Some(inode) {
                names.remove(from);
            }
            names.insert(to.clone(), *inode);
        }
        NameChange::Remove { name } => drop(names.remove(name)),
    }
}

/// The table's pages that are on disk for sure.
pub fn durable_table(state: &DiskState) -> TableImage {
    let mut image = TableImage(state.table.durable.clone());
    image.put_metas(state);
    image
}

impl TableImage {
    /// Writes the metas that are on disk for sure.
    fn put_metas(&mut self, state: &DiskState) {
        for (slot, meta) in state.table.metas.iter().enumerate() {
            if let Some(meta) = meta {
                let (page, at) = slot_place(slot);
                self.put(page, at, &meta[..]);
            }
        }
    }

    /// Writes into a page, if the file has it.
    fn put(&mut self, page: usize, at: usize, bytes: &[u8]) {
        if let Some(page) = self.0.get_mut(page) {
            Arc::make_mut(page)[at..at + bytes.len()].copy_from_slice(bytes);
        }
    }

    fn metas(&self) -> [Option<Sector>; META_SLOTS] {
        std::array::from_fn(|slot| {
            let (page, at) = slot_place(slot);
            let sector = |page: &Page| Arc::new(*page[at..].first_chunk().expect("a sector of the page"));
            self.0.get(page).map(sector)
        })
    }
}

impl PageSource for TableImage {
    fn pages(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_page(&self, page: u64, out: &mut [u8; PAGE]) -> io::Result<()> {
        *out = **self.0.get(page as usize).ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(())
    }
}

/// What is left of the table for a `choice` of its `units`, in addition to `durable`.
pub fn table_image(state: &DiskState, durable: &TableImage, units: &[Unit], choice: &[u8]) -> TableImage {
    let table = &state.table;
    let mut image = durable.clone();
    let chosen = || units.iter().zip(choice).filter(|(_, version)| **version > 0);
    let length = chosen().find(|(unit, _)| matches!(unit.what, What::TableLength));
    if let Some((unit, &version)) = length {
        image.0 = table.durable_with(table.lengths.len() - usize::from(unit.versions) + usize::from(version));
        image.put_metas(state);
    }
    for (unit, &version) in chosen() {
        let version = usize::from(version) - 1;
        match unit.what {
            What::Meta { slot } => {
                let (page, at) = slot_place(slot);
                image.put(page, at, &meta_version(state, slot, version, unit.versions));
            }
            What::Page { page } => {
                if let Some(place) = image.0.get_mut(page as usize) {
                    *place = table.pending[&page][version].clone();
                }
            }
            What::PageSector { page, sector } => {
                let at = sector * SECTOR;
                image.put(page as usize, at, &table.pending[&page][version][at..at + SECTOR]);
            }
            _ => {}
        }
    }
    image
}

/// A pending meta, or the last one torn.
fn meta_version(state: &DiskState, slot: usize, version: usize, versions: u8) -> [u8; SECTOR] {
    let pending = &state.table.pending_metas[slot];
    let last = pending.last().expect("a pending meta");
    let torn = usize::from(versions) - 2;
    if version < torn {
        return *pending[version];
    }
    let old = state.table.metas[slot].as_ref().map_or([0; SECTOR], |meta| **meta);
    let (mut front, back) = if version == torn { (**last, old) } else { (old, **last) };
    front[96..].copy_from_slice(&back[96..]);
    front
}

impl LogImage {
    /// Disks that hold this log and this table, and record nothing.
    pub fn plain(&self, table: &TableImage, region: &Arc<MemoryRegion>, buffered: bool) -> Disks {
        let mut state =
            DiskState { inodes: self.inodes.clone(), names: self.names.clone(), ..DiskState::default() };
        state.table.cache.clone_from(&table.0);
        state.table.metas = table.metas();
        Disks::plain(state, region, buffered)
    }

    /// The same as a state in which everything is durable, for recording disks.
    pub fn state(&self, table: &TableImage) -> DiskState {
        let whole = |inode: &Inode| Inode { durable: inode.cache.clone(), ..inode.clone() };
        let mut state = DiskState {
            inodes: self.inodes.iter().map(whole).collect(),
            names: self.names.clone(),
            durable_names: self.names.clone(),
            ..DiskState::default()
        };
        state.table.cache.clone_from(&table.0);
        state.table.durable.clone_from(&table.0);
        state.table.metas = table.metas();
        state
    }
}
