//! Work to be timed, natively and in wasm: each function does a stated amount and says how many units it did.

use brownout_core::engine::{Purpose, Queue, Rng, Span, Time, Trace};
use brownout_core::frame::{Frame, Scene};
use brownout_core::scenario::Scenario;
use brownout_core::sim::Event;
use brownout_core::timeline::Timeline;
use std::collections::BTreeMap;
use std::hint::black_box;

/// How many timers go round in the queue's benchmark.
const TIMERS: u64 = 64;

/// A queue under test.
pub trait Pending<E> {
    /// Adds an event.
    fn put(&mut self, at: Time, event: E);
    /// Takes the next one.
    fn take(&mut self) -> Option<(Time, E)>;
}

impl<E: Copy> Pending<E> for Queue<E> {
    fn put(&mut self, at: Time, event: E) {
        self.push(at, event);
    }
    fn take(&mut self) -> Option<(Time, E)> {
        self.pop().map(|(at, _, event)| (at, event))
    }
}

/// The standard library's ordered map as a queue.
#[derive(Default)]
pub struct Map<E>(BTreeMap<(Time, u64), E>, u64);
impl<E> Pending<E> for Map<E> {
    fn put(&mut self, at: Time, event: E) {
        self.1 += 1;
        self.0.insert((at, self.1), event);
    }
    fn take(&mut self) -> Option<(Time, E)> {
        self.0.pop_first().map(|((at, _), event)| (at, event))
    }
}

/// A 4-ary heap on one packed key, without unsafe code.
pub struct Heap4<E>(Vec<(u128, E)>, u64);
impl<E> Default for Heap4<E> {
    fn default() -> Self {
        Self(Vec::new(), 0)
    }
}
impl<E: Copy> Pending<E> for Heap4<E> {
    fn put(&mut self, at: Time, event: E) {
        self.1 += 1;
        let moving = (u128::from(at.ns()) << 64 | u128::from(self.1), event);
        self.0.push(moving);
        let mut at = self.0.len() - 1;
        while at > 0 && self.0[(at - 1) / 4].0 > moving.0 {
            self.0[at] = self.0[(at - 1) / 4];
            at = (at - 1) / 4;
        }
        self.0[at] = moving;
    }
    fn take(&mut self) -> Option<(Time, E)> {
        let moving = self.0.pop()?;
        let Some(first) = self.0.first().copied() else {
            return Some((Time::from_ns((moving.0 >> 64) as u64), moving.1));
        };
        let (len, mut at) = (self.0.len(), 0);
        while at * 4 + 1 < len {
            let children = &self.0[at * 4 + 1..(at * 4 + 5).min(len)];
            let (least, key) = children
                .iter()
                .enumerate()
                .map(|(n, c)| (n, c.0))
                .min_by_key(|(_, key)| *key)
                .expect("it has children");
            if key > moving.0 {
                break;
            }
            self.0[at] = self.0[at * 4 + 1 + least];
            at = at * 4 + 1 + least;
        }
        self.0[at] = moving;
        Some((Time::from_ns((first.0 >> 64) as u64), first.1))
    }
}

/// Timers that set themselves again, `events` times in all: the queue alone, with this event.
pub fn timers<E: Copy>(mut queue: impl Pending<E>, event: E, events: u64) -> u64 {
    let mut luck = Rng::stream(1, Purpose::Test, 0);
    for n in 0..TIMERS {
        queue.put(Time::from_ns(n), event);
    }
    for _ in 0..events {
        let (at, event) = queue.take().expect("the timers go round");
        queue.put(at + luck.draw().up_to(Span::from_us(200)), black_box(event));
    }
    events
}

/// The queue benchmark by name.
pub fn queue(name: &str, events: u64) -> u64 {
    match name {
        "ours-8" => timers(Queue::default(), [0u64; 1], events),
        "ours-24" => timers(Queue::default(), [0u64; 3], events),
        "ours-40" => timers(Queue::default(), [0u64; 5], events),
        "ours-72" => timers(Queue::default(), [0u64; 9], events),
        "heap4-24" => timers(Heap4::<[u64; 3]>::default(), [0u64; 3], events),
        "btree-24" => timers(Map::<[u64; 3]>::default(), [0u64; 3], events),
        other => panic!("no queue {other}"),
    }
}

/// The queues that are compared.
pub const QUEUES: &[&str] = &["ours-8", "ours-24", "ours-40", "ours-72", "heap4-24", "btree-24"];

/// What an event of ours takes, in bytes.
pub const fn event_bytes() -> usize {
    size_of::<Event>()
}

/// A minute of the standard scenario: three members, API servers, electors and users. Returns the events it took.
pub fn standard(trace: bool, simulated: Span) -> u64 {
    let scenario = Scenario::named("quiet").expect("there is one");
    let mut sim = scenario.start(1);
    let mut trace = if trace { Trace::new(1 << 18) } else { Trace::off() };
    let end = Time::ZERO + simulated;
    while sim.step(end, &mut trace) {}
    black_box(sim.history());
    sim.steps()
}

/// The same with everything that is on by default: trace, checkpoints, series. Returns the events it took.
pub fn recorded(simulated: Span) -> u64 {
    let run = travelled(simulated);
    black_box(run.checkpoint_bytes());
    run.sim().steps()
}

/// A bare loop over as many events of the same size in the same queue: the practical limit of [`standard`].
pub fn bare(events: u64) -> u64 {
    const { assert!(size_of::<Event>() <= 48) };
    let mut luck = Rng::stream(1, Purpose::Test, 0);
    let event = [0u64; size_of::<Event>() / 8];
    let mut queue = Queue::default();
    (0..TIMERS).for_each(|n| {
        queue.push(Time::from_ns(n), event);
    });
    let mut sum = 0;
    for _ in 0..events {
        let (at, id, event) = queue.pop().expect("it goes round");
        sum ^= id.get() ^ event[0];
        queue.push(at + luck.draw().up_to(Span::from_ms(100)), event);
    }
    black_box(sum);
    events
}

/// A run of the standard scenario to measure travel on.
pub fn travelled(simulated: Span) -> Timeline {
    let scenario = Scenario::named("quiet").expect("there is one");
    let mut run = Timeline::of(scenario, 1, Trace::new(1 << 18));
    run.seek(Time::ZERO + simulated, u32::MAX);
    run
}

/// Clones the world into a kept buffer, so many times.
pub fn checkpoints(run: &Timeline, count: u64) -> u64 {
    let mut kept = run.sim().clone();
    for _ in 0..count {
        kept.clone_from(black_box(run.sim()));
    }
    count
}

/// The `n`-th of the random moments of a run that [`rewind`] goes to.
pub fn moment(simulated: Span, n: u64) -> Time {
    let luck = brownout_core::engine::keyed(2, Purpose::Test, 0, n);
    Time::ZERO + luck.up_to(simulated)
}

/// Goes to the `n`-th random moment of the run.
pub fn rewind(run: &mut Timeline, simulated: Span, n: u64) {
    run.seek(moment(simulated, n), u32::MAX);
}

/// Goes back in steps of a frame, as playing backwards does, so many times.
pub fn backwards(run: &mut Timeline, count: u64) -> u64 {
    for _ in 0..count {
        let now = run.sim().now();
        run.seek(now.before(Span::from_ms(16)), u32::MAX);
    }
    count
}

/// Fills frames, so many times.
pub fn frames(run: &Timeline, count: u64) -> u64 {
    let mut frame = Frame::default();
    for _ in 0..count {
        black_box(frame.fill(&Scene { sim: run.sim(), trace: run.trace(), samples: run.history().end() }, true));
    }
    count
}
