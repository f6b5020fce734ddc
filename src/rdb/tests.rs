//! Payloads of redis-server, and what is wrong with those that are damaged.

use super::*;

/// The payloads, see there.
const PAYLOADS: &str = include_str!("payloads.txt");

/// Each payload: its name, its bytes, and its parts.
fn payloads() -> impl Iterator<Item = (&'static str, Vec<u8>, Vec<&'static str>)> {
    PAYLOADS.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut words = line.split(' ');
        let (name, hex) = (words.next().unwrap(), words.next().unwrap());
        let bytes = hex
            .as_bytes()
            .chunks(2)
            .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 16).unwrap());
        (name, bytes.collect(), words.collect())
    })
}

/// A text as the file shows it.
fn shown(text: &[u8]) -> String {
    if text.len() > 24 {
        return format!("{}..{}", shown(&text[..8]), text.len());
    }
    let plain = |byte: u8| (33..127).contains(&byte) && !b"\\=".contains(&byte);
    text.iter()
        .map(|&byte| if plain(byte) { char::from(byte).to_string() } else { format!("\\x{byte:02x}") })
        .collect()
}

/// A part as the file shows it.
fn shown_part(part: Part<'_>) -> String {
    match part {
        Part::Text(text) | Part::Element(text) | Part::Member(text) if text.is_empty() => "''".into(),
        Part::Text(text) | Part::Element(text) | Part::Member(text) => shown(text),
        Part::Scored(member, score) => format!("{}={}", shown(member), crate::number::format_f64(score)),
        Part::Field { field, value, expire_at_ms: None } => format!("{}={}", shown(field), shown(value)),
        Part::Field { field, value, expire_at_ms: Some(expiry) } => {
            format!("{}={}@{expiry}", shown(field), shown(value))
        }
    }
}

/// Reads type and value.
fn read(mut input: Input<'_>) -> Result<(Kind, Vec<String>), RdbError> {
    let (number, mut parts) = (input.byte()?, Vec::new());
    let kind = read_value(number, &mut input, &mut |part| {
        parts.push(shown_part(part));
        Ok(())
    })?;
    Ok((kind, parts))
}

#[test]
fn payloads_of_redis_have_their_parts() {
    let mut types = std::collections::BTreeSet::new();
    for (name, bytes, expected) in payloads() {
        types.insert(bytes[0]);
        let (kind, mut parts) = read(open(&bytes).expect(name)).expect(name);
        if kind != Kind::List {
            parts.sort();
        }
        assert_eq!(parts, expected, "{name}");
    }
    let all: Vec<u8> = Type::ALL.iter().map(|of| *of as u8).collect();
    assert_eq!(types.into_iter().collect::<Vec<_>>(), all, "each type has a payload");
}

#[test]
fn a_payload_that_is_cut_or_changed_is_refused() {
    for (name, bytes, _) in payloads() {
        for len in (0..bytes.len()).step_by(bytes.len() / 64 + 1) {
            assert_eq!(open(&bytes[..len]).map(drop), Err(WrongPayload), "{name} {len}");
            let mut changed = bytes.clone();
            changed[len] ^= 1;
            assert_eq!(open(&changed).map(drop), Err(WrongPayload), "{name} {len}");
        }
    }
}

#[test]
fn a_newer_version_is_refused() {
    let sealed = |version| {
        let mut bytes = Vec::new();
        let mut seal = Seal::new(&mut bytes);
        seal.put(b"\0\x01a");
        seal.finish(version);
        bytes
    };
    assert!(open(&sealed(0)).is_ok() && open(&sealed(VERSION)).is_ok() && open(&sealed(12)).is_ok());
    assert!(open(&sealed(13)).is_err() && open(&sealed(80)).is_err());
}

#[test]
fn a_value_that_is_cut_is_refused() {
    for (name, bytes, _) in payloads() {
        let value = &bytes[..bytes.len() - FOOTER_BYTES];
        for len in (0..value.len()).step_by(value.len() / 200 + 1) {
            assert!(read(Input::new(&value[..len])).is_err(), "{name} {len}");
        }
    }
}

