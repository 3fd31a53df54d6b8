//! What happened and why: a bounded record beside the simulation, never part of its state.

use super::queue::EventId;
use super::time::Time;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Row {
    /// Its name.
    pub id: EventId,
    /// What made it happen. Older than itself; [`EventId::ROOT`] for boots and commands only.
    pub cause: EventId,
    /// The send whose message this delivers, or the loss this TCP timer makes good, or ROOT.
    pub link: EventId,
    /// When.
    pub at: Time,
    /// What: a code of the list in `sim`.
    pub code: u16,
    /// Which process, or `u16::MAX` for the network and the world.
    pub process: u16,
    /// What it is about; the code says how to read it.
    pub a: u32,
    /// More about it.
    pub b: u64,
}

/// A packet on its way or lost, for the drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Flight {
    /// When it left.
    pub sent: Time,
    /// When it arrives, or would have.
    pub lands: Time,
    /// From which host.
    pub from: u16,
    /// To which host.
    pub to: u16,
    /// What it carries: a code of the list in `sim`.
    pub class: u8,
    /// Zero: delivered. Otherwise one more than the drop reason.
    pub lost: u8,
}

/// Keeps the newest `capacity` items, each under the number it was made with.
///
/// Items come in by number, so that a replay may offer again what is here already.
#[derive(Clone, Debug)]
pub struct Ring<T> {
    items: VecDeque<T>,
    first: u64,
    capacity: u32,
}

impl<T: Copy> Ring<T> {
    /// A ring of `capacity` items. When it is full the oldest gives way.
    pub fn new(capacity: u32) -> Self {
        assert!(capacity > 0, "a ring needs room");
        Self { items: VecDeque::new(), first: 0, capacity }
    }
    /// One more than the number of the newest item.
    pub fn end(&self) -> u64 {
        self.first + self.items.len() as u64
    }
    /// The number of the oldest item still here.
    pub const fn oldest(&self) -> u64 {
        self.first
    }
    /// Adds the item with the next number.
    pub fn push(&mut self, item: T) {
        if self.items.len() == self.capacity as usize {
            self.items.pop_front();
            self.first += 1;
        }
        self.items.push_back(item);
    }
    /// The item with this number, if it is still here.
    pub fn get(&self, number: u64) -> Option<&T> {
        self.items.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }
    /// Forgets the items from `number` on.
    pub fn truncate(&mut self, number: u64) {
        self.items.truncate(number.saturating_sub(self.first) as usize);
        if self.items.is_empty() {
            self.first = number;
        }
    }
    /// Goes on at `number`; what doesn't reach up to it is forgotten.
    fn went_to(&mut self, number: u64) {
        if number < self.first || number > self.end() {
            self.restart(number);
        }
    }
    fn restart(&mut self, number: u64) {
        self.items.clear();
        self.first = number;
    }
    /// The items still here with numbers below `number`, newest first.
    pub fn before(&self, number: u64) -> impl Iterator<Item = &T> {
        let count = (number.saturating_sub(self.first) as usize).min(self.items.len());
        self.items.range(..count).rev()
    }
    /// The items still here from `number` on, oldest first.
    pub fn since(&self, number: u64) -> impl DoubleEndedIterator<Item = &T> {
        let skip = (number.saturating_sub(self.first) as usize).min(self.items.len());
        self.items.range(skip..)
    }
}

/// The fewest rows that a trace keeps. Unit: rows. Chosen: a power of two that costs next to nothing.
const ROWS_MIN: u32 = 1_024;
/// One notable row is kept for so many rows. Unit: rows. Chosen: fewer than one row in sixteen is notable, so they last
/// four times as long.
const NOTES_SHARE: u32 = 4;
/// The newest packets under way that are kept. Unit: packets. Chosen: more than an eye can follow.
const FLIGHTS: u32 = 512;
/// How many ids the rows here may span for each row, so that two never share a place. Unit: ids. Chosen: about twice
/// what runs have.
const IDS_PER_ROW: usize = 4;

/// Everything a run leaves behind for the eye: rows with causes, the notable ones a second time for longer, and flights.
#[derive(Clone, Debug)]
pub struct Trace {
    rows: Ring<Row>,
    /// Of each row's id the low half of its number. There are more ids than rows, for not all that is planned happens.
    places: Vec<u32>,
    notes: Ring<Row>,
    flights: Ring<Flight>,
    enabled: bool,
}

