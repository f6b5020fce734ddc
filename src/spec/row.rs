//! The row of a command.

use super::Flags;
use super::key_positions::{KeyPosition, are_movable};
use crate::resp::Args;

/// [`Spec::tried_words`] of most commands that are tried. Pops have less: they are tried only without a count.
pub(super) const TRIED_WORDS: usize = 16;

/// [`Spec::quick_words`] of most commands.
const QUICK_WORDS: usize = 64;

/// Where a command runs, and what it has access to there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// On the connection's thread, with the client's own state.
    Local,
    /// On a snapshot, on the connection's thread; or on the writer's version, if it comes after an unanswered write of
    /// the same client.
    Read,
    /// On the writer; or on a snapshot, if it changes nothing there.
    Write,
}

/// Which of a command's words are passwords, or are in the position of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// None.
    None,
    /// All.
    All,
    /// The two words after each `AUTH`.
    BehindAuth,
}

/// One command, or one subcommand of a container command such as `CLIENT`.
#[derive(Clone, Copy)]
pub struct Spec {
    /// The command's number in the log. Never reused, never changed.
    pub id: u16,
    /// Name in lower case; a subcommand's is `container|subcommand`.
    pub name: &'static str,
    /// Number of words with the name; negative: at least its magnitude.
    pub arity: i32,
    /// Where it runs. A container command's own row answers for an unknown subcommand.
    pub kind: Kind,
    /// Properties, including those that follow from kind and keys.
    pub flags: Flags,
    /// Where the keys are, and what the command does with them.
    pub keys: &'static [KeyPosition],
    /// One line of documentation.
    pub summary: &'static str,
    /// The Redis version that introduced the command.
    pub since: &'static str,
    /// Time complexity.
    pub complexity: &'static str,
    /// The arguments as one line of syntax; [`Spec::arguments`] parses it.
    pub syntax: &'static str,
    /// Hints for proxies and cluster clients, besides the flags.
    pub tips: &'static [&'static str],
    /// Documentation group: `string`, `generic`, `connection`, `server` ...
    pub group: &'static str,
    /// Whether the command works on elements of collections.
    pub is_on_elements: bool,
    /// Access-control categories besides those that follow from flags and group.
    pub categories: &'static [&'static str],
    /// A writing command with at most this many words may be tried on a snapshot first, in case it changes nothing. 0:
    /// it is never tried. For commands that often change nothing, and do little work before their first change.
    pub tried_words: usize,
    /// With at most this many words, the command takes microseconds, however large the data of its keys. 0: it never surely
    /// does.
    pub quick_words: usize,
    /// Whether a writing command with these words only reads; `None`: it may write with any words.
    pub reading_form: Option<fn(&Args<'_>) -> bool>,
    /// Whether a blocking command with these words may wait; `None`: it may with any words.
    pub waiting_form: Option<fn(&Args<'_>) -> bool>,
    /// Which words are not shown to other clients.
    pub secrets: Secrets,
    /// Subcommands of a container command.
    pub subcommands: &'static [&'static Spec],
}

impl Spec {
    /// The defaults of a row.
    pub(super) const DEFAULT: Spec = Spec {
        id: 0,
        name: "",
        arity: 0,
        kind: Kind::Local,
        flags: Flags::NONE,
        keys: &[],
        summary: "",
        since: "",
        complexity: "O(1)",
        syntax: "",
        tips: &[],
        group: "",
        is_on_elements: false,
        categories: &[],
        tried_words: 0,
        quick_words: QUICK_WORDS,
        reading_form: None,
        waiting_form: None,
        secrets: Secrets::None,
        subcommands: &[],
    };

    /// Adds the flags that follow from the rest of the row.
    pub(super) const fn complete(self) -> Spec {
        let mut flags = match self.kind {
            Kind::Local => self.flags,
            Kind::Read => self.flags.with(Flags::READONLY),
            Kind::Write => self.flags.with(Flags::WRITE),
        };
        if are_movable(self.keys) {
            flags = flags.with(Flags::MOVABLEKEYS);
        }
        let is_slow_read = matches!(self.kind, Kind::Read) && !flags.has(Flags::FAST);
        let quick_words = match is_slow_read || flags.has(Flags::DATABASES) {
            true => 0,
            false => self.quick_words,
        };
        Spec { flags, quick_words, ..self }
    }

