//! How messages reach clients.

use std::sync::Arc;

use super::clients::ClientInfo;
use super::outbox::Message;
use crate::resp::Reply;

/// Sends messages to clients, within the limits of the configuration.
pub trait Deliver {
    /// Puts a message into a client's outbox, and has its connection send it. A client with too many bytes in its
    /// outbox is disconnected.
    fn push<W: Fn(&mut Reply<'_>)>(&self, info: &ClientInfo, message: &mut Message<W>);

    /// The client with this ID, if it is connected.
    fn client(&self, id: u64) -> Option<Arc<ClientInfo>>;

    /// The most keys that are remembered for clients that track.
    fn tracking_keys_max(&self) -> u64;
}

impl<T: Deliver> Deliver for Arc<T> {
    fn push<W: Fn(&mut Reply<'_>)>(&self, info: &ClientInfo, message: &mut Message<W>) {
        T::push(self, info, message);
    }

    fn client(&self, id: u64) -> Option<Arc<ClientInfo>> {
        T::client(self, id)
    }

    fn tracking_keys_max(&self) -> u64 {
        T::tracking_keys_max(self)
    }
}
