//! Exchanges at exact times: two ends, a path of half a millisecond each way, and segments lost by choice.

use super::*;
use crate::engine::LocalTime;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write as _;

/// One-way delay of the test path.
const DELAY: Span = Span::from_us(500);

fn ms(n: u64) -> LocalTime {
    LocalTime::from_ns(n * 1_000_000)
}

/// The defaults, with exact timers.
fn exact() -> Config {
    Config { tick: Span::ZERO, ..Config::default() }
}

/// One segment as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sent {
    at: LocalTime,
    from: usize,
    segment: Segment,
    lost: bool,
}

/// Two ends and what is on its way between them. Programs read at once unless they are paused.
struct Pair {
    now: LocalTime,
    ends: [Option<Conn>; 2],
    configs: [Config; 2],
    wire: BTreeMap<(LocalTime, u64), (usize, Segment)>,
    sent: Vec<Sent>,
    events: Vec<(LocalTime, usize, ConnEvent)>,
    paused: [bool; 2],
    read: [u64; 2],
    /// Whether the n-th segment from an end is lost.
    lose: fn(usize, usize, &Segment) -> bool,
    counts: [usize; 2],
    out: Out,
}

impl Pair {
    fn with(configs: [Config; 2], lose: fn(usize, usize, &Segment) -> bool) -> Self {
        let mut pair = Self {
            now: LocalTime::ZERO,
            ends: [None, None],
            configs,
            wire: BTreeMap::new(),
            sent: Vec::new(),
            events: Vec::new(),
            paused: [false; 2],
            read: [0; 2],
            lose,
            counts: [0; 2],
            out: Out::default(),
        };
        pair.ends[0] = Some(Conn::connect(&configs[0], pair.now, &mut pair.out));
        pair.flush(0);
        pair
    }
    fn new(lose: fn(usize, usize, &Segment) -> bool) -> Self {
        Self::with([exact(); 2], lose)
    }
    /// Established, quiet, and the log forgotten.
    fn established(lose: fn(usize, usize, &Segment) -> bool) -> Self {
        let mut pair = Self::new(|_, _, _| false);
        pair.run(ms(10));
        pair.forget();
        pair.lose = lose;
        pair
    }
    fn forget(&mut self) {
        self.sent.clear();
        self.events.clear();
        self.counts = [0; 2];
    }
    fn end(&self, side: usize) -> &Conn {
        self.ends[side].as_ref().expect("the end exists")
    }
    fn act(&mut self, side: usize, what: impl FnOnce(&mut Conn, LocalTime, &mut Out)) {
        let end = self.ends[side].as_mut().expect("the end exists");
        what(end, self.now, &mut self.out);
        self.flush(side);
    }
    fn flush(&mut self, side: usize) {
        loop {
            for segment in core::mem::take(&mut self.out.segments) {
                let n = self.counts[side];
                self.counts[side] += 1;
                let lost = (self.lose)(side, n, &segment);
                self.sent.push(Sent { at: self.now, from: side, segment, lost });
                if !lost {
                    let id = self.sent.len() as u64;
                    self.wire.insert((self.now + DELAY, id), (1 - side, segment));
                }
            }
            let mut to_read = 0;
            for event in core::mem::take(&mut self.out.events) {
                self.events.push((self.now, side, event));
                if let ConnEvent::Readable { upto } = event
                    && !self.paused[side]
                {
                    to_read = upto - self.read[side];
                }
            }
            if to_read == 0 {
                break;
            }
            self.read[side] += to_read;
            let end = self.ends[side].as_mut().expect("it just spoke");
            end.read(self.now, to_read as u32, &mut self.out);
        }
    }
    /// Runs until nothing is left to do before `until`.
    fn run(&mut self, until: LocalTime) {
        loop {
            let wire = self.wire.first_key_value().map(|((at, _), _)| *at);
            let timers = [0, 1].map(|side| self.ends[side].as_ref().and_then(Conn::next_timer));
            let next = [wire, timers[0], timers[1]].into_iter().flatten().min();
            let Some(at) = next.filter(|at| *at <= until) else {
                self.now = until;
                return;
            };
            assert!(at >= self.now, "a timer in the past: {at:?} at {:?}", self.now);
            self.now = at;
            if wire == Some(at) {
                let (_, (side, segment)) = self.wire.pop_first().expect("there is one");
                if self.ends[side].is_none() {
                    let config = self.configs[side];
                    self.ends[side] = Some(Conn::accept(&config, at, &segment, &mut self.out));
                    self.flush(side);
                } else {
                    self.act(side, |end, now, out| end.on_segment(now, &segment, out));
                }
            } else {
                let side = usize::from(timers[0] != Some(at));
                self.act(side, |end, now, out| end.on_timer(now, out));
            }
        }
    }
    /// The log of one side: "ms seq+len" per segment with data, "ms ack n" for others.
    fn log(&self, side: usize) -> Vec<String> {
        let mut lines = Vec::new();
        for sent in self.sent.iter().filter(|s| s.from == side) {
            let mut line = (sent.at.ns() / 100_000).to_string();
            let s = &sent.segment;
            let kind = match s.flags.bits() {
                2 => "SYN",
                18 => "SYN-ACK",
                4 | 20 => "RST",
                17 => "FIN",
                _ if s.len > 0 => "data",
                _ => "ack",
            };
            let dot = line.split_off(line.len().saturating_sub(1));
            let whole = if line.is_empty() { "0" } else { &line };
            let mut text = String::new();
            write!(text, "{whole}.{dot} {kind} ").expect("a string takes all");
            if s.len > 0 {
                write!(text, "{}+{}", s.seq, s.len).expect("a string takes all");
            } else {
                write!(text, "{}", s.ack).expect("a string takes all");
            }
            for (start, end) in s.sack_blocks() {
                write!(text, " sack {start}-{end}").expect("a string takes all");
            }
            lines.push(text);
        }
        lines
    }
}

