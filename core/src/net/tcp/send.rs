//! The sending side: new segments, retransmissions, and the use of the window.

use super::Conn;
use super::config::Out;
use super::rtt::{RTO_MIN, TIMEOUT_INIT};
use super::state::{Chunk, Congestion, EVER_RETRANSMITTED, LOST, RETRANSMITTED, SACKED, SendTimer, State};
use crate::engine::{LocalTime, Span};
use crate::net::Flags;

/// A probe or a reordering timer waits this much longer. Sourced: linux include/net/tcp.h#TCP_TIMEOUT_MIN_US.
pub(super) const TIMEOUT_MIN: Span = Span::from_ms(2);

/// Sending waits for a batch only within so long of the last transmission. Sourced: linux
/// net/ipv4/tcp_output.c#tcp_tso_should_defer.
const DEFER_WITHIN: Span = Span::from_ms(1);
/// A timer that is overdue goes off after this. Sourced: linux net/ipv4/tcp_input.c#tcp_rearm_rto.
const AT_ONCE: Span = Span::from_us(1);
/// With pacing: windows per round trip in the first half of slow start. Flag: tcp_pacing_ss_ratio. Sourced: linux
/// Documentation/networking/ip-sysctl.rst#tcp_pacing_ss_ratio.
const PACE_START_PCT: u64 = 200;
/// And later. Flag: tcp_pacing_ca_ratio. Sourced: linux Documentation/networking/ip-sysctl.rst#tcp_pacing_ca_ratio.
const PACE_PCT: u64 = 120;
/// One part in so many of the window isn't worth waiting for more. Unit: parts. Flag: tcp_tso_win_divisor. Sourced:
/// linux Documentation/networking/ip-sysctl.rst#tcp_tso_win_divisor.
const WINDOW_DIVISOR: u64 = 3;
/// Full segments in the 64 KiB that TCP hands over at once. Unit: segments. Sourced: linux
/// include/linux/netdevice.h#GSO_LEGACY_MAX_SIZE.
const OFFLOAD_SEGMENTS: u64 = 44;

