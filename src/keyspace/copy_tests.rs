//! Results that are copied from their sources step by step: they hold what they should, and replaying the records of the
//! steps gives the same bytes.

use super::collection_tests::{items, publish, table};
use super::*;
use crate::effect::{Bits, Effect, EffectBuffer, KeyChange, Ranks, Score, SortedSetChange, StringChange};
use crate::table::{MemoryFile, TableWriter, verify};

/// Elements of the sorted set: copied in several steps.
const ELEMENTS: u64 = 30_000;
/// In milliseconds since 1970, far away.
const EXPIRY_MS: u64 = 9_999_999_999_999;

/// An element, by its rank.
fn element(rank: u64) -> (Score, Vec<u8>) {
    // The members are in another order than the scores.
    let member = format!("{:05}{}", rank * 7919 % ELEMENTS, "m".repeat(100 + rank as usize % 9));
    (Score::new((rank / 3) as f64).unwrap(), member.into_bytes())
}

/// The elements with these ranks. Those of a score are in the order of their members.
fn elements(ranks: impl Iterator<Item = u64>, all: &[(Score, Vec<u8>)]) -> Vec<(Score, Vec<u8>)> {
    ranks.map(|rank| all[rank as usize].clone()).collect()
}

/// The bytes of a string.
fn text(seed: u64, len: u64) -> Vec<u8> {
    (0..len).map(|at| (at.wrapping_mul(seed * 2 + 1) >> 7) as u8).collect()
}

/// A table, and the records of its changes.
struct Logged {
    writer: TableWriter,
    file: MemoryFile,
    payloads: Vec<Vec<u8>>,
}

impl Logged {
    fn new() -> Self {
        let (_, writer, file) = table();
        Self { writer, file, payloads: Vec::new() }
    }

