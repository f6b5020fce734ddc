//! RESP output, read back: the commands do in Redis what the effects did.

use std::collections::BTreeMap;

use crate::common::{Data, FAR_MS, PAST_MS};

/// Keys of a database: value and expiry.
type Db = BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)>;

/// As much of Redis as the output needs. Expiry times are stored, not enforced.
#[derive(Default)]
struct Redis {
    dbs: BTreeMap<usize, Db>,
    selected: usize,
}

impl Redis {
    fn db(&mut self) -> &mut Db {
        self.dbs.entry(self.selected).or_default()
    }

    fn run(&mut self, words: &[&[u8]]) {
        let number = |word: &[u8]| std::str::from_utf8(word).unwrap().parse::<u64>().unwrap();
        let (name, words) = words.split_first().unwrap();
        match (std::str::from_utf8(name).unwrap(), words) {
            ("SELECT", [db]) => self.selected = number(db) as usize,
            ("SET", [key, value]) => drop(self.db().insert(key.to_vec(), (value.to_vec(), None))),
            ("SET", [key, value, b"PXAT", at]) => {
                self.db().insert(key.to_vec(), (value.to_vec(), Some(number(at))));
            }
            ("APPEND", [key, value]) => self.db().entry(key.to_vec()).or_default().0.extend_from_slice(value),
            ("SETRANGE", [key, at, value]) => {
                let (at, held) = (number(at) as usize, &mut self.db().entry(key.to_vec()).or_default().0);
                held.resize(held.len().max(at + value.len()), 0);
                held[at..at + value.len()].copy_from_slice(value);
            }
            ("DEL", [key]) => drop(self.db().remove(*key)),
            ("PEXPIREAT", [key, at]) => {
                if let Some(held) = self.db().get_mut(*key) {
                    held.1 = Some(number(at));
                }
            }
            ("PERSIST", [key]) => drop(self.db().get_mut(*key).map(|held| held.1 = None)),
            ("RENAME", [key, to]) => {
                let held = self.db().remove(*key).unwrap();
                self.db().insert(to.to_vec(), held);
            }
            ("COPY", [key, to, b"DB", db, b"REPLACE"]) => {
                let held = self.db()[*key].clone();
                self.dbs.entry(number(db) as usize).or_default().insert(to.to_vec(), held);
            }
            ("MOVE", [key, db]) => {
                let held = self.db().remove(*key).unwrap();
                self.dbs.entry(number(db) as usize).or_default().insert(key.to_vec(), held);
            }
            ("FLUSHDB", []) => self.db().clear(),
            ("SWAPDB", [a, b]) => {
                let (a, b) = (number(a) as usize, number(b) as usize);
                let (old_a, old_b) = (self.dbs.remove(&a), self.dbs.remove(&b));
                self.dbs.insert(a, old_b.unwrap_or_default());
                self.dbs.insert(b, old_a.unwrap_or_default());
            }
            (name, words) => panic!("{name} with {} words", words.len()),
        }
    }
}

/// The commands in a stream, which must be arrays of bulk strings.
fn commands(mut bytes: &[u8]) -> Vec<Vec<&[u8]>> {
    fn line(bytes: &mut &[u8], mark: u8) -> usize {
        let end = bytes.windows(2).position(|pair| pair == b"\r\n").unwrap();
        assert_eq!(bytes[0], mark);
        let number = std::str::from_utf8(&bytes[1..end]).unwrap().parse().unwrap();
        *bytes = &bytes[end + 2..];
        number
    }
    let mut commands = Vec::new();
    while !bytes.is_empty() {
        let words = (0..line(&mut bytes, b'*')).map(|_| {
            let length = line(&mut bytes, b'$');
            let (word, rest) = bytes.split_at(length);
            assert_eq!(&rest[..2], b"\r\n");
            bytes = &rest[2..];
            word
        });
        commands.push(words.collect());
    }
    commands
}

#[test]
fn the_commands_make_the_same_data() {
    let data = Data::with_history();
    let ran = data.run(&["dump", "DIR", "--format", "resp"]).expect(0);
    let mut redis = Redis::default();
    commands(&ran.out).iter().for_each(|words| redis.run(words));
    let db = |number: usize| redis.dbs.get(&number).cloned().unwrap_or_default();
    let expected: Db = [
        (b"person:1".to_vec(), (b"alice".to_vec(), None)),
        (b"session:1".to_vec(), (b"{\"a\":1}".to_vec(), Some(FAR_MS))),
        (b"session:3".to_vec(), (b"soon gone".to_vec(), Some(PAST_MS))),
        (b"big".to_vec(), (vec![b'x'; 9000], None)),
    ]
    .into();
    assert_eq!(db(0), expected);
    assert_eq!(db(1).len(), 2);
    assert_eq!(db(2), [(b"copy of 1".to_vec(), (b"alice".to_vec(), None))].into());
    let value = b"\x00\x01\"two\"\xc3\xa9\n".to_vec();
    assert_eq!(db(3), [(b"bin\xff\x00".to_vec(), (value, None))].into());
    assert_eq!(db(4), [(b"user:2".to_vec(), (b"bob".to_vec(), None))].into());
}
