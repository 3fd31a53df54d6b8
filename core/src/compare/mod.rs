//! Two runs with the same luck and one difference: where they first part.
//!
//! Dice are keyed by what they are for (see [`crate::engine::drawn`]), so two runs of one seed do the same until what
//! differs between them acts. From then on everything is compared by eye; the first moment is what this finds.

pub mod presets;

use crate::engine::{Ring, Row, Span, Time};
use crate::sim::Code;
use crate::timeline::Timeline;
use alloc::vec::Vec;

/// Events between two looks when runs are played again to find where they part. Unit: events. Chosen: their rows fit in
/// a trace many times.
const SLICE: u32 = 20_000;

/// The first thing that happened in one run and not in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// When: the earlier of the two rows, or the beginning, where the clusters differ.
    pub at: Time,
    /// What the first run did at that moment. None: it did nothing then that the other has not done as well.
    pub a: Option<Row>,
    /// What the second run did at that moment.
    pub b: Option<Row>,
}

/// Two notes of one kind, by one program, about one thing, are the same if they are no further apart than this. Chosen:
/// what differs by milliseconds nobody would call a difference.
const SAME_WITHIN: Span = Span::from_secs(1);

/// How far two records have been compared, row by row. Rows' names count commands as well, so they don't matter.
#[derive(Clone, Debug)]
struct Cursor {
    /// Rows that both have and that are the same.
    same: u64,
    /// Commands that were passed over in either, each as the number of rows compared before it.
    passed: [Vec<u64>; 2],
    found: Option<Divergence>,
}

/// One run's record, up to where it is.
#[derive(Clone, Copy)]
struct Record<'a> {
    rows: &'a Ring<Row>,
    end: u64,
    run: &'a Timeline,
}

impl Record<'_> {
    /// Whether nothing more can happen in this run up to and at `at`.
    fn is_past(&self, at: Time) -> bool {
        let sim = self.run.sim();
        sim.now() >= at && sim.next_at().is_none_or(|next| next > at)
    }
}

/// A record that has forgotten rows before they were compared.
#[derive(Debug)]
struct Forgotten;

