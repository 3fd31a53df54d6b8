//! A controller's queue of keys to look at: each once, never two at a time, and later after a failure. client-go
//! util/workqueue: queue.go, delaying_queue.go, rate_limiting_queue.go.
//!
//! It holds each key at most once in each of its lists, so it is bounded by the number of objects. Left out: shutting
//! down, and the order of the heap among items that become ready at the same moment (here by key).

use super::earlier;
use super::limiter::Limiter;
use crate::engine::{LocalTime, Span};
use crate::object::Key;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};

/// The first wait of an item that failed; each is twice the one before. Sourced: client-go
/// util/workqueue/default_rate_limiters.go#DefaultTypedControllerRateLimiter.
pub const BASE_DELAY: Span = Span::from_ms(5);
/// The longest wait of an item. Sourced: client-go
/// util/workqueue/default_rate_limiters.go#DefaultTypedControllerRateLimiter.
pub const MAX_DELAY: Span = Span::from_secs(1000);
/// Rate-limited items a second, all together. Sourced: client-go
/// util/workqueue/default_rate_limiters.go#DefaultTypedControllerRateLimiter.
pub const BUCKET_QPS: u32 = 10;
/// And at once. Unit: items. Sourced: client-go
/// util/workqueue/default_rate_limiters.go#DefaultTypedControllerRateLimiter.
pub const BUCKET_BURST: u32 = 100;

/// How many buckets below infinity a time histogram of the queue has. Unit: buckets. Sourced: component-base
/// metrics/prometheus/workqueue/metrics.go#ExponentialBuckets.
const BUCKETS: usize = 10;

/// A histogram of times: component-base metrics/prometheus/workqueue/metrics.go has ten buckets, from 10 ns up, each
/// ten times the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Times {
    /// How many fell into each bucket, the last one being all above 10 s.
    pub buckets: [u32; BUCKETS + 1],
    /// The sum of them all.
    pub sum: Span,
    /// How many there were.
    pub count: u32,
}

impl Times {
    /// The upper bound of the first bucket. Sourced: component-base
    /// metrics/prometheus/workqueue/metrics.go#ExponentialBuckets.
    pub const FIRST_BOUND: Span = Span::from_ns(10);
    /// Each bound is so many times the one before. Unit: times. Sourced: component-base
    /// metrics/prometheus/workqueue/metrics.go#ExponentialBuckets.
    pub const FACTOR: u64 = 10;

    fn observe(&mut self, time: Span) {
        let mut bound = Self::FIRST_BOUND;
        let mut ix = 0;
        while ix < BUCKETS && time > bound {
            bound = bound.scale(Self::FACTOR, 1);
            ix += 1;
        }
        self.buckets[ix] += 1;
        self.sum += time;
        self.count += 1;
    }
}

/// What a queue counts for the metrics `workqueue_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct QueueStats {
    /// workqueue_adds_total.
    pub adds: u64,
    /// workqueue_retries_total.
    pub retries: u64,
    /// workqueue_queue_duration_seconds: from an item's adding to its processing.
    pub waited: Times,
    /// workqueue_work_duration_seconds: from there to its end.
    pub worked: Times,
}

/// A rate limited queue.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WorkQueue {
    queue: VecDeque<Key>,
    /// Items to look at, each with when that was first said. One that is processed right now is not in `queue` yet.
    dirty: BTreeMap<Key, LocalTime>,
    /// Items being processed, each since when.
    processing: BTreeMap<Key, LocalTime>,
    /// Items to be added later, in order.
    waiting: BTreeSet<(LocalTime, Key)>,
    /// The same by item.
    ready_at: BTreeMap<Key, LocalTime>,
    failures: BTreeMap<Key, u32>,
    bucket: Limiter,
    base: Span,
    stats: QueueStats,
}

impl Default for WorkQueue {
    fn default() -> Self {
        Self::new()
    }
}