    /// Makes a change, in a record of its own.
    fn change<R>(&mut self, change: impl FnOnce(&mut Keyspace<'_>) -> Result<R, KeyspaceError>) -> R {
        let (mut record, mut payload) = (EffectBuffer::new(), Vec::new());
        let result = change(&mut Keyspace::new(&mut self.writer, Some(&mut record))).unwrap();
        record.write(0, &mut payload);
        self.payloads.push(payload);
        publish(&mut self.writer);
        result
    }

    /// Works out a change, and makes up to `steps_max` steps of it. Returns how many there were.
    fn store(
        &mut self,
        steps_max: usize,
        work_out: impl FnOnce(&mut Keyspace<'_>) -> Result<(), KeyspaceError>,
    ) -> usize {
        let mut prepared = Prepared::new(b"draft");
        let version = self.writer.view();
        work_out(&mut Keyspace::published(version).preparing(&mut prepared)).unwrap();
        for step in 1..=steps_max {
            match self.change(|keys| keys.store(&prepared, 0)) {
                Stored::Slice(entries) => prepared.stored_slice(entries),
                Stored::Whole => return step,
                Stored::Outdated => panic!("at step {step}"),
            }
        }
        steps_max
    }

    /// Adds the sorted set `z`.
    fn add(&mut self, elements: &[(Score, Vec<u8>)]) {
        for part in elements.chunks(5000) {
            let scores: Vec<_> = part.iter().map(|(score, _)| score.to_bytes()).collect();
            let words = part.iter().zip(&scores).flat_map(|((_, member), score)| [member.as_slice(), score]);
            let elements = items(words);
            let added = SortedSetChange::Add { elements: elements.items() };
            self.change(|keys| keys.apply(&Effect::on(0, b"z", added)));
        }
    }

    /// The elements of a sorted set, and its expiry.
    fn scored(&mut self, key: &[u8]) -> (Vec<(Score, Vec<u8>)>, Option<u64>) {
        let mut found = Vec::new();
        let expire_at_ms = Keyspace::new(&mut self.writer, None).with_value(0, key, |view, value| {
            let value = value.unwrap();
            let set = value.sorted_set().unwrap();
            set.each_in(view, 0..set.len()?, false, |member, score| {
                found.push((score, member.to_vec()));
                Ok(true)
            })?;
            for (score, member) in &found {
                assert_eq!(set.score(view, member)?, Some(*score));
            }
            Ok::<_, KeyspaceError>(value.expire_at_ms)
        });
        (found, expire_at_ms.unwrap())
    }

    /// The table's file, after a checkpoint.
    fn image(mut self) -> Vec<u8> {
        let checkpoint = self.writer.begin_checkpoint(1, 1);
        self.writer.end_checkpoint(checkpoint.run().unwrap());
        drop(self.writer);
        let image = self.file.image().to_vec();
        let report = verify(&image[..], &mut |_| {}).unwrap();
        assert!(report.findings.is_empty(), "{:?}", report.findings);
        image
    }

    /// Checks that the records give the same bytes again.
    fn assert_replayed(self) {
        let mut again = Logged::new();
        for (lsn, payload) in (1..).zip(&self.payloads) {
            Applier::new(&mut again.writer).record(lsn, payload).unwrap();
            publish(&mut again.writer);
        }
        assert!(again.image() == self.image(), "the replay gives other bytes");
    }
}

#[test]
fn copied_elements_are_replayed_byte_for_byte() {
    let mut all: Vec<(Score, Vec<u8>)> = (0..ELEMENTS).map(element).collect();
    all.sort_unstable();
    let mut logged = Logged::new();
    logged.add(&all);
    let (class, place) = (Classes::SORTED_SET, (0, b"z".as_slice()));
    let ranks = |first, behind, within| Ranks { first, behind, within };
    let steps = logged.store(99, |keys| {
        keys.replace_by_elements(
            place,
            ranks(1000, 29_000, true),
            (0, b"range"),
            (class, "zrangestore"),
            false,
        )
    });
    assert!(steps >= 5, "{steps}");
    assert!(logged.scored(b"range") == (elements(1000..29_000, &all), None));
    logged.store(99, |keys| {
        keys.replace_by_elements(place, ranks(0, ELEMENTS, true), (0, b"copy"), (class, "copy_to"), true)
    });
    assert!(logged.scored(b"copy") == (all.clone(), None));
    // Half a result, which is given up.
    logged.store(2, |keys| {
        keys.replace_by_elements(place, ranks(0, ELEMENTS, true), (0, b"half"), (class, "copy_to"), true)
    });
    logged.change(|keys| keys.drop_draft(b"draft"));
    let expire_at_ms = Some(EXPIRY_MS);
    logged.change(|keys| keys.apply(&Effect::on(0, b"z", KeyChange::Expire { expire_at_ms })));
    logged.store(99, |keys| {
        keys.keep_elements(place, ranks(500, 20_000, false), (class, "zpopmin"), expire_at_ms)
    });
    let left = (0..500).chain(20_000..ELEMENTS);
    assert!(logged.scored(b"z") == (elements(left, &all), expire_at_ms));
    logged.assert_replayed();
}

#[test]
fn what_is_left_of_a_copy_is_replayed_byte_for_byte() {
    let mut all: Vec<(Score, Vec<u8>)> = (0..ELEMENTS).map(element).collect();
    all.sort_unstable();
    let mut logged = Logged::new();
    logged.add(&all);
    let expire_at_ms = Some(EXPIRY_MS);
    logged.change(|keys| keys.apply(&Effect::on(0, b"z", KeyChange::Expire { expire_at_ms })));
    let mut removed: Vec<&[u8]> = all[..4000].iter().map(|(_, member)| member.as_slice()).collect();
    removed.sort_unstable();
    let members = items(removed);
    let removal = SortedSetChange::Remove { members: members.items() }.into();
    let steps = logged
        .store(99, |keys| keys.thin_out((0, b"z"), &removal, Classes::SORTED_SET, "zpopmin", expire_at_ms));
    assert!(steps > 5, "{steps}");
    assert!(logged.scored(b"z") == (all[4000..].to_vec(), expire_at_ms));
    logged.assert_replayed();
}

#[test]
fn combined_strings_are_replayed_byte_for_byte() {
    let lens = [3 * TEXT_SLICE_BYTES as u64 + 777, TEXT_SLICE_BYTES as u64 + 1];
    let texts = [text(1, lens[0]), text(2, lens[1])];
    let mut logged = Logged::new();
    for (key, value) in [b"a", b"b"].into_iter().zip(&texts) {
        let set = StringChange::Set { value, expire_at_ms: None, raw: false };
        logged.change(|keys| keys.apply(&Effect::on(0, key, set)));
    }
    let both = items([b"a".as_slice(), b"b"]);
    let one = items([b"a".as_slice()]);
    for (bits, sources) in [
        (Bits::All, &both),
        (Bits::Any, &both),
        (Bits::Odd, &both),
        (Bits::None, &one),
        (Bits::Any, &one),
        (Bits::OnlyFirst, &both),
        (Bits::NotFirst, &both),
        (Bits::FirstAndAnother, &both),
        (Bits::One, &both),
        (Bits::One, &one),
    ] {
        let combination = (bits, 0, sources.items());
        let event = (Classes::STRING, "set");
        let steps = logged
            .store(99, |keys| keys.replace_by_combination(combination, lens[0], (0, b"d"), event, false));
        assert_eq!(steps, 5);
        let other = |at: usize| if sources.len() == 2 { texts[1].get(at).copied() } else { None };
        let expected = texts[0].iter().enumerate().map(|(at, byte)| match bits {
            Bits::All => byte & other(at).unwrap_or(0),
            Bits::Any => byte | other(at).unwrap_or(0),
            Bits::Odd | Bits::One => byte ^ other(at).unwrap_or(0),
            Bits::OnlyFirst => byte & !other(at).unwrap_or(0),
            Bits::NotFirst => !byte & other(at).unwrap_or(0),
            Bits::FirstAndAnother => byte & other(at).unwrap_or(0),
            Bits::None => !byte,
        });
        let expected: Vec<u8> = expected.collect();
        let same = Keyspace::new(&mut logged.writer, None).with_value(0, b"d", |view, value| {
            let text = value.unwrap().text()?.unwrap();
            Ok::<_, KeyspaceError>(text.len() == lens[0] && text.equals(view, &expected)?)
        });
        assert!(same.unwrap(), "{bits:?}");
    }
    logged.assert_replayed();
}
