//! Whether a thread that serves connections waits for the sync of a group itself.
//!
//! If the log's thread syncs a group, two threads are woken for it: that one, and this one when the group is durable. With
//! few commands in a group, that takes more time than the thread could use meanwhile. So it waits itself if
//! - nobody reads, who would have to wait, too, or the client of the group is the only one;
//! - clients send single commands: with pipelines, executing the next group takes longer than the sync;
//! - the disk is fast, or the group is for so few clients that there is little else to do.

use super::pace::Pace;

/// It takes this many groups in a row that are worth it.
const GROUPS: u32 = 5;
/// Clients that send more commands at once, on average, send pipelines.
const SINGLE_RECORDS: u64 = 4;
/// With this many clients in a group there is little else to do during the sync.
const FEW_CLIENTS: usize = 8;

/// What is known of a group that is about to be synced.
#[derive(Clone, Copy, Debug)]
pub(super) struct Company {
    /// Submissions that wait for it, each of another client.
    pub submissions: usize,
    /// Its records.
    pub records: u64,
    /// Whether somebody has read lately.
    pub is_read: bool,
    /// Whether the server has only one client.
    pub is_alone: bool,
}

/// How the last groups were.
#[derive(Default)]
pub(super) struct OwnSync {
    /// Groups in a row for which waiting was worth it.
    groups: u32,
}

impl OwnSync {
    /// Notes a group that is about to be synced.
    pub fn note(&mut self, company: Company, pace: &Pace) {
        if company.submissions > 0 {
            self.groups = if is_worth_it(company, pace) { self.groups.saturating_add(1) } else { 0 };
        }
    }

    /// Whether the thread waits itself.
    pub fn is_sure(&self) -> bool {
        self.groups >= GROUPS
    }
}

/// Whether waiting for a group is worth it.
fn is_worth_it(company: Company, pace: &Pace) -> bool {
    let Company { submissions, records, is_read, is_alone } = company;
    let single = records <= SINGLE_RECORDS * submissions as u64;
    is_alone || (!is_read && single && (submissions <= FEW_CLIENTS || pace.is_fast()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Many clients, each with one command, and nobody reads.
    const MANY: Company = Company { submissions: 50, records: 50, is_read: false, is_alone: false };

    /// The pace of a disk whose syncs take so long.
    fn pace(micros: u64) -> Pace {
        let mut pace = Pace::default();
        (0..100).for_each(|_| pace.note(Duration::from_micros(micros)));
        pace
    }

    #[test]
    fn it_waits_itself_where_that_costs_nobody_anything() {
        let (fast, slower) = (pace(100), pace(400));
        let few = Company { submissions: FEW_CLIENTS, records: FEW_CLIENTS as u64, ..MANY };
        let reader_of_its_own = Company { submissions: 1, records: 64, is_read: true, is_alone: true };
        assert!(is_worth_it(MANY, &fast));
        assert!(!is_worth_it(MANY, &slower), "others are served meanwhile");
        assert!(is_worth_it(few, &slower));
        assert!(!is_worth_it(Company { is_read: true, ..few }, &fast), "readers would wait");
        assert!(!is_worth_it(Company { records: 50 * 16, ..MANY }, &fast), "the next group takes long");
        assert!(is_worth_it(reader_of_its_own, &slower), "nobody else is there");
    }

    #[test]
    fn one_group_decides_nothing() {
        let pace = pace(100);
        let mut own_sync = OwnSync::default();
        let mut is_sure_after = |company: Company, groups| {
            (0..groups).for_each(|_| own_sync.note(company, &pace));
            own_sync.is_sure()
        };
        assert!(!is_sure_after(MANY, GROUPS - 1));
        assert!(
            !is_sure_after(Company { submissions: 0, records: 3, ..MANY }, GROUPS),
            "nobody waited for these"
        );
        assert!(is_sure_after(MANY, 1));
        assert!(is_sure_after(Company { submissions: 0, is_read: true, ..MANY }, 1));
        assert!(!is_sure_after(Company { is_read: true, ..MANY }, 1));
        assert!(!is_sure_after(MANY, GROUPS - 1));
    }
}
