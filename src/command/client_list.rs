//! The lines of `CLIENT LIST`, and the options of `CLIENT KILL`.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::local::{excerpt, is, parse_integer};
use super::{CommandError, LocalCtx};
use crate::resp::Args;
use crate::spec;
use crate::state::{ClientInfo, User, Users};

/// The types of clients that Redis distinguishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientKind {
    /// Sends commands.
    Normal,
    /// Is subscribed.
    PubSub,
    /// Replicas and masters; there are none here.
    Other,
}

impl ClientKind {
    /// The type of a client.
    pub(super) fn of(info: &ClientInfo) -> Self {
        if info.subscriptions().any() { ClientKind::PubSub } else { ClientKind::Normal }
    }

    /// Parses a type.
    pub(super) fn parse(word: &[u8]) -> Result<Self, CommandError> {
        match word {
            word if is(word, "normal") => Ok(ClientKind::Normal),
            word if is(word, "pubsub") => Ok(ClientKind::PubSub),
            word if ["master", "slave", "replica"].iter().any(|kind| is(word, kind)) => Ok(ClientKind::Other),
            _ => Err(format!("ERR Unknown client type '{}'", excerpt(word)).into()),
        }
    }
}

/// Which clients `CLIENT KILL` kills: those that match all given options.
pub(super) struct Filter<'a> {
    /// `ID`.
    pub id: Option<u64>,
    /// `ADDR`.
    pub addr: Option<&'a [u8]>,
    /// `LADDR`.
    pub laddr: Option<&'a [u8]>,
    /// `USER`.
    pub user: Option<Arc<User>>,
    /// `TYPE`.
    pub kind: Option<ClientKind>,
    /// `SKIPME`: whether the calling client is left out.
    pub spares_self: bool,
}

impl Default for Filter<'_> {
    fn default() -> Self {
        Self { id: None, addr: None, laddr: None, user: None, kind: None, spares_self: true }
    }
}

impl<'a> Filter<'a> {
    /// Parses the options, which start at word 2.
    pub(super) fn parse(args: &Args<'a>, users: &Users) -> Result<Self, CommandError> {
        let mut filter = Filter::default();
        let mut words = args.from(2);
        while let Some(option) = words.next() {
            let value = words.next().ok_or(CommandError::SYNTAX)?;
            if is(option, "id") {
                let id = parse_integer(value).and_then(|id| u64::try_from(id).ok()).filter(|id| *id > 0);
                filter.id = Some(id.ok_or("ERR client-id should be greater than 0")?);
            } else if is(option, "type") {
                filter.kind = Some(ClientKind::parse(value)?);
            } else if is(option, "addr") {
                filter.addr = Some(value);
            } else if is(option, "laddr") {
                filter.laddr = Some(value);
            } else if is(option, "user") {
                let user = users.find(value);
                filter.user =
                    Some(user.ok_or_else(|| format!("ERR No such user '{}'", excerpt(value)))?.clone());
            } else if is(option, "skipme") {
                filter.spares_self = match value {
                    value if is(value, "yes") => true,
                    value if is(value, "no") => false,
                    _ => return Err(CommandError::SYNTAX),
                };
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(filter)
    }

    /// Whether a client matches.
    pub(super) fn takes(&self, info: &ClientInfo, own_id: u64) -> bool {
        self.id.is_none_or(|id| id == info.id())
            && self.addr.is_none_or(|addr| addr == info.addr().as_bytes())
            && self.laddr.is_none_or(|laddr| laddr == info.peer().laddr.as_bytes())
            && self.user.as_ref().is_none_or(|user| Arc::ptr_eq(user, &info.user()))
            && self.kind.is_none_or(|kind| kind == ClientKind::of(info))
            && !(self.spares_self && info.id() == own_id)
            && !info.is_killed()
    }
}

/// Appends the line of one client. `asked` is the command that the calling client shows as its last one.
pub(super) fn write_line(line: &mut Vec<u8>, ctx: &LocalCtx<'_>, info: &Arc<ClientInfo>, asked: &str) {
    let now_ms = ctx.server.uptime_ms();
    let (query, query_free) = info.query_bytes();
    let (in_bytes, out_bytes) = info.net_bytes();
    let labels = info.labels();
    let peer = info.peer();
    let last = info.last_command().and_then(spec::by_id).map_or("NULL", |spec| spec.name);
    let asked = if ctx.client.is_in_exec { "exec" } else { asked };
    let command = if info.id() == ctx.client.id() { asked } else { last };
    let (listens, transaction) = (info.subscriptions(), info.transaction());
    let (messages, message_bytes) = info.outbox().size();
    let transaction_bytes = transaction.bytes.load(Relaxed);
    let seconds_since = |then_ms: u64| now_ms.saturating_sub(then_ms) / 1000;
    let _ = write!(line, "id={} addr={} laddr={} fd={} name=", info.id(), info.addr(), peer.laddr, peer.fd);
    line.extend_from_slice(&labels.name);
    let _ = write!(
        line,
        " age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={} qbuf={query} qbuf-free={query_free} argv-mem=0 \
         multi-mem={transaction_bytes} rbs=0 rbp=0 obl={obl} oll={messages} omem={} tot-mem={} events=r cmd={command} \
         user={user} redir={} resp={} lib-name=",
        seconds_since(info.connected_ms()),
        seconds_since(info.active_ms()),
        flags(ctx, info),
        info.db(),
        listens.channels.load(Relaxed),
        listens.patterns.load(Relaxed),
        listens.shard_channels.load(Relaxed),
        transaction.commands.load(Relaxed),
        info.reply_bytes() + message_bytes,
        query + query_free + info.reply_bytes() + message_bytes + transaction_bytes as usize,
        info.redirect(),
        info.protocol_version(),
        obl = info.reply_bytes(),
        user = info.user().name(),
    );
    line.extend_from_slice(&labels.library_name);
    line.extend_from_slice(b" lib-ver=");
    line.extend_from_slice(&labels.library_version);
    let _ = writeln!(line, " tot-net-in={in_bytes} tot-net-out={out_bytes} tot-cmds={}", info.commands());
}

/// The letters of a client's `flags=`; `N` for none.
fn flags(ctx: &LocalCtx<'_>, info: &ClientInfo) -> String {
    let is_self = info.id() == ctx.client.id();
    let tracking = info.tracking();
    let is_touched = is_self && ctx.client.is_watch_touched();
    let letters = [
        (info.monitors(), 'O'),
        (info.subscriptions().any(), 'P'),
        (info.transaction().commands.load(Relaxed) >= 0, 'x'),
        (tracking.on.load(Relaxed), 't'),
        (info.is_redirect_broken(), 'R'),
        (tracking.broadcast.load(Relaxed), 'B'),
        (is_touched, 'd'),
        (info.is_blocked(), 'b'),
        (info.is_killed(), 'A'),
        (info.peer().is_unix, 'U'),
        (is_self && ctx.client.no_evict, 'e'),
        (is_self && ctx.client.no_touch, 'T'),
    ];
    let letters: String = letters.iter().filter(|(set, _)| *set).map(|(_, letter)| *letter).collect();
    if letters.is_empty() { "N".into() } else { letters }
}
