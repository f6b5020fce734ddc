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

#[test]
fn keys_behind_an_oddly_written_number_are_those_of_redis() {
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &["--loglevel", "warning"]);
    let reference = Reference::start(root.path());
    let (mut ours, mut theirs) = (server.client(), reference.client());
    for number in ["1", "01", "+1", " 1", "1 ", "1.5", "1x", "2", "0", "-1", "", "x"] {
        for line in [
            "LMPOP N a LEFT",
            "BLMPOP 0 N a LEFT",
            "ZMPOP N a MIN",
            "BZMPOP 0 N a MIN",
            "SINTERCARD N a",
            "ZUNION N a WITHSCORES",
            "ZDIFFSTORE d N a",
            "ZINTERSTORE d N a AGGREGATE MAX",
        ] {
            for question in ["GETKEYSANDFLAGS", "GETKEYS"] {
                let words = line.split(' ').map(|word| if word == "N" { number } else { word });
                let words: Vec<String> =
                    ["COMMAND", question].into_iter().chain(words).map(str::to_owned).collect();
                send(&mut ours, &mut theirs, std::slice::from_ref(&words));
                assert_eq!(ours.reply().unwrap(), theirs.reply().unwrap(), "{words:?}");
            }
        }
    }
}
