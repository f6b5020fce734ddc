//! Which clients `CLIENT LIST` and `CLIENT KILL` are about.

use std::sync::Arc;

use super::client_list::flags;
use super::local::{excerpt, is, parse_integer};
use super::{CommandError, LocalCtx};
use crate::resp::Args;
use crate::state::{ClientInfo, User};

/// The letters of flags that a client may have, in Redis or here.
const FLAGS: &[u8] = b"AbcdeiMNOPrSuUxtTRB";

/// The types of clients that Redis distinguishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClientKind {
    /// Sends commands.
    Normal,
    /// Is subscribed.
    PubSub,
    /// Replicas and masters; there are none here.
    Other,
}

impl ClientKind {
    /// The type of a client.
    fn of(info: &ClientInfo) -> Self {
        if info.subscriptions().any() { ClientKind::PubSub } else { ClientKind::Normal }
    }

    /// Parses a type.
    fn parse(word: &[u8]) -> Result<Self, CommandError> {
        match word {
            word if is(word, "normal") => Ok(ClientKind::Normal),
            word if is(word, "pubsub") => Ok(ClientKind::PubSub),
            word if ["master", "primary", "slave", "replica"].iter().any(|kind| is(word, kind)) => {
                Ok(ClientKind::Other)
            }
            _ => Err(format!("ERR Unknown client type '{}'", excerpt(word)).into()),
        }
    }
}