#[test]
fn a_handshake_and_a_message() {
    let mut pair = Pair::new(|_, _, _| false);
    pair.act(0, |end, now, out| end.write(now, 100, out));
    pair.run(ms(500));
    assert_eq!(pair.log(0), ["0.0 SYN 0", "1.0 ack 1", "1.0 data 1+100"]);
    assert_eq!(pair.log(1), ["0.5 SYN-ACK 1", "1.5 ack 101"]);
    assert_eq!(
        pair.events,
        [
            (ms(1), 0, ConnEvent::Connected),
            (LocalTime::from_ns(1_500_000), 1, ConnEvent::Connected),
            (LocalTime::from_ns(1_500_000), 1, ConnEvent::Readable { upto: 100 }),
        ]
    );
    assert_eq!(pair.end(0).unacked_bytes(), 0);
    assert_eq!(pair.end(0).srtt(), Some(Span::from_ms(1)));
}

#[test]
fn a_lost_syn_goes_again_every_second_and_then_doubles() {
    let mut pair = Pair::new(|from, n, _| from == 0 && n < 7);
    pair.run(ms(40_000));
    let times: Vec<u64> = pair
        .sent
        .iter()
        .filter(|s| s.segment.flags.contains(Flags::SYN) && s.from == 0)
        .map(|s| s.at.ns() / 1_000_000_000)
        .collect();
    assert_eq!(times, [0, 1, 2, 3, 4, 5, 7, 11]);
    assert!(pair.events.contains(&(ms(11_001), 0, ConnEvent::Connected)));
    // More than one SYN was lost: one segment to begin with (RFC 5681, section 3.1).
    assert_eq!(pair.end(0).cwnd(), 1);
}

#[test]
fn without_the_linear_phase_a_syn_goes_again_at_1_and_3_seconds() {
    let config = Config { syn_linear_timeouts: 0, ..exact() };
    let mut pair = Pair::with([config; 2], |from, n, _| from == 0 && n < 2);
    pair.run(ms(4_000));
    assert_eq!(pair.log(0)[..3], ["0.0 SYN 0", "1000.0 SYN 0", "3000.0 SYN 0"]);
    let mut dead = Pair::with([config; 2], |_, _, _| true);
    dead.run(ms(200_000));
    assert_eq!(dead.counts[0], 7);
    assert_eq!(dead.events, [(ms(127_000), 0, ConnEvent::Failed(Reason::HandshakeTimeout))]);
}

#[test]
fn a_lost_syn_ack_is_repeated_by_either_side() {
    let mut pair = Pair::new(|from, n, _| from == 1 && n == 0);
    pair.run(ms(2_000));
    assert!(pair.events.contains(&(ms(1_001), 0, ConnEvent::Connected)));
    assert_eq!(pair.log(1)[0], "0.5 SYN-ACK 1");
}

