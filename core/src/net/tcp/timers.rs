//! What happens when nothing happens: timeouts, probes, keepalive, and giving up.

use super::Conn;
use super::config::{ConnEvent, Out, Reason};
use super::rtt::{RTO_MAX, RTO_MIN, TIMEOUT_INIT};
use super::state::{Congestion, SendTimer, State};
use crate::engine::{LocalTime, Span};
use crate::net::{Flags, Segment};

/// How long `boundary` retransmissions take that start at `base` and double up to `RTO_MAX`: Linux counts them as a
/// time. Source: tcp_timer.c#tcp_model_timeout. For 15 of them from 200 ms: 924.6 s.
pub(super) fn model_timeout(boundary: u32, base: Span) -> Span {
    let doublings = (RTO_MAX.ns() / base.ns()).ilog2();
    let sum = |n: u32| base.scale((2 << n) - 1, 1);
    if boundary <= doublings {
        sum(boundary)
    } else {
        sum(doublings) + RTO_MAX.scale(u64::from(boundary - doublings), 1)
    }
}

/// A connection whose TCP_USER_TIMEOUT has passed ends so soon. Chosen: Linux takes a tick (linux
/// net/ipv4/tcp_timer.c#tcp_clamp_rto_to_user_timeout), which rounding up to ticks makes of it.
const USER_TIMEOUT_OVER: Span = Span::from_ms(1);

