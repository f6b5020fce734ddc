//! Effects are encoded right into the log's group.

use wal::GroupBuffer;

use crate::effect::Sink;

impl Sink for GroupBuffer {
    fn push(&mut self, byte: u8) {
        GroupBuffer::push(self, byte);
    }

    fn extend_from_slice(&mut self, bytes: &[u8]) {
        GroupBuffer::extend_from_slice(self, bytes);
    }
}
