//! Which client is subscribed to which channel.
//!
//! Publishing only takes read locks: that of the channel's shard, and that of the patterns if there are any.
//! Subscribing takes the same locks for writing. A client's own list of its subscriptions is in its `ClientState`: for
//! the numbers in replies, and for the cleanup when it disconnects.
//!
//! Invariant: once `unsubscribe` has returned, nothing more of that channel is put into the client's outbox.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::clients::ClientInfo;
use super::deliver::Deliver;
use super::outbox::Message;
use crate::resp::Reply;

/// Number of shards. With them, clients that subscribe to different channels rarely wait for each other.
const SHARDS: usize = 16;

/// Subscribers by client ID: messages are sent in the order of connecting.
type Listeners = BTreeMap<u64, Arc<ClientInfo>>;
/// Channels or patterns, and their subscribers.
type Names = HashMap<Box<[u8]>, Listeners>;

/// One kind of channel.
pub struct Channels {
    /// The channels with subscribers, by the hash of their name.
    shards: [RwLock<Names>; SHARDS],
    /// Chooses the shard.
    hasher: RandomState,
    /// Number of channels.
    len: AtomicUsize,
}

impl Default for Channels {
    fn default() -> Self {
        Self { shards: Default::default(), hasher: RandomState::new(), len: AtomicUsize::new(0) }
    }
}

impl Channels {
    /// Number of channels with subscribers.
    pub fn len(&self) -> usize {
        self.len.load(SeqCst)
    }

    /// Whether no channel has subscribers.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of subscribers of `channel`.
    pub fn listeners(&self, channel: &[u8]) -> usize {
        read(self.shard(channel)).get(channel).map_or(0, BTreeMap::len)
    }

    /// The channels that `pattern` matches, or all.
    pub fn names(&self, pattern: Option<&[u8]>) -> Vec<Box<[u8]>> {
        let takes = |name: &[u8]| pattern.is_none_or(|pattern| crate::glob::matches(pattern, name));
        let mut names = Vec::new();
        for shard in &self.shards {
            names.extend(read(shard).keys().filter(|name| takes(name)).cloned());
        }
        names
    }

    /// Subscribes a client.
    pub fn subscribe(&self, channel: &[u8], info: &Arc<ClientInfo>) {
        if add(&mut write(self.shard(channel)), channel, info) {
            self.len.fetch_add(1, SeqCst);
        }
    }

    /// Ends the subscription of a client.
    pub fn unsubscribe(&self, channel: &[u8], id: u64) {
        if remove(&mut write(self.shard(channel)), channel, id) {
            self.len.fetch_sub(1, SeqCst);
        }
    }

    /// Calls `tell` with each subscriber of `channel`.
    fn each(&self, channel: &[u8], mut tell: impl FnMut(&Arc<ClientInfo>)) {
        if !self.is_empty()
            && let Some(listeners) = read(self.shard(channel)).get(channel)
        {
            listeners.values().for_each(&mut tell);
        }
    }

    /// The shard of a channel.
    fn shard(&self, channel: &[u8]) -> &RwLock<Names> {
        &self.shards[self.hasher.hash_one(channel) as usize % SHARDS]
    }
}

/// Which client is subscribed to which channel.
#[derive(Default)]
pub struct PubSub {
    /// Channels of `SUBSCRIBE`.
    pub channels: Channels,
    /// Channels of `SSUBSCRIBE`.
    pub shard_channels: Channels,
    /// Patterns of `PSUBSCRIBE`.
    patterns: RwLock<Names>,
    /// Number of patterns.
    patterns_len: AtomicUsize,
}

impl PubSub {
    /// Number of patterns with subscribers.
    pub fn patterns_len(&self) -> usize {
        self.patterns_len.load(SeqCst)
    }

    /// Subscribes a client to all channels that `pattern` matches.
    pub fn subscribe_pattern(&self, pattern: &[u8], info: &Arc<ClientInfo>) {
        if add(&mut write(&self.patterns), pattern, info) {
            self.patterns_len.fetch_add(1, SeqCst);
        }
    }

    /// Ends [`PubSub::subscribe_pattern`].
    pub fn unsubscribe_pattern(&self, pattern: &[u8], id: u64) {
        if remove(&mut write(&self.patterns), pattern, id) {
            self.patterns_len.fetch_sub(1, SeqCst);
        }
    }

