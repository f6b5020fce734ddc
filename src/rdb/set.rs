//! Sets: members one by one, or packed together.

use super::error::RdbError;
use super::input::Input;
use super::part::{Part, See};
use super::types::Type;
use super::{intset, listpack};

/// Reads a set.
pub(super) fn read(of: Type, input: &mut Input<'_>, see: &mut See<'_>) -> Result<(), RdbError> {
    match of {
        Type::SetIntset => intset::each(&input.text()?, &mut |member| see(Part::Member(member))),
        Type::SetListpack => {
            listpack::each(&input.text()?, &mut |entry| entry.with_text(|member| see(Part::Member(member))))
        }
        _ => (0..input.length()?).try_for_each(|_| see(Part::Member(&input.text()?))),
    }
}