impl Conn {
    /// Sends what the windows allow. Source: tcp_output.c#tcp_write_xmit.
    pub(super) fn send_new(&mut self, now: LocalTime, out: &mut Out) {
        self.send_segments(now, false, out);
        let snd = &self.snd;
        // Nothing on its way and the window closed: somebody must ask (tcp_check_probe_timer).
        if snd.chunks.is_empty() && snd.nxt < snd.stream_end() && snd.timer.is_none() {
            let wait = self.probe_wait();
            self.arm(now, SendTimer::WindowProbe, wait);
        }
    }
    /// The same, or for a probe one segment beyond the congestion window. Returns how many were sent.
    pub(super) fn send_segments(&mut self, now: LocalTime, probe: bool, out: &mut Out) -> u32 {
        if !self.can_send() {
            return 0;
        }
        let mut sent = 0;
        let mut limited = false;
        let from = self.snd.nxt;
        // What the windows allow now is one batch for the pacer.
        if !probe && self.paced(now) {
            return 0;
        }
        while self.snd.nxt < self.snd.stream_end() {
            if self.snd.in_flight() >= self.snd.cwnd && !(probe && sent == 0) {
                limited = true;
                break;
            }
            let len = (self.snd.written - self.snd.nxt).min(u64::from(self.config.mss)) as u32;
            if self.snd.nxt + u64::from(len) > self.snd.window_end() {
                break;
            }
            if !probe && self.defers(now, &mut limited) {
                break;
            }
            self.send_next(now, len, out);
            sent += 1;
            if probe {
                break;
            }
        }
        limited |= self.snd.in_flight() >= self.snd.cwnd;
        if sent > 0 || limited {
            self.validate_cwnd(now, limited);
        }
        if sent > 0 {
            self.pace(now, self.snd.nxt - from);
            if self.snd.in_reduction() {
                self.snd.prr_out += sent;
            }
            if !probe {
                self.schedule_probe(now, false);
            }
        }
        sent
    }
    /// The program writes: does what was written before leave room in the window? Source: tcp_rate.c#
    /// tcp_rate_check_app_limited.
    pub(super) fn check_limited(&mut self) {
        let snd = &mut self.snd;
        let little = snd.written.saturating_sub(snd.nxt) < u64::from(self.config.mss);
        let in_flight = snd.in_flight();
        if let Some(bbr) = &mut snd.bbr
            && little
            && in_flight < snd.cwnd
            && snd.lost_out <= snd.retrans_out
        {
            bbr.on_limited(snd.delivered, in_flight);
        }
    }
    /// Whether the pacer holds sending back; it will go on by itself. Source: tcp_output.c#tcp_pacing_check.
    fn paced(&mut self, now: LocalTime) -> bool {
        if !(self.config.pacing || self.config.bbr) || self.snd.paced_until <= now {
            return false;
        }
        self.snd.pace_timer = Some(self.snd.paced_until);
        true
    }
    /// The pacer takes note of `bytes`. Source: tcp_output.c#tcp_update_skb_after_send, tcp_input.c#tcp_update_pacing_rate:
    /// twice the window per round trip in early slow start, else 1.2 times.
    fn pace(&mut self, now: LocalTime, bytes: u64) {
        let snd = &mut self.snd;
        let mut wait = match (&snd.bbr, snd.rtt.srtt()) {
            (Some(bbr), _) => bbr.pause(bytes),
            (None, Some(srtt)) if self.config.pacing => {
                let percent = if snd.cwnd < snd.ssthresh / 2 { PACE_START_PCT } else { PACE_PCT };
                let window = u64::from(snd.cwnd.max(snd.packets_out())) * u64::from(self.config.mss);
                srtt.scale(bytes * 100, window * percent)
            }
            _ => return,
        };
        // A pacer that was late makes up for at most half of it.
        let late = now.since(snd.paced_until);
        wait = wait.saturating_sub(late.min(wait.scale(1, 2)));
        snd.paced_until = snd.paced_until.max(now) + wait;
    }
    /// Whether payload may leave in this state.
    pub(super) const fn can_send(&self) -> bool {
        !matches!(self.state, State::SynSent | State::SynReceived | State::FinWait2 | State::Closed)
    }
    /// Sends one new segment of `len` bytes.
    pub(super) fn send_next(&mut self, now: LocalTime, len: u32, out: &mut Out) {
        let seq = self.snd.nxt;
        let fin = self.snd.fin && seq + u64::from(len) == self.snd.written;
        if self.snd.in_flight() == 0 {
            let idle = now.since(self.snd.last_sent);
            self.snd.cubic.on_start(now, idle);
            if let Some(bbr) = &mut self.snd.bbr {
                bbr.on_start(now, self.config.mss);
            }
        }
        let flags = if fin { Flags::ACK.with(Flags::FIN) } else { Flags::ACK };
        let segment = self.segment(now, flags, seq, len);
        self.on_data_sent(now);
        let snd = &mut self.snd;
        snd.nxt = segment.end();
        let was_empty = snd.chunks.is_empty();
        if let Some(bbr) = &mut snd.bbr {
            bbr.on_sent(now, snd.transmissions, snd.delivered, was_empty);
        }
        snd.chunks.push_back(Chunk { seq, end: segment.end(), sent: now, order: snd.transmissions, marks: 0 });
        out.segments.push(segment);
        if was_empty || matches!(snd.timer, Some((SendTimer::LossProbe, _))) {
            self.rearm(now);
        }
    }
    fn on_data_sent(&mut self, now: LocalTime) {
        self.snd.last_sent = now;
        self.snd.transmissions += 1;
        self.rcv.on_answer(now);
    }
    /// Sends chunk `i` again, together with short followers that fit into it. Returns whether it left.
    /// Source: tcp_output.c#__tcp_retransmit_skb, tcp_retrans_try_collapse.
    pub(super) fn send_again(&mut self, now: LocalTime, i: usize, out: &mut Out) -> bool {
        let mss = u64::from(self.config.mss);
        let snd = &mut self.snd;
        let window_end = snd.window_end();
        let una = snd.una;
        let chunk = &mut snd.chunks[i];
        chunk.seq = chunk.seq.max(una);
        let mut room = window_end.saturating_sub(chunk.seq).min(mss);
        if room == 0 {
            // The window shrank. The head still goes: it probes the window.
            if chunk.seq != una {
                return false;
            }
            room = mss;
        }
        if chunk.end.min(snd.written) - chunk.seq < room {
            self.collapse(i, room, window_end);
        }
        let written = self.snd.written;
        let (seq, end) = (self.snd.chunks[i].seq, self.snd.chunks[i].end);
        let flags = if end > written { Flags::ACK.with(Flags::FIN) } else { Flags::ACK };
        let len = (end.min(written) - seq) as u32;
        let segment = self.segment(now, flags, seq, len);
        self.on_data_sent(now);
        let chunk = &mut self.snd.chunks[i];
        chunk.sent = now;
        chunk.order = self.snd.transmissions;
        chunk.marks |= EVER_RETRANSMITTED;
        if let Some(bbr) = &mut self.snd.bbr {
            bbr.on_sent(now, self.snd.transmissions, self.snd.delivered, false);
        }
        self.snd.total_retransmits += 1;
        out.segments.push(segment);
        true
    }
    fn collapse(&mut self, i: usize, room: u64, window_end: u64) {
        let snd = &mut self.snd;
        while let Some(next) = snd.chunks.get(i + 1).copied() {
            let fits = next.end.min(snd.written) - snd.chunks[i].seq <= room;
            if next.is(SACKED) || !fits || next.end > window_end {
                break;
            }
            snd.lost_out -= u32::from(next.is(LOST));
            snd.retrans_out -= u32::from(next.is(RETRANSMITTED));
            snd.chunks.remove(i + 1);
            snd.chunks[i].end = next.end;
            snd.chunks[i].marks |= next.marks & EVER_RETRANSMITTED;
        }
    }
    /// Sends chunk `i` again as part of a repair. Source: tcp_output.c#tcp_retransmit_skb.
    pub(super) fn retransmit(&mut self, now: LocalTime, i: usize, out: &mut Out) -> bool {
        let left = self.send_again(now, i, out);
        let snd = &mut self.snd;
        if left {
            // A probe's copy may be marked already: then this one takes its place.
            if !snd.chunks[i].is(RETRANSMITTED) {
                snd.chunks[i].marks |= RETRANSMITTED;
                snd.retrans_out += 1;
            }
        }
        snd.retrans_stamp.get_or_insert(now);
        snd.undo_retrans = Some(snd.undo_retrans.unwrap_or(0) + 1);
        left
    }
    /// Repairs what is lost, as far as the congestion window goes. Source: tcp_output.c#tcp_xmit_retransmit_queue.
    pub(super) fn retransmit_lost(&mut self, now: LocalTime, out: &mut Out) {
        let mut i = 0;
        let mut head = false;
        while i < self.snd.chunks.len() {
            let snd = &self.snd;
            if snd.in_flight() >= snd.cwnd || snd.retrans_out >= snd.lost_out {
                break;
            }
            let chunk = snd.chunks[i];
            if self.paced(now) {
                break;
            }
            if chunk.is(LOST) && !chunk.is(SACKED | RETRANSMITTED) {
                if !self.retransmit(now, i, out) {
                    break;
                }
                self.pace(now, self.snd.chunks[i].end - self.snd.chunks[i].seq);
                if self.snd.in_reduction() {
                    self.snd.prr_out += 1;
                }
                head |= i == 0 && !matches!(self.snd.timer, Some((SendTimer::Reordering, _)));
            }
            i += 1;
        }
        if head {
            let rto = self.snd.rtt.rto();
            self.arm(now, SendTimer::Retransmit, rto);
        }
    }
    /// Sets a tail loss probe instead of the timeout, where one may help. Returns whether it did.
    /// Source: tcp_output.c#tcp_schedule_loss_probe; RFC 8985, section 7.2.
    pub(super) fn schedule_probe(&mut self, now: LocalTime, from_now: bool) -> bool {
        let snd = &self.snd;
        let calm = matches!(snd.congestion, Congestion::Open | Congestion::Reduced);
        if snd.chunks.is_empty() || !calm {
            return false;
        }
        let mut wait = match snd.rtt.srtt() {
            None => TIMEOUT_INIT,
            // A single segment may meet a delayed acknowledgement.
            Some(srtt) if snd.packets_out() == 1 => srtt.scale(2, 1) + RTO_MIN,
            Some(srtt) => srtt.scale(2, 1) + TIMEOUT_MIN,
        };
        let timeout = if from_now { snd.rtt.rto() } else { self.until_timeout(now) };
        if !timeout.is_zero() {
            wait = wait.min(timeout);
        }
        self.arm(now, SendTimer::LossProbe, wait);
        true
    }
    /// The time left until the head has waited for a whole timeout. Source: include/net/tcp.h#tcp_rto_delta_us.
    pub(super) fn until_timeout(&self, now: LocalTime) -> Span {
        let Some(head) = self.snd.chunks.front() else {
            return Span::ZERO;
        };
        (head.sent + self.snd.rtt.rto()).since(now)
    }
    /// Sets the timeout anew. Source: tcp_input.c#tcp_rearm_rto.
    pub(super) fn rearm(&mut self, now: LocalTime) {
        if self.snd.chunks.is_empty() {
            self.snd.timer = None;
            return;
        }
        // The time that went by under a probe or a reordering timer counts.
        let wait = match self.snd.timer {
            Some((SendTimer::Reordering | SendTimer::LossProbe, _)) => self.until_timeout(now).max(AT_ONCE),
            _ => self.snd.rtt.rto(),
        };
        self.arm(now, SendTimer::Retransmit, wait);
    }
    pub(super) fn arm(&mut self, now: LocalTime, timer: SendTimer, wait: Span) {
        self.snd.timer = Some((timer, self.deadline(now, wait)));
    }
    /// Whether sending waits for more room in the congestion window, because an acknowledgement is about to come: the
    /// kernel likes to hand over several segments at once. It also delays what would find a loss early.
    /// Source: tcp_output.c#tcp_tso_should_defer.
    fn defers(&self, now: LocalTime, limited: &mut bool) -> bool {
        let snd = &self.snd;
        let mss = u64::from(self.config.mss);
        let unsent = snd.written - snd.nxt;
        let Some(head) = snd.chunks.front() else {
            return false;
        };
        if unsent <= mss || snd.congestion >= Congestion::Recovery || now.since(snd.last_transmit) > DEFER_WITHIN {
            return false;
        }
        let send_window = snd.window_end() - snd.nxt;
        let room = u64::from(snd.cwnd - snd.in_flight()) * mss;
        let limit = room.min(send_window);
        let most = OFFLOAD_SEGMENTS * mss;
        let batch = unsent.min(most);
        let third = u64::from(snd.window).min(u64::from(snd.cwnd) * mss) / WINDOW_DIVISOR;
        if limit >= most || (batch < unsent && limit >= batch) || limit >= third {
            return false;
        }
        // Is the next acknowledgement near?
        let srtt = snd.rtt.srtt().unwrap_or(Span::ZERO);
        let expected = (head.sent + srtt).since(now);
        if expected > srtt.scale(1, 2).min(DEFER_WITHIN) {
            return false;
        }
        if room < send_window && room <= batch {
            *limited = true;
            return true;
        }
        (room >= send_window && send_window <= batch) || !snd.fin
    }
    /// Notes whether the congestion window is what holds the sender back, and lets an unused window decay.
    /// Source: tcp_output.c#tcp_cwnd_validate, tcp_cwnd_application_limited; RFC 7661 in spirit.
    fn validate_cwnd(&mut self, now: LocalTime, limited: bool) {
        let snd = &mut self.snd;
        let out = snd.packets_out();
        if snd.una >= snd.cwnd_usage_seq || limited || (!snd.is_cwnd_limited && out > snd.max_packets_out) {
            snd.is_cwnd_limited = limited;
            snd.max_packets_out = out;
            snd.cwnd_usage_seq = snd.nxt;
        }
        if snd.uses_window() {
            snd.cwnd_used = 0;
            snd.cwnd_stamp = now;
            return;
        }
        snd.cwnd_used = snd.cwnd_used.max(out);
        if now.since(snd.cwnd_stamp) < snd.rtt.rto() {
            return;
        }
        if snd.congestion == Congestion::Open && !snd.full && snd.bbr.is_none() {
            let used = snd.cwnd_used.max(self.config.initial_cwnd);
            if used < snd.cwnd {
                snd.ssthresh = snd.current_ssthresh();
                snd.cwnd = (snd.cwnd + used) / 2;
            }
            snd.cwnd_used = 0;
        }
        snd.cwnd_stamp = now;
    }
    /// Slow start after idle: the window halves for every timeout of silence, down to the initial one.
    /// Source: tcp_input.c#tcp_cwnd_restart; ip-sysctl.rst#tcp_slow_start_after_idle (on by default).
    pub(super) fn restart_after_idle(&mut self, now: LocalTime) {
        let initial = self.config.initial_cwnd;
        let snd = &mut self.snd;
        let rto = snd.rtt.rto();
        let mut idle = now.since(snd.last_sent);
        if !snd.chunks.is_empty() || idle <= rto || snd.bbr.is_some() {
            return;
        }
        snd.ssthresh = snd.current_ssthresh();
        let floor = initial.min(snd.cwnd);
        idle = idle.saturating_sub(rto);
        while !idle.is_zero() && snd.cwnd > floor {
            snd.cwnd /= 2;
            idle = idle.saturating_sub(rto);
        }
        snd.cwnd = snd.cwnd.max(floor);
        snd.cwnd_stamp = now;
        snd.cwnd_used = 0;
    }
}

impl super::state::Sender {
    /// Whether the window may grow: it is used up, or in slow start half used. Source: include/net/tcp.h#tcp_is_cwnd_limited.
    pub(super) const fn uses_window(&self) -> bool {
        self.is_cwnd_limited || (self.in_slow_start() && self.cwnd < 2 * self.max_packets_out)
    }
    /// The threshold to come back to. Source: include/net/tcp.h#tcp_current_ssthresh.
    pub(super) fn current_ssthresh(&self) -> u32 {
        if self.in_reduction() { self.ssthresh } else { self.ssthresh.max(self.cwnd / 2 + self.cwnd / 4) }
    }
}
