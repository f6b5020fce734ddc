//! Compares sketches with those of redis-server, and tests damaged ones.

use proptest::prelude::*;

use super::sketch::{BYTES_MAX, DENSE_BYTES, Registers, Sketch};
use super::sparse;
use crate::command::tests::Data;

/// A sketch of the elements `0` to `count - 1`.
fn of_numbers(count: u32) -> Sketch {
    let mut sketch = Sketch::default();
    (0..count).for_each(|number| _ = sketch.add(number.to_string().as_bytes()));
    sketch.invalidate_count();
    sketch
}

#[test]
fn a_sketch_has_the_bytes_that_redis_gives_it() {
    let mut sketch = Sketch::default();
    assert_eq!(sketch.bytes(), b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7F\xFF");
    for element in ["a", "b", "c"] {
        assert!(sketch.add(element.as_bytes()) && !sketch.add(element.as_bytes()));
    }
    sketch.invalidate_count();
    let expected = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80\x60\xF3\x80\x50\xB1\x84\x4B\xFB\x80\x42\x5A";
    assert_eq!(sketch.bytes(), expected);
}

#[test]
fn a_sketch_counts_within_its_error() {
    for count in [0_u32, 1, 10, 100, 1000, 10_000, 100_000] {
        let sketch = of_numbers(count);
        assert_eq!(sketch.is_dense(), count >= 10_000);
        let mut registers = Registers::default();
        sketch.merge_into(&mut registers);
        let counted = registers.count() as f64;
        let error = (counted - f64::from(count)).abs() / f64::from(count.max(1));
        assert!(error < 0.025, "{counted} instead of {count}");
        let mut merged = Sketch::default();
        merged.raise(&registers);
        let mut again = Registers::default();
        merged.merge_into(&mut again);
        assert_eq!(again.count() as f64, counted);
        assert!(Sketch::read(sketch.bytes().to_vec()).unwrap() == sketch);
    }
}

#[test]
fn sketches_are_strings() {
    let mut data = Data::new();
    data.expect(&[
        ("PFADD h", ":1"),
        ("PFADD h", ":0"),
        ("PFADD h a b c", ":1"),
        ("PFADD h a b c", ":0"),
        ("PFCOUNT h", ":3"),
        ("PFADD i c d", ":1"),
        ("PFCOUNT h i none", ":4"),
        ("PFMERGE j h i none", "+OK"),
        ("PFCOUNT j", ":4"),
        ("PFCOUNT none", ":0"),
        ("TYPE h", "+string"),
        ("OBJECT ENCODING h", "$3|raw"),
        ("PEXPIRE h 1000", ":1"),
        ("PFADD h e", ":1"),
        ("PTTL h", ":1000"),
        ("SET t text", "+OK"),
        ("PFADD t a", "-WRONGTYPE Key is not a valid HyperLogLog string value."),
        ("PFCOUNT h t", "-WRONGTYPE Key is not a valid HyperLogLog string value."),
        ("PFMERGE t h", "-WRONGTYPE Key is not a valid HyperLogLog string value."),
        ("SADD s a", ":1"),
        ("PFADD s a", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
    ]);
    let corrupt = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80\x05".as_slice();
    data.run_words(&[b"SET", b"x", corrupt]);
    for line in ["PFADD x a", "PFCOUNT x", "PFMERGE h x"] {
        assert_eq!(data.run(line), "-INVALIDOBJ Corrupted HLL object detected", "{line}");
    }
    assert_eq!(data.dump(), data.replayed().dump());
}

#[test]
fn a_dense_sketch_logs_what_changes() {
    let mut data = Data::new();
    let dense = of_numbers(20_000);
    assert_eq!(dense.bytes().len(), DENSE_BYTES);
    data.run_words(&[b"SET", b"h", dense.bytes()]);
    let mut changed = 0;
    for number in 20_000..20_200 {
        let records = data.records.len();
        if data.run(&format!("PFADD h {number}")) == ":1" {
            changed += 1;
            assert!(data.records[records].len() < 100, "{} bytes", data.records[records].len());
        }
    }
    assert!(changed > 20, "{changed} changes");
    data.run("PFADD other 1");
    data.run("PFMERGE other h");
    assert_eq!(data.run("PFCOUNT other"), data.run("PFCOUNT h"));
    assert_eq!(data.dump(), data.replayed().dump());
}

proptest! {
    #[test]
    fn registers_rise_alike_in_both_forms(
        changes in proptest::collection::vec((0_usize..300, 1_u8..=34), 1..300),
    ) {
        let mut bytes = sparse::zeros();
        let mut model = vec![0_u8; 16_384];
        for (index, value) in changes {
            let raised = sparse::raise(&mut bytes, index, value, 5);
            let expected = match model[index] {
                _ if value > 32 => sparse::Raised::Full,
                old if old >= value => sparse::Raised::Unchanged,
                _ => {
                    model[index] = value;
                    sparse::Raised::Changed
                }
            };
            prop_assert_eq!(raised, expected);
            let mut registers = Vec::new();
            prop_assert!(sparse::each(&bytes, |_, run| registers.extend(vec![run.value; run.len])));
            prop_assert!(registers == model);
            let smallest = sparse::bytes_min(registers.as_slice().try_into().unwrap());
            prop_assert!(smallest <= bytes.len());
        }
    }

    #[test]
    fn hostile_bytes_never_panic(tail in proptest::collection::vec(any::<u8>(), 0..600), encoding in 0_u8..3) {
        let mut bytes = b"HYLL".to_vec();
        bytes.extend([encoding, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80]);
        bytes.extend(tail);
        for len in [bytes.len(), bytes.len() / 2] {
            if let Ok(mut sketch) = Sketch::read(bytes[..len].to_vec()) {
                sketch.add(b"element");
                let mut registers = Registers::default();
                sketch.merge_into(&mut registers);
                registers.count();
            }
        }
        bytes.resize(BYTES_MAX + 1, 0x40);
        prop_assert!(Sketch::read(bytes).is_err());
    }
}

proptest! {
    // Each case raises tens of thousands of registers one by one.
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn sketches_are_merged_register_by_register(
        start in 0_u32..1_000_000,
        counts in (0_u32..3000, 0_u32..3000, 0_u32..3000),
        dense in any::<[bool; 3]>(),
    ) {
        let mut sketches = [counts.0, counts.1, counts.2].map(|count| {
            let mut sketch = Sketch::default();
            (start..start + count).for_each(|number| _ = sketch.add(number.wrapping_mul(count).to_string().as_bytes()));
            sketch
        });
        sketches.iter_mut().zip(dense).filter(|(_, dense)| *dense).for_each(|(sketch, _)| sketch.make_dense());
        sketches.iter_mut().for_each(Sketch::invalidate_count);
        // One register after the other.
        let mut expected = sketches[0].clone();
        for sketch in &sketches[1..] {
            let registers = (0..16_384).map(|index| (index, sketch.register(index)));
            registers.filter(|(_, value)| *value > 0).for_each(|(index, value)| _ = expected.raise_one(index, value));
        }
        let [mut merged, others @ ..] = sketches;
        let mut registers = Registers::default();
        others.iter().try_for_each(|sketch| registers.raise_to(sketch.bytes())).unwrap();
        merged.raise(&registers);
        prop_assert!((0..16_384).all(|index| merged.register(index) == expected.register(index)));
        prop_assert_eq!(merged.is_dense(), expected.is_dense());
    }
}
