//! Names of the commands that made records. The log keeps a number, which never changes.

use std::borrow::Cow;

/// The name in lower case of the command with this number, of a subcommand `container|subcommand`; `#` and the number when
/// this program does not know it.
pub fn name(id: u16) -> Cow<'static, str> {
    match ackd::spec::by_id(id) {
        Some(spec) => Cow::Borrowed(spec.name),
        None => Cow::Owned(format!("#{id}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_names_where_they_are_known() {
        assert_eq!(name(ackd::spec::SET.id), "set");
        assert_eq!(name(u16::MAX), "#65535");
    }
}
