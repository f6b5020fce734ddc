//! Stamps: how a sector says which group of which use of the segment wrote it.
//!
//! `stamp = mix(group_number ^ key)` with `key = mix(salt + sector_index * odd constant)`; `mix` is a bijection
//! of 64 bits, so a stamp can be turned back into the group number that it claims. Other bytes give a random
//! number, which is plausible with a probability of about 2^-50 per sector.

use super::{get_u64, put_u64};

/// Bytes of the smallest unit that a device writes completely or not at all.
pub const SECTOR_BYTES: usize = 512;
/// Bytes of a stamp, the last ones of a sector.
pub const STAMP_BYTES: usize = 8;

/// A damaged stamp differs from the right one in at most this many bits. Another stamp is as close to it with a
/// probability of 1 in 25,000.
const DAMAGED_BITS_MAX: u32 = 16;

/// Offset of the stamp in its sector.
pub(super) const STAMP_AT: usize = SECTOR_BYTES - STAMP_BYTES;

const MULTIPLIER_1: u64 = 0xff51_afd7_ed55_8ccd;
const MULTIPLIER_2: u64 = 0xc4ce_b9fe_1a85_ec53;
const INVERSE_1: u64 = 0x4f74_430c_22a5_4005;
const INVERSE_2: u64 = 0x9cb4_b2f8_1293_37db;
const SECTOR_STEP: u64 = 0x9e37_79b9_7f4a_7c15;

const _: () = assert!(MULTIPLIER_1.wrapping_mul(INVERSE_1) == 1);
const _: () = assert!(MULTIPLIER_2.wrapping_mul(INVERSE_2) == 1);

/// The place of a group: the salt of this use of the segment, and the group's offset in the file. It seeds the
/// group's stamps and checksums, so a group is valid only in its own place and use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The segment's random salt.
    pub salt: u64,
    /// Offset in bytes of the group's first sector, a multiple of [`SECTOR_BYTES`].
    pub offset: u64,
}

impl Place {
    /// Seed of the checksums of a group in this place.
    pub fn seed(self) -> u32 {
        let key = mix(self.key(0) ^ SECTOR_STEP);
        (key >> 32) as u32 ^ key as u32
    }

    /// The stamp that group `number` writes into its sector `sector` (0 is the one with the header).
    pub fn stamp(self, sector: usize, number: u64) -> u64 {
        mix(number ^ self.key(sector))
    }

    /// The group number that the stamp in `sector_bytes` claims; `sector` is the sector's number in the group.
    pub fn claimed_group(self, sector: usize, sector_bytes: &[u8]) -> u64 {
        unmix(get_u64(sector_bytes, STAMP_AT)) ^ self.key(sector)
    }

    /// Whether sector `sector` of `bytes` (which start at this place) has the stamp of group `number`.
    pub fn is_stamped(self, bytes: &[u8], sector: usize, number: u64) -> bool {
        let at = sector * SECTOR_BYTES;
        self.claimed_group(sector, &bytes[at..at + SECTOR_BYTES]) == number
    }

    /// Whether sector `sector` of `bytes` once had the stamp of group `number`: at most a few of its bits are damaged.
    /// Zeros, and stamps of an earlier use, differ in about half of the bits.
    pub fn was_stamped(self, bytes: &[u8], sector: usize, number: u64) -> bool {
        let found = get_u64(bytes, sector * SECTOR_BYTES + STAMP_AT);
        (found ^ self.stamp(sector, number)).count_ones() <= DAMAGED_BITS_MAX
    }

    /// Writes the stamp of group `number` into sector `sector` of `bytes`.
    pub fn write_stamp(self, bytes: &mut [u8], sector: usize, number: u64) {
        put_u64(bytes, sector * SECTOR_BYTES + STAMP_AT, self.stamp(sector, number));
    }

    fn key(self, sector: usize) -> u64 {
        let index = self.offset / SECTOR_BYTES as u64 + sector as u64;
        mix(self.salt.wrapping_add(index.wrapping_mul(SECTOR_STEP)))
    }
}

fn mix(mut word: u64) -> u64 {
    word ^= word >> 33;
    word = word.wrapping_mul(MULTIPLIER_1);
    word ^= word >> 33;
    word = word.wrapping_mul(MULTIPLIER_2);
    word ^ (word >> 33)
}

fn unmix(mut word: u64) -> u64 {
    word ^= word >> 33;
    word = word.wrapping_mul(INVERSE_2);
    word ^= word >> 33;
    word = word.wrapping_mul(INVERSE_1);
    word ^ (word >> 33)
}
