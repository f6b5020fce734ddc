//! Scripts of conversations: a letter for the client, then its command.
//!
//! A blank line begins a new conversation on an empty server. `@r` is the id of client `r`. These are not commands:
//! - `!close` hangs up;
//! - `!free` waits until the client is no longer blocked;
//! - `!expired 2` waits until two keys of the conversation have expired;
//! - `!empty` waits until there is no key, expired or not;
//! - `!sleep 0.1` waits for some seconds, for what no client can observe.

/// What a client does in one go.
pub struct Step<'a> {
    pub speaker: &'a str,
    pub act: Act<'a>,
}

impl Step<'_> {
    /// Whether this waits until `speaker` is no longer blocked.
    pub fn frees(&self, speaker: &str) -> bool {
        matches!(self.act, Act::Free) && self.speaker == speaker
    }
}

#[derive(Debug)]
pub enum Act<'a> {
    /// Sends commands at once.
    Send(Vec<&'a str>),
    Close,
    Free,
    Expired(u64),
    Empty,
    Sleep(f64),
}

/// How the commands of one client that follow each other are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Manner {
    /// Each once the previous one was executed.
    LineByLine,
    /// All at once.
    InPipelines,
}

/// The conversations of a script.
pub fn conversations(script: &str) -> impl Iterator<Item = Vec<&str>> {
    script.split("\n\n").map(|text| {
        text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect::<Vec<_>>()
    })
}

/// The steps of a conversation.
pub fn steps<'a>(lines: &[&'a str], manner: Manner) -> Vec<Step<'a>> {
    let mut steps: Vec<Step<'a>> = Vec::new();
    for line in lines {
        let (speaker, command) = line.split_once(": ").expect("a line names its client");
        let act = act(command);
        if let (Manner::InPipelines, Act::Send(_), Some(last)) = (manner, &act, steps.last_mut())
            && let Act::Send(before) = &mut last.act
            && last.speaker == speaker
        {
            before.push(command);
            continue;
        }
        steps.push(Step { speaker, act });
    }
    steps
}

fn act(command: &str) -> Act<'_> {
    let Some(special) = command.strip_prefix('!') else { return Act::Send(vec![command]) };
    match special.split_once(' ').unwrap_or((special, "")) {
        ("close", "") => Act::Close,
        ("free", "") => Act::Free,
        ("empty", "") => Act::Empty,
        ("expired", keys) => Act::Expired(keys.parse().expect("a number of keys")),
        ("sleep", seconds) => Act::Sleep(seconds.parse().expect("a number of seconds")),
        _ => panic!("{command}: unknown"),
    }
}

/// The words of a line; `"..."` holds spaces, `\r` and `\n` in it stand for themselves.
pub fn words(line: &str) -> Vec<Vec<u8>> {
    let (mut words, mut rest) = (Vec::new(), line.trim());
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').expect("quotes are closed"),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        words.push(word.replace("\\r", "\r").replace("\\n", "\n").into_bytes());
        rest = after.trim_start();
    }
    words
}
