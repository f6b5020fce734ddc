//! The commands that the server knows, by name and by id.

use crate::command::Spec;

/// Ids of commands lie below this: the length of every table indexed by them.
pub const COMMAND_IDS_MAX: usize = 1024;

/// Finds a command by its name in any case; knows nothing of subcommands.
pub type Lookup = fn(&[u8]) -> Option<&'static Spec>;

/// The commands that the server knows.
pub struct Commands {
    /// Finds a command by name.
    lookup: Lookup,
    /// All commands and subcommands, at their ids.
    by_id: Vec<Option<&'static Spec>>,
}

impl Commands {
    /// The commands `all` (subcommands are found inside them), looked up by `lookup`.
    ///
    /// # Panics
    /// If two commands have the same id, or an id is [`COMMAND_IDS_MAX`] or more: the table is then wrong.
    pub fn new(lookup: Lookup, all: impl IntoIterator<Item = &'static Spec>) -> Self {
        let mut by_id = vec![None; COMMAND_IDS_MAX];
        for spec in all {
            for spec in std::iter::once(spec).chain(spec.subcommands) {
                let slot = &mut by_id[usize::from(spec.id)];
                assert!(slot.is_none(), "id {} of {} is taken", spec.id, spec.name);
                *slot = Some(spec);
            }
        }
        Self { lookup, by_id }
    }

    /// The command called `name` in any case.
    pub fn lookup(&self, name: &[u8]) -> Option<&'static Spec> {
        (self.lookup)(name)
    }

    /// The command or subcommand with this id.
    pub fn by_id(&self, id: u16) -> Option<&'static Spec> {
        self.by_id.get(usize::from(id)).copied().flatten()
    }

    /// All commands and subcommands, by ascending id.
    pub fn iter(&self) -> impl Iterator<Item = &'static Spec> {
        self.by_id.iter().copied().flatten()
    }

    /// The subcommand of `container` called `name` in any case.
    pub fn subcommand(container: &'static Spec, name: &[u8]) -> Option<&'static Spec> {
        let skip = container.name.len() + 1;
        container.subcommands.iter().find(|spec| spec.name.as_bytes()[skip..].eq_ignore_ascii_case(name))
    }
}
