//! Reports of damaged pages in the event log: one line for each, with the page, its position in the file and its keys.

use crate::keyspace::{KeyspaceError, keys_slot};
use crate::table::{Finding, PAGE_BYTES, Table, TableError, View};

/// Notes the damage that a command on `keys` found in `view`, if the error is damage, and logs it the first time.
pub fn met<'k>(
    table: &Table,
    error: &KeyspaceError,
    view: &View<'_>,
    db: usize,
    keys: impl IntoIterator<Item = &'k [u8]>,
) {
    let KeyspaceError::Table(TableError::Corrupt { page, reason }) = error else { return };
    let slot = keys_slot(db);
    let mut finding =
        Finding { page: *page, reason: *reason, slot: None, nested: false, from_key: None, to_key: None };
    for key in keys {
        let bounds = view.bounds(view.root(slot), key, *page);
        finding.nested = bounds.is_none();
        let (from, to) = bounds.unwrap_or_else(|| (Some(key.to_vec()), Some(key.to_vec())));
        (finding.slot, finding.from_key, finding.to_key) = (Some(slot), from, to);
        if !finding.nested {
            break;
        }
    }
    note(table, finding);
}

/// Notes a damaged page, and logs it the first time.
pub fn note(table: &Table, finding: Finding) {
    if table.report_damage(finding.clone()) {
        log(&finding);
    }
}

/// Maximum number of bytes of a key that are shown.
const KEY_SHOWN_BYTES: usize = 64;

/// A key as text; only its start if it is long.
fn shown(key: &[u8]) -> String {
    let start = &key[..key.len().min(KEY_SHOWN_BYTES)];
    format!("\"{}{}\"", start.escape_ascii(), if start.len() < key.len() { "..." } else { "" })
}

/// Logs one line for a damaged page.
pub fn log(finding: &Finding) {
    let offset = finding.page * PAGE_BYTES as u64;
    let (page, reason) = (finding.page, finding.reason);
    tracing::error!(
        page,
        offset,
        keys = keys(finding),
        "data page {page} of table.ackd is damaged: {reason}"
    );
}

/// The keys of a damaged page, as far as known.
pub fn keys(finding: &Finding) -> String {
    let tree = match finding.slot {
        None => return "unknown".into(),
        Some(slot) if slot % 2 == 0 => format!("db{}", slot / 2),
        Some(slot) => format!("deadlines of db{}", slot / 2),
    };
    let bound = |key: &Option<Vec<u8>>| key.as_deref().map(shown);
    match (bound(&finding.from_key), bound(&finding.to_key)) {
        (Some(from), Some(to)) if finding.nested && from == to => format!("{tree} key {from}"),
        (from, to) => {
            format!(
                "{tree} from {} to {}",
                from.as_deref().unwrap_or("the first"),
                to.as_deref().unwrap_or("the last")
            )
        }
    }
}
