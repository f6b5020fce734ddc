//! The bytes are what the module says, and nothing else decodes.

use super::*;
use proptest::prelude::*;

fn segment() -> SegmentHeader {
    SegmentHeader {
        block_bytes: 4096,
        instance_id: *b"instance-id-0123",
        salt: 0x1122_3344_5566_7788,
        sequence: 0x21,
        segment_bytes: 64 << 20,
        epoch: 3,
        first_lsn: 0x1000,
        first_group: 0x40,
        previous_sequence: 0x20,
        previous_end: 0x8000,
        previous_checksum: 0xaabb_ccdd,
        recycled: true,
        wall_micros: 0x0006_4000_0000_0001,
        records_checksum: Some(0x0bad_cafe),
        adopted: None,
        replaces_salt: 0,
    }
}

fn header(count: u32, records_bytes: usize) -> GroupHeader {
    GroupHeader {
        kind: if count == 0 { GroupKind::Seal } else { GroupKind::Records },
        epoch: 3,
        number: 0x41,
        first_lsn: 0x1001,
        last_lsn: 0x1000 + u64::from(count),
        synced_lsn: 0x1000,
        wall_micros: 0x0006_4000_0000_0002,
        count,
        records_bytes: records_bytes as u32,
        previous_checksum: 0x0102_0304,
        digest: *b"digest-of-state!",
        checksum: 0,
    }
}

const PLACE: Place = Place { salt: 0x1122_3344_5566_7788, offset: 8192 };

/// A sealed group of one record with the given payload.
fn group_of(payload: &[u8]) -> (Vec<u8>, GroupHeader) {
    let mut header = header(1, RECORD_FRAME_BYTES + payload.len());
    let content = header.content_bytes();
    let mut bytes = vec![0xee; disk_bytes(content, BLOCK_BYTES) as usize];
    let start = GROUP_HEADER_BYTES + RECORD_FRAME_BYTES;
    bytes[start..content].copy_from_slice(payload);
    put_frame(&mut bytes[GROUP_HEADER_BYTES..content], 0);
    header.checksum = seal_group(&mut bytes, &header, PLACE);
    (bytes, header)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn segment_header_bytes_are_pinned() {
    let bytes = segment().encode();
    assert_eq!(
        hex(&bytes[..112]),
        concat!(
            "61636b642d77616c",
            "01000000",
            "00100000",
            "696e7374616e63652d69642d30313233",
            "8877665544332211",
            "2100000000000000",
            "0000000400000000",
            "0300000000000000",
            "0010000000000000",
            "4000000000000000",
            "2000000000000000",
            "0080000000000000",
            "ddccbbaa",
            "03000000",
            "0100000000400600",
        )
    );
    assert_eq!(hex(&bytes[112..116]), "fecaad0b");
    assert!(bytes[116..508].iter().all(|&byte| byte == 0));
    assert_eq!(SegmentHeader::decode(&bytes), SegmentHeaderState::Valid(segment()));
    let adopted = Some(Known { lsn: 0x0102, checksum: 0x0304_0506 });
    let repaired = SegmentHeader { records_checksum: None, adopted, replaces_salt: 7, ..segment() };
    let bytes = repaired.encode();
    assert_eq!(hex(&bytes[100..104]), "05000000");
    assert_eq!(hex(&bytes[112..132]), "0000000000000000020100000000000006050403");
    assert_eq!(hex(&bytes[132..144]), "000000000700000000000000");
    assert_eq!(SegmentHeader::decode(&bytes), SegmentHeaderState::Valid(repaired));
    // As it was written before these fields existed.
    let old = SegmentHeader { records_checksum: None, ..segment() };
    let bytes = old.encode();
    assert!(bytes[112..508].iter().all(|&byte| byte == 0));
    assert_eq!(hex(&bytes[508..]), "ff0f715a");
    assert_eq!(SegmentHeader::decode(&bytes), SegmentHeaderState::Valid(old));
}

#[test]
fn group_bytes_are_pinned() {
    let (bytes, header) = group_of(b"payload");
    assert_eq!(
        hex(&bytes[..88]),
        concat!(
            "67727001",
            "01000000",
            "0300000000000000",
            "4100000000000000",
            "0110000000000000",
            "0110000000000000",
            "0010000000000000",
            "0200000000400600",
            "01000000",
            "0f000000",
            "04030201",
            "6469676573742d6f662d737461746521",
            "00000000",
        )
    );
    assert_eq!(hex(&bytes[88..96]), "be30ae40a4f6842b");
    assert_eq!(hex(&bytes[96..111]), concat!("07000000", "0411fc9d", "7061796c6f6164"));
    assert!(bytes[111..504].iter().all(|&byte| byte == 0));
    assert_eq!(hex(&bytes[504..512]), "fe3e295de9a6b5dc");
    assert!(bytes[512..].iter().all(|&byte| byte == 0));
    assert_eq!(GroupHeader::decode(&bytes, PLACE), Ok(header));
}

#[test]
fn seal_bytes_are_pinned() {
    let mut bytes = vec![0xee; 4096];
    seal_group(&mut bytes, &header(0, 0), PLACE);
    assert_eq!(hex(&bytes[..8]), "6772700102000000");
    assert_eq!(hex(&bytes[88..96]), "c27ec7ca6a575635");
    assert_eq!(hex(&bytes[504..512]), "fe3e295de9a6b5dc");
    let decoded = GroupHeader::decode(&bytes, PLACE).expect("a seal");
    assert_eq!((decoded.kind, decoded.count, decoded.last_lsn), (GroupKind::Seal, 0, 0x1000));
}

#[test]
fn displaced_bytes_come_back_at_every_length() {
    for length in (0..2200).chain([4000, 32_000, 32_700, 65_000, 70_001]) {
        let payload: Vec<u8> = (0..length).map(|at| (at * 7 + 1) as u8).collect();
        let (mut bytes, header) = group_of(&payload);
        let used = used_bytes(header.content_bytes());
        assert!(used.is_multiple_of(SECTOR_BYTES) && used <= bytes.len() && used >= header.content_bytes());
        assert!(bytes[used..].iter().all(|&byte| byte == 0), "{length}");
        for sector in 0..used / SECTOR_BYTES {
            assert!(PLACE.is_stamped(&bytes, sector, header.number), "{length}: {sector}");
        }
        assert!(check_group(&bytes[..used], &header, PLACE));
        restore_displaced(&mut bytes[..used], header.content_bytes());
        let start = GROUP_HEADER_BYTES + RECORD_FRAME_BYTES;
        assert!(bytes[start..start + length] == payload, "{length}");
    }
}

#[test]
fn a_flip_of_any_bit_of_the_used_sectors_is_seen() {
    let (bytes, header) = group_of(&[0x5a; 700]);
    let used = used_bytes(header.content_bytes());
    for bit in 0..used * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let seen = match GroupHeader::decode(&flipped, PLACE) {
            Ok(decoded) => decoded != header || !check_group(&flipped[..used], &decoded, PLACE),
            Err(_) => true,
        };
        assert!(seen, "bit {bit}");
    }
}

