//! Corrects the checksums of damaged segments, by the log's format and without its code.

use crc32fast::Hasher;
use wal::SECTOR_BYTES;

/// Bytes of a group's header; its two checksums are its last 8 bytes.
const HEADER_BYTES: usize = 96;

/// Corrects the checksum of the segment's header, and the checksums and stamps of all groups that start in it.
pub fn put_right(segment: &mut [u8]) {
    if segment.len() < SECTOR_BYTES {
        return;
    }
    let sum = crc32fast::hash(&segment[..508]);
    segment[508..512].copy_from_slice(&sum.to_le_bytes());
    let salt = number(segment, 32);
    for offset in (SECTOR_BYTES..segment.len()).step_by(SECTOR_BYTES) {
        if segment[offset..].starts_with(b"grp\x01") && segment.len() - offset >= SECTOR_BYTES {
            put_group_right(segment, offset, salt);
        }
    }
}

fn put_group_right(segment: &mut [u8], offset: usize, salt: u64) {
    let records_bytes = number(segment, offset + 60) as u32 as usize;
    let used = wal::used_bytes(HEADER_BYTES + records_bytes);
    let group_number = number(segment, offset + 16);
    if let Some(group) = segment.get_mut(offset..offset + used) {
        for sector in 0..used / SECTOR_BYTES {
            let stamp = mix(group_number ^ key(salt, offset / SECTOR_BYTES + sector));
            group[sector * SECTOR_BYTES + 504..][..8].copy_from_slice(&stamp.to_le_bytes());
        }
        let mut sum = Hasher::new_with_initial(seed(salt, offset));
        sum.update(&group[..88]);
        sum.update(&group[HEADER_BYTES..]);
        group[88..92].copy_from_slice(&sum.finalize().to_le_bytes());
    }
    let header = &mut segment[offset..][..HEADER_BYTES];
    let mut sum = Hasher::new_with_initial(seed(salt, offset));
    sum.update(&header[..92]);
    header[92..].copy_from_slice(&sum.finalize().to_le_bytes());
}

fn number(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"))
}

/// Seed of the checksums of a group at `offset`.
fn seed(salt: u64, offset: usize) -> u32 {
    let key = mix(key(salt, offset / SECTOR_BYTES) ^ 0x9e37_79b9_7f4a_7c15);
    (key >> 32) as u32 ^ key as u32
}

fn key(salt: u64, sector: usize) -> u64 {
    mix(salt.wrapping_add((sector as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

fn mix(mut word: u64) -> u64 {
    word ^= word >> 33;
    word = word.wrapping_mul(0xff51_afd7_ed55_8ccd);
    word ^= word >> 33;
    word = word.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    word ^ (word >> 33)
}
