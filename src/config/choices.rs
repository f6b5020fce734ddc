//! Directives whose value is one of a few words.

use super::lines::Word;
use super::value::{Kind, Setting, one};

/// The name that a line's only word matches, ignoring case.
pub(super) fn one_of(words: &[Word], names: &'static [&'static str]) -> Result<&'static str, String> {
    let word = one(words)?;
    names
        .iter()
        .copied()
        .find(|name| word.eq_ignore_ascii_case(name.as_bytes()))
        .ok_or_else(|| format!("argument(s) must be one of the following: {}", names.join(", ")))
}

/// Declares an enum whose values have names in the configuration.
macro_rules! choice {
    ($(#[$meta:meta])* $type:ident { $($(#[$variant_meta:meta])* $variant:ident = $name:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $type { $($(#[$variant_meta])* $variant),+ }

        impl $type {
            /// The names of the values, in order.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// The name of this value.
            pub fn name(self) -> &'static str {
                match self { $($type::$variant => $name),+ }
            }
        }

        impl Setting for $type {
            fn parse(words: &[Word], _: &Kind) -> Result<Self, String> {
                let name = one_of(words, Self::NAMES)?;
                $(if name == $name {
                    return Ok($type::$variant);
                })+
                unreachable!("it is one of the names")
            }

            fn format(&self, _: &Kind) -> Word {
                self.name().into()
            }
        }
    };
}

choice! {
    /// How much is logged; each level includes those after it.
    LogLevel {
        /// Everything, for developers.
        Debug = "debug",
        /// Each connection too.
        Verbose = "verbose",
        /// What an operator needs to know.
        Notice = "notice",
        /// Only what needs attention.
        Warning = "warning",
        /// Nothing at all.
        Nothing = "nothing",
    }
}

choice! {
    /// The shape of a line of the log.
    LogFormat {
        /// `text` on a terminal, `logfmt` elsewhere.
        Auto = "auto",
        /// For people.
        Text = "text",
        /// `key=value` pairs.
        Logfmt = "logfmt",
        /// One JSON object per line.
        Json = "json",
    }
}

choice! {
    /// How the log is written and synced.
    WalMethod {
        /// Direct if the file system allows it, else buffered.
        Auto = "auto",
        /// Writes that bypass the page cache and are durable when they return.
        Direct = "direct",
        /// Writes through the page cache, each group followed by a sync.
        Buffered = "buffered",
    }
}

choice! {
    /// Which service manager started the server and waits for it to be ready.
    Supervised {
        /// Nobody.
        No = "no",
        /// systemd, notified through the socket in `NOTIFY_SOCKET`.
        Systemd = "systemd",
        /// systemd if `NOTIFY_SOCKET` is set, else nobody.
        Auto = "auto",
    }
}

choice! {
    /// Which clients may use the commands for debugging.
    DebugCommand {
        /// Nobody.
        No = "no",
        /// Every client.
        Yes = "yes",
        /// Clients on this machine.
        Local = "local",
    }
}
