//! Reads everything in an open table as the server would, until something is refused.

use ackd::keyspace::{Element, KeyReader, KeyspaceError, Kind, Lookups, Value};
use ackd::table::{Cell, ROOT_SLOTS, Root, Scrub, Snapshot, Table};

/// Keys looked at in one tree.
const KEYS_MAX: usize = 3000;
/// Trees in trees that are followed.
const DEPTH_MAX: usize = 2;
/// Bytes of a string that are read: it may be a few bytes and a long gap.
const TEXT_BYTES: u64 = 100_000;
/// Steps of a scrub that must be enough for all pages.
const SCRUB_STEPS_MAX: usize = 100_000;

/// Reads all trees, forwards and backwards, by key and by position; then scrubs.
pub fn read(table: &Table) {
    let snapshot = table.snapshot();
    for slot in 0..ROOT_SLOTS {
        tree(&snapshot, snapshot.root(slot), 0);
    }
    let mut lookups = Lookups::default();
    for key in
        [&b"key:000"[..], b"key:059", b"long", b"small hash", b"large hash", b"large set", b"sparse", b"zzz"]
    {
        let _ = KeyReader::new(&snapshot, 5_000_000_000_000, &mut lookups).peek(0, key);
        let _ = KeyReader::new(&snapshot, 0, &mut lookups).peek(0, key);
    }
    let mut scrub = Scrub::new();
    let ended = (0..SCRUB_STEPS_MAX).any(|_| scrub.step(table, 64).ended);
    assert!(ended, "the scrub does not come to an end");
}

fn tree(view: &Snapshot<'_>, root: Root, depth: usize) {
    if depth > DEPTH_MAX {
        return;
    }
    let (mut cursor, mut last, mut seen) = (view.cursor(root), None::<Vec<u8>>, 0);
    while let Ok(Some((key, cell))) = cursor.next() {
        last = Some(key.to_vec());
        // Only a few of the many of one kind.
        if seen < 70 || seen % 16 == 0 {
            let _ = value(view, &cell);
            let _ = Element::read(&cell);
            cell.roots.iter().for_each(|root| tree(view, *root, depth + 1));
        }
        seen += 1;
        if seen == KEYS_MAX {
            break;
        }
    }
    for key in [last.as_deref().unwrap_or(b"k"), b"", b"key:030", &[b'k'; 1501]] {
        let _ = (view.get(root, key).map(drop), view.rank(root, key));
    }
    for position in [0, 17, root.len().wrapping_sub(1), root.len(), u64::MAX] {
        let _ = view.nth(root, position).map(drop);
    }
    let mut cursor = view.cursor(root);
    for _ in 0..KEYS_MAX {
        let Ok(Some(_)) = cursor.prev() else { break };
    }
}

/// Reads what a key holds, as a value of whatever type it says that it is.
fn value(view: &Snapshot<'_>, cell: &Cell<'_>) -> Result<(), KeyspaceError> {
    let value = Value::read(cell)?;
    if let Some(text) = value.text()? {
        let mut bytes = 0;
        text.each_part(view, 0, TEXT_BYTES, |part| bytes += part.len() as u64)?;
        assert_eq!(bytes, text.len().min(TEXT_BYTES), "a string has as many bytes as it says");
        text.each_part(view, text.len().saturating_sub(TEXT_BYTES), u64::MAX, |_| ())?;
    }
    value.estimate_bytes(view)?;
    for kind in [Kind::Hash, Kind::Set] {
        let Some(map) = value.map(kind) else { continue };
        let mut count = 0;
        map.each_from(view, b"", |_, cell| {
            let _ = Element::read(&cell);
            count += 1;
            Ok(count < KEYS_MAX)
        })?;
        map.get(view, b"member:0001 with some text to make it long")?;
        map.nth(view, map.len()?.saturating_sub(1))?;
    }
    if let Some(hash) = value.hash(u64::MAX) {
        hash.len(view)?;
        hash.get(view, b"member")?;
        hash.nth(view, 1)?;
        hash.each_from(view, b"", |_, _| Ok(true))?;
    }
    Ok(())
}
