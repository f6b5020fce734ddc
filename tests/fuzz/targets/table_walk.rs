//! Reads everything in an open table as the server does, until something is refused.

use ackd::keyspace::{Element, KeyReader, Lookups};
use ackd::table::{ROOT_SLOTS, Root, Scrub, Snapshot, Table};

use super::table_values::value;

/// Keys read in one tree.
const KEYS_MAX: usize = 3000;
/// Trees in trees that are followed.
const DEPTH_MAX: usize = 2;
/// Steps of the scrub that must be enough for all pages of an intact table.
const SCRUB_STEPS_MAX: usize = 1000;

/// Reads all trees, forwards and backwards, by key and by position. Then scrubs, which must end if the table is intact.
pub fn read(table: &Table, is_sound: bool) {
    let snapshot = table.snapshot();
    for slot in 0..ROOT_SLOTS {
        tree(&snapshot, snapshot.root(slot), 0);
    }
    let mut lookups = Lookups::default();
    for key in ["key:000", "key:059", "long", "small hash", "large hash", "large set", "sparse", "zzz"] {
        for now_ms in [0, 5_000_000_000_000, u64::MAX] {
            let _ = KeyReader::new(&snapshot, now_ms, &mut lookups).peek(0, key.as_bytes());
        }
    }
    let mut scrub = Scrub::new();
    let ended = (0..SCRUB_STEPS_MAX).any(|_| scrub.step(table, 64).ended);
    assert!(ended || !is_sound, "the scrub does not come to an end");
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
