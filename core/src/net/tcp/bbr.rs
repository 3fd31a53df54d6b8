//! BBR congestion control as net/ipv4/tcp_bbr.c and tcp_rate.c do it: a model of the path in place of a reaction to loss.
//!
//! It sends at the fastest rate of delivery it saw in ten round trips, and keeps twice that in flight. A loss takes
//! nothing from the window but what was lost; only a timeout does, and the next acknowledgement gives it back. Hosts
//! whose `tcp_congestion_control` is bbr use it for every connection, those of network namespaces too.
//!
//! Left out: the window's addition for acknowledgements that come together.

use super::state::{Chunk, Congestion};
use crate::engine::{LocalTime, Span};
use alloc::collections::BTreeMap;

/// Rates are segments per microsecond, times two to this. Unit: bits. Sourced: linux net/ipv4/tcp_bbr.c#BW_SCALE.
const SCALE: u32 = 24;
/// Gains are counted in so many parts. Unit: parts. Sourced: linux net/ipv4/tcp_bbr.c#BBR_UNIT.
const UNIT: u64 = 256;
/// While the path is unknown: 2 / ln 2, to double the rate each round trip. Unit: of 256. Sourced: linux
/// net/ipv4/tcp_bbr.c#bbr_high_gain.
const HIGH: u64 = UNIT * 2885 / 1000 + 1;
/// After that: the inverse, to drain what was queued. Unit: of 256. Sourced: linux net/ipv4/tcp_bbr.c#bbr_drain_gain.
const DRAIN: u64 = UNIT * 1000 / 2885;
/// What may be in flight, in bandwidth-delay products. Unit: of 256. Sourced: linux net/ipv4/tcp_bbr.c#bbr_cwnd_gain.
const WINDOW: u64 = 2 * UNIT;
/// The rates of a cycle, a round trip each. Unit: of 256. Sourced: linux net/ipv4/tcp_bbr.c#bbr_pacing_gain.
const CYCLE: [u64; 8] = [UNIT * 5 / 4, UNIT * 3 / 4, UNIT, UNIT, UNIT, UNIT, UNIT, UNIT];
/// Which of them come first after a start, of so many. Unit: phases. Sourced: linux net/ipv4/tcp_bbr.c#bbr_cycle_rand.
/// Simplified: taken from the number of segments sent, where Linux throws dice.
const CYCLE_STARTS: u64 = 7;
/// The fastest rate counts for so many round trips. Unit: round trips. Sourced: linux net/ipv4/tcp_bbr.c#bbr_bw_rtts.
const RATE_ROUNDS: u32 = 10;
/// The shortest round trip counts for so long. Sourced: linux net/ipv4/tcp_bbr.c#bbr_min_rtt_win_sec.
const ROUND_TRIP_WINDOW: Span = Span::from_secs(10);
/// Then the window stays small so long, to see it again. Sourced: linux net/ipv4/tcp_bbr.c#bbr_probe_rtt_mode_ms.
const PROBE: Span = Span::from_ms(200);
/// No window is smaller. Unit: segments. Sourced: linux net/ipv4/tcp_bbr.c#bbr_cwnd_min_target.
const LEAST: u32 = 4;
/// The path is full when the rate did not grow by a quarter in three round trips. Unit: ratio. Sourced: linux
/// net/ipv4/tcp_bbr.c#bbr_full_bw_thresh.
const FULL_GROWTH: (u64, u64) = (5, 4);
/// In so many round trips. Unit: round trips. Sourced: linux net/ipv4/tcp_bbr.c#bbr_full_bw_cnt.
const FULL_ROUNDS: u32 = 3;
/// Round trips of a sample of the long-term rate: at least, and at most. Unit: round trips. Sourced: linux
/// net/ipv4/tcp_bbr.c#bbr_lt_intvl_min_rtts.
const LONG_ROUNDS: (u32, u32) = (4, 16);
/// Lost of delivered segments that make such a sample count. Unit: of 256. Sourced: linux
/// net/ipv4/tcp_bbr.c#bbr_lt_loss_thresh.
const LONG_LOSS: u64 = 50;
/// Two samples that are so near, or differ by so many bytes a second, are a policer's. Unit: of 256, and bytes a second.
/// Sourced: linux net/ipv4/tcp_bbr.c#bbr_lt_bw_ratio, linux net/ipv4/tcp_bbr.c#bbr_lt_bw_diff.
const LONG_NEAR: (u64, u64) = (UNIT / 8, 4000 / 8);
/// It is believed for so many round trips. Unit: round trips. Sourced: linux net/ipv4/tcp_bbr.c#bbr_lt_bw_max_rtts.
const LONG_USED: u32 = 48;
/// The pacer stays below the rate by one in so many. Unit: parts. Sourced: linux
/// net/ipv4/tcp_bbr.c#bbr_pacing_margin_percent.
const MARGIN: u64 = 100;
/// Below this rate one segment is handed over at a time. Unit: bytes a second. Sourced: linux
/// net/ipv4/tcp_bbr.c#bbr_min_tso_rate: 1.2 Mbit/s, shifted.
const SLOW: u64 = 1_200_000 >> 3;
/// Full segments in what may be handed over at once. Unit: segments. Sourced: linux
/// include/linux/netdevice.h#GSO_LEGACY_MAX_SIZE.
const HANDED: u64 = 44;
/// What TCP and IP headers add to a full segment. Unit: bytes. Sourced: linux net/ipv4/tcp_output.c#tcp_mss_to_mtu.
const HEADERS: u64 = 52;
/// A second: paces are in bytes of it. Code: a unit.
const SECOND: Span = Span::from_secs(1);