impl WorkQueue {
    /// An empty queue with the limits of a controller: per item 5 ms, doubled up to 1000 s; 10 a second for all, 100 at once.
    pub fn new() -> Self {
        Self::limited(Limiter::new(BUCKET_QPS, BUCKET_BURST))
    }
    /// An empty queue with a bucket of its own.
    pub fn limited(bucket: Limiter) -> Self {
        Self {
            queue: VecDeque::new(),
            dirty: BTreeMap::new(),
            processing: BTreeMap::new(),
            waiting: BTreeSet::new(),
            ready_at: BTreeMap::new(),
            failures: BTreeMap::new(),
            bucket,
            base: BASE_DELAY,
            stats: QueueStats::default(),
        }
    }
    /// An empty queue with the limits of a controller, but for the first wait of an item.
    pub fn with_base(base: Span) -> Self {
        Self { base, ..Self::new() }
    }
    /// Adds an item unless it is there. One that is being processed is added once that is done.
    pub fn add(&mut self, now: LocalTime, item: Key) {
        self.ripen(now);
        self.insert(now, item);
    }
    /// Adds an item after `after`, or earlier if that had been said before.
    pub fn add_after(&mut self, now: LocalTime, item: Key, after: Span) {
        self.stats.retries += 1;
        if after.is_zero() {
            return self.add(now, item);
        }
        let at = now + after;
        if let Some(before) = self.ready_at.get(&item).copied() {
            if before <= at {
                return;
            }
            self.waiting.remove(&(before, item));
        }
        self.ready_at.insert(item, at);
        self.waiting.insert((at, item));
    }
    /// Adds an item that failed, after what its own failures and the bucket ask for.
    pub fn add_rate_limited(&mut self, now: LocalTime, item: Key) {
        let failures = self.failures.entry(item).or_insert(0);
        // 2 to the power of 18 times 5 ms is more than 1000 s.
        let own = self.base.scale(1 << (*failures).min(18), 1).min(MAX_DELAY);
        *failures += 1;
        let wait = own.max(self.bucket.reserve(now));
        self.add_after(now, item, wait);
    }
    /// The item succeeded, or is given up: its failures are forgotten.
    pub fn forget(&mut self, item: Key) {
        self.failures.remove(&item);
    }
    /// How often the item failed since it was forgotten.
    pub fn num_requeues(&self, item: Key) -> u32 {
        self.failures.get(&item).copied().unwrap_or(0)
    }
    /// Takes the next item. It is being processed until [`WorkQueue::done`].
    pub fn get(&mut self, now: LocalTime) -> Option<Key> {
        self.ripen(now);
        let item = self.queue.pop_front()?;
        if let Some(since) = self.dirty.remove(&item) {
            self.stats.waited.observe(now.since(since));
        }
        self.processing.insert(item, now);
        Some(item)
    }
    /// The item was processed, well or not.
    pub fn done(&mut self, now: LocalTime, item: Key) {
        self.ripen(now);
        if let Some(since) = self.processing.remove(&item) {
            self.stats.worked.observe(now.since(since));
            if self.dirty.contains_key(&item) {
                self.queue.push_back(item);
            }
        }
    }
    /// How many items are ready: workqueue_depth.
    pub fn depth(&self) -> u32 {
        self.queue.len() as u32
    }
    /// How many items are being processed.
    pub fn processing(&self) -> u32 {
        self.processing.len() as u32
    }
    /// How many items wait for their time.
    pub fn waiting(&self) -> u32 {
        self.waiting.len() as u32
    }
    /// How long the oldest item has been processed: workqueue_longest_running_processor_seconds.
    pub fn longest_running(&self, now: LocalTime) -> Span {
        self.processing.values().map(|since| now.since(*since)).max().unwrap_or_default()
    }
    /// How long all items together have been processed: workqueue_unfinished_work_seconds.
    pub fn unfinished(&self, now: LocalTime) -> Span {
        self.processing.values().fold(Span::ZERO, |sum, since| sum + now.since(*since))
    }
    /// When a delayed item becomes ready; those that are ready already are for [`WorkQueue::get`] now.
    pub fn next_timer(&self) -> Option<LocalTime> {
        self.waiting.first().map(|(at, _)| *at)
    }
    /// When [`WorkQueue::get`] has something: `now` if it has, else as [`WorkQueue::next_timer`].
    pub fn next_ready(&self, now: LocalTime) -> Option<LocalTime> {
        if self.queue.is_empty() { self.next_timer() } else { earlier(Some(now), self.next_timer()) }
    }
    /// What it counted.
    pub const fn stats(&self) -> &QueueStats {
        &self.stats
    }

