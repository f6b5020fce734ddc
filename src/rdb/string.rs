//! Strings.

use super::error::RdbError;
use super::input::Input;
use super::part::{Part, See};

/// Reads a string.
pub(super) fn read(input: &mut Input<'_>, see: &mut See<'_>) -> Result<(), RdbError> {
    see(Part::Text(&input.text()?))
}