/// What it is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Mode {
    Startup,
    Drain,
    Cruise,
    ProbeRoundTrip,
}

/// What was known when a segment left. Source: `struct tcp_skb_cb`, tx.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Sent {
    first: LocalTime,
    delivered_at: LocalTime,
    delivered: u64,
    limited: bool,
}

/// The newest segment that an acknowledgement reports: how fast what came before it was delivered. Source: `struct
/// rate_sample`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Sample {
    sent: Sent,
    at: (LocalTime, u64),
}

/// What the sender knows when an acknowledgement was taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub now: LocalTime,
    pub delivered: u64,
    pub lost: u64,
    /// Of this acknowledgement alone.
    pub acked: u64,
    pub losses: u64,
    pub in_flight: u32,
    pub prior_in_flight: u32,
    /// Its newest round trip, and the shortest of the connection.
    pub rtt: Option<Span>,
    pub min_rtt: Option<Span>,
    pub srtt: Option<Span>,
    pub congestion: Congestion,
    pub cwnd: u32,
    pub mss: u32,
    pub transmissions: u64,
}

/// What BBR remembers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Bbr {
    mode: Mode,
    // tcp_rate.c: what leaves and what is delivered.
    sent: BTreeMap<u64, Sent>,
    sample: Option<Sample>,
    first_sent: LocalTime,
    delivered_at: LocalTime,
    /// Nothing waits to be sent until this much is delivered; 0: something does.
    limited_until: u64,
    // The model of the path.
    rates: [(u32, u64); 3],
    rounds: u32,
    round_ends: u64,
    round_started: bool,
    min_rtt: Option<Span>,
    min_rtt_at: LocalTime,
    full_rate: u64,
    full_rounds: u32,
    full: bool,
    // What is done with it.
    pacing_gain: u64,
    cwnd_gain: u64,
    phase: usize,
    phase_at: LocalTime,
    probe_ends: Option<LocalTime>,
    probe_round_done: bool,
    prior_cwnd: u32,
    prior_state: Congestion,
    conserves: bool,
    restarts: bool,
    /// Bytes a second.
    pacing: u64,
    seen_rtt: bool,
    // Whether somebody polices the path.
    long_sampling: bool,
    long_used: bool,
    long_rate: u64,
    long_rounds: u32,
    long_from: (LocalTime, u64, u64),
}

