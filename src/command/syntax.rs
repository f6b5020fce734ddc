//! The arguments of each command, as a line of syntax, and what `COMMAND DOCS` says of them.
//!
//! The lines are written as in a manual: `key value [NX|XX] [EX seconds|PX milliseconds]`. Capitals are typed as they
//! stand, other words are arguments; `[...]` may be left out, `<a|b>` chooses, `(a b)` belongs together, `...` behind any
//! of them repeats it. A word in capitals with arguments behind it is their token. What an argument is follows from its
//! name.

/// One argument, or several that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Argument {
    /// Its name.
    pub name: String,
    /// What it is: `key`, `string`, `integer`, `double`, `pattern`, `unix-time`, `pure-token`, `oneof` or `block`.
    pub kind: &'static str,
    /// The word in capitals that stands before it, or is it.
    pub token: Option<String>,
    /// Whether it may be left out.
    pub is_optional: bool,
    /// Whether it may stand several times.
    pub is_multiple: bool,
    /// What it chooses from, or consists of.
    pub inner: Vec<Argument>,
}

/// The arguments of the command called `name`, its subcommands' names with a `|`.
pub(super) fn arguments(name: &str) -> Vec<Argument> {
    let line = SYNTAX.iter().find(|(command, _)| *command == name).map(|(_, line)| *line);
    let mut arguments = line.map(parse).unwrap_or_default();
    let waits_for_data = ["bl", "br", "bz"].iter().any(|start| name.starts_with(start));
    for argument in arguments.iter_mut().filter(|argument| waits_for_data && argument.name == "timeout") {
        // The others count whole milliseconds.
        argument.kind = "double";
    }
    arguments
}

/// Understands a line of syntax.
fn parse(line: &str) -> Vec<Argument> {
    let mut rest = line;
    let arguments = parse_sequence(&mut rest);
    assert!(rest.is_empty(), "syntax '{line}' ends at '{rest}'");
    arguments
}

/// Understands what stands up to a closing bracket or a `|`.
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

/// Understands a bracket and what it closes with: one argument.
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

/// A word: a token in capitals, or an argument.
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

/// Gives a token to the arguments that follow it.
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

/// Several arguments as one.
fn one(mut arguments: Vec<Argument>) -> Argument {
    if arguments.len() == 1 { arguments.remove(0) } else { group("block", arguments) }
}

/// A group of arguments, named after them.
fn group(kind: &'static str, inner: Vec<Argument>) -> Argument {
    let name = inner.iter().map(|argument| argument.name.as_str()).collect::<Vec<_>>().join("-");
    Argument { name, kind, token: None, is_optional: false, is_multiple: false, inner }
}

/// What an argument of this name is.
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
        | "ttl" | "version" => "integer",
        _ => "string",
    }
}