    fn insert(&mut self, now: LocalTime, item: Key) {
        if self.dirty.contains_key(&item) {
            return;
        }
        self.stats.adds += 1;
        self.dirty.insert(item, now);
        if !self.processing.contains_key(&item) {
            self.queue.push_back(item);
        }
    }
    /// Adds the items whose time has come.
    fn ripen(&mut self, now: LocalTime) {
        while let Some((at, item)) = self.waiting.first().copied().filter(|(at, _)| *at <= now) {
            self.waiting.pop_first();
            self.ready_at.remove(&item);
            self.insert(at, item);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::bench::at;
    use crate::engine::{Purpose, Rng};
    use alloc::vec::Vec;

    const A: Key = Key(1);
    const B: Key = Key(2);

    #[test]
    fn an_item_is_there_once_and_never_processed_twice_at_once() {
        let mut queue = WorkQueue::new();
        queue.add(at(0), A);
        queue.add(at(0), B);
        queue.add(at(1), A);
        assert_eq!((queue.depth(), queue.get(at(2))), (2, Some(A)));
        queue.add(at(3), A);
        queue.add(at(4), A);
        assert_eq!((queue.get(at(5)), queue.get(at(5))), (Some(B), None), "A is being processed");
        queue.done(at(6), A);
        assert_eq!(queue.get(at(6)), Some(A));
        queue.done(at(7), A);
        assert_eq!(queue.get(at(7)), None);
        assert_eq!((queue.stats().adds, queue.stats().waited.count, queue.stats().worked.count), (3, 3, 2));
        assert_eq!(queue.stats().waited.sum, Span::from_ms(2 + 5 + 3));
    }

    #[test]
    fn failures_double_the_wait_until_they_are_forgotten() {
        let mut queue = WorkQueue::new();
        let (mut now, mut waits) = (at(0), Vec::new());
        for _ in 0..20 {
            queue.add_rate_limited(now, A);
            let next = queue.next_timer().expect("it waits");
            waits.push(next.since(now).ms());
            now = next;
            assert_eq!(queue.get(now), Some(A));
            queue.done(now, A);
        }
        assert_eq!(waits[..5], [5, 10, 20, 40, 80]);
        assert_eq!(waits[17..], [655_360, 1_000_000, 1_000_000]);
        assert_eq!((queue.num_requeues(A), queue.stats().retries), (20, 20));
        queue.forget(A);
        queue.add_rate_limited(now, A);
        assert_eq!((queue.num_requeues(A), queue.next_timer()), (1, Some(now + BASE_DELAY)));
    }

    #[test]
    fn all_failures_together_come_back_at_ten_a_second() {
        let mut queue = WorkQueue::new();
        (0..120).for_each(|n| queue.add_rate_limited(at(0), Key(n)));
        assert_eq!(queue.get(at(4)), None);
        let mut ready = 0;
        while let Some(item) = queue.get(at(5)) {
            queue.done(at(5), item);
            ready += 1;
        }
        assert_eq!(ready, 100, "a hundred wait for their own 5 ms only");
        assert_eq!((queue.next_timer(), queue.waiting()), (Some(at(100)), 20));
    }

    #[test]
    fn the_earlier_of_two_delays_counts() {
        let mut queue = WorkQueue::new();
        queue.add_after(at(0), A, Span::from_ms(50));
        queue.add_after(at(0), A, Span::from_ms(20));
        queue.add_after(at(0), A, Span::from_ms(80));
        assert_eq!((queue.next_timer(), queue.get(at(19))), (Some(at(20)), None));
        assert_eq!((queue.get(at(20)), queue.next_timer()), (Some(A), None));
    }

    #[test]
    fn nothing_is_lost_and_nothing_is_worked_on_twice_at_once() {
        for seed in 0..40 {
            let mut rng = Rng::stream(seed, Purpose::Test, 0);
            let mut queue = WorkQueue::new();
            let mut wanted = BTreeMap::new(); // When each item was last asked for, and for when.
            let mut working: Vec<Key> = Vec::new();
            for step in 0..2_000 {
                let now = at(step);
                let item = Key(rng.draw().below(8));
                match rng.draw().below(6) {
                    0 => {
                        queue.add(now, item);
                        wanted.insert(item, now);
                    }
                    1 => {
                        let after = Span::from_ms(rng.draw().below(50));
                        queue.add_after(now, item, after);
                        wanted.entry(item).or_insert(now + after);
                    }
                    2 => queue.add_rate_limited(now, item),
                    3 if !working.is_empty() => {
                        let ix = rng.draw().below(working.len() as u64) as usize;
                        queue.done(now, working.remove(ix));
                    }
                    _ => {
                        if let Some(item) = queue.get(now) {
                            assert!(!working.contains(&item), "{item:?} twice at once, seed {seed}, step {step}");
                            working.push(item);
                            wanted.remove(&item);
                        }
                    }
                }
            }
            let end = at(5_000_000);
            working.drain(..).for_each(|item| queue.done(end, item));
            while let Some(item) = queue.get(end) {
                wanted.remove(&item);
                queue.done(end, item);
            }
            assert_eq!(wanted, BTreeMap::new(), "lost, seed {seed}");
            assert_eq!((queue.depth(), queue.waiting(), queue.processing()), (0, 0, 0));
        }
    }
}
