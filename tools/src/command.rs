//! Names of the commands that made records. The log keeps a number, which never changes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

/// The names that this program knows, by number; a subcommand is `container|subcommand`.
static NAMES: LazyLock<HashMap<u16, &'static str>> = LazyLock::new(|| {
    let with_subcommands =
        ackd::command::all().flat_map(|spec| std::iter::once(spec).chain(spec.subcommands));
    with_subcommands.map(|spec| (spec.id, spec.name)).collect()
});

/// The name in lower case of the command with this number; `#` and the number when this program does not know it.
pub fn name(id: u16) -> Cow<'static, str> {
    match NAMES.get(&id) {
        Some(name) => Cow::Borrowed(name),
        None => Cow::Owned(format!("#{id}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_names_where_they_are_known() {
        let set = ackd::command::lookup(b"SET").unwrap();
        assert_eq!(name(set.id), "set");
        assert_eq!(name(u16::MAX), "#65535");
    }
}
