//! One picture for the page: tables of columns in one flat buffer of words. The only place in core with floats.
//!
//! The buffer is a table after the other: its number of rows, then each column whole. [`TABLES`] says how to read it.

mod cluster;
mod control;
mod signs;
mod tables;
mod users;
mod work;

use crate::engine::{Ring, Row, Span, Time, Trace};
use crate::fault::Fault;
use crate::net::packet::HostId;
use crate::sim::Sim;
use alloc::vec::Vec;
pub use tables::TABLES;

/// How a column's words are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// Unsigned integers.
    U32,
    /// Floats.
    F32,
}

/// A table of the frame.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns: name and kind.
    pub columns: &'static [(&'static str, Read)],
    /// Whether it may be large, so that it is filled only when somebody looks.
    pub large: bool,
    fill: fn(&Scene<'_>, &mut Rows),
}

/// "None" in a column of integers. Code: a mark.
pub const NONE: u32 = u32::MAX;

/// What a picture is taken of.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The world.
    pub sim: &'a Sim,
    /// What happened.
    pub trace: &'a Trace,
    /// How many points the series have.
    pub samples: u64,
}

/// One picture. Its buffers are kept from frame to frame.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    words: Vec<u32>,
    /// The large tables as they were last filled, one after the other.
    large: Vec<u32>,
    rows: Rows,
}

/// Rows of one table, one after the other.
#[derive(Clone, Debug, Default)]
struct Rows(Vec<u32>);

impl Rows {
    fn push(&mut self, values: &[u32]) {
        self.0.extend_from_slice(values);
    }
    /// Appends the table to a buffer, column by column.
    fn transpose(&mut self, table: &Table, words: &mut Vec<u32>) {
        let width = table.columns.len();
        assert_eq!(self.0.len() % width, 0, "a row of {} has as many values as the table has columns", table.name);
        words.push((self.0.len() / width) as u32);
        for column in 0..width {
            words.extend(self.0.iter().skip(column).step_by(width));
        }
        self.0.clear();
    }
}

impl Frame {
    /// Fills the picture and lends it. Unless `all`, large tables stay as they were.
    pub fn fill(&mut self, scene: &Scene<'_>, all: bool) -> &[u32] {
        self.words.clear();
        if all || self.large.is_empty() {
            self.large.clear();
            for table in TABLES.iter().filter(|table| table.large) {
                (table.fill)(scene, &mut self.rows);
                self.rows.transpose(table, &mut self.large);
            }
        }
        for table in TABLES.iter().filter(|table| !table.large) {
            (table.fill)(scene, &mut self.rows);
            self.rows.transpose(table, &mut self.words);
        }
        self.words.extend_from_slice(&self.large);
        &self.words
    }
    /// The picture as it is.
    pub fn words(&self) -> &[u32] {
        &self.words
    }
}

/// A span as milliseconds.
#[allow(clippy::float_arithmetic)]
fn ms(span: Span) -> u32 {
    (span.ns() as f32 / 1_000_000.0).to_bits()
}
/// A number as a float.
const fn float(n: i32) -> u32 {
    (n as f32).to_bits()
}
/// Parts per million as a share.
#[allow(clippy::float_arithmetic)]
fn share(ppm: u32) -> u32 {
    (ppm as f32 / 1_000_000.0).to_bits()
}
fn low(n: u64) -> u32 {
    n as u32
}

/// A fault as numbers: its place in [`Fault::NAMES`], its host, its other host, its value.
pub fn fault_row(fault: &Fault) -> (u32, HostId, Option<HostId>, u32) {
    let kind = Fault::NAMES.iter().position(|name| *name == fault.name()).unwrap_or(0) as u32;
    let (host, to, value) = match *fault {
        Fault::Cut { from, to } => (from, Some(to), 0),
        Fault::Lossy { host, loss } | Fault::Bursty { host, loss, .. } => (host, None, loss.get()),
        Fault::Slow { host, extra } => (host, None, low(extra.us())),
        Fault::SlowDisk { host, times } => (host, None, times),
        Fault::ClockRate { host, rate_ppm } => (host, None, rate_ppm),
        Fault::CutNodes => (HostId(0), None, 0),
        Fault::Isolate { host }
        | Fault::Crash { host }
        | Fault::KillEtcd { host }
        | Fault::Pause { host }
        | Fault::HangApi { host } => (host, None, 0),
    };
    (kind, host, to, value)
}

/// Rows of notes as the page reads them: nothing else looks at a row's numbers.
pub fn note_rows(notes: &Ring<Row>, from: u64, until: Time) -> impl Iterator<Item = (u64, &Row)> {
    let first = from.max(notes.oldest());
    (first..notes.end()).filter_map(move |n| Some((n, notes.get(n)?))).filter(move |(_, row)| row.at <= until)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::Timeline;

    #[test]
    fn tables_come_one_after_the_other_and_large_ones_wait_until_asked_for() {
        let mut run = Timeline::new("quiet", 1).expect("it is a scenario");
        let mut frame = Frame::default();
        frame.fill(&Scene { sim: run.sim(), trace: run.trace(), samples: 0 }, false);
        let sizes = |words: &[u32]| -> Vec<u32> {
            let mut at = 0;
            let mut sizes = Vec::new();
            for table in TABLES {
                sizes.push(words[at]);
                at += 1 + words[at] as usize * table.columns.len();
            }
            assert_eq!(at, words.len(), "the tables fill the frame exactly");
            sizes
        };
        let before = sizes(frame.words());
        run.seek(Time::ZERO + Span::from_secs(3), u32::MAX);
        let scene = Scene { sim: run.sim(), trace: run.trace(), samples: 0 };
        let all = frame.fill(&scene, true).to_vec();
        assert_eq!(frame.fill(&scene, false), all);
        let after = sizes(&all);
        let small = TABLES.iter().take_while(|table| !table.large).count();
        assert!(TABLES[small..].iter().all(|table| table.large), "large tables come last");
        assert_ne!(after[..small], before[..small]);
    }
}
