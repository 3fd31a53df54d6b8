//! Whatever is lost, a connection delivers its bytes in order, and all of them once losses end.

use brownout_core::engine::{LocalTime, Span};
use brownout_core::net::Segment;
use brownout_core::net::tcp::{Config, Conn, ConnEvent, Out};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Losses end after this.
const LOSSY: Span = Span::from_secs(60);
/// By then everything must have arrived: a whole backed-off timeout and more.
const END: Span = Span::from_secs(600);

/// One direction's loss pattern: a bit per packet, over and over.
type Pattern = Vec<bool>;

struct World {
    now: LocalTime,
    ends: [Option<Conn>; 2],
    config: Config,
    wire: BTreeMap<(LocalTime, u64), (usize, Segment)>,
    serial: u64,
    counts: [usize; 2],
    patterns: [Pattern; 2],
    delay: Span,
    out: Out,
    received: [u64; 2],
    written: [u64; 2],
    connected: [bool; 2],
    slow_reader: bool,
    unread: [u64; 2],
}

impl World {
    fn new(config: Config, patterns: [Pattern; 2], delay: Span, slow_reader: bool) -> Self {
        let mut out = Out::default();
        let client = Conn::connect(&config, LocalTime::ZERO, &mut out);
        let mut world = Self {
            now: LocalTime::ZERO,
            ends: [Some(client), None],
            config,
            wire: BTreeMap::new(),
            serial: 0,
            counts: [0; 2],
            patterns,
            delay,
            out,
            received: [0; 2],
            written: [0; 2],
            connected: [false; 2],
            slow_reader,
            unread: [0; 2],
        };
        world.flush(0);
        world
    }
    fn lost(&mut self, side: usize) -> bool {
        let n = self.counts[side];
        self.counts[side] += 1;
        let pattern = &self.patterns[side];
        let lossy = self.now.since(LocalTime::ZERO) < LOSSY;
        lossy && !pattern.is_empty() && pattern[n % pattern.len()]
    }
    fn flush(&mut self, side: usize) {
        loop {
            for segment in std::mem::take(&mut self.out.segments) {
                if !self.lost(side) {
                    self.serial += 1;
                    let key = (self.now + self.delay, self.serial);
                    self.wire.insert(key, (1 - side, segment));
                }
            }
            let mut fresh = 0;
            for event in std::mem::take(&mut self.out.events) {
                match event {
                    ConnEvent::Connected => self.connected[side] = true,
                    ConnEvent::Readable { upto } => {
                        assert!(upto > self.received[side], "no news at {upto}");
                        assert!(upto <= self.written[1 - side], "{upto} was never written");
                        fresh += upto - self.received[side];
                        self.received[side] = upto;
                    }
                    ConnEvent::Failed(reason) => panic!("side {side} failed: {reason:?}"),
                    _ => {}
                }
            }
            self.unread[side] += fresh;
            let take = if self.slow_reader { 0 } else { self.unread[side] };
            if take == 0 {
                return;
            }
            self.read(side, take);
        }
    }
    fn read(&mut self, side: usize, bytes: u64) {
        self.unread[side] -= bytes;
        let end = self.ends[side].as_mut().expect("it has data");
        end.read(self.now, bytes as u32, &mut self.out);
    }
    fn write(&mut self, side: usize, bytes: u32) {
        if let Some(end) = &mut self.ends[side] {
            self.written[side] += u64::from(bytes);
            end.write(self.now, bytes, &mut self.out);
            self.flush(side);
        }
    }
    fn run(&mut self, until: LocalTime) {
        loop {
            let wire = self.wire.first_key_value().map(|((at, _), _)| *at);
            let timers = [0, 1].map(|side| self.ends[side].as_ref().and_then(Conn::next_timer));
            let next = [wire, timers[0], timers[1]].into_iter().flatten().min();
            let Some(at) = next.filter(|at| *at <= until) else {
                self.now = until;
                return;
            };
            assert!(at >= self.now, "a deadline in the past");
            self.now = at;
            if wire == Some(at) {
                let (_, (side, segment)) = self.wire.pop_first().expect("there is one");
                match &mut self.ends[side] {
                    Some(end) => end.on_segment(at, &segment, &mut self.out),
                    None => {
                        let end = Conn::accept(&self.config, at, &segment, &mut self.out);
                        self.ends[side] = Some(end);
                    }
                }
                self.flush(side);
            } else {
                let side = usize::from(timers[0] != Some(at));
                let end = self.ends[side].as_mut().expect("it has a timer");
                end.on_timer(at, &mut self.out);
                self.flush(side);
            }
        }
    }
}

fn pattern() -> impl Strategy<Value = Pattern> {
    (1usize..60, 0u32..70)
        .prop_flat_map(|(len, percent)| prop::collection::vec(prop::bool::weighted(f64::from(percent) / 100.0), len))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if std::env::var("BROWNOUT_QUICK").is_ok() { 64 } else { 512 }))]

    #[test]
    fn every_byte_arrives_in_order_once_losses_end(
        patterns in (pattern(), pattern()),
        writes in prop::collection::vec((0usize..2, 1u32..40_000, 0u64..3_000), 1..40),
        delay_us in 20u64..60_000,
        tick_ms in prop::sample::select(vec![0u64, 4]),
        pacing: bool,
        slow_reader: bool,
    ) {
        let config = Config {
            tick: Span::from_ms(tick_ms),
            pacing,
            // A handshake must not fail here: that is another test's.
            syn_retries: 100,
            synack_retries: 20,
            ..Config::default()
        };
        let delay = Span::from_us(delay_us);
        let mut world = World::new(config, [patterns.0, patterns.1], delay, slow_reader);
        for (side, bytes, pause_ms) in writes {
            world.write(side, bytes);
            let until = world.now + Span::from_ms(pause_ms);
            world.run(until);
            for side in 0..2 {
                let half = world.unread[side].div_ceil(2);
                if half > 0 {
                    world.read(side, half);
                    world.flush(side);
                }
            }
        }
        world.slow_reader = false;
        for side in 0..2 {
            if world.unread[side] > 0 {
                let all = world.unread[side];
                world.read(side, all);
                world.flush(side);
            }
        }
        world.run(LocalTime::ZERO + END);
        prop_assert!(world.connected == [true; 2]);
        prop_assert_eq!(world.received[0], world.written[1]);
        prop_assert_eq!(world.received[1], world.written[0]);
        for end in world.ends.iter().flatten() {
            prop_assert_eq!((end.unacked_bytes(), end.in_flight(), end.next_timer()), (0, 0, None));
        }
    }
}
