//! `COMMAND GETKEYSANDFLAGS` and `COMMAND GETKEYS` of random commands: which of their words are keys.

use super::*;

/// Commands of a family, asked about instead of sent.
struct Asked {
    random: SmallRng,
    family: Box<dyn Family>,
}

impl Family for Asked {
    fn next(&mut self) -> Vec<String> {
        let question = ["GETKEYSANDFLAGS", "GETKEYS"][self.random.random_range(0..2)];
        let mut words = vec!["COMMAND".to_owned(), question.into()];
        words.extend(self.family.next());
        words
    }

    /// `ZRANK` takes one more word since 7.2.
    fn alike(&self, words: &[String], ours: &Value, theirs: &Value) -> bool {
        ours == theirs || ["ZRANK", "ZREVRANK"].contains(&words[2].to_ascii_uppercase().as_str())
    }
}

#[test]
fn keys_of_commands_are_those_of_redis() {
    let families: [fn(SmallRng) -> Box<dyn Family>; 7] = [
        |random| Box::new(Commands { random, in_multi: false }),
        lists::family,
        sorted_sets::family,
        geo::family,
        bitmaps::family,
        hyperloglogs::family,
        sort::family,
    ];
    for family in families {
        compare("2", commands(4_000), |random| Box::new(Asked { family: family(random.clone()), random }));
    }
}
