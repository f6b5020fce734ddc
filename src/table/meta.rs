//! The meta pages: which checkpoint is durable, and where it is.
//!
//! ```text
//!   0  8  magic "ackdtabl"            64  8  first index page of the allocation map
//!   8  4  format version              72  8  its generation
//!  12  4  page size                   80  8  number of pages of the file
//!  16  8  instance id                 88  8  LSN that the table has applied
//!  24  8  sequence                    96  8  epoch
//!  32  8  generation                 104  8  wall clock, in ms
//!  40  8  catalogue page             112  8  salt
//!  48  8  its generation             128     zeros
//!  56  4  its checksum               120  4  checksum of the log at that LSN, if there is a 1 behind it
//!                                   124  4  1 if that checksum is known, 0 if not
//!  60  4  the index page's checksum   508  4  crc32 of all bytes before it
//! ```
//! All numbers are little-endian. A meta lies in one 512-byte sector at the start of page 0 or 1: the checkpoint with
//! sequence n is kept in slot n mod 2, so a new one never overwrites the durable one.

use super::{
    error::{MetaFault, TableError},
    map::{META_BYTES, TableFile},
    page::{META_PAGES, PAGE_BYTES},
    root::Root,
};

/// First bytes of a meta.
const MAGIC: [u8; 8] = *b"ackdtabl";
/// Version of the whole file's format.
const VERSION: u32 = 1;
/// Offset of the meta's own checksum.
const CHECKSUM_AT: usize = META_BYTES - 4;

/// A durable checkpoint, as a meta page describes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Meta {
    /// Identity of the data set, as it was given at creation.
    pub instance_id: u64,
    /// Number of the checkpoint: one more than that of the one before.
    pub sequence: u64,
    /// Generation of the version that the checkpoint holds.
    pub generation: u64,
    /// Page that holds the roots of that version.
    pub(super) catalogue: Root,
    /// Checksum of that page.
    pub(super) catalogue_checksum: u32,
    /// First page of the allocation map's index.
    pub(super) map_index: Root,
    /// Checksum of that page.
    pub(super) map_index_checksum: u32,
    /// Number of pages of the table. The file is at least that long. The previous checkpoint may have had more.
    pub pages: u64,
    /// All log records up to this LSN are applied.
    pub lsn: u64,
    /// Epoch of the log that they came from.
    pub epoch: u64,
    /// Wall-clock time of the checkpoint, in milliseconds since 1970.
    pub wall_ms: u64,
    /// Random number of this checkpoint.
    pub salt: u64,
    /// Checksum of the log at `lsn`. A log with a different one there is not the log of this table. `None` if it is not
    /// known.
    pub log_checksum: Option<u32>,
}

impl Meta {
    /// The slot in which this checkpoint is kept.
    pub fn slot(&self) -> usize {
        (self.sequence % META_PAGES) as usize
    }