#[test]
fn a_host_without_a_listener_refuses() {
    let mut out = Out::default();
    let mut conn = Conn::connect(&exact(), LocalTime::ZERO, &mut out);
    let reset = Conn::reset_reply(&out.segments[0]).expect("a SYN is answered");
    assert_eq!(Conn::reset_reply(&reset), None);
    out.clear();
    conn.on_segment(ms(1), &reset, &mut out);
    assert_eq!(out.events, [ConnEvent::Failed(Reason::Refused)]);
    assert_eq!((conn.state(), conn.next_timer()), (State::Closed, None));
}

#[test]
fn a_lost_small_message_is_probed_after_200_ms_and_then_doubles() {
    // Nothing arrives any more.
    let mut pair = Pair::established(|_, _, _| true);
    pair.act(0, |end, now, out| end.write(now, 100, out));
    pair.run(ms(30_000));
    let at: Vec<u64> = pair.sent.iter().map(|s| s.at.ns() / 1_000_000).collect();
    // The timeout is 201 ms (1 ms + 200 ms), the probe's 202 ms is later: the timeout's time is used. The probe comes
    // first, the timeout one timeout after it, and from then on it doubles.
    assert_eq!(at, [10, 211, 412, 814, 1_618, 3_226, 6_442, 12_874, 25_738]);
    assert_eq!((pair.end(0).backoff(), pair.end(0).cwnd()), (7, 1));
}

#[test]
fn the_whole_ladder_takes_924_seconds() {
    let mut pair = Pair::established(|_, _, _| true);
    pair.act(0, |end, now, out| end.write(now, 100, out));
    pair.run(ms(1_200_000));
    let (at, side, event) = pair.events[0];
    assert_eq!((side, event), (0, ConnEvent::Failed(Reason::RetransmitLimit)));
    let seconds = at.ns() / 1_000_000_000;
    assert!((924..1_050).contains(&seconds), "gave up after {seconds} s");
    assert_eq!(timers::model_timeout(15, rtt::RTO_MIN), Span::from_ms(924_600));
    assert_eq!(timers::model_timeout(8, rtt::RTO_MIN), Span::from_ms(102_200));
}

#[test]
fn a_lost_tail_is_probed_after_two_round_trips() {
    let mut pair = Pair::established(|from, n, _| from == 0 && n == 2);
    pair.act(0, |end, now, out| end.write(now, 3 * 1_448, out));
    pair.run(ms(400));
    // The third segment is lost. The acknowledgement of the others leaves one outstanding, a single one, so the probe
    // comes 200 ms later; with two of them outstanding it would come after 2 x srtt + 2 ms.
    assert_eq!(pair.log(0), ["10.0 data 1+1448", "10.0 data 1449+1448", "10.0 data 2897+1448", "212.0 data 2897+1448"]);
    let mut pair = Pair::established(|from, n, _| from == 0 && (n == 1 || n == 2));
    pair.act(0, |end, now, out| end.write(now, 3 * 1_448, out));
    pair.run(ms(400));
    // The probe is the last segment again; its report shows the hole, which is repaired at once.
    assert_eq!(pair.log(0)[3..], ["15.0 data 2897+1448", "16.0 data 1449+1448"]);
    assert_eq!(pair.read[1], 3 * 1_448);
}

#[test]
fn a_lost_middle_is_repaired_by_the_reports_of_later_segments() {
    let mut pair = Pair::established(|from, n, _| from == 0 && n == 1);
    pair.act(0, |end, now, out| end.write(now, 6 * 1_448, out));
    pair.run(ms(100));
    // Three reports, so there is no waiting for reordering: one round trip.
    assert_eq!(pair.log(0)[6..], ["11.0 data 1449+1448"]);
    let acks = pair.log(1);
    assert!(acks.contains(&"10.5 ack 1449 sack 2897-8689".to_string()), "{acks:?}");
    assert_eq!(acks.last().map(String::as_str), Some("11.5 ack 8689"));
    // 0.7 of ten segments.
    assert_eq!((pair.end(0).ssthresh(), pair.end(0).cwnd()), (7, 7));
    assert_eq!(pair.end(0).congestion(), Congestion::Open);
}