impl Bbr {
    pub(super) const fn new(now: LocalTime) -> Self {
        Self {
            mode: Mode::Startup,
            sent: BTreeMap::new(),
            sample: None,
            first_sent: now,
            delivered_at: now,
            limited_until: 0,
            rates: [(0, 0); 3],
            rounds: 0,
            round_ends: 0,
            round_started: false,
            min_rtt: None,
            min_rtt_at: now,
            full_rate: 0,
            full_rounds: 0,
            full: false,
            pacing_gain: HIGH,
            cwnd_gain: HIGH,
            phase: 0,
            phase_at: now,
            probe_ends: None,
            probe_round_done: false,
            prior_cwnd: 0,
            prior_state: Congestion::Open,
            conserves: false,
            restarts: false,
            pacing: 0,
            seen_rtt: false,
            long_sampling: false,
            long_used: false,
            long_rate: 0,
            long_rounds: 0,
            long_from: (now, 0, 0),
        }
    }

    // What leaves and what arrives: tcp_rate.c.

    /// A segment leaves as this of all transmissions. `alone`: nothing else was on its way.
    pub(super) fn on_sent(&mut self, now: LocalTime, order: u64, delivered: u64, alone: bool) {
        if alone {
            (self.first_sent, self.delivered_at) = (now, now);
        }
        let limited = self.limited_until > 0;
        let sent = Sent { first: self.first_sent, delivered_at: self.delivered_at, delivered, limited };
        self.sent.insert(order, sent);
    }
    /// A segment was delivered.
    pub(super) fn on_delivered(&mut self, chunk: &Chunk) {
        let Some(sent) = self.sent.remove(&chunk.order) else { return };
        let at = (chunk.sent, chunk.order);
        if self.sample.is_none_or(|sample| at > sample.at) {
            self.sample = Some(Sample { sent, at });
            self.first_sent = chunk.sent;
        }
    }
    /// The program has nothing more to send than `in_flight`: rates from now on say nothing about the path.
    pub(super) fn on_limited(&mut self, delivered: u64, in_flight: u32) {
        self.limited_until = (delivered + u64::from(in_flight)).max(1);
    }
    /// Sending begins while nothing is on its way. Source: tcp_bbr.c#bbr_cwnd_event.
    pub(super) fn on_start(&mut self, now: LocalTime, mss: u32) {
        if self.limited_until == 0 {
            return;
        }
        self.restarts = true;
        if self.mode == Mode::Cruise {
            self.set_pacing(self.rate(), UNIT, mss, None, 0);
        } else if self.mode == Mode::ProbeRoundTrip {
            self.check_probe_done(now, 0);
        }
    }
    /// Forgets what is not on its way any more: transmissions before this one.
    pub(super) fn forget(&mut self, oldest: u64) {
        while self.sent.first_key_value().is_some_and(|(order, _)| *order < oldest) {
            self.sent.pop_first();
        }
    }

    // What trouble means.

    /// A repair begins. Source: tcp_bbr.c#bbr_save_cwnd.
    pub(super) fn save(&mut self, cwnd: u32) {
        let fresh = self.prior_state < Congestion::Recovery && self.mode != Mode::ProbeRoundTrip;
        self.prior_cwnd = if fresh { cwnd } else { self.prior_cwnd.max(cwnd) };
    }
    /// The timer ran out. Source: tcp_bbr.c#bbr_set_state.
    pub(super) fn on_timeout(&mut self, delivered: u64, lost: u64, mss: u32) {
        self.prior_state = Congestion::Loss;
        self.full_rate = 0;
        self.round_started = true;
        self.sample_long(delivered, lost, 1, false, mss, 0);
    }
    /// It was no loss. Source: tcp_bbr.c#bbr_undo_cwnd.
    pub(super) fn on_undo(&mut self, delivered: u64, lost: u64) {
        (self.full_rate, self.full_rounds) = (0, 0);
        self.reset_long(delivered, lost);
    }

    // The control itself: tcp_bbr.c#bbr_main.