#[test]
fn a_group_is_valid_in_its_own_place_only() {
    let (bytes, header) = group_of(b"payload");
    for place in [Place { salt: 1, ..PLACE }, Place { offset: 4096, ..PLACE }, Place { offset: 0, ..PLACE }] {
        assert_eq!(GroupHeader::decode(&bytes, place), Err(HeaderFault::Checksum));
        assert!(!check_group(&bytes[..512], &header, place));
        assert!(!place.is_stamped(&bytes, 0, header.number));
    }
    assert!(!PLACE.is_stamped(&bytes, 0, header.number + 1));
}

#[test]
fn a_flip_of_any_bit_of_a_segment_header_is_seen() {
    let bytes = segment().encode();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes;
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(SegmentHeader::decode(&flipped), SegmentHeaderState::Damaged, "bit {bit}");
    }
    assert_eq!(SegmentHeader::decode(&[0; 512]), SegmentHeaderState::Unused);
    assert_eq!(SegmentHeader::decode(&bytes[..511]), SegmentHeaderState::Damaged);
}

#[test]
fn a_later_format_version_is_named() {
    let mut bytes = segment().encode();
    bytes[8] = 2;
    let checksum = crc32fast::hash(&bytes[..508]);
    put_u32(&mut bytes, 508, checksum);
    assert_eq!(SegmentHeader::decode(&bytes), SegmentHeaderState::Unsupported { version: 2 });
}

#[test]
fn names_and_sequences_are_each_others_inverse() {
    for sequence in [0, 1, 0xabcdef, i64::MAX as u64] {
        assert_eq!(segment_sequence(&segment_name(sequence)), Some(sequence));
    }
    for name in [
        "1.wal",
        "000000000000000G.wal",
        "00000000000000AB.wal",
        "8000000000000000.wal",
        "ffffffffffffffff.wal",
        "0000000000000001.tmp",
        ".wal",
        "+000000000000001.wal",
    ] {
        assert_eq!(segment_sequence(name), None, "{name}");
    }
}

proptest! {
    #[test]
    fn any_bytes_decode_to_a_named_outcome(bytes in proptest::collection::vec(any::<u8>(), 0..1200), salt: u64) {
        let place = Place { salt, offset: 4096 };
        prop_assert!(GroupHeader::decode(&bytes, place).is_err());
        prop_assert!(!matches!(SegmentHeader::decode(&bytes), SegmentHeaderState::Valid(_)));
        let _ = record_at(&bytes, 0, true);
    }

    #[test]
    fn stamps_tell_group_place_and_use(salt: u64, index in 0u64..1 << 40, number: u64, other: u64) {
        let place = Place { salt, offset: index * SECTOR_BYTES as u64 };
        let mut bytes = [0; SECTOR_BYTES];
        place.write_stamp(&mut bytes, 0, number);
        prop_assert_eq!(place.claimed_group(0, &bytes), number);
        if other != salt {
            prop_assert_ne!(Place { salt: other, ..place }.claimed_group(0, &bytes), number);
        }
    }

    #[test]
    fn header_fields_survive(epoch: u64, number in 1..u64::MAX / 2, first in 1u64..1 << 60, count in 1u32..1000,
                             extra in 0usize..5000, wall: u64, previous: u32, digest: [u8; 16]) {
        let records_bytes = count as usize * RECORD_FRAME_BYTES + extra;
        let mut written = GroupHeader {
            kind: GroupKind::Records, epoch, number, first_lsn: first, last_lsn: first + u64::from(count) - 1,
            synced_lsn: first - 1, wall_micros: wall, count, records_bytes: records_bytes as u32,
            previous_checksum: previous, digest, checksum: 0,
        };
        let mut bytes = vec![0; disk_bytes(written.content_bytes(), 512) as usize];
        written.checksum = seal_group(&mut bytes, &written, PLACE);
        prop_assert_eq!(GroupHeader::decode(&bytes, PLACE), Ok(written));
    }
}
