//! Payloads that were changed at random, with a right footer: both servers take the same ones as the same values. redis-server
//! is told to check them completely.
//!
//! Known differences: redis-server reads scores that are packed as text as C does, and takes any text for one.

use super::*;

/// Types whose packed scores redis-server does not check.
const UNCHECKED_SCORES: [u8; 2] = [12, 17];

/// A value with one to three changes.
fn mutant(random: &mut SmallRng, value: &[u8]) -> Vec<u8> {
    let mut bytes = value.to_vec();
    for _ in 0..random.random_range(1..4) {
        if bytes.len() < 2 {
            break;
        }
        // The type stays, and most changes are near the start.
        let end = if random.random() { bytes.len() } else { bytes.len().min(24) };
        let at = random.random_range(1..end);
        match random.random_range(0..7) {
            0 => bytes[at] ^= 1 << random.random_range(0..8),
            1 => bytes[at] = random.random(),
            2 => bytes[at] = bytes[at].wrapping_add(1),
            3 => bytes[at] = [0, 0x7F, 0x80, 0x81, 0xC3, 0xF4, 0xFE, 0xFF][random.random_range(0..8)],
            4 => drop(bytes.remove(at)),
            5 => bytes.truncate(at),
            _ => {
                let end = (at + random.random_range(1..20)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
    bytes
}

#[test]
fn changed_payloads_are_taken_or_refused_by_both() {
    let mut random = SmallRng::seed_from_u64(seed("--test dump changed_payloads"));
    let mut pair = Pair::start();
    pair.theirs.run("CONFIG SET sanitize-dump-payload yes");
    let mut known: Vec<_> = payloads::all();
    known.retain(|(_, payload)| payloads::is_known(payload) && payload.len() < 3000);
    let (mut taken, mut refused, mut unchecked) = (0, 0, 0);
    for _ in 0..setting("ACKD_DUMP_MUTANTS", 3000) {
        let (name, payload) = &known[random.random_range(0..known.len())];
        let value = mutant(&mut random, &payload[..payload.len() - 10]);
        let payload = payloads::sealed(&value, 9);
        let ours = restore(&mut pair.ours, "k", "0", &payload, &["REPLACE"]);
        let theirs = restore(&mut pair.theirs, "k", "0", &payload, &["REPLACE"]);
        if ours != theirs && UNCHECKED_SCORES.contains(&value[0]) && theirs == ok() {
            unchecked += 1;
            pair.theirs.run("DEL k");
            pair.ours.run("DEL k");
            continue;
        }
        assert_eq!(ours, theirs, "{name}: {value:02x?}");
        if ours == ok() {
            taken += 1;
            assert!(content(&mut pair.ours, "k") == content(&mut pair.theirs, "k"), "{name}: {value:02x?}");
        } else {
            refused += 1;
        }
    }
    eprintln!("{taken} taken, {refused} refused, {unchecked} scores that are no numbers");
    assert!(taken > 100 && refused > 100);
}