impl Cursor {
    const fn new(same: u64) -> Self {
        Self { same, passed: [Vec::new(), Vec::new()], found: None }
    }
    fn place(&self, side: usize) -> u64 {
        self.same + self.passed[side].len() as u64
    }
    /// Goes back to where both runs still are: what came later has not happened.
    fn back(&mut self, records: &[Record<'_>; 2]) {
        let mut same = self.same;
        for (passed, record) in self.passed.iter_mut().zip(records) {
            while passed.last().is_some_and(|before| before + passed.len() as u64 > record.end) {
                passed.pop();
            }
            same = same.min(record.end - passed.len() as u64);
        }
        if same < self.same {
            self.same = same;
            // Those at the very end are passed over again.
            self.passed.iter_mut().for_each(|passed| passed.retain(|before| *before < same));
        }
        let happened = |found: &Divergence| {
            let now = records.map(|record| record.run.sim().now());
            now.iter().all(|now| *now >= found.at) && self.same_up_to(found, records)
        };
        if self.found.is_some_and(|found| !happened(&found)) {
            self.found = None;
        }
    }
    /// Whether the rows that were found to differ are still the next ones.
    fn same_up_to(&self, found: &Divergence, records: &[Record<'_>; 2]) -> bool {
        [found.a, found.b].iter().zip(records).enumerate().all(|(side, (row, record))| {
            let Some(row) = row else { return true };
            record.end > self.place(side) && record.rows.get(self.place(side)).is_none_or(|now| now == row)
        })
    }
    fn advance(&mut self, records: &[Record<'_>; 2]) -> Result<(), Forgotten> {
        self.back(records);
        while self.found.is_none() {
            let mut rows: [Option<Row>; 2] = [None, None];
            for (side, record) in records.iter().enumerate() {
                while self.place(side) < record.end {
                    let row = *record.rows.get(self.place(side)).ok_or(Forgotten)?;
                    if row.code != Code::Command as u16 {
                        rows[side] = Some(row);
                        break;
                    }
                    self.passed[side].push(self.same);
                }
            }
            let [a, b] = rows;
            let at = match (a, b) {
                (Some(a), Some(b)) if is_same(&a, &b) && a.at == b.at && a.b == b.b => {
                    self.same += 1;
                    continue;
                }
                (Some(a), Some(b)) => a.at.min(b.at),
                // What one has not done by now it may still do, unless it is past that moment.
                (Some(row), None) | (None, Some(row)) => {
                    let other = &records[usize::from(a.is_some())];
                    if !other.is_past(row.at) {
                        return Ok(());
                    }
                    row.at
                }
                (None, None) => return Ok(()),
            };
            // What one does later is no answer to what the other does now.
            let [a, b] = [a, b].map(|row| row.filter(|row| row.at == at));
            self.found = Some(Divergence { at, a, b });
        }
        Ok(())
    }
}

/// Whether two rows say the same of the same thing, whenever it was.
fn is_same(a: &Row, b: &Row) -> bool {
    (a.code, a.process, a.a) == (b.code, b.process, b.a)
}

/// What happens in one run only, among what a person would want to hear of.
#[derive(Clone, Debug)]
struct Ear {
    /// The note that either run begins with.
    first: u64,
    next: [u64; 2],
    /// Notes that the other run has not made so far.
    alone: [Vec<Row>; 2],
    found: Option<Divergence>,
}

impl Ear {
    const fn new(first: u64) -> Self {
        Self { first, next: [first; 2], alone: [Vec::new(), Vec::new()], found: None }
    }
    fn advance(&mut self, records: &[Record<'_>; 2]) {
        if self.next.iter().zip(records).any(|(next, record)| *next > record.end) {
            // Back in time: what was heard has not happened. There are few notes, so they are read again.
            *self = Self::new(self.first);
        }
        if self.found.is_some() {
            return;
        }
        for (side, record) in records.iter().enumerate() {
            let from = self.next[side].max(record.rows.oldest());
            for row in record.rows.since(from).take(record.end.saturating_sub(from) as usize) {
                if row.code == Code::Command as u16 {
                    continue;
                }
                let twin = |other: &Row| {
                    is_same(row, other) && row.at.since(other.at).max(other.at.since(row.at)) <= SAME_WITHIN
                };
                match self.alone[1 - side].iter().position(twin) {
                    Some(place) => _ = self.alone[1 - side].remove(place),
                    None => self.alone[side].push(*row),
                }
            }
            self.next[side] = record.end;
        }
        let late = |side: usize, row: &Row| records[1 - side].is_past(row.at + SAME_WITHIN);
        let oldest = |side: usize| self.alone[side].first().filter(|row| late(side, row)).copied();
        let (a, b) = match [oldest(0), oldest(1)] {
            [Some(a), Some(b)] if a.at <= b.at => (Some(a), None),
            [Some(_), Some(b)] => (None, Some(b)),
            both => (both[0], both[1]),
        };
        self.found = a.or(b).map(|row| Divergence { at: row.at, a, b });
    }
}

/// Two runs, compared as they are played.
#[derive(Clone, Debug)]
pub struct Comparison {
    rows: Cursor,
    notes: Ear,
}

impl Comparison {
    /// A comparison of these two runs. Where both are the same run so far, it begins here; else at their beginning.
    pub fn new(a: &Timeline, b: &Timeline) -> Self {
        let [here, there] = [a, b].map(|run| (run.sim().history(), run.sim().steps(), run.directory()));
        let marks = a.sim().marks();
        let (rows, notes) = if here == there { (marks.rows, marks.notes) } else { (0, 0) };
        let mut comparison = Self { rows: Cursor::new(rows), notes: Ear::new(notes) };
        comparison.advance(a, b);
        comparison
    }
    /// Compares what has happened since the last call. To be called whenever either run has moved, and before and after
    /// a command is given in the past: that begins another future.
    pub fn advance(&mut self, a: &Timeline, b: &Timeline) {
        if a.directory() != b.directory() {
            self.rows.found = Some(Divergence { at: Time::ZERO, a: None, b: None });
            return;
        }
        let runs = [a, b];
        let rows = runs.map(|run| Record { rows: run.trace().rows(), end: run.sim().marks().rows, run });
        let notes = runs.map(|run| Record { rows: run.trace().notes(), end: run.sim().marks().notes, run });
        if self.rows.advance(&rows).is_err() {
            *self = Self::again(a, b);
            return;
        }
        self.notes.advance(&notes);
    }
    /// The first thing that differs, whatever it is; none: there is none yet.
    pub const fn found(&self) -> Option<Divergence> {
        self.rows.found
    }
    /// The first thing a person would want to hear of that happens in one run and, within a second, not in the other.
    pub const fn heard(&self) -> Option<Divergence> {
        self.notes.found
    }
    /// The same from where both were last one run, by playing them again: their traces have forgotten what was never
    /// compared.
    fn again(a: &Timeline, b: &Timeline) -> Self {
        let until = a.sim().now().min(b.sim().now());
        let again = |run: &Timeline| {
            Timeline::replay(run.scenario(), run.directory(), run.sim().seed(), run.journal().to_vec())
        };
        let [mut a, mut b] = a.together(b).unwrap_or_else(|| [a, b].map(again));
        let mut comparison = Self::new(&a, &b);
        loop {
            // The one that is behind goes first, so that neither is ever far ahead.
            let (behind, ahead) = if a.sim().now() <= b.sim().now() { (&mut a, &b) } else { (&mut b, &a) };
            let to = until.min(ahead.sim().now().max(behind.sim().now() + crate::history::SAMPLE_EVERY));
            behind.seek(to, SLICE);
            comparison.advance(&a, &b);
            let done = a.sim().now() >= until && b.sim().now() >= until;
            if done || (comparison.found().is_some() && comparison.heard().is_some()) {
                return comparison;
            }
        }
    }
}