impl Trace {
    /// A trace of the newest `rows` rows (rounded up to a power of two), a quarter as many notable ones, and 512 flights.
    pub fn new(rows: u32) -> Self {
        let rows = rows.next_power_of_two().max(ROWS_MIN);
        Self {
            rows: Ring::new(rows),
            places: alloc::vec![u32::MAX; rows as usize * IDS_PER_ROW],
            notes: Ring::new(rows / NOTES_SHARE),
            flights: Ring::new(FLIGHTS),
            enabled: true,
        }
    }
    /// A trace that keeps nothing, for sweeps and for measuring what the trace costs.
    pub fn off() -> Self {
        Self { enabled: false, ..Self::new(ROWS_MIN) }
    }
    /// Records row `number` of the run.
    ///
    /// # Panics
    /// If that row is here already and differs: the replay diverged from the run, so the model is not deterministic.
    pub fn record(&mut self, number: u64, row: Row) {
        if !self.enabled {
            return;
        }
        if number < self.rows.end() {
            if let Some(recorded) = self.rows.get(number) {
                assert_eq!(*recorded, row, "the replay of row {number} diverged");
            }
            return;
        }
        self.rows.push(row);
        let slot = row.id.get() as usize & (self.places.len() - 1);
        self.places[slot] = number as u32;
    }
    /// Records a row that a person would want to hear of, as note `number` of the run.
    pub fn note(&mut self, number: u64, row: Row) {
        if self.enabled && number >= self.notes.end() {
            self.notes.push(row);
        }
    }
    /// Records flight `number` of the run.
    pub fn fly(&mut self, number: u64, flight: Flight) {
        if self.enabled && number >= self.flights.end() {
            self.flights.push(flight);
        }
    }
    /// All rows still here.
    pub const fn rows(&self) -> &Ring<Row> {
        &self.rows
    }
    /// The notable rows still here.
    pub const fn notes(&self) -> &Ring<Row> {
        &self.notes
    }
    /// The newest flights.
    pub const fn flights(&self) -> &Ring<Flight> {
        &self.flights
    }
    /// The row called `id`, if it is still here.
    pub fn find(&self, id: EventId) -> Option<&Row> {
        let row = self.number(id).and_then(|number| self.rows.get(number));
        row.or_else(|| self.notes.since(0).rev().find(|row| row.id == id))
    }
    /// The number of the row called `id`, if it is still among the rows.
    pub fn number(&self, id: EventId) -> Option<u64> {
        let low = self.places[id.get() as usize & (self.places.len() - 1)];
        let first = self.rows.oldest();
        let number = first + u64::from(low.wrapping_sub(first as u32));
        self.rows.get(number).is_some_and(|row| row.id == id).then_some(number)
    }
    /// The row called `id` and its causes, newest first, as far back as the trace reaches.
    /// Where a row delivers a message the chain goes on at the send; where a TCP timer makes a loss good, at the loss.
    pub fn why(&self, id: EventId) -> impl Iterator<Item = Row> {
        let mut next = id;
        core::iter::from_fn(move || {
            let row = *self.find(next)?;
            next = if row.link == EventId::ROOT { row.cause } else { row.link };
            Some(row)
        })
    }
    /// The world stands where these counts were made: what was recorded stays, as far as it reaches up to there.
    pub fn went_to(&mut self, rows: u64, notes: u64, flights: u64) {
        self.rows.went_to(rows);
        self.notes.went_to(notes);
        // What was in the air is in the past now, or still to come: the drawing shows the present.
        self.flights.restart(flights);
    }
    /// Goes on with the notes of another future.
    pub fn replace_notes(&mut self, notes: Ring<Row>) {
        self.notes = notes;
        self.rows.restart(0);
        self.flights.restart(0);
    }
    /// Forgets what came after these counts: the past was changed.
    pub fn truncate(&mut self, rows: u64, notes: u64, flights: u64) {
        self.rows.truncate(rows);
        self.notes.truncate(notes);
        self.flights.truncate(flights);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(n: u64) -> Row {
        Row { id: EventId::new(n), cause: EventId::new(n - 1), ..Row::default() }
    }

    #[test]
    fn causes_lead_back_until_the_trace_ends() {
        let mut trace = Trace::new(1024);
        (1..=2000).for_each(|n| trace.record(n - 1, row(n)));
        let chain: Vec<u64> = trace.why(EventId::new(2000)).map(|row| row.id.get()).collect();
        assert_eq!(chain, (977..=2000).rev().collect::<Vec<_>>());
    }

    #[test]
    #[should_panic(expected = "the replay of row 3 diverged")]
    fn a_replay_that_differs_is_noticed() {
        let mut trace = Trace::new(1024);
        (1..=5).for_each(|n| trace.record(n - 1, row(n)));
        trace.record(3, row(9));
    }

    #[test]
    fn a_cut_forgets_the_future_only() {
        let mut ring = Ring::new(4);
        (0..10u32).for_each(|n| ring.push(n));
        assert_eq!((ring.oldest(), ring.end()), (6, 10));
        ring.truncate(8);
        assert_eq!(ring.since(0).copied().collect::<Vec<_>>(), [6, 7]);
        ring.truncate(2);
        ring.push(2);
        assert_eq!((ring.get(2), ring.end()), (Some(&2), 3));
    }
}
