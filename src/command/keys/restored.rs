//! A value that was read from a payload, as changes that create it. Streams are in `restored_stream`.

use crate::command::{CommandError, elements};
use crate::effect::{
    Change, End, HashChange, Items, ItemsBuffer, ListChange, Score, SetChange, SortedSetChange, StringChange,
    VALUE_BYTES_MAX,
};
use crate::keyspace::{Creation, KeyspaceError};
use crate::rdb::{self, Input, Kind, Part, RdbError};

/// The payload has no sound value.
pub(super) const BAD_FORMAT: &str = "ERR Bad data format";

/// A value that was read.
pub(super) struct Restored {
    /// Its type.
    kind: Kind,
    /// The bytes of a string.
    text: Vec<u8>,
    /// The elements of a list; or else each member with what belongs to it, in the order of the members, or of their expiry
    /// times and then the members.
    items: ItemsBuffer,
    /// When each field of a hash expires, in milliseconds since 1970, or 0; empty if none does.
    expiries: Vec<u64>,
}

impl Restored {
    /// Reads the value of a payload, of the type with this number.
    pub(super) fn read(number: u8, mut input: Input<'_>) -> Result<Self, CommandError> {
        let mut value =
            Self { kind: Kind::String, text: Vec::new(), items: ItemsBuffer::new(), expiries: Vec::new() };
        let mut refusal = None;
        let read = rdb::read_value(number, &mut input, &mut |part| {
            check(part).map_err(|error| refusal = Some(error)).map_err(|()| RdbError::Refused)?;
            value.add(part);
            Ok(())
        });
        value.kind = match (read, refusal) {
            (Ok(kind), _) => kind,
            (Err(_), Some(refusal)) => return Err(refusal),
            (Err(_), None) => return Err(BAD_FORMAT.into()),
        };
        value.sort()?;
        Ok(value)
    }

    /// Adds a part.
    fn add(&mut self, part: Part<'_>) {
        match part {
            Part::Text(text) => self.text = text.to_vec(),
            Part::Element(item) | Part::Member(item) => self.items.push(item),
            Part::Scored(member, score) => {
                self.items.push(member);
                // It is a number.
                self.items.push(&Score::new(score).unwrap_or(Score::ZERO).to_bytes());
            }
            Part::Field { field, value, expire_at_ms } => {
                if expire_at_ms.is_some() || !self.expiries.is_empty() {
                    self.expiries.resize(self.items.len() as usize / 2, 0);
                    self.expiries.push(expire_at_ms.unwrap_or(0));
                }
                self.items.push(field);
                self.items.push(value);
            }
        }
    }

    /// Brings members into their order, in which they are stored fastest. A member must not be there twice.
    fn sort(&mut self) -> Result<(), CommandError> {
        match self.kind {
            Kind::String | Kind::List => {}
            Kind::Set => {
                let mut members: Vec<&[u8]> = self.items.items().iter().collect();
                members.sort_unstable();
                check_once(&members, |member| member)?;
                self.items = members.into_iter().collect();
            }
            Kind::SortedSet => {
                let mut elements: Vec<(&[u8], &[u8])> = self.items.items().pairs().collect();
                elements.sort_unstable();
                check_once(&elements, |(member, _)| member)?;
                self.items = elements.into_iter().flat_map(|(member, score)| [member, score]).collect();
            }
            Kind::Hash => self.sort_fields()?,
        }
        Ok(())
    }

    /// The same for the fields of a hash: those that expire together are together.
    fn sort_fields(&mut self) -> Result<(), CommandError> {
        let expiries = self.expiries.iter().copied().chain(std::iter::repeat(0));
        let mut fields: Vec<_> = self.items.items().pairs().zip(expiries).collect();
        fields.sort_unstable();
        check_once(&fields, |((field, _), _)| field)?;
        if !self.expiries.is_empty() {
            fields.sort_by_key(|(_, expiry)| *expiry);
            self.expiries = fields.iter().map(|(_, expiry)| *expiry).collect();
        }
        self.items = fields.into_iter().flat_map(|((field, value), _)| [field, value]).collect();
        Ok(())
    }
}

/// Refuses what cannot be stored.
fn check(part: Part<'_>) -> Result<(), CommandError> {
    let (member, what, value) = match part {
        Part::Text(value) | Part::Element(value) => (None, "", Some(value)),
        Part::Member(member) | Part::Scored(member, _) => (Some(member), "member", None),
        Part::Field { field, value, .. } => (Some(field), "field", Some(value)),
    };
    if value.is_some_and(|value| value.len() as u64 > VALUE_BYTES_MAX) {
        return Err(CommandError::VALUE_TOO_LONG);
    }
    elements::check_lengths(member.into_iter(), what)
}

/// Refuses elements in the order of their members, of which one is there twice.
fn check_once<'a, T: Copy>(elements: &[T], member: impl Fn(T) -> &'a [u8]) -> Result<(), CommandError> {
    let is_twice = |pair: &[T]| member(pair[0]) == member(pair[1]);
    if elements.windows(2).any(is_twice) { Err(BAD_FORMAT.into()) } else { Ok(()) }
}

impl Creation for Restored {
    fn each(
        &self,
        bytes_max: usize,
        see: &mut dyn FnMut(Change<'_>) -> Result<(), KeyspaceError>,
    ) -> Result<(), KeyspaceError> {
        let (items, expiries) = (self.items.items(), &self.expiries[..]);
        match self.kind {
            Kind::String => {
                see(StringChange::Set { value: &self.text, expire_at_ms: None, raw: false }.into())
            }
            Kind::List => chunks(items, (1, &[]), bytes_max, &mut |elements, _| {
                see(ListChange::Push { end: End::Tail, elements }.into())
            }),
            Kind::Set => {
                chunks(items, (1, &[]), bytes_max, &mut |members, _| see(SetChange::Add { members }.into()))
            }
            Kind::SortedSet => chunks(items, (2, &[]), bytes_max, &mut |elements, _| {
                see(SortedSetChange::Add { elements }.into())
            }),
            Kind::Hash => chunks(items, (2, expiries), bytes_max, &mut |pairs, expiry| {
                let expire_at_ms = Some(expiry).filter(|expiry| *expiry > 0);
                see(HashChange::Set { pairs, expire_at_ms }.into())
            }),
        }
    }
}

/// Cuts items, of which each element has `width`, into parts of about `bytes_max`. Elements with different numbers are in
/// different parts; an element without a number has 0.
fn chunks(
    items: Items<'_>,
    (width, numbers): (u64, &[u64]),
    bytes_max: usize,
    see: &mut dyn FnMut(Items<'_>, u64) -> Result<(), KeyspaceError>,
) -> Result<(), KeyspaceError> {
    if numbers.is_empty() && items.encoded().len() <= bytes_max {
        return see(items, 0);
    }
    let mut numbers = numbers.iter().copied().chain(std::iter::repeat(0));
    let (mut part, mut number) = (ItemsBuffer::new(), 0);
    for (index, item) in (0_u64..).zip(items) {
        if index.is_multiple_of(width) {
            let own = numbers.next().unwrap_or(0);
            let is_full = own != number || part.items().encoded().len() >= bytes_max;
            if is_full && !part.is_empty() {
                see(part.items(), number)?;
                part = ItemsBuffer::new();
            }
            number = own;
        }
        part.push(item);
    }
    see(part.items(), number)
}
