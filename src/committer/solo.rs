//! Notices when there is only one client, who waits for each group.

use std::time::Duration;

use crate::state::Clients;
use crate::submission::Completion;

/// This many groups in a row for one client show that no other one is about to write.
const GROUPS: u32 = 5;
/// A sync that took longer than this was on a slow disk.
const SLOW: Duration = Duration::from_millis(2);

/// The client for whom the last groups were.
#[derive(Default)]
pub(super) struct Solo {
    /// The client.
    client_id: u64,
    /// Groups in a row that only it waited for.
    groups: u32,
}

impl Solo {
    /// Notes for whom a group is.
    pub fn note(&mut self, answered: &[Completion]) {
        match answered {
            [] => {}
            [one] if one.submission.client_id == self.client_id => {
                self.groups = self.groups.saturating_add(1)
            }
            [one, ..] => {
                self.client_id = one.submission.client_id;
                self.groups = u32::from(answered.len() == 1);
            }
        }
    }

    /// Notes how long a sync took that was waited for. After a slow one, the next groups are not waited for.
    pub fn waited(&mut self, time: Duration) {
        if time > SLOW {
            self.groups = 0;
        }
    }

    /// Whether it is the only client, and nobody else has written for a while.
    pub fn is_sure(&self, clients: &Clients) -> bool {
        self.groups >= GROUPS && clients.len() == 1
    }
}