    /// Sends a message to all subscribers of `channel`. Returns the number of deliveries: a client that gets the
    /// message twice counts twice.
    ///
    /// `own` is the publisher's ID and a buffer. What the publisher itself gets is written into the buffer, unless
    /// other messages are in its outbox or the buffer has no room.
    pub fn publish(
        &self,
        server: &impl Deliver,
        channel: &[u8],
        payload: &[u8],
        mut own: Option<(u64, &mut Reply<'_>)>,
    ) -> usize {
        let mut receivers = 0;
        let mut message =
            Message::new(|reply: &mut Reply<'_>| write_message(reply, "message", channel, payload));
        self.channels.each(channel, |info| {
            receivers += 1;
            deliver(server, info, &mut message, &mut own);
        });
        if self.patterns_len() == 0 {
            return receivers;
        }
        for (pattern, listeners) in read(&self.patterns).iter() {
            if !crate::glob::matches(pattern, channel) {
                continue;
            }
            let mut message = Message::new(|reply: &mut Reply<'_>| {
                reply.push(4);
                [b"pmessage", &**pattern, channel, payload].iter().for_each(|part| reply.bulk(part));
            });
            for info in listeners.values() {
                receivers += 1;
                deliver(server, info, &mut message, &mut own);
            }
        }
        receivers
    }

    /// Sends a message to all subscribers of a shard channel; returns their number.
    pub fn publish_shard(
        &self,
        server: &impl Deliver,
        channel: &[u8],
        payload: &[u8],
        mut own: Option<(u64, &mut Reply<'_>)>,
    ) -> usize {
        let mut receivers = 0;
        let mut message =
            Message::new(|reply: &mut Reply<'_>| write_message(reply, "smessage", channel, payload));
        self.shard_channels.each(channel, |info| {
            receivers += 1;
            deliver(server, info, &mut message, &mut own);
        });
        receivers
    }
}

/// Writes a message as subscribers get it.
fn write_message(reply: &mut Reply<'_>, kind: &str, channel: &[u8], payload: &[u8]) {
    reply.push(3);
    [kind.as_bytes(), channel, payload].iter().for_each(|part| reply.bulk(part));
}

/// Delivers a message to a client: into its outbox or, if it is the publisher, into `own`.
fn deliver<W: Fn(&mut Reply<'_>)>(
    server: &impl Deliver,
    info: &Arc<ClientInfo>,
    message: &mut Message<W>,
    own: &mut Option<(u64, &mut Reply<'_>)>,
) {
    if let Some((id, reply)) = own
        && *id == info.id()
        && !info.outbox().has_any()
    {
        let bytes = message.bytes(reply.protocol());
        if bytes.len() <= reply.room_bytes() {
            return reply.raw(&bytes);
        }
    }
    server.push(info, message);
}

/// Adds a subscriber; returns whether the name is new.
fn add(names: &mut Names, name: &[u8], info: &Arc<ClientInfo>) -> bool {
    if let Some(listeners) = names.get_mut(name) {
        listeners.insert(info.id(), info.clone());
        return false;
    }
    names.insert(name.into(), BTreeMap::from([(info.id(), info.clone())]));
    true
}

/// Removes a subscriber; returns whether it was the last one of the name.
fn remove(names: &mut Names, name: &[u8], id: u64) -> bool {
    let Some(listeners) = names.get_mut(name) else { return false };
    listeners.remove(&id);
    let is_last = listeners.is_empty();
    if is_last {
        names.remove(name);
    }
    is_last
}

/// Locks for reading.
fn read(names: &RwLock<Names>) -> RwLockReadGuard<'_, Names> {
    names.read().unwrap_or_else(PoisonError::into_inner)
}

/// Locks for writing.
fn write(names: &RwLock<Names>) -> RwLockWriteGuard<'_, Names> {
    names.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Limits, Peer, ServerState};

    fn server() -> ServerState {
        ServerState::new(Limits::default())
    }

    fn received(info: &ClientInfo) -> String {
        let mut out = Vec::new();
        info.outbox().take(&mut out, 1 << 20);
        String::from_utf8(out).unwrap().replace("\r\n", " ")
    }

    #[test]
    fn a_client_gets_a_message_once_for_each_way_in_which_it_listens() {
        let server = server();
        let info = server.clients.add(Peer::default(), server.users.default_user(), 0);
        server.pubsub.channels.subscribe(b"news", &info);
        server.pubsub.subscribe_pattern(b"n*", &info);
        server.pubsub.subscribe_pattern(b"x*", &info);
        assert_eq!(server.pubsub.publish(&server, b"news", b"hi", None), 2);
        assert_eq!(received(&info), "*3 $7 message $4 news $2 hi *4 $8 pmessage $2 n* $4 news $2 hi ");
        assert_eq!(server.pubsub.publish_shard(&server, b"news", b"hi", None), 0);
        assert_eq!((server.pubsub.channels.len(), server.pubsub.patterns_len()), (1, 2));
        assert_eq!(server.pubsub.channels.listeners(b"news"), 1);
        server.pubsub.channels.unsubscribe(b"news", info.id());
        server.pubsub.unsubscribe_pattern(b"n*", info.id());
        server.pubsub.unsubscribe_pattern(b"x*", info.id());
        server.pubsub.unsubscribe_pattern(b"x*", info.id());
        assert_eq!(server.pubsub.publish(&server, b"news", b"hi", None), 0);
        assert_eq!((server.pubsub.channels.len(), server.pubsub.patterns_len()), (0, 0));
        assert_eq!(received(&info), "");
    }

    #[test]
    fn the_publisher_gets_its_own_message_before_its_reply_and_behind_older_ones() {
        let server = server();
        let info = server.clients.add(Peer::default(), server.users.default_user(), 0);
        server.pubsub.shard_channels.subscribe(b"c", &info);
        let mut out = Vec::new();
        let mut reply = Reply::new(&mut out, crate::resp::Protocol::Resp2);
        server.pubsub.publish_shard(&server, b"c", b"1", Some((info.id(), &mut reply)));
        assert!(out.ends_with(b"smessage\r\n$1\r\nc\r\n$1\r\n1\r\n"));
        server.pubsub.publish_shard(&server, b"c", b"2", None);
        out.clear();
        let mut reply = Reply::new(&mut out, crate::resp::Protocol::Resp2);
        server.pubsub.publish_shard(&server, b"c", b"3", Some((info.id(), &mut reply)));
        assert!(out.is_empty());
        assert_eq!(received(&info), "*3 $8 smessage $1 c $1 2 *3 $8 smessage $1 c $1 3 ");
    }
}
