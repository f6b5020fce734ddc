//! Random values, and configurations under which redis-server encodes them in different ways.

use super::*;

/// The most words of one command that fills a value.
const WORDS_MAX: usize = 400;

/// Directives that decide on encodings, with what they are set to.
const DIRECTIVES: [(&str, &[&str]); 10] = [
    ("stream-node-max-entries", &["0", "5", "100"]),
    ("stream-node-max-bytes", &["0", "500", "4096"]),
    ("list-max-listpack-size", &["-2", "-1", "4", "128", "1"]),
    ("list-compress-depth", &["0", "1"]),
    ("hash-max-listpack-entries", &["0", "8", "128", "512"]),
    ("hash-max-listpack-value", &["8", "64"]),
    ("set-max-intset-entries", &["0", "8", "512"]),
    ("zset-max-listpack-entries", &["0", "8", "128"]),
    ("zset-max-listpack-value", &["8", "64"]),
    ("rdbcompression", &["yes", "no"]),
];

/// Sets some of the directives.
pub fn configure(client: &mut Client, random: &mut SmallRng) {
    for (name, values) in DIRECTIVES {
        if random.random_range(0..3) == 0 {
            let value = values[random.random_range(0..values.len())];
            assert_eq!(client.run(&format!("CONFIG SET {name} {value}")), ok());
        }
    }
}

/// Makes one value.
pub struct Values<'r> {
    random: &'r mut SmallRng,
    /// What most of its elements are: 0 to 3.
    style: u32,
}

impl<'r> Values<'r> {
    pub fn new(random: &'r mut SmallRng) -> Self {
        let style = random.random_range(0..4);
        Self { random, style }
    }

    /// Number of elements: mostly few.
    fn len(&mut self) -> usize {
        match self.random.random_range(0..20) {
            0..8 => self.random.random_range(1..8),
            8..15 => self.random.random_range(1..100),
            15..19 => self.random.random_range(100..1000),
            _ => self.random.random_range(1000..6000),
        }
    }

    /// An integer: any number of bits.
    fn integer(&mut self) -> i64 {
        let bits = self.random.random_range(0..64);
        self.random.random::<i64>() >> bits
    }

    /// A text: short, repetitive, random, empty or long.
    fn text(&mut self, long: usize) -> Vec<u8> {
        match self.random.random_range(0..20) {
            0 => Vec::new(),
            1 => {
                let len = self.random.random_range(0..long);
                vec![b'r'; len]
            }
            2 => (0..self.random.random_range(0..long)).map(|_| self.random.random()).collect(),
            3 => b"word ".repeat(self.random.random_range(1..long / 5)),
            4..8 => (0..self.random.random_range(1..70)).map(|_| self.random.random()).collect(),
            _ => format!("element:{}", self.random.random_range(0..1_000_000)).into(),
        }
    }

    /// An element, in the style of the value.
    fn element(&mut self, long: usize) -> Vec<u8> {
        let is_other = self.random.random_range(0..30) == 0;
        match self.style {
            0 if !is_other => self.integer().to_string().into(),
            1 => self.random.random_range(-300..300).to_string().into(),
            2 => format!("e{}", self.random.random_range(0..100_000)).into(),
            _ => self.text(long),
        }
    }

    /// A score.
    fn score(&mut self) -> String {
        match self.random.random_range(0..12) {
            0 => "inf".into(),
            1 => "-inf".into(),
            2..5 => self.random.random_range(-1000..1000).to_string(),
            5 => self.integer().to_string(),
            6 => format!("{:e}", f64::from_bits(self.random.random::<u64>() >> 2)),
            _ => (self.random.random::<f64>() * 1000.0).to_string(),
        }
    }

    /// Fills a key; says with what.
    pub fn create(&mut self, client: &mut Client, key: &str) -> String {
        let kind = self.random.random_range(0..6);
        if kind == 5 {
            streams::create(client, self.random, key);
            return "stream".into();
        }
        let len = self.len();
        let names = ["SET", "RPUSH", "SADD", "ZADD", "HSET"];
        let mut words = Vec::new();
        match kind {
            0 => {
                let text = if self.random.random() { self.text(300_000) } else { self.element(2000) };
                words.push(text);
            }
            1 => (0..len).for_each(|_| words.push(self.element(9000))),
            2 => (0..len).for_each(|_| words.push(self.element(200))),
            3 => (0..len).for_each(|_| words.extend([self.score().into(), self.element(200)])),
            _ => (0..len).for_each(|_| words.extend([self.element(200), self.element(2000)])),
        }
        for part in words.chunks(WORDS_MAX) {
            let mut command = vec![names[kind].as_bytes(), key.as_bytes()];
            command.extend(part.iter().map(Vec::as_slice));
            let reply = client.command(&command);
            assert!(!matches!(reply, Value::Error(_)), "{} {key}: {reply:?}", names[kind]);
        }
        format!("{} of {} words in style {}", names[kind], words.len(), self.style)
    }
}
