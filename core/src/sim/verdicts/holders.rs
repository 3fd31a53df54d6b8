//! Who holds a Lease and is able to act on it.
//!
//! A process believes that it leads from the moment it acquired the Lease until it gives up or ends; it can act while it
//! does not stand still. Two that can are a violation if that lasts: a process that goes on after a pause finds out in
//! the same instant that its time is up, and that instant does not count.
//!
//! client-go promises no such thing: "This implementation does not guarantee that only one client is acting as a leader
//! (a.k.a. fencing)", says tools/leaderelection/leaderelection.go. A holder counts its renew deadline from when it heard
//! of its last success, others the Lease from when they saw it. So the answer's delay is among the numbers.

use crate::actor::ProgramId;
use crate::engine::{Span, Time};
use crate::invariant::{Book, Verdict};
use alloc::vec::Vec;

/// A call that would take or renew a Lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Renewal {
    program: ProgramId,
    request: u32,
    asked: Time,
}

/// A process that believes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Holder {
    program: ProgramId,
    /// Its host, counted from 1.
    host: u32,
    component: u8,
    paused: bool,
    /// How long it took to hear that its last renewal was well.
    heard_after: Span,
}

/// Since when two of a component can act, and whether that was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Overlap {
    component: u8,
    since: Time,
    of: (u32, u32, Span),
    said: bool,
}

/// Every process that believes that it leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub(super) struct Holders {
    /// At most one of each process that may hold a Lease.
    renewals: Vec<Renewal>,
    holders: Vec<Holder>,
    overlaps: Vec<Overlap>,
}

impl Holders {
    /// A process asks to take or renew its Lease.
    pub(super) fn asks(&mut self, now: Time, program: ProgramId, request: u32) {
        self.renewals.retain(|renewal| renewal.program != program);
        self.renewals.push(Renewal { program, request, asked: now });
    }
    /// A process hears of a request that succeeded.
    pub(super) fn hears(&mut self, now: Time, program: ProgramId, request: u32) {
        let of = |renewal: &Renewal| (renewal.program, renewal.request) == (program, request);
        if let Some(at) = self.renewals.iter().position(of) {
            let took = now.since(self.renewals.swap_remove(at).asked);
            if let Some(holder) = self.holders.iter_mut().find(|holder| holder.program == program) {
                holder.heard_after = took;
            }
        }
    }
    /// A process acquired its component's Lease.
    pub(super) fn acquired(&mut self, now: Time, book: &mut Book, program: ProgramId, host: u32, component: u8) {
        book.checked(Verdict::OneActingHolder);
        self.holders.push(Holder { program, host, component, paused: false, heard_after: Span::ZERO });
        self.changed(now, book);
    }
    /// A process gave up, or ended.
    pub(super) fn gone(&mut self, now: Time, book: &mut Book, program: ProgramId) {
        let before = self.holders.len();
        self.holders.retain(|holder| holder.program != program);
        if self.holders.len() < before {
            self.changed(now, book);
        }
    }
    /// A process stands still, or goes on.
    pub(super) fn paused(&mut self, now: Time, book: &mut Book, program: ProgramId, paused: bool) {
        if let Some(holder) = self.holders.iter_mut().find(|holder| holder.program == program) {
            holder.paused = paused;
            self.changed(now, book);
        }
    }
    /// Time has passed, perhaps.
    pub(super) fn pass(&mut self, now: Time, book: &mut Book) {
        for overlap in self.overlaps.iter_mut().filter(|overlap| !overlap.said && overlap.since < now) {
            overlap.said = true;
            let (first, second, heard_after) = overlap.of;
            let numbers = [overlap.component.into(), first.into(), second.into(), heard_after.ms()];
            book.broke(overlap.since, Verdict::OneActingHolder, numbers);
        }
    }
    fn changed(&mut self, now: Time, book: &mut Book) {
        self.pass(now, book);
        for component in 0..2 {
            let mut able = self.holders.iter().filter(|holder| holder.component == component && !holder.paused);
            let two = able.next().zip(able.next()).map(|(first, second)| (first.host, second.host, first.heard_after));
            let there = self.overlaps.iter().position(|overlap| overlap.component == component);
            match (two, there) {
                (Some(of), None) => self.overlaps.push(Overlap { component, since: now, of, said: false }),
                (None, Some(at)) => drop(self.overlaps.remove(at)),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ProgramId = ProgramId(7);
    const B: ProgramId = ProgramId(9);

    fn at(ms: u64) -> Time {
        Time::ZERO + Span::from_ms(ms)
    }

    #[test]
    fn two_who_can_act_for_a_while_are_one_too_many() {
        let (mut holders, mut book) = (Holders::default(), Book::default());
        holders.acquired(at(1), &mut book, A, 1, 0);
        holders.acquired(at(2), &mut book, B, 3, 1);
        holders.pass(at(3), &mut book);
        assert_eq!(book.broken(), 0, "they are of two components");
        holders.gone(at(4), &mut book, B);
        holders.acquired(at(5), &mut book, B, 3, 0);
        assert_eq!(book.broken(), 0, "it has not lasted yet");
        holders.pass(at(6), &mut book);
        holders.pass(at(7), &mut book);
        let finding = book.finding(Verdict::OneActingHolder);
        assert_eq!((finding.broken, finding.first), (1, Some((at(5), [0, 1, 3, 0]))));
    }

    #[test]
    fn one_that_stands_still_or_ends_at_once_cannot_act() {
        let (mut holders, mut book) = (Holders::default(), Book::default());
        holders.acquired(at(1), &mut book, A, 1, 0);
        holders.paused(at(2), &mut book, A, true);
        holders.acquired(at(20), &mut book, B, 3, 0);
        holders.pass(at(30), &mut book);
        holders.paused(at(40), &mut book, A, false);
        holders.gone(at(40), &mut book, A);
        holders.pass(at(50), &mut book);
        assert_eq!(book.broken(), 0);
    }
}
