//! The table of the functions that run the commands.

use super::{FAMILIES, Run, WORK, WorkFn};
use crate::spec::{COMMAND_IDS_MAX, Flags, Spec};

/// The functions that run the commands, at the commands' IDs.
static BY_ID: [Option<Run>; COMMAND_IDS_MAX] = {
    let mut by_id = [None; COMMAND_IDS_MAX];
    let mut family = 0;
    while family < FAMILIES.len() {
        let mut index = 0;
        while index < FAMILIES[family].len() {
            let (spec, run) = FAMILIES[family][index];
            assert!(run.fits(spec), "a command runs where its row does not say");
            assert!(by_id[spec.id as usize].is_none(), "a command runs in two ways");
            by_id[spec.id as usize] = Some(run);
            index += 1;
        }
        family += 1;
    }
    by_id
};

/// How long the commands take that may be worked out beside the writer, at the commands' IDs.
static WORK_BY_ID: [Option<WorkFn>; COMMAND_IDS_MAX] = {
    let mut by_id: [Option<WorkFn>; COMMAND_IDS_MAX] = [None; COMMAND_IDS_MAX];
    let mut family = 0;
    while family < WORK.len() {
        let mut index = 0;
        while index < WORK[family].len() {
            let (spec, work) = WORK[family][index];
            assert!(spec.flags.has(Flags::BESIDE), "a command is worked out though its row does not say so");
            assert!(by_id[spec.id as usize].is_none(), "a command takes long in two ways");
            by_id[spec.id as usize] = Some(work);
            index += 1;
        }
        family += 1;
    }
    by_id
};

/// How long a command takes; `None` if it is not worked out beside the writer.
pub(super) fn work_of(spec: &Spec) -> Option<WorkFn> {
    WORK_BY_ID[usize::from(spec.id)]
}

/// The function that runs a command.
pub fn run_of(spec: &Spec) -> Run {
    BY_ID[usize::from(spec.id)].expect("every command is run by something")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec;

    #[test]
    fn every_command_is_run_by_one_function_of_its_kind() {
        for spec in spec::all() {
            let run = BY_ID[usize::from(spec.id)];
            assert!(run.is_some_and(|run| run.fits(spec)), "nothing runs {}", spec.name);
        }
        let runs: usize = FAMILIES.iter().map(|family| family.len()).sum();
        assert_eq!(runs, spec::all().count());
    }

    #[test]
    fn it_is_known_how_long_a_command_takes_that_may_be_worked_out_beside_the_writer() {
        for spec in spec::all().filter(|spec| spec.flags.has(Flags::BESIDE)) {
            assert!(work_of(spec).is_some(), "{}", spec.name);
        }
    }
}
