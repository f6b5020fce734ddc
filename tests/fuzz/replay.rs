//! Runs a target over its seeds and over mutations of them; an input that fails is kept in a file.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::mutate::Mutator;

/// A function that takes hostile bytes, and panics if a property does not hold.
pub type Target = fn(&[u8]);
/// Inputs, each with the name of its file.
pub type Seeds = Vec<(String, Vec<u8>)>;

/// The most CPU time that an input may take.
const EXECUTION_TIME_MAX: Duration = Duration::from_secs(10);

/// CPU time that this thread has used: other processes do not affect it.
fn processor_time() -> Duration {
    /// The unit in which Linux reports it, on all architectures.
    const TICK: Duration = Duration::from_millis(10);
    let stat = fs::read_to_string("/proc/thread-self/stat").expect("Linux says so");
    let after_name = stat.rsplit(')').next().expect("a name in brackets").split_whitespace();
    let ticks = after_name.skip(11).take(2).map(|ticks| ticks.parse::<u32>().expect("a number"));
    TICK * ticks.sum::<u32>()
}

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// Where the seeds of targets are, and the command that runs them.
pub struct Suite {
    /// The command that runs the tests of this suite.
    pub command: &'static str,
    /// The directory with a directory of seeds for each target.
    pub seeds: &'static str,
}

impl Suite {
    /// Runs `target` over its seeds and `executions` mutations of them, or as long as `ACKD_FUZZ_SECONDS` says.
    pub fn replay(&self, name: &str, target: Target, executions: u64) {
        if let Ok(path) = std::env::var("ACKD_FUZZ_INPUT") {
            return target(&fs::read(path).expect("the input can be read"));
        }
        let seeds: Vec<Vec<u8>> = self.stored(name).into_iter().map(|(_, bytes)| bytes).collect();
        assert!(!seeds.is_empty(), "no seeds of {name}");
        seeds.iter().for_each(|seed| self.execute(name, target, seed));
        let seed = setting("ACKD_FUZZ_SEED").unwrap_or(1);
        let seconds = setting("ACKD_FUZZ_SECONDS");
        let (mut mutator, start, mut done) = (Mutator::new(seed), Instant::now(), 0_u64);
        while seconds.map_or(done < executions, |seconds| start.elapsed().as_secs() < seconds) {
            self.execute(name, target, &mutator.mutate(&seeds));
            done += 1;
        }
        eprintln!(
            "{name}: {} seeds, {done} mutations of them (ACKD_FUZZ_SEED={seed}) in {:.1?}",
            seeds.len(),
            start.elapsed()
        );
    }

    /// Runs a target on one input.
    fn execute(&self, name: &str, target: Target, input: &[u8]) {
        let before = processor_time();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            target(input);
            let took = processor_time() - before;
            assert!(took < EXECUTION_TIME_MAX, "it took {took:?}");
        }));
        if let Err(panic) = outcome {
            let path =
                Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{:08x}", crc32fast::hash(input)));
            fs::write(&path, input).expect("the failing input is kept");
            eprintln!("again: ACKD_FUZZ_INPUT={} {} {name}", path.display(), self.command);
            resume_unwind(panic);
        }
    }

    /// The seeds of a target in the repository. Names that begin with `found-` are inputs that failed once.
    fn stored(&self, name: &str) -> Seeds {
        let mut seeds: Seeds = fs::read_dir(self.dir(name))
            .expect("a directory of seeds")
            .map(|entry| entry.expect("an entry"))
            .map(|entry| {
                let file = entry.file_name().into_string().expect("a plain name");
                (file, fs::read(entry.path()).expect("a seed"))
            })
            .collect();
        seeds.sort();
        seeds
    }

    fn dir(&self, name: &str) -> PathBuf {
        Path::new(self.seeds).join(name)
    }

    /// Asserts that the stored seeds, except those found, are those that were made; `ACKD_FUZZ_WRITE_SEEDS` writes them.
    pub fn compare_seeds(&self, name: &str, mut made: Seeds) {
        made.sort();
        let found = |(file, _): &(String, Vec<u8>)| file.starts_with("found-");
        if setting("ACKD_FUZZ_WRITE_SEEDS").is_some() {
            let dir = self.dir(name);
            fs::create_dir_all(&dir).expect("a directory of seeds");
            for (file, _) in self.stored(name).iter().filter(|seed| !found(seed)) {
                fs::remove_file(dir.join(file)).expect("an old seed");
            }
            made.iter().for_each(|(file, bytes)| fs::write(dir.join(file), bytes).expect("a seed"));
        }
        let kept: Seeds = self.stored(name).into_iter().filter(|seed| !found(seed)).collect();
        let names = |seeds: &Seeds| seeds.iter().map(|(file, _)| file.clone()).collect::<Vec<_>>();
        assert_eq!(names(&kept), names(&made), "{name}");
        for ((file, kept), (_, made)) in kept.iter().zip(&made) {
            assert!(kept == made, "the seed {name}/{file} is one of another format");
        }
    }
}
