//! The long commands, what each needs, and what is done before it.

use super::data::{Data, sketches};
use crate::client::encoded;

/// Share of a collection that commands with a count take, in percent.
const SHARE: u64 = 30;
/// The same for those that take few.
const FEW: u64 = 5;

/// Most keys of one `MSET`: servers refuse commands of more than 2^20 words.
const MSET_KEYS_MAX: u64 = 500_000;

/// A long command that is measured.
pub struct Case {
    /// The name in the table, and for `--only`.
    pub name: &'static str,
    /// The keys that must be there.
    pub needs: &'static [Data],
    /// The command that makes `out`, where the measured one changes it.
    pub before: &'static str,
    /// The measured command.
    command: Form,
}

/// How a command is written.
enum Form {
    /// Words, with `{half}`, `{share}`, `{few}`, `{all}` and `{sketches}` for numbers.
    Words(&'static str),
    /// `MSET` of N keys, or as many as servers accept.
    Mset,
    /// `EXEC` of N `SET`s.
    Exec,
    /// Nothing at all, to know how long others wait anyway.
    Nothing,
}

/// Commands that are sent together.
pub struct Request {
    /// What is sent before the clock starts: the commands of a transaction, in batches with their number of replies.
    pub ahead: Vec<(Vec<u8>, usize)>,
    /// The measured command; nothing for the row in which nothing runs.
    pub measured: Option<Vec<u8>>,
}

/// A command that leaves what it needs as it is.
const fn words(name: &'static str, needs: &'static [Data], command: &'static str) -> Case {
    Case { name, needs, before: "", command: Form::Words(command) }
}

/// A command that changes a copy.
const fn on_copy(
    name: &'static str,
    needs: &'static [Data],
    before: &'static str,
    command: &'static str,
) -> Case {
    Case { name, needs, before, command: Form::Words(command) }
}

/// A command without words of its own.
const fn form(name: &'static str, command: Form) -> Case {
    Case { name, needs: &[], before: "", command }
}

/// All commands, in the order in which they run: the last one deletes all keys.
pub const CASES: &[Case] = &[
    form("nothing", Form::Nothing),
    words("GET", &[Data::Strings], "GET string"),
    words("MGET", &[Data::Value], "MGET value value"),
    words("BITCOUNT", &[Data::Strings], "BITCOUNT string"),
    words("BITOP", &[Data::Strings], "BITOP AND out string string2"),
    words("LCS", &[Data::Texts], "LCS text1 text2 LEN"),
    words("LRANGE", &[Data::List], "LRANGE list 0 -1"),
    words("SORT", &[Data::List], "SORT list"),
    words("SORT STORE", &[Data::List], "SORT list STORE out"),
    words("COPY list", &[Data::List], "COPY list out"),
    on_copy("LTRIM", &[Data::List], "COPY list out", "LTRIM out {half} -1"),
    on_copy("LPOP", &[Data::List], "COPY list out", "LPOP out {share}"),
    on_copy("LREM", &[Data::List], "COPY list out", "LREM out 0 missing"),
    on_copy("LINSERT", &[Data::List], "COPY list out", "LINSERT out BEFORE missing value"),
    on_copy("DEL list", &[Data::List], "COPY list out", "DEL out"),
    words("SMEMBERS", &[Data::Sets], "SMEMBERS set"),
    words("SUNION", &[Data::Sets], "SUNION set set2"),
    words("SUNIONSTORE", &[Data::Sets], "SUNIONSTORE out set set2"),
    words("SINTERSTORE", &[Data::Sets], "SINTERSTORE out set set2"),
    words("SDIFFSTORE", &[Data::Sets], "SDIFFSTORE out set set2"),
    words("SINTERCARD", &[Data::Sets], "SINTERCARD 2 set set2"),
    words("SRANDMEMBER", &[Data::Sets], "SRANDMEMBER set -{share}"),
    words("COPY set", &[Data::Sets], "COPY set out"),
    on_copy("SPOP", &[Data::Sets], "COPY set out", "SPOP out {share}"),
    on_copy("SPOP few", &[Data::Sets], "COPY set out", "SPOP out {few}"),
    on_copy("SPOP all", &[Data::Sets], "COPY set out", "SPOP out {all}"),
    on_copy("DEL set", &[Data::Sets], "COPY set out", "DEL out"),
    words("ZRANGE", &[Data::SortedSets], "ZRANGE zset 0 -1 WITHSCORES"),
    words("ZRANGESTORE", &[Data::SortedSets], "ZRANGESTORE out zset 0 -1"),
    words("ZUNIONSTORE", &[Data::SortedSets], "ZUNIONSTORE out 2 zset zset2"),
    words("ZINTERSTORE", &[Data::SortedSets], "ZINTERSTORE out 2 zset zset2"),
    words("COPY zset", &[Data::SortedSets], "COPY zset out"),
    on_copy("ZREMRANGEBYRANK", &[Data::SortedSets], "COPY zset out", "ZREMRANGEBYRANK out 0 {half}"),
    on_copy("ZPOPMIN", &[Data::SortedSets], "COPY zset out", "ZPOPMIN out {share}"),
    on_copy("ZPOPMIN few", &[Data::SortedSets], "COPY zset out", "ZPOPMIN out {few}"),
    on_copy("ZPOPMIN all", &[Data::SortedSets], "COPY zset out", "ZPOPMIN out {all}"),
    on_copy("UNLINK zset", &[Data::SortedSets], "COPY zset out", "UNLINK out"),
    words("HGETALL", &[Data::Hash], "HGETALL hash"),
    words("HRANDFIELD", &[Data::Hash], "HRANDFIELD hash -{share} WITHVALUES"),
    words("COPY hash", &[Data::Hash], "COPY hash out"),
    on_copy("DEL hash", &[Data::Hash], "COPY hash out", "DEL out"),
    words("GEOSEARCHSTORE", &[Data::Places], "GEOSEARCHSTORE out geo FROMLONLAT 0 0 BYRADIUS 30000 km"),
    words("PFMERGE", &[Data::Sketches], "PFMERGE out {sketches}"),
    words("PFCOUNT", &[Data::Sketches], "PFCOUNT {sketches}"),
    words("KEYS", &[Data::Keys], "KEYS *"),
    form("MSET", Form::Mset),
    form("EXEC", Form::Exec),
    words("FLUSHALL", &[Data::Keys], "FLUSHALL"),
];

impl Case {
    /// What is sent.
    pub fn request(&self, elements: u64) -> Request {
        let plain = |measured| Request { ahead: Vec::new(), measured };
        match self.command {
            Form::Nothing => plain(None),
            Form::Words(text) => plain(Some(encoded(&split(text, elements)))),
            Form::Mset => plain(Some(mset(elements))),
            Form::Exec => exec(elements),
        }
    }
}

/// The words of a command, with its numbers.
fn split(text: &str, elements: u64) -> Vec<String> {
    let mut words = Vec::new();
    for word in text.split_whitespace() {
        if word == "{sketches}" {
            words.extend((0..sketches(elements)).map(|index| format!("sketch:{index}")));
        } else {
            let word = word.replace("{half}", &(elements / 2).to_string());
            let word = word.replace("{share}", &(elements * SHARE / 100).to_string());
            let word = word.replace("{few}", &(elements * FEW / 100).to_string());
            words.push(word.replace("{all}", &elements.to_string()));
        }
    }
    words
}

/// An `MSET` of all elements, or as many as servers accept.
fn mset(elements: u64) -> Vec<u8> {
    let pairs = (0..elements.min(MSET_KEYS_MAX))
        .flat_map(|index| [format!("many:{index:09}"), format!("value:{index:09}")]);
    encoded(&std::iter::once("MSET".to_owned()).chain(pairs).collect::<Vec<_>>())
}

/// A transaction of a `SET` for each element.
fn exec(elements: u64) -> Request {
    const BATCH: u64 = 100;
    let mut ahead = vec![(encoded(&["MULTI"]), 1)];
    for from in (0..elements).step_by(BATCH as usize) {
        let numbers = from..elements.min(from + BATCH);
        let replies = (numbers.end - numbers.start) as usize;
        let sets =
            numbers.flat_map(|index| encoded(&["SET", &format!("many:{index:09}"), &index.to_string()]));
        ahead.push((sets.collect(), replies));
    }
    Request { ahead, measured: Some(encoded(&["EXEC"])) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_numbers_of_a_command_follow_that_of_the_elements() {
        assert_eq!(split("SPOP out {share}", 1000), ["SPOP", "out", "300"]);
        assert_eq!(split("SPOP out {few} {all}", 1000), ["SPOP", "out", "50", "1000"]);
        assert_eq!(split("LTRIM out {half} -1", 1000), ["LTRIM", "out", "500", "-1"]);
        assert_eq!(split("PFCOUNT {sketches}", 2000), ["PFCOUNT", "sketch:0", "sketch:1"]);
    }

    #[test]
    fn a_transaction_holds_every_element_once() {
        let request = exec(250);
        assert_eq!(request.ahead.iter().map(|(_, replies)| replies).sum::<usize>(), 251);
        let sent: Vec<u8> = request.ahead.into_iter().flat_map(|(bytes, _)| bytes).collect();
        let text = String::from_utf8(sent).unwrap();
        assert_eq!(text.matches("many:").count(), 250);
        assert!(text.contains("many:000000249"));
    }

    #[test]
    fn a_command_has_no_more_words_than_servers_accept() {
        assert!(mset(100).starts_with(b"*201\r\n"));
        assert!(mset(1_000_000).starts_with(b"*1000001\r\n"));
    }

    #[test]
    fn names_are_unique_and_the_last_command_deletes_all() {
        let names: HashSet<&str> = CASES.iter().map(|case| case.name).collect();
        assert_eq!(names.len(), CASES.len());
        assert!(CASES.iter().rev().skip(1).all(|case| case.name != "FLUSHALL"));
    }
}
