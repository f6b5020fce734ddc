//! The row of a command.

use super::Flags;
use super::key_positions::{KeyPosition, are_movable};
use crate::resp::Args;

/// [`Spec::tried_words`] of most commands that are tried; pops are tried without a count.
pub(super) const TRIED_WORDS: usize = 16;

/// Where a command runs, and what it can reach there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// On the connection's thread, with the client's own state.
    Local,
    /// From a snapshot on the connection's thread; on the writer's version when it stands behind an unanswered write of
    /// the same client.
    Read,
    /// On the writer; or on a published version, if it changes nothing there.
    Write,
}

/// Which of a command's words are passwords, or stand where one would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// None.
    None,
    /// All.
    All,
    /// The two words behind each `AUTH`.
    BehindAuth,
}

/// One command, or one subcommand of a container command such as `CLIENT`.
#[derive(Clone, Copy)]
pub struct Spec {
    /// Number that the log knows the command by. Never reused, never changed.
    pub id: u16,
    /// Name in lower case; a subcommand's is `container|subcommand`.
    pub name: &'static str,
    /// Number of words with the name; negative: at least its magnitude.
    pub arity: i32,
    /// Where it runs. A container command's own row answers for an unknown subcommand.
    pub kind: Kind,
    /// Properties, those included that follow from kind and keys.
    pub flags: Flags,
    /// Where the keys are, and what is done with them.
    pub keys: &'static [KeyPosition],
    /// One line of documentation.
    pub summary: &'static str,
    /// The Redis version that brought the command.
    pub since: &'static str,
    /// Time complexity.
    pub complexity: &'static str,
    /// The arguments as one line; [`Spec::arguments`] says how it is written.
    pub syntax: &'static str,
    /// What proxies and clients of many servers may know of it beside the flags.
    pub tips: &'static [&'static str],
    /// Documentation group: `string`, `generic`, `connection`, `server` ...
    pub group: &'static str,
    /// Whether the command works on elements of collections.
    pub is_on_elements: bool,
    /// Categories of access control beside those that follow from flags and group.
    pub categories: &'static [&'static str],
    /// With how many words at most a writing command may be tried on a published version, to see if it changes nothing.
    /// It is one that often does, finds that out at once, and does little before its first change. 0: it is never tried.
    pub tried_words: usize,
    /// Which words are not shown to others.
    pub secrets: Secrets,
    /// Subcommands of a container command.
    pub subcommands: &'static [&'static Spec],
}

impl Spec {
    /// What rows have that do not say otherwise.
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
        secrets: Secrets::None,
        subcommands: &[],
    };

    /// The row with the flags that follow from the rest of it.
    pub(super) const fn complete(self) -> Spec {
        let mut flags = match self.kind {
            Kind::Local => self.flags,
            Kind::Read => self.flags.with(Flags::READONLY),
            Kind::Write => self.flags.with(Flags::WRITE),
        };
        if are_movable(self.keys) {
            flags = flags.with(Flags::MOVABLEKEYS);
        }
        Spec { flags, ..self }
    }

    /// Whether it is this command.
    pub fn is(&self, other: &Spec) -> bool {
        self.id == other.id
    }

    /// Whether it runs on the connection's thread with the client's own state.
    pub fn is_local(&self) -> bool {
        self.kind == Kind::Local
    }

    /// Whether it may change data.
    pub fn is_write(&self) -> bool {
        self.kind == Kind::Write
    }

    /// Whether it only has subcommands.
    pub fn is_container(&self) -> bool {
        !self.subcommands.is_empty()
    }

    /// Whether it is a subcommand of a container command.
    pub fn is_subcommand(&self) -> bool {
        self.name.contains('|')
    }

    /// Whether `words` words (the name included) are as many as the command takes.
    pub fn takes(&self, words: usize) -> bool {
        let words = words as i64;
        if self.arity >= 0 { words == i64::from(self.arity) } else { words >= -i64::from(self.arity) }
    }

    /// The subcommand called `name` in any case.
    pub fn subcommand(&self, name: &[u8]) -> Option<&'static Spec> {
        let skip = self.name.len() + 1;
        self.subcommands.iter().copied().find(|spec| spec.name.as_bytes()[skip..].eq_ignore_ascii_case(name))
    }

    /// Whether word `index` is a password or stands where one would.
    pub fn is_secret(&self, args: &Args<'_>, index: usize) -> bool {
        let says_auth = |index: usize| args.get(index).is_some_and(|word| word.eq_ignore_ascii_case(b"auth"));
        match self.secrets {
            Secrets::None => false,
            Secrets::All => index > 0,
            Secrets::BehindAuth => (1..=2).any(|back| index >= back + 2 && says_auth(index - back)),
        }
    }
}

/// Names the rows of a family, and lists them: `rows! { LIST from BASE: NAME { id: ..., name: ..., ... } ... }`. Fields
/// that a row does not have are those of the base; the base's flags are those of all rows.
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

        /// The rows, in the order in which they are listed.
        pub(super) static $list: &[&$crate::spec::Spec] = &[$(&$row),+];
    };
}
pub(super) use rows;
