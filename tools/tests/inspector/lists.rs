//! Effects on lists: shown as commands, and replayed into a real redis-server with the same result.

use std::collections::VecDeque;

use ackd::effect::{Effect, End, ItemsBuffer, ListChange};

use crate::common::{Data, one};
use crate::redis::{Random, Redis};

fn items<const N: usize>(items: [&str; N]) -> ItemsBuffer {
    items.into_iter().map(str::as_bytes).collect()
}

/// Writes one random effect on a list to the log and applies it to the model.
fn change(data: &mut Data, model: &mut VecDeque<String>, random: &mut Random) {
    let (db, key) = (2, b"jobs".as_slice());
    let end = if random.below(2) == 0 { End::Head } else { End::Tail };
    let new = format!("job {}", random.below(40));
    if model.len() < 2 || random.below(3) == 0 {
        let pushed = items([&new, "another"]);
        data.group(&[one(Effect::on(db, key, ListChange::Push { end, elements: pushed.items() }))]);
        for element in [new, "another".into()] {
            if end == End::Head { model.push_front(element) } else { model.push_back(element) }
        }
        return;
    }
    let place = random.below(model.len());
    let pivot = model[place].clone();
    let index = model.iter().position(|element| *element == pivot).unwrap();
    match random.below(5) {
        0 => {
            data.group(&[one(Effect::on(db, key, ListChange::Pop { end, count: 1 }))]);
            if end == End::Head {
                model.pop_front()
            } else {
                model.pop_back()
            };
        }
        1 => {
            let before = random.below(2) == 0;
            let index = if before { index } else { index + 1 };
            let words = items([&pivot, &new]);
            let pivot_and_element = words.items();
            data.group(&[one(Effect::on(
                db,
                key,
                ListChange::Insert { index: index as u64, before, pivot_and_element },
            ))]);
            model.insert(index, new);
        }
        2 if model.iter().any(|element| *element != pivot) => {
            let word = items([&pivot]);
            data.group(&[one(Effect::on(
                db,
                key,
                ListChange::Remove { end, count: 1, element: word.items() },
            ))]);
            let last = model.iter().rposition(|element| *element == pivot).unwrap();
            model.remove(if end == End::Head { index } else { last });
        }
        3 => {
            let (index, count) = (random.below(2), model.len() - 1);
            data.group(&[one(Effect::on(
                db,
                key,
                ListChange::Trim { index: index as u64, count: count as u64 },
            ))]);
            if index == 0 {
                model.pop_back()
            } else {
                model.pop_front()
            };
        }
        _ => {
            data.group(&[one(Effect::on(
                db,
                key,
                ListChange::Set { index: place as u64, value: new.as_bytes() },
            ))]);
            model[place] = new;
        }
    }
}

#[test]
fn a_redis_gets_the_same_list() {
    let mut redis = None;
    for seed in 0..5 {
        let (mut data, mut model, mut random) = (Data::new(), VecDeque::new(), Random(seed));
        for _ in 0..150 {
            change(&mut data, &mut model, &mut random);
        }
        data.seal();
        let ran = data.run(&["dump", "DIR", "--format", "resp"]).expect(0);
        let redis = redis.get_or_insert_with(|| Redis::start(data.path()));
        redis.run(b"FLUSHALL\r\n");
        let replies = redis.run(&ran.out);
        assert!(!replies.contains("\r\n-") && !replies.contains("$-1"), "seed {seed}: {replies}");
        let list = redis.run(b"LRANGE jobs 0 -1\r\n");
        let elements: String =
            model.iter().map(|element| format!("${}\r\n{element}\r\n", element.len())).collect();
        assert_eq!(list, format!("*{}\r\n{elements}$7\r\nthe-end\r\n", model.len()), "seed {seed}");
    }
}

#[test]
fn effects_on_lists_are_shown_as_commands() {
    let mut data = Data::new();
    let (db, key) = (0, b"jobs".as_slice());
    let (two, pair, word) = (items(["a", "b c"]), items(["pivot", "new"]), items(["x"]));
    let insert = |before| {
        Effect::on(db, key, ListChange::Insert { index: 3, before, pivot_and_element: pair.items() })
    };
    let remove = |end| Effect::on(db, key, ListChange::Remove { end, count: 2, element: word.items() });
    data.group(&[
        one(Effect::on(db, key, ListChange::Push { end: End::Head, elements: two.items() })),
        one(Effect::on(db, key, ListChange::Pop { end: End::Tail, count: 4 })),
        one(insert(true)),
        one(insert(false)),
        one(remove(End::Head)),
        one(remove(End::Tail)),
        one(Effect::on(db, key, ListChange::Set { index: 7, value: b"v" })),
        one(Effect::on(db, key, ListChange::Trim { index: 1, count: 5 })),
    ]);
    data.seal();
    let text = data.run(&["dump", "DIR"]).expect(0);
    let lines: Vec<&str> = text.text().lines().map(|line| line.split_once("db0  ").unwrap().1).collect();
    assert_eq!(
        lines,
        [
            "LPUSH  jobs  2 items  a  \"b c\"",
            "RPOP  jobs  4",
            "LINSERT  jobs  at 3, before pivot  2 items  pivot  new",
            "LINSERT  jobs  at 3, after pivot  2 items  pivot  new",
            "LREM  jobs  first 2  1 item  x",
            "LREM  jobs  last 2  1 item  x",
            "LSET  jobs  at 7  1 B  \"v\"",
            "LTRIM  jobs  keep 5 from 1",
        ]
    );
    let objects = data.run(&["dump", "DIR", "--format", "jsonl", "--op", "lrem"]).expect(0).objects();
    assert_eq!(objects.len(), 2);
    assert_eq!(
        (&objects[0]["op"], &objects[0]["count"], &objects[0]["items"][0]),
        (&"lrem".into(), &2.into(), &"x".into())
    );
    let objects = data.run(&["dump", "DIR", "--format", "jsonl", "--op", "ltrim"]).expect(0).objects();
    assert_eq!((&objects[0]["at"], &objects[0]["count"]), (&1.into(), &5.into()));
}
