//! The options of `SET`, `GETEX` and `MSETEX`.

use super::compare::Comparison;
use crate::command::CommandError;
use crate::command::words::{self, TimeForm};
use crate::resp::Args;

/// Which command the options belong to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SetForm {
    /// `SET`.
    Set,
    /// `GETEX`.
    GetEx,
    /// `MSETEX`.
    MsetEx,
}

/// The condition for storing a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    /// No condition.
    Always,
    /// If the key does not exist.
    Missing,
    /// If the key exists.
    Present,
    /// If the key's string compares so with the word at this index.
    Compared(Comparison, usize),
}

/// What happens to the key's expiry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifetime {
    /// It is removed: `SET` without an option.
    Endless,
    /// It is kept.
    Keep,
    /// It is removed: `GETEX ... PERSIST`.
    Persist,
    /// It is set to the time in the word at this index.
    Until(TimeForm, usize),
}

/// The options of a command.
pub(super) struct Options {
    /// `NX`, `XX`, `IFEQ`, `IFNE`, `IFDEQ`, `IFDNE`.
    pub(super) condition: Condition,
    /// `GET`: reply with the old value.
    pub(super) get: bool,
    /// `EX`, `PX`, `EXAT`, `PXAT`, `KEEPTTL`, `PERSIST`.
    pub(super) lifetime: Lifetime,
}

impl Options {
    /// Parses the options from word `first` on.
    pub(super) fn parse(args: &Args<'_>, first: usize, form: SetForm) -> Result<Self, CommandError> {
        let mut options = Self { condition: Condition::Always, get: false, lifetime: Lifetime::Endless };
        let mut index = first;
        while let Some(word) = args.get(index) {
            index += options.take(word, index, args.len(), form).ok_or(CommandError::SYNTAX)?;
        }
        Ok(options)
    }

    /// The expiry that the options set.
    pub(super) fn until(
        &self,
        args: &Args<'_>,
        now_ms: u64,
        command: &str,
    ) -> Result<Option<u64>, CommandError> {
        match self.lifetime {
            Lifetime::Until(form, index) => form.expiry(&args[index], now_ms, command).map(Some),
            _ => Ok(None),
        }
    }

    /// Parses the option `word` at `index` of `len` words; returns the number of its words, or `None` if it is invalid.
    fn take(&mut self, word: &[u8], index: usize, len: usize, form: SetForm) -> Option<usize> {
        if let Some(time) = TimeForm::of_option(word) {
            let again = matches!(self.lifetime, Lifetime::Until(before, _) if before == time);
            let fits = (again || self.lifetime == Lifetime::Endless) && index + 1 < len;
            self.lifetime = Lifetime::Until(time, index + 1);
            return fits.then_some(2);
        }
        if let (SetForm::Set, Some(comparison)) = (form, Comparison::of_option(word)) {
            let fits = self.condition == Condition::Always && index + 1 < len;
            self.condition = Condition::Compared(comparison, index + 1);
            return fits.then_some(2);
        }
        let stores = form != SetForm::GetEx;
        let fits = if stores && words::is(word, "nx") {
            self.take_condition(Condition::Missing)
        } else if stores && words::is(word, "xx") {
            self.take_condition(Condition::Present)
        } else if form == SetForm::Set && words::is(word, "get") {
            self.get = true;
            true
        } else if words::is(word, if stores { "keepttl" } else { "persist" }) {
            let wanted = if stores { Lifetime::Keep } else { Lifetime::Persist };
            let fits = self.lifetime == Lifetime::Endless || self.lifetime == wanted;
            self.lifetime = wanted;
            fits
        } else {
            false
        };
        fits.then_some(1)
    }

    /// Sets the condition; `false` if there is another one.
    fn take_condition(&mut self, condition: Condition) -> bool {
        let fits = self.condition == Condition::Always || self.condition == condition;
        self.condition = condition;
        fits
    }
}
