//! A client that writes one command at a time and remembers what must be there.

use std::collections::BTreeMap;
use std::io;

use super::common::{Client, Value};
use super::tracer::now;

/// Keys and values.
pub type Keys = BTreeMap<String, Vec<u8>>;

/// What a client knows from its replies.
#[derive(Default)]
pub struct Told {
    /// The keys after all acknowledged commands.
    pub acked: Keys,
    /// The keys if the command without a reply took effect, too.
    pub maybe: Option<Keys>,
    /// Number of acknowledged writes.
    pub writes: u64,
    /// Number of writes refused for lack of space.
    pub refused: u64,
    /// When the last acknowledgement was received, and when what it acknowledges was sent.
    pub last_ack: Option<(f64, f64)>,
    /// The longest time that a command took, in seconds: how busy machine and disk are.
    pub slowest_s: f64,
}

/// The command number `step` of the workload.
fn words(step: u64) -> Vec<Vec<u8>> {
    let key = |name: &str, number: u64| format!("{name}:{number}").into_bytes();
    let text = |text: &str| text.as_bytes().to_vec();
    match step % 8 {
        0 | 4 => {
            vec![text("SET"), key("large", step % 5), vec![b'a' + (step % 26) as u8; 90_000 + step as usize]]
        }
        1 => vec![text("INCR"), text("counter")],
        2 => (0..6).fold(vec![text("MSET")], |mut words, index| {
            words.extend([key("together", index), step.to_string().into_bytes()]);
            words
        }),
        3 => vec![text("APPEND"), key("log", 1), format!("{step},").into_bytes()],
        5 => vec![text("DEL"), key("large", step % 3), key("small", step.saturating_sub(7))],
        6 => vec![text("SET"), key("small", step), step.to_string().into_bytes()],
        _ => vec![text("RENAME"), key("small", step - 1), key("renamed", step)],
    }
}

/// What the command makes of the keys.
fn apply(words: &[Vec<u8>], keys: &mut Keys) {
    let name = |index: usize| String::from_utf8(words[index].clone()).unwrap();
    match words[0].as_slice() {
        b"SET" => drop(keys.insert(name(1), words[2].clone())),
        b"MSET" => {
            (1..words.len()).step_by(2).for_each(|at| drop(keys.insert(name(at), words[at + 1].clone())))
        }
        b"APPEND" => keys.entry(name(1)).or_default().extend(&words[2]),
        b"DEL" => (1..words.len()).for_each(|at| drop(keys.remove(&name(at)))),
        b"INCR" => {
            let value = keys.entry(name(1)).or_insert_with(|| b"0".into());
            let number: u64 = String::from_utf8(value.clone()).unwrap().parse().unwrap();
            *value = (number + 1).to_string().into_bytes();
        }
        b"RENAME" => {
            if let Some(value) = keys.remove(&name(1)) {
                keys.insert(name(2), value);
            }
        }
        _ => {}
    }
}

impl Told {
    /// Sends the commands with these numbers one by one, and a checkpoint after every tenth, until all are answered or the
    /// connection breaks.
    pub fn write(&mut self, client: &mut Client, steps: std::ops::Range<u64>) -> io::Result<()> {
        for step in steps {
            self.command(client, &words(step))?;
            if step % 10 == 9 {
                client.try_command(&[b"SAVE"])?;
            }
        }
        Ok(())
    }

    fn command(&mut self, client: &mut Client, words: &[Vec<u8>]) -> io::Result<()> {
        let mut after = self.acked.clone();
        apply(words, &mut after);
        self.maybe = Some(after);
        let sent = now();
        let reply = client.try_command(&words.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        match reply {
            Value::Error(text) if text.starts_with("MISCONF No space left") => self.refused += 1,
            // The write of the key to be renamed was refused before.
            Value::Error(text) if text == "ERR no such key" => {}
            Value::Error(text) => panic!("{} was answered with {text}", String::from_utf8_lossy(&words[0])),
            _ => {
                self.acked = self.maybe.take().expect("set above");
                self.writes += 1;
                let acked = now();
                self.slowest_s = self.slowest_s.max(acked - sent);
                self.last_ack = Some((sent, acked));
            }
        }
        self.maybe = None;
        Ok(())
    }
}

/// Everything that a server holds.
pub fn contents(client: &mut Client) -> Keys {
    let Value::Array(names) = client.run("KEYS *") else { panic!("KEYS answers an array") };
    let mut keys = Keys::new();
    for name in names {
        let name = name.text();
        let Value::Bulk(value) = client.command(&[b"GET", name.as_bytes()]) else { panic!("{name} is gone") };
        keys.insert(name, value);
    }
    keys
}

/// The first difference between the keys found and the keys expected, as text.
pub fn difference(found: &Keys, expected: &Keys) -> Option<String> {
    for (name, value) in expected {
        match found.get(name) {
            None => return Some(format!("{name} is missing")),
            Some(found) if found != value => {
                return Some(format!(
                    "{name} holds {} bytes instead of {}, or others",
                    found.len(),
                    value.len()
                ));
            }
            Some(_) => {}
        }
    }
    found.keys().find(|name| !expected.contains_key(*name)).map(|name| format!("{name} should not be there"))
}
