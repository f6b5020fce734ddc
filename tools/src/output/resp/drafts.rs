//! Drafts: results that were stored in several records. Redis has no place for them, so they are held back, and printed
//! as the value of their key when they are whole.

use std::collections::BTreeMap;
use std::io::{self, Write};

use ackd::effect::{Change, DRAFTS, Effect, EffectBuffer, KeyChange};

use super::Resp;

/// The changes of drafts that are not whole yet, by name.
pub(super) type Drafts = BTreeMap<Box<[u8]>, EffectBuffer>;

/// Holds back a change of a draft; prints all of them if the draft moves to its place.
pub(super) fn print(
    resp: &mut Resp,
    out: &mut dyn Write,
    draft: &[u8],
    change: &Change<'_>,
) -> io::Result<()> {
    match *change {
        Change::Key(KeyChange::Delete { .. }) => drop(resp.drafts.remove(draft)),
        Change::Key(KeyChange::Rename { to }) => {
            let held = resp.drafts.remove(draft).unwrap_or_default();
            resp.drafts.insert(to.into(), held);
        }
        Change::Key(KeyChange::Move { to_db }) => {
            let held = resp.drafts.remove(draft).unwrap_or_default();
            for effect in held.effects() {
                if let Effect::Key { change, .. } = effect {
                    resp.change(out, (to_db, draft), &change)?;
                }
            }
        }
        change => resp.drafts.entry(draft.into()).or_default().push(&Effect::on(DRAFTS, draft, change)),
    }
    Ok(())
}
