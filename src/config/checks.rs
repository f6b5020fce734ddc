//! Values of Redis's directives that are more than a number or a word. Each check returns the value as Redis shows it,
//! or the text with which Redis refuses it.

use super::choices::one_of;
use super::lines::Word;
use super::value::{Kind, Setting, one, parse_bytes};
use crate::number::parse_i64;

impl Kind {
    /// Parses these words as a value of this kind and returns it in the form in which it is shown.
    pub(super) fn normal(&self, words: &[Word]) -> Result<Word, String> {
        Ok(match self {
            Kind::YesNo => bool::parse(words, self)?.format(self),
            Kind::Integer { .. } | Kind::Hint { .. } => i64::parse(words, self)?.format(self),
            Kind::Bytes { .. } | Kind::Size { .. } => u64::parse(words, self)?.format(self),
            Kind::OneOf(names) => one_of(words, names)?.into(),
            Kind::Checked(check) => check(words)?,
            Kind::Words => words.join(&b' '),
            Kind::Text | Kind::Secret => one(words)?.to_vec(),
            Kind::Time { .. } | Kind::Permissions => unreachable!("Redis has no such kind"),
        })
    }
}

/// The words between single spaces, as text.
pub(super) fn split(words: &[Word]) -> Vec<String> {
    let text = String::from_utf8_lossy(&words.join(&b' ')).into_owned();
    if text.is_empty() { Vec::new() } else { text.split(' ').map(str::to_string).collect() }
}

/// Values separated by spaces.
fn joined<T: ToString>(values: &[T]) -> Word {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(" ").into()
}

/// `save`: pairs of seconds and changes.
pub(super) fn save(words: &[Word]) -> Result<Word, String> {
    let words = split(words);
    let refusal = || "Invalid save parameters".to_string();
    let numbers: Vec<i64> =
        words.iter().map(|word| word.parse().map_err(|_| refusal())).collect::<Result<_, _>>()?;
    match numbers.chunks(2).all(|pair| pair.len() == 2 && pair[0] > 0 && pair[1] >= 0) {
        true => Ok(joined(&numbers)),
        false => Err(refusal()),
    }
}

/// `repl-backlog-size`: a number of bytes, 16 KiB at least.
pub(super) fn backlog(words: &[Word]) -> Result<Word, String> {
    const BYTES: Kind = Kind::Bytes { min: 1, max: i64::MAX as u64 };
    Ok(u64::parse(words, &BYTES)?.max(16 << 10).to_string().into())
}

/// `replicaof`: none, or host and port.
pub(super) fn replica_of(words: &[Word]) -> Result<Word, String> {
    let words = split(words);
    let is_port = |word: &String| parse_i64(word.as_bytes()).is_some_and(|port| (0..=65_535).contains(&port));
    match &*words {
        [] => Ok(Word::new()),
        [no, one] if no.eq_ignore_ascii_case("no") && one.eq_ignore_ascii_case("one") => Ok(Word::new()),
        [_, port] if is_port(port) => Ok(words.join(" ").into()),
        [_, _] => Err("Invalid master port".into()),
        _ => Err("wrong number of arguments".into()),
    }
}

/// `maxmemory-clients`: a number of bytes, or a share of `maxmemory`.
pub(super) fn bytes_or_percent(words: &[Word]) -> Result<Word, String> {
    const REFUSAL: &str = "argument must be a memory or percent value";
    let word = String::from_utf8_lossy(one(words)?).into_owned();
    match word.strip_suffix('%') {
        None => Ok(parse_bytes(&word).ok_or(REFUSAL)?.to_string().into()),
        Some(number) => match parse_i64(number.as_bytes()) {
            Some(0) => Ok(b"0".into()),
            Some(percent @ 1..=100) => Ok(format!("{percent}%").into()),
            Some(101..) => Err("percentage argument must be less or equal to 100".into()),
            _ => Err(REFUSAL.into()),
        },
    }
}

/// `latency-tracking-info-percentiles`: numbers from 0 to 100.
pub(super) fn percentiles(words: &[Word]) -> Result<Word, String> {
    let mut numbers = Vec::new();
    for word in split(words) {
        let number: f64 = word.parse().map_err(|_| "Invalid latency-tracking-info-percentiles parameters")?;
        if !(0.0..=100.0).contains(&number) {
            return Err("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]".into());
        }
        numbers.push(number);
    }
    Ok(joined(&numbers))
}

/// `oom-score-adj-values`: for the server, a replica, and a child process.
pub(super) fn oom_scores(words: &[Word]) -> Result<Word, String> {
    let words = split(words);
    if words.len() != 3 {
        return Err("wrong number of arguments".into());
    }
    let scores: Vec<i64> = words.iter().filter_map(|word| word.parse().ok()).collect();
    match scores.len() == words.len() && scores.iter().all(|score| (-2000..=2000).contains(score)) {
        true => Ok(joined(&scores)),
        false => Err("Invalid oom-score-adj-values, elements must be between -2000 and 2000.".into()),
    }
}

/// `shutdown-on-sigint`, `shutdown-on-sigterm`: how to stop.
pub(super) fn on_signal(words: &[Word]) -> Result<Word, String> {
    const WAYS: &[&str] = &["default", "save", "nosave", "now", "force"];
    let mut words = split(words);
    if words.is_empty() {
        words.push(String::new());
    }
    let given: Vec<&str> =
        words.iter().map(|word| one_of(&[word.as_bytes().to_vec()], WAYS)).collect::<Result<_, _>>()?;
    let has = |way: &str| given.contains(&way);
    if has("save") && has("nosave") {
        return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".into());
    }
    let shown: Vec<&str> = WAYS[1..].iter().copied().filter(|way| has(way)).collect();
    Ok(if shown.is_empty() { "default".into() } else { shown.join(" ").into() })
}

/// `cluster-announce-hostname`: a name, or empty.
pub(super) fn host_name(words: &[Word]) -> Result<Word, String> {
    let name = one(words)?;
    if name.len() > 255 {
        return Err("Hostnames must be less than 256 characters".into());
    }
    match name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.')) {
        true => Ok(name.to_vec()),
        false => Err("Hostnames may only contain alphanumeric characters, hyphens or dots".into()),
    }
}

/// `proc-title-template`: a text with names in braces, which must not be empty after the names are replaced by their
/// values.
pub(super) fn title_template(words: &[Word]) -> Result<Word, String> {
    const NAMES: [&str; 5] = ["listen-addr", "server-mode", "port", "tls-port", "config-file"];
    const EMPTY_NAMES: [&str; 2] = ["title", "unixsocket"];
    let template = one(words)?;
    let text = String::from_utf8_lossy(template).into_owned();
    let mut parts = text.split('{');
    let mut is_empty = parts.next().unwrap_or_default().trim_matches(' ').is_empty();
    let mut is_right = true;
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap_or_default();
        is_right &= NAMES.contains(&name) || EMPTY_NAMES.contains(&name);
        is_empty &= EMPTY_NAMES.contains(&name) && rest.trim_matches(' ').is_empty();
    }
    match is_right && !is_empty {
        true => Ok(template.to_vec()),
        false => Err("template format is invalid or contains unknown variables".into()),
    }
}

/// A file's name without a directory.
pub(super) fn file_name(words: &[Word]) -> Result<Word, String> {
    match one(words)? {
        b"" => Err("argument must be a file name".into()),
        name if name.contains(&b'/') => Err("argument can't be a path, just a filename".into()),
        name => Ok(name.to_vec()),
    }
}
