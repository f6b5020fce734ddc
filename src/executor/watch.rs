//! `WATCH`, optimistic locking: watches keys, touches them when they change, and checks them at `EXEC`. The keys
//! themselves are in `watched_keys`.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use super::Executor;
use super::log_room::{LogRoom, Round};
use crate::keyspace::{KeyReader, Lookups};
use crate::resp::Args;
use crate::spec::{self, Flags, Spec};
use crate::state::{Transaction, Watch, WatchedKey};

impl Executor {
    /// Watches keys from now on. Those that have expired are deleted first, so that their deletion does not touch them.
    pub(super) fn watch<R: LogRoom>(
        &mut self,
        round: &mut Round<'_, R>,
        watch: &Arc<Watch>,
        db: usize,
        args: &Args<'_>,
    ) -> Result<(), R::Error> {
        for key in spec::WATCH.keys_in(args) {
            // Nothing expires while writes are paused.
            let is_due = self.lookups.keeps_expired && self.is_due(round, db, key);
            if !is_due {
                self.purge(round, db, key, round.now_ms)?;
            }
            self.watched_keys.add(watch, db, key, is_due);
        }
        self.show_watchers();
        Ok(())
    }

    /// Whether a key has expired, as far as that can be read.
    fn is_due<R: LogRoom>(&self, round: &Round<'_, R>, db: usize, key: &[u8]) -> bool {
        let view = self.table.view();
        let mut lookups = Lookups::default();
        let _ = KeyReader::new(&view, round.now_ms, &mut lookups).peek(db, key);
        !lookups.expired.is_empty()
    }

    /// Whether a watched key was changed, or has expired.
    pub(super) fn is_watch_broken<R: LogRoom>(
        &self,
        round: &Round<'_, R>,
        transaction: &Transaction,
    ) -> Result<bool, R::Error> {
        let Some(watch) = &transaction.watch else { return Ok(false) };
        if watch.is_touched() {
            return Ok(true);
        }
        let view = self.table.view();
        let mut lookups = Lookups::default();
        let mut reader = KeyReader::new(&view, round.now_ms, &mut lookups);
        for WatchedKey { db, key, .. } in watch.keys().iter().filter(|watched| !watched.was_due) {
            if reader.peek(usize::from(*db), key).is_err() {
                // The key cannot be read, so it may have changed.
                return Ok(true);
            }
        }
        Ok(!lookups.expired.is_empty())
    }

    /// Notes the changes since `mark` in the next record: touches watched keys, and collects notifications for clients
    /// that track.
    #[inline]
    pub(super) fn note_changes<R: LogRoom>(
        &mut self,
        round: &mut Round<'_, R>,
        mark: usize,
        by: Option<u64>,
    ) {
        let tracks = round.notifications.tracks;
        if self.watched_keys.is_empty() && !tracks {
            return;
        }
        let view = self.table.view();
        for effect in self.effects.since(mark) {
            self.watched_keys.touch(&effect, &view);
            if tracks {
                round.notifications.changed(&effect, by);
            }
        }
        for (name, db, key) in self.touched.iter() {
            // A deletion is an effect, and says whether the key had expired.
            if name != "expired" {
                self.watched_keys.touch_key(db, key);
                if tracks {
                    round.notifications.touched(key, by);
                }
            }
        }
        self.touched.clear();
    }

    /// Shows connections whether any client watches keys.
    pub(super) fn show_watchers(&self) {
        self.state.kept.watchers.store(self.watched_keys.len(), SeqCst);
    }

    /// Prepares for a command that may change whole databases.
    #[inline]
    pub(super) fn note_existing(&mut self, spec: &'static Spec) {
        if !self.watched_keys.is_empty() && spec.flags.has(Flags::DATABASES) {
            self.watched_keys.note_existing(&self.table.view());
        }
    }
}
