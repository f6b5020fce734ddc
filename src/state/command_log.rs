//! The logs of commands: the recent ones that were slow, or whose request or reply was large.

use std::collections::VecDeque;
use std::sync::Mutex;

use crate::clock::unix_now;
use crate::resp::Args;

/// The most words of a command that are kept. If it has more, the last one kept says how many were left out.
const WORDS_MAX: usize = 32;
/// The most bytes of a word that are kept. The rest is replaced by its length.
const WORD_BYTES_MAX: usize = 128;

/// One command in a log.
#[derive(Clone, Debug)]
pub struct CommandRecord {
    /// Number of the record since the start.
    pub id: u64,
    /// When it ran, in seconds since the Unix epoch.
    pub unix_s: u64,
    /// Microseconds that it took, or bytes of its request or reply.
    pub amount: u64,
    /// Its words, shortened.
    pub words: Vec<Vec<u8>>,
    /// The client's address.
    pub addr: String,
    /// The client's name.
    pub name: Vec<u8>,
}

/// Why a command is in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logged {
    /// It was slow.
    Slow,
    /// Its request was large.
    LargeRequest,
    /// Its reply was large.
    LargeReply,
}

/// All logs of commands.
#[derive(Default)]
pub struct CommandLogs([CommandLog; 3]);

impl CommandLogs {
    /// The log of commands that are there for this reason.
    pub fn of(&self, reason: Logged) -> &CommandLog {
        &self.0[reason as usize]
    }
}

/// The commands kept in one log, newest first.
#[derive(Default)]
pub struct CommandLog {
    /// The records, and the next record's number.
    kept: Mutex<(VecDeque<CommandRecord>, u64)>,
}

impl CommandLog {
    /// Adds a command, and forgets the oldest ones beyond `len_max`.
    pub fn keep(&self, args: &Args<'_>, amount: u64, addr: String, name: Vec<u8>, len_max: u64) {
        let mut kept = self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (records, next_id) = &mut *kept;
        records.push_front(CommandRecord {
            id: *next_id,
            unix_s: unix_now().as_secs(),
            amount,
            words: shorten(args),
            addr,
            name,
        });
        *next_id += 1;
        records.truncate(usize::try_from(len_max).unwrap_or(usize::MAX));
    }

    /// The newest `count` records, newest first.
    pub fn newest(&self, count: usize) -> Vec<CommandRecord> {
        let kept = self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        kept.0.iter().take(count).cloned().collect()
    }

    /// Number of records kept.
    pub fn len(&self) -> usize {
        self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).0.len()
    }

    /// Whether no record is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all records; their numbers are not reused.
    pub fn reset(&self) {
        self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).0.clear();
    }
}

/// The words of a command, shortened to what the logs keep.
fn shorten(args: &Args<'_>) -> Vec<Vec<u8>> {
    let whole = if args.len() > WORDS_MAX { WORDS_MAX - 1 } else { args.len() };
    let mut words: Vec<Vec<u8>> = args.from(0).take(whole).map(shorten_word).collect();
    if args.len() > whole {
        words.push(format!("... ({} more arguments)", args.len() - whole).into_bytes());
    }
    words
}

/// One word, shortened to what the logs keep.
fn shorten_word(word: &[u8]) -> Vec<u8> {
    if word.len() <= WORD_BYTES_MAX {
        return word.to_vec();
    }
    let mut short = word[..WORD_BYTES_MAX].to_vec();
    short.extend_from_slice(format!("... ({} more bytes)", word.len() - WORD_BYTES_MAX).as_bytes());
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::Span;

    #[test]
    fn long_commands_are_shortened_and_old_ones_forgotten() {
        let input = vec![b'x'; 200];
        let mut spans = vec![Span { start: 0, len: 1 }; 40];
        spans[1].len = 200;
        let log = CommandLog::default();
        for _ in 0..3 {
            log.keep(&Args::new(&input, &spans), 20_000, "a:1".into(), vec![], 2);
        }
        let records = log.newest(10);
        assert_eq!(records.iter().map(|record| record.id).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(records[0].words.len(), 32);
        assert!(records[0].words[1].ends_with(b"x... (72 more bytes)"));
        assert_eq!(records[0].words[31], b"... (9 more arguments)");
        log.reset();
        assert!(log.is_empty());
    }
}
