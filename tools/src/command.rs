//! Names of the commands that made records. The log stores a number for each, which never changes.

use std::borrow::Cow;

/// The command's name in lower case; `container|subcommand` for a subcommand, `#` and the number for an unknown one.
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