#[test]
fn malformed_values_are_refused() {
    use RdbError::*;
    let listpack = Packed("listpack");
    for (value, error) in [
        (&b""[..], Truncated),
        (b"\x06", UnknownType(6)),
        (b"\x07\x01", UnknownType(7)),
        (b"\xFA", UnknownType(250)),
        (b"\x00\x82\0\0\0\x01a", Length),
        (b"\x00\xC4\0", Length),
        (b"\x00\x81\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFa", Truncated),
        (b"\x00\xC3\x03\x05\x01ab", Text),
        (b"\x01\x00", Empty),
        (b"\x02\x00", Empty),
        (b"\x04\x00", Empty),
        (b"\x04\x01\x01f", Truncated),
        (b"\x05\x01\x01a\0\0\0\0\0\0\xF8\x7F", Score),
        (b"\x03\x01\x01a\xFD", Score),
        (b"\x03\x01\x01a\x03xyz", Score),
        (b"\x03\x01\x01a\x00", Score),
        (b"\x12\x01\x01\x00", Packed("quicklist")),
        (b"\x12\x01\x03\x01a", Packed("quicklist")),
        (b"\x12\x01\x02\x07\x07\0\0\0\0\0\xFF", Empty),
        (b"\x14\x07\x07\0\0\0\0\0\xFF", Empty),
        (b"\x14\x07\x08\0\0\0\0\0\xFF", listpack),
        (b"\x14\x06\x06\0\0\0\0\0", listpack),
        (b"\x14\x09\x09\0\0\0\x01\0\x05\x02\xFF", listpack),
        (b"\x14\x09\x09\0\0\0\x02\0\x05\x01\xFF", listpack),
        (b"\x14\x09\x09\0\0\0\x01\0\x85\x01\xFF", listpack),
        (b"\x14\x09\x09\0\0\0\x01\0\xF5\x01\xFF", listpack),
        (b"\x10\x09\x09\0\0\0\x01\0\x05\x01\xFF", Odd),
        (b"\x11\x0B\x0B\0\0\0\x02\0\x05\x01\x80\x01\xFF", Score),
        (b"\x17\x0B\x0B\0\0\0\x02\0\x05\x01\x80\x01\xFF", Odd),
        (b"\x17\x0D\x0D\0\0\0\x03\0\x05\x01\x80\x01\x80\x01\xFF", Expiry),
        (b"\x0A\x0B\x0B\0\0\0\x0A\0\0\0\0\0\xFF", Empty),
        (b"\x0A\x0D\x0D\0\0\0\x0A\0\0\0\x01\0\x01\xF2\xFF", Packed("ziplist")),
        (b"\x0A\x0D\x0D\0\0\0\x0B\0\0\0\x01\0\0\xF2\xFF", Packed("ziplist")),
        (b"\x0A\x0D\x0D\0\0\0\x0A\0\0\0\x02\0\0\xF2\xFF", Packed("ziplist")),
        (b"\x0A\x0D\x0D\0\0\0\x0A\0\0\0\x01\0\0\xFF\xFF", Packed("ziplist")),
        (b"\x0B\x0C\x02\0\0\0\x02\0\0\0\x01\0\x01\0", Packed("intset")),
        (b"\x0B\x0A\x03\0\0\0\x01\0\0\0\x01\0", Packed("intset")),
        (b"\x0B\x0A\x02\0\0\0\x02\0\0\0\x01\0", Packed("intset")),
        (b"\x09\x06\x02\x01a\x00\x00\xFF", Packed("zipmap")),
        (b"\x09\x06\x01\x01a\x05\x00\xFF", Packed("zipmap")),
        (b"\x18\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\x02\x01f\x01v", Expiry),
    ] {
        assert_eq!(read(Input::new(value)), Err(error), "{value:02x?}");
    }
}

#[test]
fn whoever_takes_the_parts_may_end_the_reading() {
    let mut seen = 0;
    let ended = read_value(1, &mut Input::new(b"\x03\x01a\x01b\x01c"), &mut |_| {
        seen += 1;
        if seen < 2 { Ok(()) } else { Err(RdbError::Refused) }
    });
    assert_eq!((ended, seen), (Err(RdbError::Refused), 2));
}

#[test]
fn what_is_written_is_read() {
    let mut written = Vec::new();
    let numbers = [0, 63, 64, 0x3FFF, 0x4000, 0xFFFF_FFFF, 0x1_0000_0000, u64::MAX];
    numbers.iter().for_each(|number| put_length(*number, &mut written));
    assert_eq!(written.len(), 1 + 1 + 2 + 2 + 5 + 5 + 9 + 9);
    let mut input = Input::new(&written);
    numbers.iter().for_each(|number| assert_eq!(input.length(), Ok(*number)));
    assert_eq!(input.rest(), b"");
    for (text, bytes) in [
        ("", 1),
        ("-128", 2),
        ("127", 2),
        ("128", 3),
        ("-32768", 3),
        ("32768", 5),
        ("-2147483648", 5),
        ("2147483648", 11),
        ("007", 4),
        ("-0", 3),
    ] {
        let mut written = Vec::new();
        put_text(text.as_bytes(), &mut written);
        assert_eq!(written.len(), bytes, "{text}");
        assert_eq!(&*Input::new(&written).text().unwrap(), text.as_bytes());
    }
    let mut written = vec![Type::HashTimed as u8];
    put_timed_hash(1000, 2, &mut written);
    for (field, expiry) in [("f", Some(1000)), ("g", None)] {
        put_expiry(1000, expiry, &mut written);
        put_text(field.as_bytes(), &mut written);
        put_text(b"v", &mut written);
    }
    assert_eq!(read(Input::new(&written)).unwrap().1, ["f=v@1000", "g=v"]);
}
