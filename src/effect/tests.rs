//! The bytes of each effect, and that no bytes at all make the decoder panic.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// One effect of each kind, with the bytes that it must have in the log.
fn golden() -> Vec<(Effect<'static>, &'static str)> {
    let whole =
        databases::tests::golden().into_iter().map(|(change, bytes)| (Effect::Database(change), bytes));
    let on_key = Effect::golden().map(|(change, bytes)| (Effect::on(1, b"k", change), bytes));
    whole.chain(on_key).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

fn payload(effects: &[Effect<'_>], command_id: u16) -> Vec<u8> {
    caused(effects, command_id, &Cause::default())
}

fn caused(effects: &[Effect<'_>], command_id: u16, cause: &Cause<'_>) -> Vec<u8> {
    let mut buffer = EffectBuffer::new();
    buffer.set_cause(cause);
    effects.iter().for_each(|effect| buffer.push(effect));
    let mut bytes = Vec::new();
    buffer.write(command_id, &mut bytes);
    assert_eq!(bytes.len(), buffer.payload_bytes());
    bytes
}

#[test]
fn every_effect_has_its_bytes_and_comes_back_from_them() {
    for (effect, expected) in golden() {
        let bytes = payload(&[effect], 0x0201);
        assert_eq!(hex(&bytes), format!("01 01 02 01 {expected}"), "{effect:?}");
        let decoded = decode(&bytes).unwrap();
        assert_eq!((decoded.command_id, decoded.count()), (0x0201, 1));
        assert_eq!(decoded.effects().collect::<Vec<_>>(), [effect]);
    }
}

/// Causes, with the bytes that they must have in the log.
fn causes() -> [(Cause<'static>, &'static str); 5] {
    let (user, name, library, version) = (&b""[..], &b"n"[..], &b"lib"[..], &b"1"[..]);
    let v4 = Origin { user, address: Address::parse("127.0.0.1:4000"), name, library, version };
    let v6 = Origin { user, address: Address::parse("[::1]:4000"), name: b"", library: b"", version: b"" };
    let unix = Origin { user: b"bob", address: Address::parse("/s:0"), ..v6 };
    [
        (Cause { number: 1, ..Cause::default() }, "04"),
        (Cause { number: 32, ..Cause::default() }, "80 01"),
        (
            Cause { number: 1, origin: Some(v4), routine: None },
            "05 00 04 7f 00 00 01 0f a0 01 6e 03 6c 69 62 01 31",
        ),
        (
            Cause { number: 2, origin: Some(v6), routine: Some(Routine::Script(b"01234567890123456789")) },
            "0b 00 06 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01 0f a0 00 00 00 \
             01 30 31 32 33 34 35 36 37 38 39 30 31 32 33 34 35 36 37 38 39",
        ),
        (
            Cause { number: 3, origin: Some(unix), routine: Some(Routine::Function(b"f")) },
            "0f 03 62 6f 62 00 04 2f 73 3a 30 00 00 00 02 01 66",
        ),
    ]
}

#[test]
fn every_cause_has_its_bytes_and_comes_back_from_them() {
    let flush = Effect::Database(DatabaseChange::FlushAll);
    for (cause, expected) in causes() {
        let bytes = caused(&[flush], 0x0201, &cause);
        assert_eq!(hex(&bytes), format!("02 01 02 {expected} 01 09"));
        let decoded = decode(&bytes).unwrap();
        assert_eq!((decoded.cause, decoded.command_id), (cause, 0x0201));
        assert_eq!(decoded.effects().collect::<Vec<_>>(), [flush]);
        assert_eq!(super::cause(&bytes), Some(cause));
        let mut buffer = EffectBuffer::new();
        let mut encoded = Vec::new();
        cause.origin.inspect(|origin| origin.put(&mut encoded));
        if cause.routine.is_none() {
            buffer.push(&flush);
            buffer.caused_by(cause.number, cause.origin.map(|_| &*encoded));
            let mut again = Vec::new();
            buffer.write(0x0201, &mut again);
            assert_eq!(again, bytes);
        }
    }
}

#[test]
fn a_cause_that_says_nothing_or_nothing_known_is_refused() {
    let reason = |bytes: &[u8]| decode(bytes).unwrap_err();
    let malformed = |offset| EffectError { offset, reason: Reason::Cause };
    for head in [0, 1, 3] {
        assert_eq!(reason(&[2, 0, 0, head, 0, 0]), malformed(3), "{head}");
    }
    assert_eq!(reason(&[2, 0, 0, 5, 0, 9]), malformed(5), "no such kind of address");
    assert_eq!(reason(&[2, 0, 0, 6, 9]), malformed(4), "no such kind of routine");
    let too_long = [&[2, 0, 0, 5, 0x80, 2][..], &[b'u'; 256], &[0; 8]].concat();
    assert_eq!(reason(&too_long), malformed(4));
    let long =
        Origin { user: &[b'u'; 300], address: Address::Text(&[b'a'; 300]), ..causes()[2].0.origin.unwrap() };
    let bytes = caused(&[], 0, &Cause { number: 1, origin: Some(long), routine: None });
    let cut = decode(&bytes).unwrap().cause.origin.unwrap();
    assert_eq!((cut.user.len(), cut.address), (255, Address::Text(&[b'a'; 255])));
}

#[test]
fn every_effect_has_a_name_of_its_family() {
    let named: BTreeSet<_> = golden().iter().map(|(effect, _)| effect.name()).collect();
    assert_eq!(named, Effect::names().collect());
    let numbers: BTreeSet<_> = golden().iter().map(|(effect, _)| effect.op()).collect();
    assert_eq!(numbers.len(), golden().len());
}

#[test]
fn a_record_of_many_effects_keeps_their_order() {
    let effects: Vec<Effect<'_>> = (0..20).flat_map(|_| golden()).map(|(effect, _)| effect).collect();
    let bytes = payload(&effects, 7);
    let decoded = decode(&bytes).unwrap();
    assert_eq!(decoded.count(), effects.len() as u64);
    assert_eq!(decoded.effects().collect::<Vec<_>>(), effects);
}

#[test]
fn damage_is_named_with_its_place() {
    let bytes = payload(&[Effect::on(1, b"k", KeyChange::Delete { expired: false })], 7);
    for len in 0..bytes.len() {
        assert_eq!(decode(&bytes[..len]).unwrap_err().reason, Reason::Truncated, "cut at {len}");
    }
    let error = |bytes: &[u8]| {
        let error = decode(bytes).unwrap_err();
        (error.offset, error.reason)
    };
    assert_eq!(error(&[3, 0, 0, 0]), (0, Reason::UnknownFormat(3)));
    assert_eq!(error(&[1, 0, 0, 1, 0xFF]), (4, Reason::UnknownEffect(0xFF)));
    assert_eq!(error(&[1, 0, 0, 0, 0x09]), (4, Reason::Trailing));
    assert_eq!(error(&[1, 0, 0, 0x81, 0x00, 0x09]), (3, Reason::Varint));
    assert_eq!(error(&[1, 0, 0, 1, 0x08, 56]), (5, Reason::Database));
    let far = [1, 0, 0, 1, 0x25, 0, 1, b'k', 0x80, 0x80, 0x80, 0x80, 0x02, 1, b'v'];
    assert_eq!(error(&far), (13, Reason::ValueTooLong));
    assert_eq!(error(&[1, 0, 0, 1, 0x50, 0, 1, b'k', 0]), (8, Reason::Items));
    assert_eq!(error(&[1, 0, 0, 1, 0x34, 0, 1, b'k', 0, 1, 1, b'f']), (9, Reason::Items));
    assert_eq!(error(&[1, 0, 0, 1, 0x36, 0, 1, b'k', 0, 2, 1, b'f', 0]), (9, Reason::Items));
    assert_eq!(error(&[1, 0, 0, 1, 0x40, 0, 1, b'k', 1, 1, b'f']), (8, Reason::Items));
    assert_eq!(error(&[1, 0, 0, 1, 0x60, 0, 1, b'k', 1, 1, b'm']), (8, Reason::Items));
    let not_a_number = [1, 0, 0, 1, 0x60, 0, 1, b'k', 2, 1, b'm', 8, 255, 255, 255, 255, 255, 255, 255, 255];
    assert_eq!(error(&not_a_number), (8, Reason::Score));
    assert_eq!(error(&[1, 0, 0, 1, 0x60, 0, 1, b'k', 2, 1, b'm', 1, 128]), (8, Reason::Score));
    let mut long = vec![1, 0, 0, 1, 0x50, 0, 1, b'k', 1, 0x81, 0x80, 0x04];
    long.resize(long.len() + MEMBER_BYTES_MAX + 1, b'm');
    assert_eq!(error(&long), (9, Reason::MemberTooLong));
    let huge_count = [1, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01];
    assert_eq!(error(&huge_count), (13, Reason::Truncated));
}

#[test]
fn accessors_say_what_the_inspector_prints() {
    let set = Effect::on(3, b"k", StringChange::Set { value: b"v", expire_at_ms: Some(5), raw: false });
    assert_eq!((set.name(), set.db(), set.key()), ("set", Some(3), Some(b"k".as_slice())));
    assert_eq!((set.value(), set.expire_at_ms(), set.destination()), (Some(b"v".as_slice()), Some(5), None));
    let moved = Effect::on(3, b"k", KeyChange::Move { to_db: 4 });
    assert_eq!(moved.destination(), Some((4, b"k".as_slice())));
    assert_eq!(Effect::Database(DatabaseChange::FlushAll).db(), None);
}

#[test]
fn items_come_back_in_their_order() {
    let long = vec![b'x'; 20_000];
    let buffer: ItemsBuffer = [b"a".as_slice(), b"", &long, b"b"].into_iter().collect();
    let items = buffer.items();
    assert_eq!((items.len(), buffer.len(), buffer.is_empty()), (4, 4, false));
    assert_eq!(items.iter().collect::<Vec<_>>(), [b"a".as_slice(), b"", &long, b"b"]);
    assert_eq!(items.pairs().collect::<Vec<_>>(), [(b"a".as_slice(), b"".as_slice()), (&long, b"b")]);
    let add = Effect::on(0, b"k", SetChange::Add { members: items });
    assert_eq!((add.stored_bytes(), add.items()), (Some(20_002), Some(items)));
}

proptest! {
    #[test]
    fn hostile_bytes_never_panic_and_what_decodes_encodes_to_the_same_bytes(
        tail in proptest::collection::vec(any::<u8>(), 0..64),
        count in 0_u8..4,
    ) {
        let mut bytes = vec![1, 0, 0, count];
        bytes.extend(tail.iter().map(|byte| byte & 0x77));
        let of_cause = [&[2, 0, 0][..], &tail].concat();
        for bytes in [&bytes, &of_cause, &tail] {
            if let Ok(decoded) = decode(bytes) {
                let effects: Vec<Effect<'_>> = decoded.effects().collect();
                prop_assert_eq!(effects.len() as u64, decoded.count());
                prop_assert_eq!(&caused(&effects, decoded.command_id, &decoded.cause), bytes);
            }
        }
    }

    #[test]
    fn a_damaged_record_never_panics(index in 0_usize..200, bit in 0_u32..8) {
        let effects: Vec<Effect<'_>> = golden().into_iter().map(|(effect, _)| effect).collect();
        let mut bytes = caused(&effects, 7, &causes()[2].0);
        let index = index % bytes.len();
        bytes[index] ^= 1 << bit;
        if let Ok(decoded) = decode(&bytes) {
            prop_assert_eq!(decoded.effects().count() as u64, decoded.count());
        }
    }
}
