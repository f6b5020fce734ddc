//! Tests of the bytes of a node.

use super::*;

#[test]
fn a_leaf_is_these_bytes() {
    let (mut body, mut spare) = ([0xee; BODY_BYTES], [0; BODY_BYTES]);
    let root = Root { page: 5, generation: 6, count: 7 }.encode();
    start(&mut body, 0, b"key:");
    page::set_identity(&mut body, 0x0102, 0x0304);
    assert!(insert(&mut body, 0, b"long rest", Payload::new([b"v", &[]], &[]), &mut spare));
    assert!(insert(&mut body, 0, b"a", Payload::new([&[], &[]], &root), &mut spare));
    let header = [1, 0, 2, 0, 0xda, 0x0f, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(body[..16], header);
    assert_eq!(body[16..32], [2, 1, 0, 0, 0, 0, 0, 0, 4, 3, 0, 0, 0, 0, 0, 0]);
    assert_eq!(body[32..36], *b"key:");
    assert_eq!(body[36..52], *b"\0\0\0\0\0\0\0aser gnol");
    assert_eq!(body[52..56], [0xda, 0x0f, 0xf6, 0x0f]);
    assert_eq!(body[56], 0xee, "the gap is left alone");
    assert_eq!(body[4058..4062], [1, 0, 24, 0b1000]);
    assert_eq!(body[4062..4086], root);
    assert_eq!(body[4086..], [9, 0, 1, 0, b't', b'v']);
    assert_eq!(validate(&body), Ok(()));
}

#[test]
fn every_wrong_number_in_a_node_is_refused_or_harmless() {
    let (mut body, mut spare) = ([0; BODY_BYTES], [0; BODY_BYTES]);
    start(&mut body, 0, b"p");
    for index in 0..20 {
        let key = [index; 12];
        assert!(insert(
            &mut body,
            usize::from(index),
            &key,
            Payload::new([&[1; 20], &[1; 30]], &[]),
            &mut spare
        ));
    }
    let used = offset_at(&body, 20, 20);
    for at in (0..16).chain(HEADER_BYTES..used).chain(read_u16(&body, HEAP_START)..BODY_BYTES) {
        for flip in [1, 2, 0x10, 0x80, 0xff] {
            let mut damaged = body;
            damaged[at] ^= flip;
            if validate(&damaged).is_err() {
                continue;
            }
            let mut out = [0; STEM_BYTES];
            for index in 0..cells(&damaged) {
                key(&damaged, index, &mut out);
                payload(&damaged, index);
                assert!(root_bytes(&damaged, index) <= payload(&damaged, index).len());
            }
            let _ = search(&damaged, 0, &[b'p', 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9]);
        }
    }
}
