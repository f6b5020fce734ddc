//! Notices when there is only one client, who waits for each group.

use crate::state::Clients;
use crate::submission::Completion;

/// This many groups in a row for one client show that no other one is about to write.
const GROUPS: u32 = 5;

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

    /// Whether it is the only client, and nobody else has written for a while.
    pub fn is_sure(&self, clients: &Clients) -> bool {
        self.groups >= GROUPS && clients.len() == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Peer, Users};
    use crate::submission::{Submission, promise};

    /// Submissions of these clients, answered.
    fn answered(clients: &[u64]) -> Vec<Completion> {
        let answer = |client_id: &u64| {
            let mut submission = Submission::empty(promise().1);
            submission.client_id = *client_id;
            Completion { submission, executed: 1, is_next_long: false, replies_at: 0 }
        };
        clients.iter().map(answer).collect()
    }

    #[test]
    fn it_is_sure_of_one_client_after_some_groups() {
        let clients = Clients::default();
        clients.add(Peer::default(), Users::default().default_user(), 0);
        let mut solo = Solo::default();
        let mut sure_after = |groups: &[&[u64]]| {
            groups.iter().for_each(|group| solo.note(&answered(group)));
            solo.is_sure(&clients)
        };
        let (seven, eight): (&[u64], &[u64]) = (&[7], &[8]);
        assert!(!sure_after(&[seven; 4]));
        assert!(sure_after(&[&[], seven, &[]]), "groups without commands do not count");
        assert!(!sure_after(&[&[7, 7]]));
        assert!(!sure_after(&[seven; 4]));
        assert!(sure_after(&[seven]));
        assert!(!sure_after(&[eight; 4]), "it is another one");
        assert!(sure_after(&[eight]));
        clients.add(Peer::default(), Users::default().default_user(), 0);
        assert!(!solo.is_sure(&clients), "another one may write");
    }
}
