//! Sorted sets: members with scores, one by one or packed together.

use super::entry::{Entry, pairs};
use super::error::RdbError;
use super::input::Input;
use super::output::Output;
use super::part::{Part, See};
use super::types::Type;
use super::{listpack, ziplist};
use crate::number::parse_f64_bound;

/// Lengths of a score's text that stand for a score.
const NOT_A_NUMBER: u8 = 253;
const INFINITY: u8 = 254;
const NEGATIVE_INFINITY: u8 = 255;

/// Reads a sorted set.
pub(super) fn read(of: Type, input: &mut Input<'_>, see: &mut See<'_>) -> Result<(), RdbError> {
    let mut scored = |member: &[u8], score: f64| match score.is_nan() {
        true => Err(RdbError::Score),
        false => see(Part::Scored(member, score)),
    };
    let mut packed = |member: &Entry<'_>, score: Entry<'_>| {
        let score = score_of(score)?;
        member.with_text(|member| scored(member, score))
    };
    match of {
        Type::SortedSetZiplist => {
            let bytes = input.text()?;
            pairs(&mut packed, |see| ziplist::each(&bytes, see))
        }
        Type::SortedSetListpack => {
            let bytes = input.text()?;
            pairs(&mut packed, |see| listpack::each(&bytes, see))
        }
        _ => (0..input.length()?).try_for_each(|_| {
            let member = input.text()?;
            let score =
                if of == Type::SortedSet { text_score(input)? } else { f64::from_le_bytes(input.array()?) };
            scored(&member, score)
        }),
    }
}

/// The score in an entry.
fn score_of(entry: Entry<'_>) -> Result<f64, RdbError> {
    match entry {
        Entry::Integer(score) => Ok(score as f64),
        Entry::Text(text) => parse(text),
    }
}

/// Reads a score that is text behind its length.
fn text_score(input: &mut Input<'_>) -> Result<f64, RdbError> {
    match input.byte()? {
        NOT_A_NUMBER => Err(RdbError::Score),
        INFINITY => Ok(f64::INFINITY),
        NEGATIVE_INFINITY => Ok(f64::NEG_INFINITY),
        len => parse(input.take(len.into())?),
    }
}

/// The score that is written as text.
fn parse(text: &[u8]) -> Result<f64, RdbError> {
    if text.is_empty() { None } else { parse_f64_bound(text) }.ok_or(RdbError::Score)
}

/// Writes a score.
pub fn put_score(score: f64, output: &mut impl Output) {
    output.put(&score.to_le_bytes());
}
