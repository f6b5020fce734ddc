//! Who caused the records of the open group: each origin is defined by the first record of the group that it caused.

use std::sync::Arc;

use crate::effect::{Cause, EffectBuffer};
use crate::state::ClientOrigin;

/// The origins that the records of the open group name.
#[derive(Default)]
pub(super) struct Origins {
    /// Number of the group, counted from 1.
    group: u64,
    /// Number of origins defined.
    defined: u32,
    /// The one that the next record defines, if it is appended.
    new: Option<Arc<ClientOrigin>>,
}

impl Origins {
    /// Begins a group: nothing is defined.
    pub fn begin_group(&mut self) {
        (self.group, self.defined, self.new) = (self.group + 1, 0, None);
    }

    /// Sets who causes the effects from now on; `None`: the server itself, or records do not say it.
    pub fn caused_by(&mut self, origin: Option<&Arc<ClientOrigin>>, record: &mut EffectBuffer) {
        self.new = None;
        let Some(origin) = origin else {
            return record.set_cause(&Cause::default());
        };
        match origin.number_in(self.group) {
            Some(number) => record.caused_by(number, None),
            None => {
                record.caused_by(self.defined + 1, Some(origin.encoded()));
                self.new = Some(origin.clone());
            }
        }
    }

    /// Notes that the record was appended to the group.
    pub fn appended(&mut self) {
        if let Some(origin) = self.new.take() {
            self.defined += 1;
            origin.define(self.group, self.defined);
        }
    }
}
