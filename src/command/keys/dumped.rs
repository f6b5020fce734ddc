//! How the value of each type is written for `DUMP`.

use super::dumped_stream::DumpedStream;
use crate::effect::End;
use crate::keyspace::{Hash, KeyspaceError, Kind, List, Set, SortedSet, Text, Value};
use crate::rdb::{self, Output, Type, put_length, put_text};
use crate::table::View;

/// A value to be written.
pub(super) struct Dumped<'a> {
    /// The version that it is in.
    view: &'a View<'a>,
    /// The value.
    content: Content<'a>,
}

/// The value, and what must be known before it is written.
enum Content<'a> {
    /// A string.
    Text(Text<'a>),
    /// A list.
    List(List<'a>),
    /// A set.
    Set(Set<'a>),
    /// A sorted set.
    SortedSet(SortedSet<'a>),
    /// A hash.
    Hash {
        /// Its fields.
        hash: Hash<'a>,
        /// The first expiry of a field, in milliseconds since 1970.
        first_ms: Option<u64>,
    },
    /// A stream.
    Stream(DumpedStream<'a>),
}

impl<'a> Dumped<'a> {
    /// A value of `view` as it is at `now_ms`. If it would take longer to go through than the view allows, this fails. Only if it
    /// has `len_max` bytes at most must it be written as a whole.
    pub(super) fn of(
        view: &'a View<'a>,
        value: Value<'a>,
        now_ms: u64,
        len_max: u64,
    ) -> Result<Self, KeyspaceError> {
        if value.kind != Kind::String {
            view.check_cells(value.length(view)?)?;
        }
        let content = if let Some(list) = value.list() {
            Content::List(list)
        } else if let Some(set) = value.set() {
            Content::Set(set)
        } else if let Some(set) = value.sorted_set() {
            Content::SortedSet(set)
        } else if let Some(hash) = value.hash(now_ms) {
            let first_ms = if value.is_timed() { first_expiry(view, &hash)? } else { None };
            Content::Hash { hash, first_ms }
        } else if let Some(stream) = value.stream()? {
            Content::Stream(DumpedStream::of(view, stream, len_max)?)
        } else {
            let unknown = KeyspaceError::BadCell("a value of a type that is not written");
            Content::Text(value.text()?.ok_or(unknown)?)
        };
        Ok(Self { view, content })
    }

    /// The version of payloads that its type needs.
    pub(super) fn version(&self) -> u16 {
        match &self.content {
            Content::Hash { first_ms: Some(_), .. } => rdb::TIMED_VERSION,
            Content::Stream(stream) => stream.version(),
            _ => rdb::VERSION,
        }
    }

    /// Writes type and value, until `output` is full.
    pub(super) fn put(&self, output: &mut impl Output) -> Result<(), KeyspaceError> {
        let view = self.view;
        match &self.content {
            Content::Text(text) => {
                put_type(Type::String, output);
                put_whole(view, text, output)
            }
            Content::List(list) => put_list(view, list, output),
            Content::Set(set) => put_set(view, set, output),
            Content::SortedSet(set) => put_sorted_set(view, set, output),
            Content::Hash { hash, first_ms: None } => put_hash(view, hash, output),
            Content::Hash { hash, first_ms: Some(first_ms) } => put_timed(view, hash, *first_ms, output),
            Content::Stream(stream) => stream.put(view, output),
        }
    }
}

/// The first expiry of a field that has not expired.
fn first_expiry(view: &View<'_>, hash: &Hash<'_>) -> Result<Option<u64>, KeyspaceError> {
    let mut first = None;
    hash.each_from(view, &[], |_, element| {
        first = [first, element.expire_at_ms].into_iter().flatten().min();
        Ok(true)
    })?;
    Ok(first)
}

/// Writes a type.
fn put_type(of: Type, output: &mut impl Output) {
    output.put(&[of as u8]);
}

/// Writes a string, however long.
fn put_whole(view: &View<'_>, text: &Text<'_>, output: &mut impl Output) -> Result<(), KeyspaceError> {
    if let Text::Short(bytes) = text {
        put_text(bytes, output);
        return Ok(());
    }
    put_length(text.len(), output);
    if output.skip(text.len()) || output.is_full() {
        return Ok(());
    }
    text.each_part(view, 0, text.len(), |part| output.put(part))
}

/// Writes a list.
fn put_list(view: &View<'_>, list: &List<'_>, output: &mut impl Output) -> Result<(), KeyspaceError> {
    put_type(Type::List, output);
    put_length(list.len()?, output);
    list.each(view, End::Head, 0, |_, element| {
        put_whole(view, &element, output)?;
        Ok(!output.is_full())
    })
}

/// Writes a set.
fn put_set(view: &View<'_>, set: &Set<'_>, output: &mut impl Output) -> Result<(), KeyspaceError> {
    put_type(Type::Set, output);
    put_length(set.len()?, output);
    set.each_from(view, &[], |member| {
        put_text(member, output);
        Ok(!output.is_full())
    })
}

/// Writes a sorted set.
fn put_sorted_set(
    view: &View<'_>,
    set: &SortedSet<'_>,
    output: &mut impl Output,
) -> Result<(), KeyspaceError> {
    put_type(Type::SortedSet2, output);
    put_length(set.len()?, output);
    set.each_member_from(view, &[], |member, score| {
        put_text(member, output);
        rdb::put_score(score.get(), output);
        Ok(!output.is_full())
    })
}

/// Writes a hash of which no field expires.
fn put_hash(view: &View<'_>, hash: &Hash<'_>, output: &mut impl Output) -> Result<(), KeyspaceError> {
    put_type(Type::Hash, output);
    put_length(hash.len(view)?, output);
    hash.each_from(view, &[], |field, element| {
        put_text(field, output);
        put_whole(view, &element.text, output)?;
        Ok(!output.is_full())
    })
}

/// Writes a hash of which a field expires, the first one at `first_ms`.
fn put_timed(
    view: &View<'_>,
    hash: &Hash<'_>,
    first_ms: u64,
    output: &mut impl Output,
) -> Result<(), KeyspaceError> {
    put_type(Type::HashTimed, output);
    rdb::put_timed_hash(first_ms, hash.len(view)?, output);
    hash.each_from(view, &[], |field, element| {
        rdb::put_expiry(first_ms, element.expire_at_ms, output);
        put_text(field, output);
        put_whole(view, &element.text, output)?;
        Ok(!output.is_full())
    })
}
