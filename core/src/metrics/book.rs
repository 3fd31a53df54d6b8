//! The numbers of one process: a series exists from its first number on, as in a real client library.

use super::families::{Family, Type};
use alloc::vec::Vec;

/// The numbers of one process.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Book {
    /// A series (256 times its family's number, shifted, and its combination), and where its numbers begin; by series.
    series: Vec<(u32, u32)>,
    numbers: Vec<u64>,
}

impl Book {
    /// How many series there are.
    pub const fn len(&self) -> usize {
        self.series.len()
    }
    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.series.is_empty()
    }
    /// Its process ended: all begins at zero again.
    pub fn clear(&mut self) {
        self.series.clear();
        self.numbers.clear();
    }
    /// Adds to a counter.
    pub fn add(&mut self, family: Family, values: &[usize], n: u64) {
        let at = self.at(family, values);
        self.numbers[at] += n;
    }
    /// Sets a gauge, or a counter that its process keeps itself.
    pub fn set(&mut self, family: Family, values: &[usize], n: u64) {
        let at = self.at(family, values);
        self.numbers[at] = n;
    }
    /// Sets all numbers of a series, as its process keeps them.
    pub fn put(&mut self, family: Family, values: &[usize], numbers: impl Iterator<Item = u64>) {
        let at = self.at(family, values);
        let mine = self.numbers[at..at + family.numbers()].iter_mut();
        mine.zip(numbers).for_each(|(mine, number)| *mine = number);
    }
    /// Puts a time, in the family's unit, into a histogram: the first bucket whose bound is not below it.
    pub fn observe(&mut self, family: Family, values: &[usize], time: u64) {
        let Type::Histogram(bounds) = family.spec().kind else { return };
        let at = self.at(family, values);
        self.numbers[at + bounds.partition_point(|bound| *bound < time)] += 1;
        self.numbers[at + bounds.len() + 1] += time;
    }
    /// The numbers of a series; none: it doesn't exist.
    pub fn get(&self, family: Family, combination: usize) -> Option<&[u64]> {
        let place = self.series.binary_search_by_key(&id(family, combination), |(id, _)| *id).ok()?;
        let at = self.series[place].1 as usize;
        Some(&self.numbers[at..at + family.numbers()])
    }
    /// The series of a family: combinations with their numbers, in order.
    pub fn of(&self, family: Family) -> impl Iterator<Item = (usize, &[u64])> {
        let from = self.series.partition_point(|(it, _)| *it < id(family, 0));
        let mine = move |it: &&(u32, u32)| it.0 >> 16 == family as u32;
        self.series[from..].iter().take_while(mine).map(move |(it, at)| {
            let at = *at as usize;
            ((it & 0xffff) as usize, &self.numbers[at..at + family.numbers()])
        })
    }
    /// The sum of a counter over all label values that fit.
    pub fn sum(&self, family: Family, fits: impl Fn(usize) -> bool) -> u64 {
        self.of(family).filter(|(combination, _)| fits(*combination)).map(|(_, numbers)| numbers[0]).sum()
    }

    /// Where the numbers of a series begin; they are made if there are none.
    fn at(&mut self, family: Family, values: &[usize]) -> usize {
        let id = id(family, family.combination(values));
        match self.series.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(place) => self.series[place].1 as usize,
            Err(place) => {
                let at = self.numbers.len();
                self.numbers.resize(at + family.numbers(), 0);
                self.series.insert(place, (id, at as u32));
                at
            }
        }
    }
}

const fn id(family: Family, combination: usize) -> u32 {
    (family as u32) << 16 | combination as u32
}

/// The 99th percentile that `histogram_quantile` would estimate from buckets (the last one unbounded), in
/// microseconds: it takes times as spread evenly within a bucket, and the last bound for what lies beyond it.
pub fn p99(buckets: &[u64], bounds: &[u64]) -> Option<u64> {
    let all: u64 = buckets.iter().sum();
    if all == 0 {
        return None;
    }
    let rank = all * 99;
    let mut below = 0;
    for (n, count) in buckets.iter().enumerate() {
        if (below + count) * 100 >= rank {
            let Some(upper) = bounds.get(n) else { return bounds.last().copied() };
            let lower = if n == 0 { 0 } else { bounds[n - 1] };
            return Some(lower + (upper - lower) * (rank - below * 100) / (count * 100).max(1));
        }
        below += count;
    }
    bounds.last().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_falls_into_the_first_bucket_that_holds_it() {
        let mut book = Book::default();
        for us in [1, 1000, 1001, 8_192_000, 8_192_001] {
            book.observe(Family::WalFsync, &[], us);
        }
        let numbers = book.get(Family::WalFsync, 0).expect("it was observed");
        assert_eq!((numbers[0], numbers[1], numbers[13], numbers[14]), (2, 1, 1, 1), "le is inclusive");
        assert_eq!(numbers[15], 1 + 1000 + 1001 + 8_192_000 + 8_192_001);
    }

    #[test]
    fn series_are_apart_and_in_order() {
        let mut book = Book::default();
        book.add(Family::PeerSentFailures, &[2], 5);
        book.add(Family::PeerSentFailures, &[0], 1);
        book.add(Family::PeerSentFailures, &[2], 1);
        book.set(Family::HasLeader, &[], 1);
        let all: Vec<_> = book.of(Family::PeerSentFailures).map(|(n, numbers)| (n, numbers[0])).collect();
        assert_eq!(all, [(0, 1), (2, 6)]);
        assert_eq!((book.len(), book.get(Family::PeerSentFailures, 1)), (3, None));
        assert_eq!(book.sum(Family::PeerSentFailures, |_| true), 7);
    }

    #[test]
    fn quantiles_are_interpolated_as_prometheus_does() {
        let bounds = [100, 200, 400];
        assert_eq!(p99(&[0, 0, 0, 0], &bounds), None);
        assert_eq!(p99(&[100, 0, 0, 0], &bounds), Some(99));
        assert_eq!(p99(&[50, 0, 50, 0], &bounds), Some(200 + 200 * 49 / 50));
        assert_eq!(p99(&[1, 0, 0, 99], &bounds), Some(400), "beyond the last bound nothing is known");
    }

    #[test]
    fn combinations_and_label_values_agree() {
        for family in Family::ALL {
            for combination in 0..family.combinations() {
                let written: Vec<_> = family.written(combination).collect();
                let values: Vec<usize> = family
                    .spec()
                    .labels
                    .iter()
                    .zip(&written)
                    .map(|(label, value)| label.iter().position(|it| it == value).expect("it is one"))
                    .collect();
                let again: Vec<_> = family.written(family.combination(&values)).collect();
                assert_eq!(written, again);
            }
        }
    }
}