    /// Whether it takes microseconds with `words` words, however large the data of its keys.
    pub fn is_quick(&self, words: usize) -> bool {
        words <= self.quick_words
    }

    /// Whether it runs on the connection's thread with the client's own state.
    pub fn is_local(&self) -> bool {
        self.kind == Kind::Local
    }

    /// Whether it may change data with some words, as its flags tell clients. A pause goes by this, as Redis's does; whether
    /// one call may change data is what [`Spec::writes`] says.
    pub fn is_write(&self) -> bool {
        self.kind == Kind::Write
    }

    /// Whether a call with these words may change data.
    #[inline]
    pub fn writes(&self, args: &Args<'_>) -> bool {
        self.kind == Kind::Write && !self.is_reading_form(args)
    }

    /// Whether a call with these words only reads data.
    #[inline]
    pub fn only_reads(&self, args: &Args<'_>) -> bool {
        match self.kind {
            Kind::Local => false,
            Kind::Read => true,
            Kind::Write => self.is_reading_form(args),
        }
    }

    /// Whether a call with these words may wait for data.
    #[inline]
    pub fn may_wait(&self, args: &Args<'_>) -> bool {
        self.flags.has(Flags::BLOCKING) && self.waiting_form.is_none_or(|waits| waits(args))
    }

    /// Whether these words are the reading form of a writing command.
    #[inline]
    fn is_reading_form(&self, args: &Args<'_>) -> bool {
        self.reading_form.is_some_and(|is_reading| is_reading(args))
    }

    /// Whether it is a container command.
    pub fn is_container(&self) -> bool {
        !self.subcommands.is_empty()
    }

    /// Whether it is a subcommand of a container command.
    pub fn is_subcommand(&self) -> bool {
        self.name.contains('|')
    }

    /// Whether the command can have `words` words, the name included.
    pub fn takes(&self, words: usize) -> bool {
        let words = words as i64;
        if self.arity >= 0 { words == i64::from(self.arity) } else { words >= -i64::from(self.arity) }
    }

    /// The subcommand called `name`, in any case.
    pub fn subcommand(&self, name: &[u8]) -> Option<&'static Spec> {
        let skip = self.name.len() + 1;
        self.subcommands.iter().copied().find(|spec| spec.name.as_bytes()[skip..].eq_ignore_ascii_case(name))
    }

    /// Whether word `index` is a password, or is in the position of one.
    pub fn is_secret(&self, args: &Args<'_>, index: usize) -> bool {
        let says_auth = |index: usize| args.get(index).is_some_and(|word| word.eq_ignore_ascii_case(b"auth"));
        match self.secrets {
            Secrets::None => false,
            Secrets::All => index > 0,
            Secrets::BehindAuth => (1..=2).any(|back| index >= back + 2 && says_auth(index - back)),
        }
    }
}

/// Defines the rows of a family, and a list of them: `rows! { LIST from BASE: NAME { id: ..., name: ..., ... } ... }`.
/// A row takes the fields that it does not define from the base. The base's flags apply to all rows.
macro_rules! rows {
    ($list:ident from $base:ident: $(
        $row:ident {
            id: $id:literal, name: $name:literal, arity: $arity:literal, kind: $kind:ident, flags: [$($flag:ident)*],
            summary: $summary:literal,
            $($field:ident: $value:expr,)*
        }
    )+) => {
        $(
            #[doc = $summary]
            pub static $row: $crate::spec::Spec = {
                const ROW: $crate::spec::Spec = $crate::spec::Spec {
                    id: $id,
                    name: $name,
                    arity: $arity,
                    kind: $crate::spec::Kind::$kind,
                    flags: $base.flags$(.with($crate::spec::Flags::$flag))*,
                    summary: $summary,
                    $($field: $value,)*
                    ..$base
                };
                ROW.complete()
            };
        )+

        /// The rows, in the order of the definitions.
        pub(super) static $list: &[&$crate::spec::Spec] = &[$(&$row),+];
    };
}
pub(super) use rows;
