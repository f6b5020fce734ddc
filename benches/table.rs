//! Figures of the table alone, on one thread, run by hand:
//!
//! Times are those of this thread's CPU, so that other work on the machine disturbs them less.
//!
//! `cargo bench --bench table`

use std::{hint::black_box, time::Instant};

use ackd::table::{MemoryFile, MmapFile, Root, Table, TableFile, TableOptions, TableWriter};
use rand::{Rng, SeedableRng, rngs::SmallRng};

const KEYS: u64 = 1_000_000;
const GROUP: u64 = 50;

fn key(number: u64) -> [u8; 16] {
    let mut key = *b"key:000000000000";
    let digits = format!("{:012}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 1_000_000_000_000);
    key[4..].copy_from_slice(digits.as_bytes());
    key
}

fn commit(writer: &mut TableWriter, root: Root) {
    writer.set_root(0, root);
    let frozen = writer.freeze();
    writer.publish(frozen);
}

fn cpu_nanos() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

fn timed(what: &str, operations: u64, run: impl FnOnce()) {
    let start = cpu_nanos();
    run();
    let nanos = (cpu_nanos() - start) as f64 / operations as f64;
    eprintln!("{what:<44} {nanos:>8.0} ns");
}

fn main() {
    let place = std::env::var("TABLE_TIMING_DIR").unwrap_or(".".into());
    let directory = tempfile::tempdir_in(if place == "memory" { "." } else { &place }).unwrap();
    let file: Box<dyn TableFile> = match &place[..] {
        "memory" => Box::new(MemoryFile::new(1 << 30)),
        _ => Box::new(MmapFile::create(&directory.path().join("table"), 1 << 36).unwrap()),
    };
    let (table, mut writer) = Table::create(file, &TableOptions::default()).unwrap();
    let keys: Vec<[u8; 16]> = (0..KEYS).map(key).collect();
    let mut random = SmallRng::seed_from_u64(1);
    let picks: Vec<usize> = (0..KEYS).map(|_| random.random_range(0..KEYS as usize)).collect();

    let map: std::collections::HashMap<&[u8], [u8; 64]> =
        keys.iter().map(|key| (&key[..], [1; 64])).collect();
    timed("(a hash map's get, for scale)", KEYS, || {
        for pick in &picks {
            black_box(map.get(&keys[*pick][..]).unwrap()[0]);
        }
    });
    drop(map);

    let mut small = Root::EMPTY;
    for key in &keys[..2000] {
        writer.insert(&mut small, key, &[1; 64], &[]).unwrap();
    }
    timed("get, random, of 2000 keys", KEYS, || {
        let view = writer.view();
        for pick in &picks {
            black_box(view.get(small, &keys[*pick % 2000]).unwrap().unwrap());
        }
    });

    let mut root = Root::EMPTY;
    timed("insert, random order, groups of 50", KEYS, || {
        for (number, key) in keys.iter().enumerate() {
            writer.insert(&mut root, key, &[number as u8; 64], &[]).unwrap();
            if number as u64 % GROUP == GROUP - 1 {
                commit(&mut writer, root);
            }
        }
        commit(&mut writer, root);
    });
    eprintln!("{:?}", table.stats());
    for round in 0..2 {
        timed("get, random, one snapshot", KEYS, || {
            let snapshot = table.snapshot();
            let root = snapshot.root(0);
            for pick in &picks {
                black_box(snapshot.get(root, &keys[*pick]).unwrap().unwrap());
            }
        });
        timed("get, random, a snapshot each", KEYS, || {
            for pick in &picks {
                let snapshot = table.snapshot();
                black_box(snapshot.get(snapshot.root(0), &keys[*pick]).unwrap().unwrap());
            }
        });
        timed("update, random, groups of 50", KEYS, || {
            for (number, pick) in picks.iter().enumerate() {
                assert!(!writer.insert(&mut root, &keys[*pick], &[number as u8; 64], &[]).unwrap());
                if number as u64 % GROUP == GROUP - 1 {
                    commit(&mut writer, root);
                }
            }
            commit(&mut writer, root);
        });
        let start = Instant::now();
        let checkpoint = writer.begin_checkpoint(1, 1);
        let (begun, pages) = (start.elapsed(), checkpoint.pages());
        let durable = checkpoint.run().unwrap();
        eprintln!("checkpoint {round}: begun in {begun:?}, {pages} pages in {:?}", start.elapsed());
        writer.end_checkpoint(durable);
    }
    timed("scan", KEYS, || {
        let snapshot = table.snapshot();
        let mut cursor = snapshot.cursor(snapshot.root(0));
        let mut count = 0;
        while let Some(item) = cursor.next().unwrap() {
            black_box(item);
            count += 1;
        }
        assert_eq!(count, KEYS);
    });
    let mut appended = Root::EMPTY;
    timed("insert, ascending, groups of 50", KEYS, || {
        for number in 0..KEYS {
            writer.insert(&mut appended, &number.to_be_bytes(), &[1; 16], &[]).unwrap();
            if number % GROUP == GROUP - 1 {
                writer.set_root(1, appended);
                let frozen = writer.freeze();
                writer.publish(frozen);
            }
        }
    });
    timed("remove, random, groups of 50", KEYS, || {
        for (number, key) in keys.iter().enumerate() {
            assert!(writer.remove(&mut root, key).unwrap().is_some());
            if number as u64 % GROUP == GROUP - 1 {
                commit(&mut writer, root);
            }
        }
        commit(&mut writer, root);
    });
    eprintln!("{:?}", table.stats());
}
