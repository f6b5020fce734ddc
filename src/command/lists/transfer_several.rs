//! Moves several elements from list to list, blocking or not: `LMOVEM`, `BLMOVEM`.

use super::transfer::end;
use super::*;
use crate::number::parse_i64;

/// Which elements move, and how they are arranged.
struct Transfer {
    /// The end that they leave.
    from: End,
    /// The end that they come to.
    to: End,
    /// How many, at most.
    count: u64,
    /// `EXACTLY`: none, if there are fewer.
    exactly: bool,
    /// `OBO`: each comes to the end before the next leaves; otherwise they keep their order.
    one_by_one: bool,
}

impl Transfer {
    /// Parses the ends, and `[<COUNT count | EXACTLY count> <OBO | BULK>]`, which starts at word `at`.
    fn parse(args: &Args<'_>, at: usize) -> Result<Self, CommandError> {
        let (from, to) = (end(&args[3])?, end(&args[4])?);
        if args.len() == at {
            return Ok(Self { from, to, count: 1, exactly: false, one_by_one: true });
        }
        if args.len() != at + 3 {
            return Err(CommandError::SYNTAX);
        }
        let (selector, order) = (&args[at], &args[at + 2]);
        let exactly = words::is(selector, "exactly");
        let one_by_one = words::is(order, "obo");
        if !(exactly || words::is(selector, "count")) || !(one_by_one || words::is(order, "bulk")) {
            return Err(CommandError::SYNTAX);
        }
        let count = parse_i64(&args[at + 1]).and_then(|count| u64::try_from(count).ok());
        let count = count.filter(|count| *count > 0);
        let count = count.ok_or(CommandError::from("ERR count should be greater than 0"))?;
        Ok(Self { from, to, count, exactly, one_by_one })
    }

    /// Moves the elements, and replies with them as they stand in the destination. Returns whether there were enough.
    fn run(
        &self,
        context: &mut WriteCtx<'_>,
        args: &Args<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<bool, CommandError> {
        let (source, destination) = (&args[1], &args[2]);
        let len = len_of(context, source)?.unwrap_or(0);
        if len == 0 || (self.exactly && len < self.count) {
            return Ok(false);
        }
        len_of(context, destination)?;
        let count = len.min(self.count);
        let mut moved = self.elements(context, source, len, count)?;
        // Pushed one by one to the end that they came from, they change their order.
        let reversed = self.one_by_one && self.from == self.to;
        let in_place = source == destination && (self.from == self.to || count == len);
        let changes = !in_place || (reversed && moved.iter().ne(moved.iter().rev()));
        if reversed {
            moved.reverse();
        }
        reply.array(moved.len());
        moved.iter().for_each(|element| reply.bulk(element));
        if changes {
            self.apply(context, (source, destination), &moved, count == len)?;
        }
        context.keys.event(Classes::LIST, push_event(self.to), context.db, destination);
        context.keys.event(Classes::LIST, pop::pop_event(self.from), context.db, source);
        if count == len && source != destination {
            context.keys.event(Classes::GENERIC, "del", context.db, source);
        }
        Ok(true)
    }

    /// The elements that move, in the order of the list.
    fn elements(
        &self,
        context: &WriteCtx<'_>,
        source: &[u8],
        len: u64,
        count: u64,
    ) -> Result<Vec<Vec<u8>>, CommandError> {
        with_list(context, source, |view, list| {
            let Some(list) = list else { return Ok(Vec::new()) };
            let mut elements = Vec::new();
            let first = if self.from == End::Head { 0 } else { len - count };
            list.each(view, End::Head, first, |index, text| {
                elements.push(text.to_contiguous(view)?.into_owned());
                Ok(index + 1 < first + count)
            })?;
            Ok(elements)
        })
    }

    /// Takes the elements from one list, and adds `block`, which is in the order of the other list, to that one.
    fn apply(
        &self,
        context: &mut WriteCtx<'_>,
        (source, destination): (&[u8], &[u8]),
        block: &[Vec<u8>],
        empties: bool,
    ) -> Result<(), CommandError> {
        let (db, count) = (context.db, block.len() as u64);
        let elements: ItemsBuffer = match self.to {
            End::Head => block.iter().rev().map(Vec::as_slice).collect(),
            End::Tail => block.iter().map(Vec::as_slice).collect(),
        };
        let push = Effect::on(db, destination, ListChange::Push { end: self.to, elements: elements.items() });
        if empties && source == destination {
            // The key stays, with its expiry: one element is left until the others have come, on the other side of them.
            let other = if self.to == End::Head { End::Tail } else { End::Head };
            context.keys.apply(&Effect::on(db, source, ListChange::Trim { index: 0, count: 1 }))?;
            context.keys.apply(&push)?;
            context.keys.apply(&Effect::on(db, source, ListChange::Pop { end: other, count: 1 }))?;
            return Ok(());
        }
        match empties {
            true => context.keys.apply(&Effect::on(db, source, KeyChange::Delete { expired: false }))?,
            false => {
                context.keys.apply(&Effect::on(db, source, ListChange::Pop { end: self.from, count }))?
            }
        }
        context.keys.apply(&push)?;
        Ok(())
    }
}

/// `LMOVEM source destination LEFT|RIGHT LEFT|RIGHT [<COUNT count | EXACTLY count> <OBO | BULK>]`
pub(super) fn lmovem(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let transfer = Transfer::parse(args, 5)?;
    if !transfer.run(context, args, reply)? {
        if transfer.exactly { reply.null_array() } else { reply.array(0) }
    }
    Ok(())
}

/// `BLMOVEM source destination LEFT|RIGHT LEFT|RIGHT timeout [<COUNT count | EXACTLY count> <OBO | BULK>]`
pub(super) fn blmovem(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let transfer = Transfer::parse(args, 6)?;
    let timeout_ms = timeout_ms(&args[5])?;
    if !transfer.run(context, args, reply)? && !context.wait_for(Kind::List, args.from(1).take(1), timeout_ms, transfer.count)
    {
        reply.null_array();
    }
    Ok(())
}