    /// An acknowledgement was taken. Returns the window.
    pub(super) fn on_ack(&mut self, view: &View) -> u32 {
        let mut view = *view;
        if self.limited_until > 0 && view.delivered > self.limited_until {
            self.limited_until = 0;
        }
        let sample = self.sample.take();
        if view.acked > 0 {
            self.delivered_at = view.now;
        }
        let rate = sample.and_then(|sample| self.rate_of(&sample, &view));
        self.update_rate(sample, rate, &view);
        self.update_phase(&view);
        self.check_full(sample.is_some_and(|sample| sample.sent.limited));
        self.check_drain(&view);
        self.update_round_trip(rate.is_some_and(|(delivered, _)| delivered > 0), &mut view);
        self.update_gains();
        self.set_pacing(self.rate(), self.pacing_gain, view.mss, view.srtt, view.cwnd);
        self.window(&view)
    }
    /// Segments delivered, and in how many microseconds: the longer of the times it took to send them and to hear of
    /// them. Source: tcp_rate.c#tcp_rate_gen.
    fn rate_of(&self, sample: &Sample, view: &View) -> Option<(u64, u64)> {
        let delivered = view.delivered - sample.sent.delivered;
        let sending = sample.at.0.since(sample.sent.first);
        let hearing = view.now.since(sample.sent.delivered_at);
        let interval = sending.max(hearing);
        let possible = interval.us() > 0 && view.min_rtt.is_none_or(|min| interval >= min);
        possible.then(|| (delivered, interval.us()))
    }
    fn update_rate(&mut self, sample: Option<Sample>, rate: Option<(u64, u64)>, view: &View) {
        self.round_started = false;
        let (Some(sample), Some((delivered, us))) = (sample, rate) else { return };
        if sample.sent.delivered >= self.round_ends {
            self.round_ends = view.delivered;
            self.rounds += 1;
            self.round_started = true;
            self.conserves = false;
        }
        self.sample_long(view.delivered, view.lost, view.losses, sample.sent.limited, view.mss, view.transmissions);
        let rate = (delivered << SCALE) / us;
        if !sample.sent.limited || rate >= self.rates[0].1 {
            self.note_rate(rate);
        }
    }
    /// The fastest of the last round trips. Source: lib/win_minmax.c#minmax_running_max.
    fn note_rate(&mut self, rate: u64) {
        let now = (self.rounds, rate);
        let rates = &mut self.rates;
        if rate >= rates[0].1 || self.rounds - rates[2].0 > RATE_ROUNDS {
            *rates = [now; 3];
            return;
        }
        if rate >= rates[1].1 {
            (rates[1], rates[2]) = (now, now);
        } else if rate >= rates[2].1 {
            rates[2] = now;
        }
        let age = self.rounds - rates[0].0;
        if age > RATE_ROUNDS {
            *rates = [rates[1], rates[2], now];
            if self.rounds - rates[0].0 > RATE_ROUNDS {
                *rates = [rates[1], rates[2], now];
            }
        } else if rates[1].0 == rates[0].0 && age > RATE_ROUNDS / 4 {
            (rates[1], rates[2]) = (now, now);
        } else if rates[2].0 == rates[1].0 && age > RATE_ROUNDS / 2 {
            rates[2] = now;
        }
    }
    const fn rate(&self) -> u64 {
        if self.long_used { self.long_rate } else { self.rates[0].1 }
    }

    // A policer shows in a rate that losses keep returning to: tcp_bbr.c#bbr_lt_bw_sampling.

    fn sample_long(&mut self, delivered: u64, lost: u64, losses: u64, limited: bool, mss: u32, dice: u64) {
        if self.long_used {
            if self.mode == Mode::Cruise && self.round_started {
                self.long_rounds += 1;
                if self.long_rounds >= LONG_USED {
                    self.reset_long(delivered, lost);
                    self.cruise(dice);
                }
            }
            return;
        }
        if !self.long_sampling {
            if losses == 0 {
                return;
            }
            self.begin_long(delivered, lost);
            self.long_sampling = true;
        }
        if limited {
            return self.reset_long(delivered, lost);
        }
        self.long_rounds += u32::from(self.round_started);
        if self.long_rounds < LONG_ROUNDS.0 {
            return;
        }
        if self.long_rounds > LONG_ROUNDS.1 {
            return self.reset_long(delivered, lost);
        }
        let (from, delivered_then, lost_then) = self.long_from;
        let (lost_since, delivered_since) = (lost - lost_then, delivered - delivered_then);
        let ms = self.delivered_at.since(from).ms();
        if losses == 0 || delivered_since == 0 || lost_since * UNIT < LONG_LOSS * delivered_since || ms < 1 {
            return;
        }
        let rate = (delivered_since << SCALE) / (ms * 1_000);
        let apart = rate.abs_diff(self.long_rate);
        let near = apart * UNIT <= LONG_NEAR.0 * self.long_rate || bytes_per_second(apart, UNIT, mss) <= LONG_NEAR.1;
        if self.long_rate > 0 && near {
            self.long_rate = (rate + self.long_rate) / 2;
            (self.long_used, self.pacing_gain, self.long_rounds) = (true, UNIT, 0);
        } else {
            self.long_rate = rate;
            self.begin_long(delivered, lost);
        }
    }
    const fn begin_long(&mut self, delivered: u64, lost: u64) {
        self.long_from = (self.delivered_at, delivered, lost);
        self.long_rounds = 0;
    }
    const fn reset_long(&mut self, delivered: u64, lost: u64) {
        (self.long_rate, self.long_used, self.long_sampling) = (0, false, false);
        self.begin_long(delivered, lost);
    }