#[test]
fn a_lost_repair_is_found_by_later_deliveries() {
    let lose = |from, n, s: &Segment| from == 0 && s.seq == 1_449 && n < 15;
    let mut pair = Pair::established(lose);
    pair.act(0, |end, now, out| end.write(now, 40 * 1_448, out));
    pair.run(ms(100));
    let copies: Vec<_> = pair
        .sent
        .iter()
        .filter(|s| s.from == 0 && s.segment.seq == 1_449)
        .map(|s| (s.at.ns() / 100_000, s.lost))
        .collect();
    // The original, the repair a round trip later, and its own repair a round trip after that.
    assert_eq!(copies, [(100, true), (110, true), (120, false)]);
    assert_eq!(pair.read[1], 40 * 1_448);
}

#[test]
fn acknowledgements_wait_40_ms_unless_the_program_reads_or_answers() {
    // After the first sixteen the receiver stops acknowledging at once. It is paused, so reading doesn't acknowledge.
    let mut pair = Pair::established(|_, _, _| false);
    for _ in 0..20 {
        pair.act(0, |end, now, out| end.write(now, 100, out));
        let until = pair.now + Span::from_ms(10);
        pair.run(until);
    }
    pair.forget();
    pair.paused[1] = true;
    let now = pair.now;
    pair.act(0, |end, now, out| end.write(now, 100, out));
    pair.run(now + Span::from_ms(100));
    let ack = pair.sent.iter().find(|s| s.from == 1).expect("an ack");
    assert_eq!(ack.at, now + DELAY + Span::from_ms(40));
    // A program that answers carries the acknowledgement: no segment of its own.
    pair.paused[1] = false;
    pair.read[1] += 100;
    pair.act(1, |end, now, out| end.read(now, 100, out));
    pair.forget();
    pair.act(0, |end, now, out| end.write(now, 2_000, out));
    let until = pair.now + DELAY;
    pair.run(until);
    pair.forget();
    pair.act(1, |end, now, out| end.write(now, 50, out));
    let until = pair.now + Span::from_ms(20);
    pair.run(until);
    assert!(pair.log(1)[0].contains("data"), "{:?}", pair.log(1));
    assert_eq!(pair.end(0).unacked_bytes(), 0);
}

#[test]
fn every_second_full_segment_is_acknowledged_at_once() {
    let mut pair = Pair::established(|_, _, _| false);
    pair.act(0, |end, now, out| end.write(now, 100 * 1_448, out));
    pair.run(ms(100));
    let acks = pair.sent.iter().filter(|s| s.from == 1).count();
    assert!((50..70).contains(&acks), "{acks} acknowledgements of 100 segments");
}

#[test]
fn a_paused_program_closes_the_window_and_opens_it_again() {
    let mut pair = Pair::established(|_, _, _| false);
    pair.paused[1] = true;
    pair.act(0, |end, now, out| end.write(now, 100_000, out));
    pair.run(ms(5_000));
    let end = pair.end(0);
    // The kernel goes on acknowledging until 64 KiB are full.
    let held = 100_000 - end.unacked_bytes();
    assert!((64_000..=65_536).contains(&held), "{held} bytes held");
    assert_eq!(end.in_flight(), 0);
    let probes: Vec<u64> = pair
        .sent
        .iter()
        .filter(|s| s.from == 0 && s.segment.len == 0 && s.at > ms(100))
        .map(|s| s.at.ns() / 1_000_000)
        .collect();
    assert!(probes.len() >= 4, "{probes:?}");
    assert!(probes.windows(3).all(|w| w[2] - w[1] >= 2 * (w[1] - w[0]) - 5), "{probes:?}");
    // Reading opens the window by itself: no probe is waited for.
    pair.forget();
    pair.paused[1] = false;
    pair.read[1] = held;
    let now = pair.now;
    pair.act(1, |end, now, out| end.read(now, held as u32, out));
    pair.run(now + Span::from_ms(50));
    assert_eq!(pair.read[1], 100_000);
}

#[test]
fn a_lost_window_update_is_found_out_by_a_probe() {
    // The update is lost, and everything else for a second.
    let mut pair = Pair::established(|_, _, _| false);
    pair.paused[1] = true;
    pair.act(0, |end, now, out| end.write(now, 100_000, out));
    pair.run(ms(1_000));
    let held = (100_000 - pair.end(0).unacked_bytes()) as u32;
    pair.lose = |from, _, _| from == 1;
    pair.paused[1] = false;
    pair.read[1] = u64::from(held);
    pair.act(1, |end, now, out| end.read(now, held, out));
    pair.run(ms(1_100));
    pair.lose = |_, _, _| false;
    pair.run(ms(10_000));
    assert_eq!(pair.read[1], 100_000);
}

