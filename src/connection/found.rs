//! Commands that were found in the input, and whose turn has not come.
//!
//! Only parsing is done ahead. What was found can be dropped at any time: the input is unchanged, and is parsed again.

use std::ops::Range;

use crate::command;
use crate::resp::{Args, Parsed, ProtocolError, RequestLimits, RequestParser, Span};
use crate::spec::{Flags, Kind, Spec};
use crate::table::Hint;

/// The most commands that are found ahead.
const COMMANDS_MAX: usize = 64;
/// The most keys that are looked up together. Their leaves and cells must stay in the processor's cache until the
/// commands run.
pub(super) const KEYS_MAX: usize = 128;
/// Number of words of a command that has one key at most.
const SHORT_WORDS: usize = 2;

/// A command of the input whose turn has not come.
#[derive(Clone)]
pub(super) struct Found {
    /// Its words among [`FoundCommands::spans`].
    words: Range<usize>,
    /// Where the input goes on after it.
    pub end: usize,
    /// The command, if that is known already.
    pub spec: Option<&'static Spec>,
    /// Those of its keys that are looked up together with others, among [`FoundCommands::keys`]. Empty unless it reads.
    pub keys: Range<usize>,
}

/// Commands of the input, found ahead. All but the last read keys.
#[derive(Default)]
pub(super) struct FoundCommands {
    /// The words of the commands, and those of one that has not arrived in full.
    pub spans: Vec<Span>,
    /// The commands.
    commands: Vec<Found>,
    /// Index of the command whose turn is next.
    next: usize,
    /// The keys that are looked up together.
    pub keys: Vec<Span>,
    /// Where these keys may be; empty before they are looked up.
    pub hints: Vec<Hint>,
    /// Whether they were looked up, or cannot be.
    pub is_looked_up: bool,
}

impl FoundCommands {
    /// Forgets the commands found.
    pub fn clear(&mut self) {
        self.spans.clear();
        self.clear_commands();
    }

    /// Forgets the commands, but no words.
    fn clear_commands(&mut self) {
        self.commands.clear();
        self.next = 0;
        self.keys.clear();
        self.hints.clear();
        self.is_looked_up = false;
    }

    /// Finds the next command, when the turn of all others has come. If it reads, and `looks_ahead`, finds also those after
    /// it, as long as they read.
    pub fn find(
        &mut self,
        parser: &mut RequestParser,
        input: &mut [u8],
        limits: &RequestLimits,
        looks_ahead: bool,
    ) -> Result<(), ProtocolError> {
        self.clear_commands();
        if parser.is_between_commands() {
            self.spans.clear();
        }
        match parser.next(input, &mut self.spans, limits)? {
            Parsed::Command { first_span } => self.add(first_span, parser.consumed()),
            Parsed::Incomplete => return Ok(()),
        }
        let is_alone = self.spans.len() <= SHORT_WORDS && !parser.may_parse_ahead(input);
        if is_alone || !looks_ahead {
            return Ok(());
        }
        while self.note_keys(input)
            && self.commands.len() < COMMANDS_MAX
            && self.keys.len() < KEYS_MAX
            && parser.may_parse_ahead(input)
            // An error is met again when the command's turn comes.
            && let Ok(Parsed::Command { first_span }) = parser.next(input, &mut self.spans, limits)
        {
            self.add(first_span, parser.consumed());
        }
        Ok(())
    }

    /// Adds the command whose words are the last spans.
    fn add(&mut self, first_span: usize, end: usize) {
        let keys = self.keys.len()..self.keys.len();
        self.commands.push(Found { words: first_span..self.spans.len(), end, spec: None, keys });
    }

    /// Finds out which command was added last. Returns whether it reads keys, which are noted.
    fn note_keys(&mut self, input: &[u8]) -> bool {
        let Some(found) = self.commands.last_mut() else { return false };
        let words = &self.spans[found.words.clone()];
        let args = Args::new(input, words);
        found.spec = command::find(&args);
        let Some(spec) =
            found.spec.filter(|spec| spec.kind == Kind::Read && !spec.flags.has(Flags::BLOCKING))
        else {
            return false;
        };
        let keys = spec.key_indexes(&args).filter_map(|index| words.get(index));
        self.keys.extend(keys.take(KEYS_MAX - found.keys.start));
        found.keys.end = self.keys.len();
        !found.keys.is_empty()
    }

    /// Takes the next command, and appends its words to `spans`.
    pub fn take(&mut self, spans: &mut Vec<Span>) -> Option<Found> {
        let found = self.commands.get(self.next)?.clone();
        self.next += 1;
        if spans.is_empty() && self.spans.len() == found.words.len() {
            std::mem::swap(spans, &mut self.spans);
        } else {
            spans.extend_from_slice(&self.spans[found.words.clone()]);
        }
        Some(found)
    }
}