    // Modes and phases.

    fn update_phase(&mut self, view: &View) {
        if self.mode != Mode::Cruise {
            return;
        }
        let whole = self.min_rtt.is_some_and(|min| self.delivered_at.since(self.phase_at) > min);
        let flight = u64::from(view.prior_in_flight);
        let fastest = self.rates[0].1;
        let over = if self.pacing_gain == UNIT {
            whole
        } else if self.pacing_gain > UNIT {
            whole && (view.losses > 0 || flight >= self.in_flight_for(fastest, self.pacing_gain, view.mss))
        } else {
            whole || flight <= self.in_flight_for(fastest, UNIT, view.mss)
        };
        if over {
            self.next_phase();
        }
    }
    const fn next_phase(&mut self) {
        self.phase = (self.phase + 1) % CYCLE.len();
        self.phase_at = self.delivered_at;
    }
    fn cruise(&mut self, dice: u64) {
        self.mode = Mode::Cruise;
        self.phase = CYCLE.len() - 1 - (dice % CYCLE_STARTS) as usize;
        self.next_phase();
    }
    fn check_full(&mut self, limited: bool) {
        if self.full || !self.round_started || limited {
            return;
        }
        let fastest = self.rates[0].1;
        if fastest * FULL_GROWTH.1 >= self.full_rate * FULL_GROWTH.0 {
            (self.full_rate, self.full_rounds) = (fastest, 0);
            return;
        }
        self.full_rounds += 1;
        self.full = self.full_rounds >= FULL_ROUNDS;
    }
    fn check_drain(&mut self, view: &View) {
        if self.mode == Mode::Startup && self.full {
            self.mode = Mode::Drain;
        }
        let drained = self.in_flight_for(self.rates[0].1, UNIT, view.mss);
        if self.mode == Mode::Drain && u64::from(view.in_flight) <= drained {
            self.cruise(view.transmissions);
        }
    }
    fn update_round_trip(&mut self, delivers: bool, view: &mut View) {
        let old = view.now.since(self.min_rtt_at) > ROUND_TRIP_WINDOW;
        if let Some(rtt) = view.rtt.filter(|rtt| old || self.min_rtt.is_none_or(|min| *rtt < min)) {
            (self.min_rtt, self.min_rtt_at) = (Some(rtt), view.now);
        }
        if old && !self.restarts && self.mode != Mode::ProbeRoundTrip {
            self.save(view.cwnd);
            (self.mode, self.probe_ends) = (Mode::ProbeRoundTrip, None);
        }
        if self.mode == Mode::ProbeRoundTrip {
            self.on_limited(view.delivered, view.in_flight);
            if self.probe_ends.is_none() && view.in_flight <= LEAST {
                self.probe_ends = Some(view.now + PROBE);
                self.probe_round_done = false;
                self.round_ends = view.delivered;
            } else if self.probe_ends.is_some() {
                self.probe_round_done |= self.round_started;
                if self.probe_round_done && self.check_probe_done(view.now, view.transmissions) {
                    view.cwnd = view.cwnd.max(self.prior_cwnd);
                }
            }
        }
        if delivers {
            self.restarts = false;
        }
    }
    fn check_probe_done(&mut self, now: LocalTime, dice: u64) -> bool {
        let over = self.probe_ends.is_some_and(|ends| now > ends);
        if over {
            self.min_rtt_at = now;
            if self.full { self.cruise(dice) } else { self.mode = Mode::Startup }
        }
        over
    }
    const fn update_gains(&mut self) {
        (self.pacing_gain, self.cwnd_gain) = match self.mode {
            Mode::Startup => (HIGH, HIGH),
            Mode::Drain => (DRAIN, HIGH),
            Mode::Cruise if self.long_used => (UNIT, WINDOW),
            Mode::Cruise => (CYCLE[self.phase], WINDOW),
            Mode::ProbeRoundTrip => (UNIT, UNIT),
        };
    }

