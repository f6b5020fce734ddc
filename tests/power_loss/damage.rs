//! Damage is not taken for a power cut: the start is refused with an error that names it, and changes nothing.

use super::disk::{Disk, Power};
use super::stack::{Setup, Stack, open, read_all};
use crate::common::keys::{Command, Model, Shape, any_command};
use ackd::recovery::RecoveryError;
use ackd::recovery::belongs::Contradiction;
use ackd::table::{PAGE_BYTES, TableError};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use wal::{CorruptReason, ReadError, SEGMENT_HEADER_BYTES};

const SETUP: Setup = Setup {
    buffered: false,
    segment_bytes: 320 << 10,
    block_bytes: 512,
    checkpoint_turns: 0,
    recovery_target_ms: 1,
    is_read: false,
    inline: false,
    sync_asks: 0,
    seed: 9,
};
const SHAPE: Shape = Shape { databases: 2, keys: 25, value_bytes_max: 5000, long_keys: 0 };
/// Groups after the checkpoint.
const GROUPS: u64 = 20;

/// A stopped data set: a checkpoint, and twenty groups after it; and what it holds.
fn data_set() -> (Disk, Model) {
    let mut random = SmallRng::seed_from_u64(1);
    let disk = Disk::new(false, &SETUP.table_options());
    let mut model = Model::default();
    let recovered = open(&disk, &Power::on(), &SETUP).expect("a new data set");
    let mut stack = Stack::start(recovered.log, (recovered.table, recovered.writer), &SETUP);
    for group in 0..2 * GROUPS {
        let set = |number: u64| Command {
            db: 0,
            words: vec![b"SET".to_vec(), format!("group{number}").into_bytes(), vec![b'v'; 700]],
        };
        let commands = [set(group), any_command(&mut random, &SHAPE)];
        let replies = stack.submit(&commands);
        commands.iter().for_each(|command| drop(model.apply(command)));
        if group == GROUPS {
            stack.checkpoint();
        }
        stack.work();
        assert!(replies.try_take().is_some());
    }
    stack.stop(false);
    assert!(matches!(stack.ended, Some(Ok(()))));
    drop(stack);
    disk.restart();
    (disk, model)
}

/// Names and bytes of all files of the log.
fn files(disk: &Disk) -> Vec<(String, Option<Vec<u8>>)> {
    disk.log.names().into_iter().map(|name| (name.clone(), disk.log.contents(&name))).collect()
}

/// Recovers a damaged data set; it must refuse, call it damage, and write nothing.
fn refusal(disk: &Disk) -> RecoveryError {
    let before = files(disk);
    let power = Power::on();
    let error = match open(disk, &power, &SETUP) {
        Ok(_) => panic!("the damage was not noticed"),
        Err(error) => error,
    };
    assert!(error.is_damage(), "{error}");
    assert!(power.operations() <= 1, "more was done than to sync the table's metas");
    assert!(files(disk) == before, "the log was changed");
    error
}

/// The segment in which the groups after the checkpoint are, and the offset of the last byte that is not zero.
fn last_segment(disk: &Disk) -> (String, usize) {
    let used = |name: &String| {
        let bytes = disk.log.contents(name).expect("a file of the log");
        bytes.iter().rposition(|&byte| byte != 0).map(|end| (name.clone(), end))
    };
    disk.log.names().iter().filter_map(used).next_back().expect("a segment in use")
}

#[test]
fn a_log_damaged_in_the_middle_is_refused_and_left_alone() {
    let (disk, model) = data_set();
    let (name, end) = last_segment(&disk);
    let bytes = disk.log.contents(&name).expect("the segment");
    let mut refused = 0;
    for offset in (SEGMENT_HEADER_BYTES..end - 4096).step_by(997) {
        let mut damaged = bytes.clone();
        damaged[offset] ^= 0x10;
        disk.log.set_contents(&name, damaged);
        // Damage before the checkpoint is not read and does no harm.
        let power = Power::on();
        if let Ok(recovered) = open(&disk, &power, &SETUP) {
            let state = read_all(&recovered.table.snapshot());
            assert_eq!(model.difference(&state), None, "offset {offset}");
            continue;
        }
        match refusal(&disk) {
            RecoveryError::Read(ReadError::Corrupt { segment, offset: at, lsn, reason }) => {
                assert_eq!(segment, name);
                assert!(at as usize <= offset, "damage at {offset} was reported at {at}");
                assert!(lsn > 0 && reason != CorruptReason::ForeignInstance, "{reason}");
                refused += 1;
            }
            other => panic!("offset {offset}: {other}"),
        }
    }
    assert!(refused > 5, "{refused} times");
    // With the damage undone, the same files have everything: the refusals changed nothing.
    disk.log.set_contents(&name, bytes);
    let recovered = open(&disk, &Power::on(), &SETUP).expect("the log is whole");
    assert_eq!(model.difference(&read_all(&recovered.table.snapshot())), None);
}

#[test]
fn a_log_that_ends_before_the_checkpoint_or_is_gone_is_refused() {
    let (disk, _) = data_set();
    let (name, _) = last_segment(&disk);
    let bytes = disk.log.contents(&name).expect("the segment");
    let mut cut = bytes.clone();
    cut[4096..].fill(0);
    disk.log.set_contents(&name, cut);
    assert!(matches!(refusal(&disk), RecoveryError::Read(ReadError::Corrupt { .. })));
    for name in disk.log.names() {
        disk.log.lose(&name);
    }
    assert!(matches!(refusal(&disk), RecoveryError::Contradiction(Contradiction::NoLog { .. })));
}

#[test]
fn a_table_whose_metas_are_both_damaged_is_refused() {
    let (disk, model) = data_set();
    let image = disk.table.image();
    let metas = [0, PAGE_BYTES].map(|page| page + 40);
    let with = |flips: &[usize]| {
        let mut image = image.clone();
        flips.iter().for_each(|&at| image[at] ^= 1);
        let table = ackd::table::MemoryFile::from_image(&image, image.len() as u64);
        Disk { log: disk.log.fork(), table }
    };
    let damaged = with(&metas);
    let before = damaged.table.image();
    assert!(matches!(refusal(&damaged), RecoveryError::Table(TableError::NoMeta { .. })));
    assert!(damaged.table.image() == before, "the table was changed");
    // One meta is enough: the log holds everything newer than the former checkpoint, or recovery reports that it does not.
    for meta in metas {
        let disk = with(&[meta]);
        match open(&disk, &Power::on(), &SETUP) {
            Ok(recovered) => {
                assert_eq!(model.difference(&read_all(&recovered.table.snapshot())), None);
            }
            Err(error) => assert!(error.is_damage(), "{error}"),
        };
    }
}
