//! Estimates of how long it takes to replay what was done since a checkpoint.

use std::time::Duration;

use crate::table::Work;

/// Of a record, without its bytes and its changes. Measured together with the next ones, on two virtual processors with the
/// table in memory: 400,000 `SET`s, 0.5 to 1.2 s; 500,000 `RPUSH`es, 0.5 s; 20 `BITOP`s of 20 MB, 0.6 s; 8 `ZRANGESTORE`s of
/// 400,000 members, 0.6 s; two `ZUNIONSTORE`s of 500,000, 0.6 s.
const PER_RECORD_PS: u64 = 1_000_000;
/// Of a change of a cell.
const PER_CHANGE_PS: u64 = 400_000;
/// Of a cell next to the one before.
const PER_NEIGHBOUR_PS: u64 = 150_000;
/// Of a page that is copied for another tree.
const PER_COPY_PS: u64 = 1_500_000;
/// Of a page that is changed for the first time since the checkpoint: it is mapped, checked and copied. Most of this time
/// is spent in the kernel.
const PER_PAGE_PS: u64 = 4_500_000;
/// Of a byte of the log.
const PER_LOG_BYTE_PS: u64 = 2_000;
/// Of a byte of a cell that is put.
const PER_CELL_BYTE_PS: u64 = 500;

/// What a replay reads and does.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Replay {
    /// Records.
    pub records: u64,
    /// Their bytes in the log.
    pub log_bytes: u64,
    /// What they do to the table.
    pub work: Work,
    /// Pages that they change.
    pub pages: u64,
}

impl Replay {
    /// About how long it takes on a processor that does nothing else.
    pub fn time(self) -> Duration {
        let Self { records, log_bytes, work, pages } = self;
        let costs = [
            (records, PER_RECORD_PS),
            (log_bytes, PER_LOG_BYTE_PS),
            (work.changes, PER_CHANGE_PS),
            (work.neighbours, PER_NEIGHBOUR_PS),
            (work.bytes, PER_CELL_BYTE_PS),
            (work.copies, PER_COPY_PS),
            (pages, PER_PAGE_PS),
        ];
        Duration::from_nanos(costs.iter().map(|(count, ps)| count.saturating_mul(*ps) / 1000).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_that_is_logged_may_take_long() {
        let pages = 20_000;
        let sets = Replay {
            records: 100_000,
            log_bytes: 8_400_000,
            work: Work { changes: 100_000, bytes: 6_500_000, ..Work::default() },
            pages,
        };
        let copies = Replay {
            records: 20,
            log_bytes: 251,
            work: Work { changes: 39, bytes: 1_000, copies: 80_000, ..Work::default() },
            pages,
        };
        let unions = Replay {
            records: 300,
            log_bytes: 251,
            work: Work { neighbours: 900_000, bytes: 9_000_000, ..Work::default() },
            pages,
        };
        for (replay, ms) in [(sets, 250), (copies, 210), (unions, 229)] {
            assert_eq!(replay.time().as_millis(), ms, "{replay:?}");
        }
    }
}