    // What follows: the pacer's rate and the window.

    fn set_pacing(&mut self, rate: u64, gain: u64, mss: u32, srtt: Option<Span>, cwnd: u32) {
        if let (false, Some(srtt)) = (self.seen_rtt, srtt) {
            self.seen_rtt = true;
            self.pacing = bytes_per_second((u64::from(cwnd) << SCALE) / srtt.us().max(1), HIGH, mss);
        }
        let wanted = bytes_per_second(rate, gain, mss);
        if self.full || wanted > self.pacing {
            self.pacing = wanted;
        }
    }
    /// How long the pacer waits behind so many bytes.
    pub(super) fn pause(&self, bytes: u64) -> Span {
        if self.pacing == 0 { Span::ZERO } else { SECOND.scale(bytes, self.pacing) }
    }
    fn product(&self, rate: u64, gain: u64) -> u64 {
        let Some(min) = self.min_rtt else { return u64::from(super::Config::INITIAL_CWND) };
        ((rate * min.us() * gain) >> 8).div_ceil(1 << SCALE)
    }
    /// With room for what is handed over at once. Source: tcp_bbr.c#bbr_quantization_budget.
    fn with_batches(&self, segments: u64, mss: u32) -> u64 {
        let least = if self.pacing < SLOW { 1 } else { 2 };
        let batch = ((self.pacing >> 10) / u64::from(mss)).min(HANDED).max(least);
        let even = (segments + 3 * batch).next_multiple_of(2);
        even + if self.mode == Mode::Cruise && self.phase == 0 { 2 } else { 0 }
    }
    fn in_flight_for(&self, rate: u64, gain: u64, mss: u32) -> u64 {
        self.with_batches(self.product(rate, gain), mss)
    }
    /// Source: tcp_bbr.c#bbr_set_cwnd, bbr_set_cwnd_to_recover_or_restore.
    fn window(&mut self, view: &View) -> u32 {
        let (acked, flight) = (view.acked as u32, view.in_flight);
        let mut cwnd = view.cwnd;
        if acked > 0 {
            let before = core::mem::replace(&mut self.prior_state, view.congestion);
            cwnd = cwnd.saturating_sub(view.losses as u32).max(1);
            if view.congestion == Congestion::Recovery && before != Congestion::Recovery {
                self.conserves = true;
                self.round_ends = view.delivered;
                cwnd = flight + acked;
            } else if before >= Congestion::Recovery && view.congestion < Congestion::Recovery {
                cwnd = cwnd.max(self.prior_cwnd);
                self.conserves = false;
            }
            if self.conserves {
                cwnd = cwnd.max(flight + acked);
            } else {
                let target = self.in_flight_for(self.rate(), self.cwnd_gain, view.mss);
                let target = u32::try_from(target).unwrap_or(u32::MAX);
                if self.full {
                    cwnd = (cwnd + acked).min(target);
                } else if cwnd < target || view.delivered < u64::from(super::Config::INITIAL_CWND) {
                    cwnd += acked;
                }
                cwnd = cwnd.max(LEAST);
            }
        }
        if self.mode == Mode::ProbeRoundTrip { cwnd.min(LEAST) } else { cwnd }
    }
}

/// A rate in bytes a second, of full packets, a little less than it is. Source: tcp_bbr.c#bbr_rate_bytes_per_sec.
const fn bytes_per_second(rate: u64, gain: u64, mss: u32) -> u64 {
    let bytes = (rate as u128 * (mss as u128 + HEADERS as u128) * gain as u128) >> 8;
    let second = 1_000_000 / MARGIN * (MARGIN - 1);
    ((bytes * second as u128) >> SCALE) as u64
}