/// Something that is true of some clients.
enum Criterion<'a> {
    /// `ID`: it has one of these.
    Ids(Vec<u64>),
    /// `ADDR`: its address.
    Addr(&'a [u8]),
    /// `LADDR`: the server's address, as the client sees it.
    LocalAddr(&'a [u8]),
    /// `IP`: its address without the port.
    Ip(&'a [u8]),
    /// `USER`: its user.
    User(Arc<User>),
    /// `TYPE`: its type.
    Kind(ClientKind),
    /// `FLAGS`: it has all of these flags.
    Flags(&'a [u8]),
    /// `NAME`: its name.
    Name(&'a [u8]),
    /// `LIB-NAME`: its library.
    LibraryName(&'a [u8]),
    /// `LIB-VER`: the version of its library.
    LibraryVersion(&'a [u8]),
    /// `DB`: its database.
    Db(u64),
    /// `MAXAGE`: it has been connected for so many seconds, or longer.
    Age(u64),
    /// `IDLE`: it has sent nothing for so many seconds, or longer.
    Idle(u64),
}

impl Criterion<'_> {
    /// Whether a client meets it.
    fn is_met(&self, ctx: &LocalCtx<'_>, info: &ClientInfo) -> bool {
        let seconds_since = |then_ms: u64| ctx.server.uptime_ms().saturating_sub(then_ms) / 1000;
        match self {
            Self::Ids(ids) => ids.contains(&info.id()),
            Self::Addr(addr) => *addr == info.addr().as_bytes(),
            Self::LocalAddr(addr) => *addr == info.peer().laddr.as_bytes(),
            Self::Ip(ip) => {
                let ip_of = info.addr().rsplit_once(':').map_or("", |(ip, _)| ip);
                ip_of.trim_matches(['[', ']']).as_bytes() == *ip
            }
            Self::User(user) => Arc::ptr_eq(user, &info.user()),
            Self::Kind(kind) => *kind == ClientKind::of(info),
            Self::Flags(wanted) => {
                let own = flags(ctx, info);
                wanted.iter().all(|letter| own.as_bytes().contains(letter))
            }
            Self::Name(name) => info.labels().name == *name,
            Self::LibraryName(name) => info.labels().library_name == *name,
            Self::LibraryVersion(version) => info.labels().library_version == *version,
            Self::Db(db) => info.db() as u64 == *db,
            Self::Age(seconds) => seconds_since(info.connected_ms()) >= *seconds,
            Self::Idle(seconds) => seconds_since(info.active_ms()) >= *seconds,
        }
    }
}

/// Which clients are meant: those that match all given options.
#[derive(Default)]
pub(super) struct Filter<'a> {
    /// What must be true of a client or, if the second part is set, must not. The first part is the option's name.
    criteria: Vec<(&'static str, bool, Criterion<'a>)>,
    /// `SKIPME`: whether the calling client is left out, if that was given.
    pub(super) spares_self: Option<bool>,
}

/// The names of the options that can be negated with `NOT-`.
const NEGATABLE: &[&str] =
    &["id", "addr", "laddr", "ip", "user", "type", "flags", "name", "lib-name", "lib-ver", "db"];
/// The names of those that cannot.
const POSITIVE: &[&str] = &["maxage", "idle"];

/// The option that a word names, and whether it is negated.
fn option_of(word: &[u8]) -> Option<(&'static str, bool)> {
    let named = |word: &[u8], names: &[&'static str]| names.iter().copied().find(|name| is(word, name));
    if let Some(name) = named(word, NEGATABLE).or_else(|| named(word, POSITIVE)) {
        return Some((name, false));
    }
    let (prefix, rest) = word.split_at_checked(4)?;
    if is(prefix, "not-") { named(rest, NEGATABLE).map(|name| (name, true)) } else { None }
}

/// Whether a word is an option of a filter.
pub(super) fn is_option(word: &[u8]) -> bool {
    is(word, "skipme") || option_of(word).is_some()
}

impl<'a> Filter<'a> {
    /// The clients with this address.
    pub(super) fn by_address(addr: &'a [u8]) -> Self {
        Self { criteria: vec![("addr", false, Criterion::Addr(addr))], spares_self: Some(false) }
    }

    /// Parses the options, which start at word 2. An option that is given again replaces the former one.
    pub(super) fn parse(args: &Args<'a>, ctx: &LocalCtx<'_>) -> Result<Self, CommandError> {
        let mut filter = Filter::default();
        let mut at = 2;
        while let Some(word) = args.get(at) {
            let value = args.get(at + 1).ok_or(CommandError::SYNTAX)?;
            at += 2;
            if is(word, "skipme") {
                filter.spares_self = match value {
                    value if is(value, "yes") => Some(true),
                    value if is(value, "no") => Some(false),
                    _ => return Err(CommandError::SYNTAX),
                };
                continue;
            }
            let (name, negated) = option_of(word).ok_or(CommandError::SYNTAX)?;
            let criterion = if name == "id" {
                let more = args.from(at).take_while(|word| parse_integer(word).is_some());
                at += more.clone().count();
                Criterion::Ids(std::iter::once(value).chain(more).map(id).collect::<Result<_, _>>()?)
            } else {
                criterion(name, value, ctx)?
            };
            filter.criteria.retain(|(other, other_negated, _)| (*other, *other_negated) != (name, negated));
            filter.criteria.push((name, negated, criterion));
        }
        Ok(filter)
    }

    /// Whether a client matches.
    pub(super) fn takes(&self, ctx: &LocalCtx<'_>, info: &ClientInfo) -> bool {
        !(self.spares_self == Some(true) && info.id() == ctx.client.id())
            && self.criteria.iter().all(|(_, negated, criterion)| criterion.is_met(ctx, info) != *negated)
    }
}

/// Parses a client's ID.
fn id(word: &[u8]) -> Result<u64, CommandError> {
    let id = parse_integer(word).and_then(|id| u64::try_from(id).ok()).filter(|id| *id > 0);
    id.ok_or("ERR client-id should be greater than 0".into())
}

/// The criterion of the option called `name`.
fn criterion<'a>(name: &str, value: &'a [u8], ctx: &LocalCtx<'_>) -> Result<Criterion<'a>, CommandError> {
    let number = || {
        let number = parse_integer(value).and_then(|number| u64::try_from(number).ok());
        number.ok_or_else(|| CommandError::from(format!("ERR {name} is not an integer or out of range")))
    };
    Ok(match name {
        "addr" => Criterion::Addr(value),
        "laddr" => Criterion::LocalAddr(value),
        "ip" => Criterion::Ip(value),
        "user" => {
            let user = ctx.server.users.find(value);
            Criterion::User(user.ok_or_else(|| format!("ERR No such user '{}'", excerpt(value)))?.clone())
        }
        "type" => Criterion::Kind(ClientKind::parse(value)?),
        "flags" if value.iter().all(|letter| FLAGS.contains(letter)) => Criterion::Flags(value),
        "flags" => {
            let text = format!("ERR Unknown flags found in the provided filter: {}", excerpt(value));
            return Err(text.into());
        }
        "name" => Criterion::Name(value),
        "lib-name" => Criterion::LibraryName(value),
        "lib-ver" => Criterion::LibraryVersion(value),
        "db" => Criterion::Db(number()?),
        "maxage" => Criterion::Age(number()?),
        "idle" => Criterion::Idle(number()?),
        _ => return Err(CommandError::SYNTAX),
    })
}