impl Conn {
    /// When a timer set at `now` goes off: after whole ticks, and for long waits on a coarser grain, never early.
    /// Source: kernel/time/timer.c#calc_wheel_index: the grain is 8 ticks from 63 on, 64 from 504 on, and so forth.
    pub(super) const fn deadline(&self, now: LocalTime, wait: Span) -> LocalTime {
        let tick = self.config.tick.ns();
        if tick == 0 {
            return LocalTime::from_ns(now.ns() + wait.ns());
        }
        let ticks = wait.ns().div_ceil(tick);
        let expires = now.ns() / tick + ticks;
        let mut level = 0;
        while level < 8 && ticks >= 63 << (3 * level) {
            level += 1;
        }
        let shift = 3 * level;
        LocalTime::from_ns((((expires >> shift) + 1) << shift) * tick)
    }
    /// The deadline of the sending side ran out.
    pub(super) fn on_send_timer(&mut self, now: LocalTime, timer: SendTimer, out: &mut Out) {
        self.snd.timer = None;
        match timer {
            SendTimer::Retransmit => match self.state {
                State::SynSent => self.on_syn_timer(now, out),
                State::SynReceived => self.on_syn_ack_timer(now, out),
                _ => self.on_retransmit_timer(now, out),
            },
            SendTimer::LossProbe => self.on_loss_probe_timer(now, out),
            SendTimer::Reordering => {
                self.snd.timer = Some((SendTimer::Reordering, now));
                self.on_reordering_timer(now, out);
            }
            SendTimer::WindowProbe => self.on_window_probe_timer(now, out),
        }
    }
    /// Source: tcp_timer.c#tcp_write_timeout for SYN_SENT, and tcp_retransmit_timer: first at a steady pace, then doubling.
    fn on_syn_timer(&mut self, now: LocalTime, out: &mut Out) {
        let config = &self.config;
        let sent = self.snd.timeouts;
        let waited = now.since(self.opened);
        if sent >= config.syn_retries + config.syn_linear_timeouts {
            self.fail(Reason::HandshakeTimeout, out);
            return;
        }
        if config.user_timeout.is_some_and(|most| waited >= most) {
            self.fail(Reason::UserTimeout, out);
            return;
        }
        self.snd.timeouts += 1;
        self.snd.total_retransmits += 1;
        if self.snd.timeouts > self.config.syn_linear_timeouts {
            self.snd.rtt.back_off();
        }
        let segment = self.segment(now, Flags::SYN, 0, 0);
        out.segments.push(self.offering(segment));
        let mut wait = self.snd.rtt.rto();
        if let Some(most) = self.config.user_timeout {
            wait = wait.min(most.saturating_sub(waited)).max(USER_TIMEOUT_OVER);
        }
        self.arm(now, SendTimer::Retransmit, wait);
    }
    /// Source: inet_connection_sock.c#reqsk_timer_handler.
    fn on_syn_ack_timer(&mut self, now: LocalTime, out: &mut Out) {
        if self.snd.timeouts >= self.config.synack_retries {
            self.fail(Reason::HandshakeTimeout, out);
            return;
        }
        self.snd.timeouts += 1;
        self.snd.rtt.back_off();
        self.send_syn_ack(now, out);
    }
    /// Sends the SYN-ACK, again perhaps, and waits for the acknowledgement.
    pub(super) fn send_syn_ack(&mut self, now: LocalTime, out: &mut Out) {
        let segment = self.segment(now, Flags::SYN.with(Flags::ACK), 0, 0);
        out.segments.push(segment);
        let wait = TIMEOUT_INIT.scale(1 << self.snd.timeouts, 1).min(RTO_MAX);
        self.arm(now, SendTimer::Retransmit, wait);
    }
    /// A SYN doesn't acknowledge, but it offers a window.
    pub(super) fn offering(&self, segment: Segment) -> Segment {
        let window = u32::try_from(self.rcv.window()).unwrap_or(u32::MAX);
        Segment { window, ..segment }
    }
    /// Source: tcp_timer.c#tcp_retransmit_timer.
    fn on_retransmit_timer(&mut self, now: LocalTime, out: &mut Out) {
        if self.snd.chunks.is_empty() {
            return;
        }
        // While the window is closed, retransmissions probe it and don't count.
        let closed_window = self.snd.window == 0 && self.config.user_timeout.is_none();
        if !closed_window && let Some(reason) = self.exhausted(now) {
            self.fail(reason, out);
            return;
        }
        self.enter_loss(now);
        self.snd.timeouts += 1;
        self.retransmit(now, 0, out);
        self.snd.rtt.back_off();
        let mut wait = self.snd.rtt.rto();
        if let (Some(most), Some(since)) = (self.config.user_timeout, self.snd.retrans_stamp) {
            let left = most.saturating_sub(now.since(since));
            wait = wait.min(left).max(USER_TIMEOUT_OVER);
        }
        self.arm(now, SendTimer::Retransmit, wait);
    }
    /// Whether to give up. The time counts from the first retransmission. Source: tcp_timer.c#retransmits_timed_out.
    fn exhausted(&self, now: LocalTime) -> Option<Reason> {
        if self.snd.timeouts == 0 {
            return None;
        }
        let waited = now.since(self.snd.retrans_stamp?);
        if let Some(most) = self.config.user_timeout {
            return (waited >= most).then_some(Reason::UserTimeout);
        }
        let retries = if self.closed_by_us() { self.config.orphan_retries } else { self.config.retries };
        (waited >= model_timeout(retries, RTO_MIN)).then_some(Reason::RetransmitLimit)
    }
    /// Sends one segment to find out whether the tail was lost: a new one, or else the last again.
    /// Source: tcp_output.c#tcp_send_loss_probe; RFC 8985, section 7.3.
    fn on_loss_probe_timer(&mut self, now: LocalTime, out: &mut Out) {
        let before = self.snd.timer;
        self.snd.timer = Some((SendTimer::LossProbe, now));
        if self.snd.tlp_high_seq.is_none() && !self.snd.chunks.is_empty() {
            self.snd.tlp_retrans = false;
            let mut probed = false;
            let next = (self.snd.written - self.snd.nxt.min(self.snd.written)).min(u64::from(self.config.mss));
            let more = self.snd.nxt < self.snd.stream_end();
            if more && self.snd.nxt + next <= self.snd.window_end() {
                probed = self.send_segments(now, true, out) > 0;
            } else {
                let last = self.snd.chunks.len() - 1;
                if self.send_again(now, last, out) {
                    self.snd.tlp_retrans = true;
                    probed = true;
                }
            }
            if probed {
                self.snd.tlp_high_seq = Some(self.snd.nxt);
                // The timeout starts anew with the probe.
                self.snd.timer = before;
            }
        }
        self.rearm(now);
    }
    /// How long to wait before the next probe of a closed window. Source: include/net/tcp.h#tcp_probe0_when.
    pub(super) fn probe_wait(&self) -> Span {
        let most = (RTO_MAX.ns() / RTO_MIN.ns()).ilog2() + 1;
        let doublings = self.snd.rtt.backoff().min(most);
        let wait = self.snd.rtt.rto().max(RTO_MIN);
        let mut wait = wait.scale(1 << doublings, 1).min(RTO_MAX);
        if let (Some(most), Some(since)) = (self.config.user_timeout, self.snd.probes_since) {
            let spent = self.now_hint.since(since);
            wait = wait.min(most.saturating_sub(spent)).max(USER_TIMEOUT_OVER);
        }
        wait
    }
    /// Source: tcp_timer.c#tcp_probe_timer, tcp_output.c#tcp_send_probe0.
    fn on_window_probe_timer(&mut self, now: LocalTime, out: &mut Out) {
        let snd = &mut self.snd;
        if !snd.chunks.is_empty() || snd.nxt >= snd.stream_end() {
            snd.probes_out = 0;
            snd.probes_since = None;
            return;
        }
        let since = *snd.probes_since.get_or_insert(now);
        let waited = now.since(since);
        if self.config.user_timeout.is_some_and(|most| waited >= most) {
            self.fail(Reason::UserTimeout, out);
            return;
        }
        let most = if self.closed_by_us() { self.config.orphan_retries } else { self.config.retries };
        if self.snd.probes_out >= most {
            self.fail(Reason::RetransmitLimit, out);
            return;
        }
        self.wake_up(now, out);
        if !self.snd.chunks.is_empty() {
            self.snd.probes_out = 0;
            self.snd.rtt.clear_backoff();
            self.snd.probes_since = None;
            return;
        }
        self.snd.probes_out += 1;
        self.snd.rtt.probe_back_off(self.config.retries);
        let wait = self.probe_wait();
        self.arm(now, SendTimer::WindowProbe, wait);
    }
    /// Makes the other side answer: with what fits its window, or with a segment it has seen.
    /// Source: tcp_output.c#tcp_write_wakeup, tcp_xmit_probe_skb.
    fn wake_up(&mut self, now: LocalTime, out: &mut Out) {
        let snd = &self.snd;
        if snd.nxt < snd.stream_end() && snd.nxt < snd.window_end() {
            let room = snd.window_end() - snd.nxt;
            let len = (snd.written - snd.nxt).min(room).min(u64::from(self.config.mss));
            self.send_next(now, len as u32, out);
        } else {
            let seq = snd.una - 1;
            let segment = self.segment(now, Flags::ACK, seq, 0);
            out.segments.push(segment);
        }
    }
    /// Source: tcp_timer.c#tcp_keepalive_timer.
    pub(super) fn on_keepalive_timer(&mut self, now: LocalTime, out: &mut Out) {
        let Some(keepalive) = self.config.keepalive else {
            self.keepalive = None;
            return;
        };
        // Data on its way, or waiting for the window, is watched by its own timers.
        if !self.snd.chunks.is_empty() || self.snd.nxt < self.snd.stream_end() {
            self.keepalive = Some(self.deadline(now, keepalive.idle));
            return;
        }
        let silent = now.since(self.rcv.last_heard);
        if silent < keepalive.idle {
            let left = keepalive.idle.saturating_sub(silent);
            self.keepalive = Some(self.deadline(now, left));
            return;
        }
        let probes = self.snd.probes_out;
        let over = match self.config.user_timeout {
            Some(most) => silent >= most && probes > 0,
            None => probes >= keepalive.probes,
        };
        if over {
            let reset = self.segment(now, Flags::RST.with(Flags::ACK), self.snd.nxt, 0);
            out.segments.push(reset);
            self.fail(Reason::KeepaliveTimeout, out);
            return;
        }
        self.wake_up(now, out);
        self.snd.probes_out += 1;
        self.keepalive = Some(self.deadline(now, keepalive.interval));
    }
    /// The connection is over for this reason. A program that has closed its end only hears that it is over.
    pub(super) fn fail(&mut self, reason: Reason, out: &mut Out) {
        let event = if self.closed_by_us() { ConnEvent::Closed } else { ConnEvent::Failed(reason) };
        self.finish(event, out);
    }
    /// Stops everything.
    pub(super) fn finish(&mut self, event: ConnEvent, out: &mut Out) {
        if self.state == State::Closed {
            return;
        }
        self.state = State::Closed;
        self.snd.timer = None;
        self.rcv.deadline = None;
        self.rcv.scheduled = false;
        self.rcv.report_at = None;
        self.keepalive = None;
        self.fin_wait = None;
        self.snd.pace_timer = None;
        self.snd.congestion = Congestion::Open;
        self.snd.chunks.clear();
        self.snd.sacked_out = 0;
        self.snd.lost_out = 0;
        self.snd.retrans_out = 0;
        out.events.push(event);
    }
    /// Whether our program has closed its end.
    pub(super) const fn closed_by_us(&self) -> bool {
        matches!(self.state, State::FinWait1 | State::FinWait2 | State::Closing | State::LastAck)
    }
}
