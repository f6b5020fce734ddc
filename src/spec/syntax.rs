//! Parses a command's line of syntax into the arguments that `COMMAND DOCS` shows.
//!
//! The lines are written as in a manual: `key value [NX|XX] [EX seconds|PX milliseconds]`. Words in capitals are
//! literal, other words are arguments; `[...]` is optional, `<a|b>` is a choice, `(a b)` is a group, and `...` after
//! any of them repeats it. A word in capitals followed by arguments is their token. The type of an argument follows
//! from its name.

use super::{Flags, Spec};

/// One argument, or a group of arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Its name.
    pub name: String,
    /// Its type: `key`, `string`, `integer`, `double`, `pattern`, `unix-time`, `pure-token`, `oneof` or `block`.
    pub kind: &'static str,
    /// The word in capitals before it, or that it consists of.
    pub token: Option<String>,
    /// Whether it is optional.
    pub is_optional: bool,
    /// Whether it may be repeated.
    pub is_multiple: bool,
    /// The alternatives of a choice, or the arguments of a group.
    pub inner: Vec<Argument>,
}

impl Spec {
    /// Parses the line of syntax.
    pub fn arguments(&self) -> Vec<Argument> {
        let mut arguments = parse(self.syntax);
        let waits_for_data = self.flags.has(Flags::BLOCKING);
        for argument in arguments.iter_mut().filter(|argument| waits_for_data && argument.name == "timeout") {
            // The other timeouts are whole milliseconds.
            argument.kind = "double";
        }
        arguments
    }
}

/// Parses a line of syntax.
fn parse(line: &str) -> Vec<Argument> {
    let mut rest = line;
    let arguments = parse_sequence(&mut rest);
    assert!(rest.is_empty(), "syntax '{line}' ends at '{rest}'");
    arguments
}

/// Parses up to a closing bracket or a `|`.
fn parse_sequence(rest: &mut &str) -> Vec<Argument> {
    let mut arguments: Vec<Argument> = Vec::new();
    loop {
        *rest = rest.trim_start();
        let argument = match rest.chars().next() {
            None | Some(']' | '>' | ')' | '|') => return with_tokens(arguments),
            Some('[') => {
                let mut argument = parse_choice(rest, ']');
                argument.is_optional = true;
                argument
            }
            Some('<') => parse_choice(rest, '>'),
            Some('(') => parse_choice(rest, ')'),
            Some(_) => parse_word(rest),
        };
        arguments.push(argument);
        if let Some(after) = rest.strip_prefix("...") {
            *rest = after;
            if let Some(last) = arguments.last_mut() {
                last.is_multiple = true;
            }
        }
    }
}

/// Parses up to the closing bracket `close`: one argument.
fn parse_choice(rest: &mut &str, close: char) -> Argument {
    let mut choices = Vec::new();
    loop {
        *rest = &rest[1..];
        choices.push(one(parse_sequence(rest)));
        match rest.chars().next() {
            Some('|') => {}
            Some(end) if end == close => break,
            _ => panic!("syntax lacks '{close}' before '{rest}'"),
        }
    }
    *rest = &rest[1..];
    if choices.len() == 1 { choices.remove(0) } else { group("oneof", choices) }
}

/// Parses a word: a token in capitals, or an argument.
fn parse_word(rest: &mut &str) -> Argument {
    let end = rest.find([' ', '[', ']', '<', '>', '(', ')', '|']).unwrap_or(rest.len());
    let end = rest[..end].find("...").unwrap_or(end);
    let word = &rest[..end];
    *rest = &rest[end..];
    let is_token = word.starts_with(|letter: char| letter.is_ascii_uppercase());
    Argument {
        name: word.to_ascii_lowercase(),
        kind: if is_token { "pure-token" } else { kind_of(word) },
        token: is_token.then(|| word.to_string()),
        is_optional: false,
        is_multiple: false,
        inner: Vec::new(),
    }
}