#[test]
fn the_user_timeout_counts_from_the_first_retransmission() {
    let config = Config { user_timeout: Some(Span::from_secs(10)), ..exact() };
    let mut pair = Pair::with([config; 2], |_, _, _| false);
    pair.run(ms(10));
    pair.forget();
    pair.lose = |_, _, _| true;
    pair.act(0, |end, now, out| end.write(now, 100, out));
    pair.run(ms(60_000));
    // Sent at 10 ms, probed at 211, timed out and sent again at 412: ten seconds from then on.
    assert_eq!(pair.events, [(ms(10_412), 0, ConnEvent::Failed(Reason::UserTimeout))]);
}

#[test]
fn keepalive_finds_a_dead_peer_and_leaves_a_live_one() {
    let config = Config {
        keepalive: Some(Keepalive { idle: Span::from_secs(15), interval: Span::from_secs(15), probes: 9 }),
        ..exact()
    };
    let mut pair = Pair::with([config, exact()], |_, _, _| false);
    pair.run(ms(100_000));
    let probes = pair.sent.iter().filter(|s| s.from == 0 && s.at > ms(10)).count();
    assert_eq!((probes, pair.end(0).state()), (6, State::Established));
    pair.forget();
    pair.lose = |_, _, _| true;
    pair.run(ms(400_000));
    let [(at, 0, ConnEvent::Failed(Reason::KeepaliveTimeout))] = pair.events[..] else { panic!("{:?}", pair.events) };
    assert!((ms(240_000)..ms(245_000)).contains(&at), "{at:?}");
}

#[test]
fn both_sides_close_and_the_endpoints_are_gone() {
    let mut pair = Pair::established(|_, _, _| false);
    pair.act(0, |end, now, out| end.write(now, 100, out));
    pair.act(0, |end, now, out| end.close(now, out));
    pair.run(ms(20));
    assert!(pair.events.iter().any(|e| (e.1, e.2) == (1, ConnEvent::PeerClosed)));
    assert_eq!(pair.end(0).state(), State::FinWait2);
    pair.act(1, |end, now, out| end.close(now, out));
    pair.run(ms(30));
    let closed: Vec<usize> = pair.events.iter().filter(|e| e.2 == ConnEvent::Closed).map(|e| e.1).collect();
    assert_eq!(closed, [0, 1]);
    assert_eq!(pair.end(0).next_timer(), None);
    assert_eq!(pair.end(1).next_timer(), None);
}

#[test]
fn an_abort_resets_the_other_side() {
    let mut pair = Pair::established(|_, _, _| false);
    pair.act(0, |end, now, out| end.abort(now, out));
    pair.run(ms(20));
    let both: Vec<_> = pair.events.iter().map(|e| (e.1, e.2)).collect();
    assert_eq!(both, [(0, ConnEvent::Closed), (1, ConnEvent::Failed(Reason::Reset))]);
}

#[test]
fn a_host_that_forgot_the_connection_resets_it() {
    let mut pair = Pair::established(|_, _, _| false);
    let mut out = Out::default();
    pair.act(0, |end, now, out| end.write(now, 100, out));
    let data = pair.sent[0].segment;
    let reset = Conn::reset_reply(&data).expect("data is answered");
    let end = pair.ends[0].as_mut().expect("it exists");
    end.on_segment(ms(12), &reset, &mut out);
    assert_eq!(out.events, [ConnEvent::Failed(Reason::Reset)]);
}

#[test]
fn a_hole_holds_back_what_is_behind_it() {
    let mut pair = Pair::established(|from, n, _| from == 0 && n == 0);
    for _ in 0..3 {
        pair.act(0, |end, now, out| end.write(now, 100, out));
    }
    pair.run(ms(10) + Span::from_us(900));
    assert_eq!(pair.read[1], 0);
    pair.run(ms(400));
    let readable: Vec<_> = pair.events.iter().filter(|e| e.1 == 1).map(|e| e.2).collect();
    assert_eq!(readable, [ConnEvent::Readable { upto: 300 }]);
}

