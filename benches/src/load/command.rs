//! The commands that are sent, encoded once and given their keys when they are sent.

use rand::{Rng, rngs::SmallRng};

/// Digits of a key's number.
const DIGITS: usize = 12;
/// Keys of one `MSET`, as many as redis-benchmark sends.
const MSET_KEYS: usize = 10;

/// What a client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// `SET key value`
    Set,
    /// `GET key`
    Get,
    /// `INCR counter`
    Incr,
    /// `MSET` of ten keys.
    Mset,
    /// `GET` in `reads` percent of the cases, `SET` in the others.
    Mix {
        /// Percentage of `GET`.
        reads: u8,
    },
    /// `SET counter 0`, to have something to increment.
    SetCounter,
}

/// Where the numbers of the keys come from.
pub enum Keys {
    /// Any below this number, each time.
    Random(u64),
    /// This number, then the next one.
    Ascending(u64),
}

/// A command in the protocol's form with room for its keys.
struct Template {
    /// The encoded command.
    bytes: Vec<u8>,
    /// Where the digits of each key go.
    digits_at: Vec<usize>,
}

/// Makes the commands of one kind of work.
pub struct Commands {
    /// The command that is sent in most cases.
    main: Template,
    /// `GET`, and the percentage of cases in which it is sent instead.
    reads: Option<(u8, Template)>,
    /// Where the numbers of the keys come from.
    keys: Keys,
    /// Chooses keys and kinds of commands.
    random: SmallRng,
}

impl Commands {
    /// Commands for `work`, with values of `value_bytes`.
    pub fn new(work: Work, value_bytes: usize, keys: Keys, mut random: SmallRng) -> Self {
        let value: Vec<u8> = (0..value_bytes).map(|_| random.random_range(b'a'..=b'z')).collect();
        let key = b"key:000000000000";
        let counter = b"ctr:000000000000";
        let get = || Template::new(&[b"GET", key]);
        let set = || Template::new(&[b"SET", key, &value]);
        let (main, reads) = match work {
            Work::Set => (set(), None),
            Work::Get => (get(), None),
            Work::Mix { reads } => (set(), Some((reads, get()))),
            Work::Incr => (Template::new(&[b"INCR", counter]), None),
            Work::SetCounter => (Template::new(&[b"SET", counter, b"0"]), None),
            Work::Mset => {
                let mut words: Vec<&[u8]> = vec![b"MSET"];
                words.extend([&key[..], &value].repeat(MSET_KEYS));
                (Template::new(&words), None)
            }
        };
        Self { main, reads, keys, random }
    }

    /// Appends the next command.
    pub fn encode(&mut self, out: &mut Vec<u8>) {
        let template = match &self.reads {
            Some((percent, get)) if self.random.random_range(0..100) < *percent => get,
            _ => &self.main,
        };
        let start = out.len();
        out.extend_from_slice(&template.bytes);
        for at in &template.digits_at {
            let number = match &mut self.keys {
                Keys::Random(count) => self.random.random_range(0..*count),
                Keys::Ascending(next) => {
                    *next += 1;
                    *next - 1
                }
            };
            write_digits(&mut out[start + at..][..DIGITS], number);
        }
    }
}

impl Template {
    /// Encodes a command; a word that ends with a colon and twelve zeros is a key.
    fn new(words: &[&[u8]]) -> Self {
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        let mut digits_at = Vec::new();
        for word in words {
            bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            bytes.extend_from_slice(word);
            if word.ends_with(b":000000000000") {
                digits_at.push(bytes.len() - DIGITS);
            }
            bytes.extend_from_slice(b"\r\n");
        }
        Self { bytes, digits_at }
    }
}

/// Writes `number` with leading zeros.
fn write_digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn commands_carry_their_keys_and_values() {
        let mut commands = Commands::new(Work::Set, 3, Keys::Ascending(41), SmallRng::seed_from_u64(1));
        let mut out = Vec::new();
        commands.encode(&mut out);
        commands.encode(&mut out);
        let text = String::from_utf8(out).unwrap();
        let value = text[text.len() - 5..].trim_end();
        let set = |key| format!("*3\r\n$3\r\nSET\r\n$16\r\nkey:{key}\r\n$3\r\n{value}\r\n");
        assert_eq!(text, set("000000000041") + &set("000000000042"));
    }

    #[test]
    fn a_mix_holds_about_the_share_of_reads_that_was_asked_for() {
        let random = SmallRng::seed_from_u64(1);
        let mut commands = Commands::new(Work::Mix { reads: 90 }, 3, Keys::Random(1000), random);
        let mut out = Vec::new();
        (0..10_000).for_each(|_| commands.encode(&mut out));
        let text = String::from_utf8(out).unwrap();
        let reads = text.matches("GET").count();
        assert!((8_800..9_200).contains(&reads), "{reads} reads of 10000");
        assert_eq!(text.matches("SET").count() + reads, 10_000);
    }
}
