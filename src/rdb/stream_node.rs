//! The nodes of a stream: listpacks with some entries each.
//!
//! ```text
//! node  = number of entries | number of deleted ones | number of fields | field * number | 0 | entry ...
//! entry = flags | milliseconds | sequence, both minus those of the node's ID
//!         | values, if the fields are those of the node, or else number of fields | (field, value) * number
//!         | number of elements of the entry before this one
//!
//!  flags  1  deleted
//!         2  the fields are those of the node
//! ```

use super::entry::Entry;
use super::error::RdbError;
use super::listpack::{Entries, Packer};
use super::output::{Output, put_length};
use super::stream_id::StreamId;

/// Flag: the entry is deleted.
const DELETED: i64 = 1;
/// Flag: the fields are those of the node.
const SAME_FIELDS: i64 = 2;
/// The error of a node that contradicts itself.
const MALFORMED: RdbError = RdbError::Packed("stream");

/// Fields of an entry with their values.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    /// Their names, if the node has them; otherwise each is in front of its value.
    names: Option<Entries<'a>>,
    /// The values.
    values: Entries<'a>,
    /// Number of fields.
    len: u64,
}

impl Fields<'_> {
    /// Number of fields.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Calls `see` with the fields and their values, in order.
    pub fn each<E>(&self, mut see: impl FnMut(&[u8], &[u8]) -> Result<(), E>) -> Result<(), E> {
        let Self { mut names, mut values, len } = *self;
        for _ in 0..len {
            let field = names.as_mut().unwrap_or(&mut values).next();
            // They were read once before.
            let (Ok(Some(field)), Ok(Some(value))) = (field, values.next()) else { break };
            field.with_text(|field| value.with_text(|value| see(field, value)))?;
        }
        Ok(())
    }
}

/// Takes entries that are not deleted.
pub type SeeFields<'s> = dyn FnMut(StreamId, &Fields<'_>) -> Result<(), RdbError> + 's;

/// Calls `see` with the entries of a node.
pub(super) fn read_node(bytes: &[u8], base: StreamId, see: &mut SeeFields<'_>) -> Result<(), RdbError> {
    let mut rest = Entries::new(bytes)?;
    let (live, deleted, names_len) = (number(&mut rest)?, number(&mut rest)?, number(&mut rest)?);
    let names = rest;
    skip(&mut rest, names_len)?;
    if number(&mut rest)? != 0 {
        return Err(MALFORMED);
    }
    let (mut live_seen, mut deleted_seen) = (0, 0);
    loop {
        let before = rest.count();
        let flags = match rest.next()? {
            None => break,
            Some(flags) => integer(Some(flags))?,
        };
        let (ms, sequence) = (integer(rest.next()?)?, integer(rest.next()?)?);
        let id = StreamId {
            ms: base.ms.wrapping_add_signed(ms),
            sequence: base.sequence.wrapping_add_signed(sequence),
        };
        let fields = read_fields((names, names_len), flags & SAME_FIELDS != 0, &mut rest)?;
        let elements = rest.count() - before;
        if number(&mut rest)? != elements {
            return Err(MALFORMED);
        }
        if flags & DELETED == 0 {
            live_seen += 1;
            see(id, &fields)?;
        } else {
            deleted_seen += 1;
        }
    }
    if (live, deleted) == (live_seen, deleted_seen) { Ok(()) } else { Err(MALFORMED) }
}

/// Reads the fields of an entry. Their names are those of the node, or in the entry.
fn read_fields<'a>(
    (names, names_len): (Entries<'a>, u64),
    are_same: bool,
    rest: &mut Entries<'a>,
) -> Result<Fields<'a>, RdbError> {
    let (names, len) = if are_same { (Some(names), names_len) } else { (None, number(rest)?) };
    let fields = Fields { names, values: *rest, len };
    skip(rest, if are_same { len } else { len.checked_mul(2).ok_or(MALFORMED)? })?;
    Ok(fields)
}

/// An element that is an integer.
fn integer(element: Option<Entry<'_>>) -> Result<i64, RdbError> {
    match element {
        Some(Entry::Integer(integer)) => Ok(integer),
        _ => Err(MALFORMED),
    }
}

/// Reads a number of something.
fn number(rest: &mut Entries<'_>) -> Result<u64, RdbError> {
    u64::try_from(integer(rest.next()?)?).map_err(|_| MALFORMED)
}

/// Reads so many elements.
fn skip(rest: &mut Entries<'_>, len: u64) -> Result<(), RdbError> {
    (0..len).try_for_each(|_| rest.next()?.map(drop).ok_or(MALFORMED))
}

/// A node with more bytes is full: that of redis-server.
const NODE_BYTES_MAX: usize = 4096;
/// A node with so many entries is full: that of redis-server.
const NODE_ENTRIES_MAX: u64 = 100;

/// Makes a node.
#[derive(Debug, Default)]
pub struct NodeWriter {
    /// The ID of the first entry.
    base: StreamId,
    /// The fields of the first entry.
    names: Vec<Vec<u8>>,
    /// The entries, as elements of a listpack.
    elements: Packer,
    /// Number of entries.
    count: u64,
}

impl NodeWriter {
    /// Adds an entry, whose ID is above that of the one before.
    pub fn add<'f>(&mut self, id: StreamId, fields: impl Iterator<Item = (&'f [u8], &'f [u8])> + Clone) {
        let names = fields.clone().map(|(field, _)| field);
        if self.count == 0 {
            (self.base, self.names) = (id, names.clone().map(Into::into).collect());
        }
        let are_same = names.eq(self.names.iter().map(Vec::as_slice));
        let before = self.elements.count();
        self.elements.integer(if are_same { SAME_FIELDS } else { 0 });
        self.elements.integer(id.ms.wrapping_sub(self.base.ms) as i64);
        self.elements.integer(id.sequence.wrapping_sub(self.base.sequence) as i64);
        if !are_same {
            self.elements.integer(fields.clone().count() as i64);
        }
        for (field, value) in fields {
            if !are_same {
                self.elements.text(field);
            }
            self.elements.text(value);
        }
        self.elements.integer((self.elements.count() - before) as i64);
        self.count += 1;
    }

    /// Whether the next entry belongs into another node.
    pub fn is_full(&self) -> bool {
        self.count >= NODE_ENTRIES_MAX || self.elements.len_bytes() >= NODE_BYTES_MAX
    }

    /// Number of bytes of its entries.
    pub fn len_bytes(&self) -> usize {
        self.elements.len_bytes()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Writes the node with its ID, and begins another.
    pub fn finish(&mut self, output: &mut impl Output) {
        let Self { base, names, elements, count } = std::mem::take(self);
        let mut node = Packer::default();
        [count as i64, 0, names.len() as i64].into_iter().for_each(|number| node.integer(number));
        names.iter().for_each(|name| node.text(name));
        node.integer(0);
        node.append(&elements);
        put_length(16, output);
        output.put(&base.to_bytes());
        let bytes = node.finish();
        put_length(bytes.len() as u64, output);
        output.put(&bytes);
    }
}