#[test]
fn a_full_send_buffer_says_so_once_and_then_when_a_third_is_free() {
    let mut pair = Pair::established(|_, _, _| true);
    for _ in 0..6 {
        pair.act(0, |end, now, out| end.write(now, 10_000, out));
    }
    assert_eq!(pair.events, [(ms(10), 0, ConnEvent::Full)]);
    pair.lose = |_, _, _| false;
    pair.run(ms(2_000));
    let last = pair.events.iter().rfind(|e| e.1 == 0);
    assert_eq!(last.map(|e| e.2), Some(ConnEvent::Writable));
    assert_eq!(pair.end(0).unacked_bytes(), 0);
}

#[test]
fn an_unused_window_does_not_grow_and_an_idle_one_decays() {
    let mut pair = Pair::established(|_, _, _| false);
    for _ in 0..200 {
        pair.act(0, |end, now, out| end.write(now, 100, out));
        let until = pair.now + Span::from_ms(10);
        pair.run(until);
    }
    assert_eq!(pair.end(0).cwnd(), 10);
    pair.act(0, |end, now, out| end.write(now, 400_000, out));
    let until = pair.now + Span::from_ms(100);
    pair.run(until);
    let wide = pair.end(0).cwnd();
    assert!(wide >= 80, "cwnd {wide}");
    // 201 ms of silence count once, and then one halving for each.
    let until = pair.now + Span::from_ms(450);
    pair.run(until);
    pair.act(0, |end, now, out| end.write(now, 100, out));
    let narrow = pair.end(0).cwnd();
    assert!((wide / 4..=wide / 2).contains(&narrow), "{wide} to {narrow}");
}

#[test]
fn a_timeout_that_proves_wrong_is_taken_back() {
    // The acknowledgements of the first window are lost: the data has arrived.
    let mut pair = Pair::established(|from, _, _| from == 1);
    pair.act(0, |end, now, out| end.write(now, 8 * 1_448, out));
    pair.run(ms(300));
    assert_eq!(pair.end(0).congestion(), Congestion::Loss);
    pair.lose = |_, _, _| false;
    pair.run(ms(2_000));
    let end = pair.end(0);
    assert_eq!(end.unacked_bytes(), 0);
    assert_eq!((end.congestion(), end.backoff()), (Congestion::Open, 0));
    assert!(end.cwnd() >= 10, "cwnd {} after an undo", end.cwnd());
    assert_eq!(end.ssthresh(), state::INFINITE_SSTHRESH);
}

#[test]
fn timers_go_off_on_ticks_and_never_early() {
    let mut out = Out::default();
    let conn = Conn::connect(&Config::default(), LocalTime::ZERO, &mut out);
    for wait_us in [1, 4_000, 40_000, 204_000, 300_000, 3_000_000, 100_000_000] {
        let wait = Span::from_us(wait_us);
        let now = LocalTime::from_ns(1_234_567_891);
        let late = conn.deadline(now, wait).since(now) - wait;
        assert!(conn.deadline(now, wait).ns().is_multiple_of(4_000_000));
        // Up to two ticks, or an eighth of the wait on the coarser levels.
        assert!(late <= Span::from_ms(8).max(wait.scale(1, 7)), "{wait:?} late by {late:?}");
    }
}

#[test]
fn short_messages_are_sent_again_as_one_segment() {
    // Everything is lost for a while: three messages, three segments.
    let mut pair = Pair::established(|_, _, _| true);
    for _ in 0..3 {
        pair.act(0, |end, now, out| end.write(now, 100, out));
        let until = pair.now + Span::from_ms(1);
        pair.run(until);
    }
    pair.forget();
    pair.lose = |_, _, _| false;
    pair.run(ms(400));
    // The probe is the last message; what it reports missing goes again in one piece.
    assert_eq!(pair.log(0)[1..], ["17.0 data 1+200"]);
    assert_eq!(pair.read[1], 300);
}

#[test]
fn a_timeout_takes_the_whole_flight_for_lost() {
    let mut pair = Pair::established(|_, _, _| true);
    pair.act(0, |end, now, out| end.write(now, 8 * 1_448, out));
    // Probe at 14 ms, timeout a timeout later.
    pair.run(ms(230));
    let end = pair.end(0);
    assert_eq!((end.congestion(), end.cwnd(), end.in_flight()), (Congestion::Loss, 1, 1));
    // Slow start repairs it: 1, 2, 4 segments per round trip.
    pair.lose = |_, _, _| false;
    pair.forget();
    pair.run(ms(1_000));
    let at: Vec<u64> = pair.sent.iter().filter(|s| s.from == 0).map(|s| s.at.ns() / 1_000_000).collect();
    assert_eq!(at.iter().filter(|t| **t == at[0]).count(), 1);
    assert_eq!(at.iter().filter(|t| **t == at[0] + 1).count(), 2);
    assert_eq!(pair.read[1], 8 * 1_448);
}