/// The lines, by command.
pub(super) const SYNTAX: &[(&str, &str)] = &[
    ("acl|cat", "[category]"),
    ("acl|dryrun", "username command [arg...]"),
    ("acl|genpass", "[bits]"),
    ("acl|getuser", "username"),
    ("acl|log", "[count|RESET]"),
    ("append", "key value"),
    ("auth", "[username] password"),
    ("bgsave", "[SCHEDULE]"),
    ("bitcount", "key [start end [BYTE|BIT]]"),
    (
        "bitfield",
        "key [GET encoding offset|[OVERFLOW <WRAP|SAT|FAIL>] <SET encoding offset value|INCRBY encoding \
         offset increment>]...",
    ),
    ("bitfield_ro", "key [GET encoding offset]..."),
    ("bitop", "<AND|OR|XOR|NOT> destkey key..."),
    ("bitpos", "key bit [start [end [BYTE|BIT]]]"),
    ("blmove", "source destination <LEFT|RIGHT> <LEFT|RIGHT> timeout"),
    ("blmpop", "timeout numkeys key... <LEFT|RIGHT> [COUNT count]"),
    ("blpop", "key... timeout"),
    ("brpop", "key... timeout"),
    ("brpoplpush", "source destination timeout"),
    ("bzmpop", "timeout numkeys key... <MIN|MAX> [COUNT count]"),
    ("bzpopmax", "key... timeout"),
    ("bzpopmin", "key... timeout"),
    ("client|caching", "<YES|NO>"),
    (
        "client|kill",
        "<ip:port|<ID client-id|TYPE <NORMAL|MASTER|SLAVE|REPLICA|PUBSUB>|USER username|ADDR ip:port|LADDR ip:port\
         |SKIPME <YES|NO>>...>",
    ),
    ("client|list", "[TYPE <NORMAL|MASTER|REPLICA|PUBSUB>] [ID client-id...]"),
    ("client|no-evict", "<ON|OFF>"),
    ("client|no-touch", "<ON|OFF>"),
    ("client|pause", "timeout [WRITE|ALL]"),
    ("client|reply", "<ON|OFF|SKIP>"),
    ("client|setinfo", "<LIB-NAME libname|LIB-VER libver>"),
    ("client|setname", "connection-name"),
    ("client|tracking", "<ON|OFF> [REDIRECT client-id] [PREFIX prefix]... [BCAST] [OPTIN] [OPTOUT] [NOLOOP]"),
    ("client|unblock", "client-id [TIMEOUT|ERROR]"),
    ("cluster|addslots", "slot..."),
    ("cluster|addslotsrange", "(start-slot end-slot)..."),
    ("cluster|count-failure-reports", "node-id"),
    ("cluster|countkeysinslot", "slot"),
    ("cluster|delslots", "slot..."),
    ("cluster|delslotsrange", "(start-slot end-slot)..."),
    ("cluster|failover", "[FORCE|TAKEOVER]"),
    ("cluster|forget", "node-id"),
    ("cluster|getkeysinslot", "slot count"),
    ("cluster|keyslot", "key-name"),
    ("cluster|meet", "ip port [bus-port]"),
    ("cluster|replicas", "node-id"),
    ("cluster|replicate", "node-id"),
    ("cluster|reset", "[HARD|SOFT]"),
    ("cluster|set-config-epoch", "config-epoch"),
    ("cluster|setslot", "slot <(IMPORTING node-id)|(MIGRATING node-id)|STABLE|(NODE node-id)>"),
    ("cluster|slaves", "node-id"),
    ("command|docs", "[command-name...]"),
    ("command|getkeys", "command [arg...]"),
    ("command|getkeysandflags", "command [arg...]"),
    ("command|info", "[command-name...]"),
    ("command|list", "[FILTERBY <MODULE module-name|ACLCAT category|PATTERN pattern>]"),
    ("config|get", "parameter..."),
    ("config|set", "(parameter value)..."),
    ("copy", "source destination [DB destination-db] [REPLACE]"),
    ("debug|sleep", "duration"),
    ("decr", "key"),
    ("decrby", "key decrement"),
    ("del", "key..."),
    ("echo", "message"),
    ("exists", "key..."),
    ("expire", "key seconds [NX|XX|GT|LT]"),
    ("expireat", "key unix-time-seconds [NX|XX|GT|LT]"),
    ("expiretime", "key"),
    ("flushall", "[ASYNC|SYNC]"),
    ("flushdb", "[ASYNC|SYNC]"),
    ("geoadd", "key [NX|XX] [CH] (longitude latitude member)..."),
    ("geodist", "key member1 member2 [M|KM|FT|MI]"),
    ("geohash", "key [member...]"),
    ("geopos", "key [member...]"),
    (
        "georadius",
        "key longitude latitude radius <M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] \
         [ASC|DESC] [STORE key|STOREDIST key]",
    ),
    (
        "georadius_ro",
        "key longitude latitude radius <M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC|DESC]",
    ),
    (
        "georadiusbymember",
        "key member radius <M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC|DESC] \
         [STORE key|STOREDIST key]",
    ),
    (
        "georadiusbymember_ro",
        "key member radius <M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC|DESC]",
    ),
    (
        "geosearch",
        "key <FROMMEMBER member|FROMLONLAT longitude latitude> <BYRADIUS radius <M|KM|FT|MI>|BYBOX width \
         height <M|KM|FT|MI>> [ASC|DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]",
    ),
    (
        "geosearchstore",
        "destination source <FROMMEMBER member|FROMLONLAT longitude latitude> <BYRADIUS radius \
         <M|KM|FT|MI>|BYBOX width height <M|KM|FT|MI>> [ASC|DESC] [COUNT count [ANY]] [STOREDIST]",
    ),
    ("get", "key"),
    ("getbit", "key offset"),
    ("getdel", "key"),
    ("getex", "key [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|PERSIST]"),
    ("getrange", "key start end"),
    ("getset", "key value"),
    ("hdel", "key field..."),
    ("hello", "[protover [AUTH username password] [SETNAME clientname]]"),
    ("hexists", "key field"),
    ("hexpire", "key seconds [NX|XX|GT|LT] FIELDS (numfields field...)"),
    ("hexpireat", "key unix-time-seconds [NX|XX|GT|LT] FIELDS (numfields field...)"),
    ("hexpiretime", "key FIELDS (numfields field...)"),
    ("hget", "key field"),
    ("hgetall", "key"),
    ("hgetdel", "key FIELDS (numfields field...)"),
    (
        "hgetex",
        "key [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|PERSIST] \
         FIELDS (numfields field...)",
    ),
    ("hincrby", "key field increment"),
    ("hincrbyfloat", "key field float"),
    ("hkeys", "key"),
    ("hlen", "key"),
    ("hmget", "key field..."),
    ("hmset", "key (field value)..."),
    ("hpersist", "key FIELDS (numfields field...)"),
    ("hpexpire", "key milliseconds [NX|XX|GT|LT] FIELDS (numfields field...)"),
    ("hpexpireat", "key unix-time-milliseconds [NX|XX|GT|LT] FIELDS (numfields field...)"),
    ("hpexpiretime", "key FIELDS (numfields field...)"),
    ("hpttl", "key FIELDS (numfields field...)"),
    ("hrandfield", "key [count [WITHVALUES]]"),
    ("hscan", "key cursor [MATCH pattern] [COUNT count] [NOVALUES]"),
    ("hset", "key (field value)..."),
    (
        "hsetex",
        "key [FNX|FXX] \
         [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|KEEPTTL] \
         FIELDS (numfields (field value)...)",
    ),
    ("hsetnx", "key field value"),
    ("hstrlen", "key field"),
    ("httl", "key FIELDS (numfields field...)"),
    ("hvals", "key"),
    ("incr", "key"),
    ("incrby", "key increment"),
    ("incrbyfloat", "key float"),
    ("info", "[section...]"),
    ("keys", "pattern"),
    ("latency|graph", "event"),
    ("latency|histogram", "[command...]"),
    ("latency|history", "event"),
    ("latency|reset", "[event...]"),
    ("lcs", "key1 key2 [LEN] [IDX] [MINMATCHLEN len] [WITHMATCHLEN]"),
    ("lindex", "key index"),
    ("linsert", "key <BEFORE|AFTER> pivot element"),
    ("llen", "key"),
    ("lmove", "source destination <LEFT|RIGHT> <LEFT|RIGHT>"),
    ("lmpop", "numkeys key... <LEFT|RIGHT> [COUNT count]"),
    ("lolwut", "[VERSION version]"),
    ("lpop", "key [count]"),
    ("lpos", "key element [RANK rank] [COUNT num-matches] [MAXLEN len]"),
    ("lpush", "key element..."),
    ("lpushx", "key element..."),
    ("lrange", "key start stop"),
    ("lrem", "key count element"),
    ("lset", "key index element"),
    ("ltrim", "key start stop"),
    ("memory|usage", "key [SAMPLES count]"),
    ("mget", "key..."),
    ("move", "key db"),
    ("mset", "(key value)..."),
    ("msetnx", "(key value)..."),
    ("object|encoding", "key"),
    ("object|freq", "key"),
    ("object|idletime", "key"),
    ("object|refcount", "key"),
    ("persist", "key"),
    ("pexpire", "key milliseconds [NX|XX|GT|LT]"),
    ("pexpireat", "key unix-time-milliseconds [NX|XX|GT|LT]"),
    ("pexpiretime", "key"),
    ("pfadd", "key [element...]"),
    ("pfcount", "key..."),
    ("pfmerge", "destkey [sourcekey...]"),
    ("ping", "[message]"),
    ("psetex", "key milliseconds value"),
    ("psubscribe", "pattern..."),
    ("pttl", "key"),
    ("publish", "channel message"),
    ("pubsub|channels", "[pattern]"),
    ("pubsub|numsub", "[channel...]"),
    ("pubsub|shardchannels", "[pattern]"),
    ("pubsub|shardnumsub", "[shardchannel...]"),
    ("punsubscribe", "[pattern...]"),
    ("rename", "key newkey"),
    ("renamenx", "key newkey"),
    ("replicaof", "<host port | NO ONE>"),
    ("rpop", "key [count]"),
    ("rpoplpush", "source destination"),
    ("rpush", "key element..."),
    ("rpushx", "key element..."),
    ("sadd", "key member..."),
    ("scan", "cursor [MATCH pattern] [COUNT count] [TYPE type]"),
    ("scard", "key"),
    ("sdiff", "key..."),
    ("sdiffstore", "destination key..."),
    ("select", "index"),
    (
        "set",
        "key value [NX|XX] [GET] \
         [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|KEEPTTL]",
    ),
    ("setbit", "key offset value"),
    ("setex", "key seconds value"),
    ("setnx", "key value"),
    ("setrange", "key offset value"),
    ("shutdown", "[NOSAVE|SAVE] [NOW] [FORCE] [ABORT]"),
    ("sinter", "key..."),
    ("sintercard", "numkeys key... [LIMIT limit]"),
    ("sinterstore", "destination key..."),
    ("sismember", "key member"),
    ("slaveof", "<host port | NO ONE>"),
    ("slowlog|get", "[count]"),
    ("smembers", "key"),
    ("smismember", "key member..."),
    ("smove", "source destination member"),
    ("sort", "key [BY pattern] [LIMIT offset count] [GET pattern]... [ASC|DESC] [ALPHA] [STORE destination]"),
    ("sort_ro", "key [BY pattern] [LIMIT offset count] [GET pattern]... [ASC|DESC] [ALPHA]"),
    ("spop", "key [count]"),
    ("spublish", "shardchannel message"),
    ("srandmember", "key [count]"),
    ("srem", "key member..."),
    ("sscan", "key cursor [MATCH pattern] [COUNT count]"),
    ("ssubscribe", "shardchannel..."),
    ("strlen", "key"),
    ("subscribe", "channel..."),
    ("substr", "key start end"),
    ("sunion", "key..."),
    ("sunionstore", "destination key..."),
    ("sunsubscribe", "[shardchannel...]"),
    ("swapdb", "index1 index2"),
    ("touch", "key..."),
    ("ttl", "key"),
    ("type", "key"),
    ("unlink", "key..."),
    ("unsubscribe", "[channel...]"),
    ("wait", "numreplicas timeout"),
    ("waitaof", "numlocal numreplicas timeout"),
    ("watch", "key..."),
    ("zadd", "key [NX|XX] [GT|LT] [CH] [INCR] (score member)..."),
    ("zcard", "key"),
    ("zcount", "key min max"),
    ("zdiff", "numkeys key... [WITHSCORES]"),
    ("zdiffstore", "destination numkeys key..."),
    ("zincrby", "key increment member"),
    ("zinter", "numkeys key... [WEIGHTS weight...] [AGGREGATE <SUM|MIN|MAX>] [WITHSCORES]"),
    ("zintercard", "numkeys key... [LIMIT limit]"),
    ("zinterstore", "destination numkeys key... [WEIGHTS weight...] [AGGREGATE <SUM|MIN|MAX>]"),
    ("zlexcount", "key min max"),
    ("zmpop", "numkeys key... <MIN|MAX> [COUNT count]"),
    ("zmscore", "key member..."),
    ("zpopmax", "key [count]"),
    ("zpopmin", "key [count]"),
    ("zrandmember", "key [count [WITHSCORES]]"),
    ("zrange", "key start stop [BYSCORE|BYLEX] [REV] [LIMIT offset count] [WITHSCORES]"),
    ("zrangebylex", "key min max [LIMIT offset count]"),
    ("zrangebyscore", "key min max [WITHSCORES] [LIMIT offset count]"),
    ("zrangestore", "destination source min max [BYSCORE|BYLEX] [REV] [LIMIT offset count]"),
    ("zrank", "key member [WITHSCORE]"),
    ("zrem", "key member..."),
    ("zremrangebylex", "key min max"),
    ("zremrangebyrank", "key start stop"),
    ("zremrangebyscore", "key min max"),
    ("zrevrange", "key start stop [WITHSCORES]"),
    ("zrevrangebylex", "key max min [LIMIT offset count]"),
    ("zrevrangebyscore", "key max min [WITHSCORES] [LIMIT offset count]"),
    ("zrevrank", "key member [WITHSCORE]"),
    ("zscan", "key cursor [MATCH pattern] [COUNT count]"),
    ("zscore", "key member"),
    ("zunion", "numkeys key... [WEIGHTS weight...] [AGGREGATE <SUM|MIN|MAX>] [WITHSCORES]"),
    ("zunionstore", "destination numkeys key... [WEIGHTS weight...] [AGGREGATE <SUM|MIN|MAX>]"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// A line as it was understood: `+` optional, `*` several times.
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
    fn every_line_is_understood_and_named_once() {
        for (index, (name, line)) in SYNTAX.iter().enumerate() {
            assert!(!parse(line).is_empty(), "{name}");
            assert!(SYNTAX[..index].iter().all(|(other, _)| other < name), "{name} is out of order");
        }
    }
}