    /// The meta as it is written.
    pub(super) fn encode(&self) -> [u8; META_BYTES] {
        let mut out = [0; META_BYTES];
        out[0..8].copy_from_slice(&MAGIC);
        out[8..12].copy_from_slice(&VERSION.to_le_bytes());
        out[12..16].copy_from_slice(&(PAGE_BYTES as u32).to_le_bytes());
        out[56..60].copy_from_slice(&self.catalogue_checksum.to_le_bytes());
        out[60..64].copy_from_slice(&self.map_index_checksum.to_le_bytes());
        let numbers = [
            (16, self.instance_id),
            (24, self.sequence),
            (32, self.generation),
            (40, self.catalogue.page),
            (48, self.catalogue.generation),
            (64, self.map_index.page),
            (72, self.map_index.generation),
            (80, self.pages),
            (88, self.lsn),
            (96, self.epoch),
            (104, self.wall_ms),
            (112, self.salt),
        ];
        for (at, number) in numbers {
            out[at..at + 8].copy_from_slice(&number.to_le_bytes());
        }
        out[120..124].copy_from_slice(&self.log_checksum.unwrap_or(0).to_le_bytes());
        out[124..128].copy_from_slice(&u32::from(self.log_checksum.is_some()).to_le_bytes());
        let checksum = crc32fast::hash(&out[..CHECKSUM_AT]);
        out[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
        out
    }

    /// Reads a meta back from the slot it was found in.
    pub(super) fn decode(bytes: &[u8; META_BYTES], slot: usize) -> Result<Meta, MetaFault> {
        let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let short = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        if bytes.iter().all(|byte| *byte == 0) {
            return Err(MetaFault::Blank);
        }
        if bytes[0..8] != MAGIC {
            return Err(MetaFault::Magic);
        }
        if short(CHECKSUM_AT) != crc32fast::hash(&bytes[..CHECKSUM_AT]) {
            return Err(MetaFault::Checksum);
        }
        if short(8) != VERSION {
            return Err(MetaFault::Version(short(8)));
        }
        if short(12) != PAGE_BYTES as u32 {
            return Err(MetaFault::PageSize(short(12)));
        }
        let pointer =
            |page, generation| Root { page: number(page), generation: number(generation), count: 0 };
        let meta = Meta {
            instance_id: number(16),
            sequence: number(24),
            generation: number(32),
            catalogue: pointer(40, 48),
            catalogue_checksum: short(56),
            map_index: pointer(64, 72),
            map_index_checksum: short(60),
            pages: number(80),
            lsn: number(88),
            epoch: number(96),
            wall_ms: number(104),
            salt: number(112),
            log_checksum: (short(124) == 1).then(|| short(120)),
        };
        if meta.slot() == slot && meta.is_possible() { Ok(meta) } else { Err(MetaFault::Inconsistent) }
    }

    /// Whether a table can have these numbers. Counters must have room to go on: none reaches half of its range.
    fn is_possible(&self) -> bool {
        self.pages <= u64::from(u32::MAX)
            && (1..1 << 47).contains(&self.generation)
            && [self.sequence, self.lsn, self.epoch].iter().all(|number| *number < u64::MAX / 2)
            && self.wall_ms < u64::MAX / 2000
    }

    /// Reads one slot. If the kernel cannot read it, it may hold the newest meta, so the other slot must not be used
    /// instead.
    fn read(file: &dyn TableFile, slot: usize) -> Result<Result<Meta, MetaFault>, TableError> {
        match file.read_meta(slot) {
            Ok(bytes) => Ok(Meta::decode(&bytes, slot)),
            Err(_) if file.bytes().is_ok_and(|bytes| bytes < ((slot + 1) * PAGE_BYTES) as u64) => {
                Ok(Err(MetaFault::OutOfFile))
            }
            Err(source) => {
                Err(TableError::Io { operation: "read a meta page of", path: file.path(), source })
            }
        }
    }

    /// The newest durable checkpoint of a file. A meta that was torn by a crash is skipped.
    pub(super) fn newest(file: &dyn TableFile) -> Result<Meta, TableError> {
        Meta::choose(Meta::read(file, 0)?, Meta::read(file, 1)?)
    }

    /// The newer of two metas, unless they contradict each other.
    pub(super) fn choose(
        first: Result<Meta, MetaFault>,
        second: Result<Meta, MetaFault>,
    ) -> Result<Meta, TableError> {
        let (first, second) = match (first, second) {
            (Ok(first), Ok(second)) => (first, second),
            (Ok(meta), Err(_)) | (Err(_), Ok(meta)) => return Ok(meta),
            (Err(first), Err(second)) => return Err(TableError::NoMeta { first, second }),
        };
        let (older, newer) = if first.sequence < second.sequence { (first, second) } else { (second, first) };
        let in_order = older.generation <= newer.generation && older.lsn <= newer.lsn;
        if !in_order || older.sequence == newer.sequence || older.instance_id != newer.instance_id {
            return Err(TableError::MetasDisagree { sequence: newer.sequence });
        }
        Ok(newer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta() -> Meta {
        let pointer = |page| Root { page, generation: 6, count: 0 };
        Meta {
            instance_id: 0x1111,
            sequence: 5,
            generation: 6,
            catalogue: pointer(7),
            catalogue_checksum: 0x2222,
            map_index: pointer(8),
            map_index_checksum: 0x3333,
            pages: 256,
            lsn: 9,
            epoch: 10,
            wall_ms: 11,
            salt: 0x4444,
            log_checksum: Some(0x5555),
        }
    }

    #[test]
    fn a_meta_is_these_bytes() {
        let bytes = meta().encode();
        let mut expected = Vec::from(*b"ackdtabl");
        expected.extend([1, 0, 0, 0, 0, 0x10, 0, 0]);
        for number in [0x1111_u64, 5, 6, 7, 6] {
            expected.extend(number.to_le_bytes());
        }
        expected.extend([0x22, 0x22, 0, 0, 0x33, 0x33, 0, 0]);
        for number in [8_u64, 6, 256, 9, 10, 11, 0x4444] {
            expected.extend(number.to_le_bytes());
        }
        expected.extend([0x55, 0x55, 0, 0, 1, 0, 0, 0]);
        expected.resize(508, 0);
        assert_eq!(bytes[..508], expected);
        // The format before metas had the log's checksum.
        let old = Meta { log_checksum: None, ..meta() };
        assert_eq!(old.encode()[508..], 0xce78_bcfb_u32.to_le_bytes());
        assert_eq!(Meta::decode(&old.encode(), 1), Ok(old));
        assert_eq!(Meta::decode(&bytes, 1), Ok(meta()));
        assert_eq!(Meta::decode(&bytes, 0), Err(MetaFault::Inconsistent));
    }

    #[test]
    fn every_flipped_bit_of_a_meta_is_found() {
        let good = meta().encode();
        for bit in 0..META_BYTES * 8 {
            let mut bytes = good;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Meta::decode(&bytes, 1).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn numbers_that_leave_no_room_to_go_on_are_refused() {
        let changes: [fn(&mut Meta); 6] = [
            |meta| meta.sequence = u64::MAX,
            |meta| meta.generation = 1 << 47,
            |meta| meta.pages = 1 << 32,
            |meta| meta.lsn = u64::MAX,
            |meta| meta.epoch = u64::MAX,
            |meta| meta.wall_ms = u64::MAX / 1000,
        ];
        for change in changes {
            let mut meta = meta();
            change(&mut meta);
            assert_eq!(Meta::decode(&meta.encode(), 1), Err(MetaFault::Inconsistent), "{meta:?}");
        }
    }

    #[test]
    fn the_newer_of_two_metas_is_taken_and_contradictions_are_refused() {
        let newer = Meta { sequence: 6, lsn: 12, ..meta() };
        assert_eq!(Meta::choose(Ok(newer), Ok(meta())).unwrap(), newer);
        assert_eq!(Meta::choose(Err(MetaFault::Checksum), Ok(meta())).unwrap(), meta());
        let shorter = Meta { pages: 100, ..newer };
        assert_eq!(Meta::choose(Ok(shorter), Ok(meta())).unwrap(), shorter, "a file may become shorter");
        let refused = |first, second| Meta::choose(first, second).is_err();
        assert!(refused(Err(MetaFault::Blank), Err(MetaFault::Blank)));
        assert!(refused(Ok(Meta { instance_id: 3, ..newer }), Ok(meta())));
        assert!(refused(Ok(Meta { lsn: 8, ..newer }), Ok(meta())));
        assert!(refused(Ok(Meta { sequence: 5, ..newer }), Ok(meta())));
    }
}