#[test]
fn bbr_gives_the_window_back_with_the_first_acknowledgement() {
    let config = Config { bbr: true, ..exact() };
    let mut pair = Pair::with([config; 2], |_, _, _| false);
    pair.run(ms(10));
    let before = pair.end(0).cwnd();
    pair.lose = |_, _, _| true;
    pair.act(0, |end, now, out| end.write(now, 3 * 1_448, out));
    pair.run(ms(230));
    assert_eq!((pair.end(0).congestion(), pair.end(0).cwnd()), (Congestion::Loss, 1));
    pair.lose = |_, _, _| false;
    pair.run(ms(1_000));
    // CUBIC would be left with two segments and grow from there.
    assert!(pair.end(0).cwnd() >= before, "{} after {before}", pair.end(0).cwnd());
    assert_eq!(pair.read[1], 3 * 1_448);
}

#[test]
fn bbr_spreads_what_it_sends() {
    let config = Config { bbr: true, ..exact() };
    let mut pair = Pair::with([config; 2], |_, _, _| false);
    pair.run(ms(10));
    pair.forget();
    pair.act(0, |end, now, out| end.write(now, 400_000, out));
    pair.run(ms(2_000));
    assert_eq!(pair.read[1], 400_000);
    let mut at: Vec<LocalTime> = pair.sent.iter().filter(|s| s.from == 0).map(|s| s.at).collect();
    at.dedup();
    assert!(at.len() > 10, "{} bursts", at.len());
}

#[test]
fn a_silly_window_is_not_offered() {
    let mut pair = Pair::established(|_, _, _| false);
    pair.paused[1] = true;
    pair.act(0, |end, now, out| end.write(now, 100_000, out));
    pair.run(ms(500));
    pair.forget();
    // A little room isn't worth an acknowledgement, nor is it offered when a probe asks.
    pair.act(1, |end, now, out| end.read(now, 1_000, out));
    pair.run(ms(5_000));
    let offers: Vec<u32> = pair.sent.iter().filter(|s| s.from == 1).map(|s| s.segment.window).collect();
    // What was left of the window stays; the thousand bytes aren't added to it.
    assert!(offers.len() > 1 && offers.iter().all(|w| *w < 1_000), "{offers:?}");
}

#[test]
fn the_fourth_report_of_a_hole_waits_and_speaks_for_the_rest() {
    let mut pair = Pair::established(|from, n, _| from == 0 && n == 0);
    // The receiver has used up its quick acknowledgements.
    pair.lose = |_, _, _| false;
    for _ in 0..20 {
        pair.act(0, |end, now, out| end.write(now, 1_448, out));
        let until = pair.now + Span::from_ms(50);
        pair.run(until);
    }
    pair.forget();
    pair.lose = |from, n, _| from == 0 && n == 0;
    pair.act(0, |end, now, out| end.write(now, 10 * 1_448, out));
    let until = pair.now + DELAY;
    pair.run(until);
    let reports = pair.sent.iter().filter(|s| s.from == 1).count();
    assert_eq!(reports, 3);
    let until = pair.now + Span::from_us(250);
    pair.run(until);
    let held = pair.sent.iter().rfind(|s| s.from == 1).expect("it comes");
    let (start, end) = held.segment.sack[0];
    assert_eq!(end - start, 9 * 1_448);
}

#[test]
fn a_sender_waits_for_a_third_of_its_window() {
    // Of ten segments two arrive, out of order.
    let mut pair = Pair::established(|from, n, _| from == 0 && n != 1 && n != 2);
    pair.act(0, |end, now, out| end.write(now, 40 * 1_448, out));
    pair.run(ms(11) + Span::from_us(200));
    // Two reports make room for two of ten, which would find the loss early. The kernel waits for more.
    assert_eq!((pair.end(0).in_flight(), pair.end(0).cwnd()), (8, 10));
    assert_eq!(pair.counts[0], 10);
    assert_eq!(pair.end(0).congestion(), Congestion::Disorder);
}
