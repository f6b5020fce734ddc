//! One call of a command on the data.

use crate::resp::Args;
use crate::spec::Spec;
use crate::state::CommandLimits;

/// One command, with everything that its result depends on.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The command.
    pub spec: &'static Spec,
    /// Its words. Their number was checked.
    pub args: Args<'a>,
    /// The client's database.
    pub db: usize,
    /// The time that it sees, in milliseconds since 1970.
    pub now_ms: u64,
    /// Limits of the configuration.
    pub limits: CommandLimits,
}

impl<'a> Call<'a> {
    /// The keys that the command's words name.
    pub fn keys(&self) -> impl Iterator<Item = &'a [u8]> {
        self.spec.keys_in(&self.args)
    }
}