/// Moves each token into the arguments that follow it.
fn with_tokens(arguments: Vec<Argument>) -> Vec<Argument> {
    let mut taken: Vec<Argument> = Vec::new();
    let mut arguments = arguments.into_iter().peekable();
    while let Some(argument) = arguments.next() {
        let mut followers = Vec::new();
        if argument.kind == "pure-token" {
            while let Some(next) = arguments.next_if(|next| next.kind != "pure-token" && !next.is_optional) {
                followers.push(next);
            }
        }
        taken.push(match followers.len() {
            0 => argument,
            _ => Argument { token: argument.token, ..one(followers) },
        });
    }
    taken
}

/// Combines several arguments into one.
fn one(mut arguments: Vec<Argument>) -> Argument {
    if arguments.len() == 1 { arguments.remove(0) } else { group("block", arguments) }
}

/// Builds a group of arguments, named after them.
fn group(kind: &'static str, inner: Vec<Argument>) -> Argument {
    let name = inner.iter().map(|argument| argument.name.as_str()).collect::<Vec<_>>().join("-");
    Argument { name, kind, token: None, is_optional: false, is_multiple: false, inner }
}

/// The type of an argument of this name.
fn kind_of(name: &str) -> &'static str {
    match name {
        "key" | "key1" | "key2" | "newkey" | "source" | "destination" | "destkey" | "sourcekey" => "key",
        "pattern" => "pattern",
        "unix-time-seconds" | "unix-time-milliseconds" => "unix-time",
        "float" | "score" | "weight" | "longitude" | "latitude" | "radius" | "width" | "height" => "double",
        "index" | "index1" | "index2" | "db" | "destination-db" | "seconds" | "milliseconds" | "timeout"
        | "count" | "offset" | "start" | "stop" | "end" | "rank" | "num-matches" | "cursor" | "increment"
        | "decrement" | "client-id" | "numreplicas" | "numkeys" | "limit" | "numfields" | "numlocal"
        | "protover" | "bits" | "slot" | "start-slot" | "end-slot" | "port" | "config-epoch" | "len"
        | "ttl" | "version" | "integer" | "exactly" | "maxage" | "idle" => "integer",
        _ => "string",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A parsed line as text: `+` means optional, `*` repeated.
    fn told(arguments: &[Argument]) -> String {
        let one = |argument: &Argument| {
            let token = argument.token.as_ref().map(|token| format!("{token}=")).unwrap_or_default();
            let inner = if argument.inner.is_empty() {
                String::new()
            } else {
                format!("({})", told(&argument.inner))
            };
            let marks = ["+"; 1][..usize::from(argument.is_optional)].concat()
                + &["*"; 1][..usize::from(argument.is_multiple)].concat();
            format!("{token}{}{inner}{marks}", argument.kind)
        };
        arguments.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn lines_are_understood() {
        let cases = [
            ("", ""),
            ("key value", "key string"),
            ("key...", "key*"),
            ("(key value)...", "block(key string)*"),
            ("[NX|XX] [GET]", "oneof(NX=pure-token XX=pure-token)+ GET=pure-token+"),
            ("[EX seconds|KEEPTTL]", "oneof(EX=integer KEEPTTL=pure-token)+"),
            ("[p [AUTH username password]]", "block(string AUTH=block(string string)+)+"),
            ("[ID client-id...]", "ID=integer*+"),
            ("TYPE <A|B>", "TYPE=oneof(A=pure-token B=pure-token)"),
        ];
        for (line, expected) in cases {
            let expected = expected.replace("*+", "+*");
            assert_eq!(told(&parse(line)), expected, "{line}");
        }
    }

    #[test]
    fn every_command_that_takes_arguments_documents_them() {
        for spec in crate::spec::all() {
            let name_words = spec.name.split('|').count() as i32;
            let takes_arguments = spec.arity > name_words || spec.arity < -name_words;
            if takes_arguments && !spec.is_container() {
                assert!(!spec.arguments().is_empty(), "{}", spec.name);
            }
        }
    }
}
