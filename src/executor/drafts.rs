//! Deletes drafts of results that will not be stored: what they came from has changed, there is no space, or the client
//! is gone. A draft has the ID of its client as its name.

use super::Executor;
use super::log_room::{LogRoom, Round};
use super::outcome::NO_COMMAND;
use crate::damage;
use crate::keyspace::{DRAFTS, Prepared, keys_slot};

/// The most drafts that one group deletes.
const DROPPED_MAX: usize = 16;

impl Executor {
    /// Deletes the draft of a result, if there is one.
    pub(super) fn drop_draft<R: LogRoom>(
        &mut self,
        round: &mut Round<'_, R>,
        prepared: &Prepared,
    ) -> Result<(), R::Error> {
        if prepared.has_draft() { self.drop_draft_named(round, prepared.draft()) } else { Ok(()) }
    }

    /// Deletes drafts of clients that are gone; and all of them after the start, and after changes were given up.
    pub(super) fn drop_lost_drafts<R: LogRoom>(&mut self, round: &mut Round<'_, R>) -> Result<(), R::Error> {
        let root = self.table.root(keys_slot(DRAFTS));
        let has_old = self.has_old_drafts && !root.is_empty();
        self.has_old_drafts = has_old;
        if root.is_empty() {
            return Ok(());
        }
        let mut lost: Vec<Box<[u8]>> = Vec::new();
        {
            let view = self.table.view();
            let mut drafts = view.cursor(root);
            while let Ok(Some((name, _))) = drafts.next() {
                let client = <[u8; 8]>::try_from(name).map(u64::from_be_bytes);
                let is_there = client.is_ok_and(|client| self.state.clients.get(client).is_some());
                if (has_old || !is_there) && lost.len() < DROPPED_MAX {
                    lost.push(name.into());
                }
            }
        }
        self.has_old_drafts = has_old && lost.len() == DROPPED_MAX;
        lost.iter().try_for_each(|name| self.drop_draft_named(round, name))
    }

    /// Deletes a draft, in a record of its own. If that fails, it is tried again when the group is closed; drafts in use
    /// are deleted with it, and their results worked out again.
    fn drop_draft_named<R: LogRoom>(
        &mut self,
        round: &mut Round<'_, R>,
        name: &[u8],
    ) -> Result<(), R::Error> {
        let dropped = self
            .guarded(round, |executor, round| executor.within(round, false, |keys| keys.drop_draft(name)))?;
        if let Err(error) = dropped {
            damage::met(self.table.table(), &error, &self.table.view(), DRAFTS, [name]);
            self.has_old_drafts = true;
        }
        self.append(round, NO_COMMAND);
        Ok(())
    }
}
