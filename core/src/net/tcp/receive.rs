//! The receiving side: reassembly, what to acknowledge and when, and the window.

use super::config::{ConnEvent, Out};
use super::state::{MSS_GUESS, State};
use super::{Conn, milliseconds};
use crate::engine::{LocalTime, Span};
use crate::net::{Flags, Segment};

/// How long an acknowledgement waits at least. Sourced: linux include/net/tcp.h#TCP_ATO_MIN, linux
/// include/net/tcp.h#TCP_DELACK_MIN.
const ATO_MIN: Span = Span::from_ms(40);
/// And at most. Sourced: linux include/net/tcp.h#TCP_DELACK_MAX.
const DELAY_MAX: Span = Span::from_ms(200);
/// The bound on the delay when only full segments arrive: HZ/2. Sourced: linux
/// net/ipv4/tcp_output.c#tcp_send_delayed_ack.
const DELAY_MAX_FULL: Span = Span::from_ms(500);
/// Acknowledgements without delay at the start and after trouble. Unit: segments. Sourced: linux
/// include/net/tcp.h#TCP_MAX_QUICKACKS.
const QUICK_MAX: u32 = 16;
/// How far apart answers to stray segments without data are. Flag: tcp_invalid_ratelimit. Sourced: linux
/// Documentation/networking/ip-sysctl.rst#tcp_invalid_ratelimit.
const CHALLENGE_INTERVAL: Span = Span::from_ms(500);

/// Reports of a hole that aren't held back. Unit: reports. Sourced: linux include/net/tcp.h#TCP_FASTRETRANS_THRESH.
const REPORTS_AT_ONCE: u32 = 3;
/// Reports held back at most. Unit: reports. Flag: tcp_comp_sack_nr. Sourced: linux
/// Documentation/networking/ip-sysctl.rst#tcp_comp_sack_nr.
const REPORTS_HELD: u32 = 44;
/// The longest they are held; less if a twentieth of the round trip is. Flag: tcp_comp_sack_delay_ns. Sourced: linux
/// Documentation/networking/ip-sysctl.rst#tcp_comp_sack_delay_ns.
const REPORT_DELAY: Span = Span::from_ms(1);
/// And that share of the round trip. Unit: ratio. Sourced: linux net/ipv4/tcp_input.c#__tcp_ack_snd_check. Later
/// kernels have tcp_comp_sack_rtt_percent.
const REPORT_SHARE: (u64, u64) = (1, 20);
/// How much later their timer may go off; an idle host uses it up. Flag: tcp_comp_sack_slack_ns. Sourced: linux
/// Documentation/networking/ip-sysctl.rst#tcp_comp_sack_slack_ns.
const REPORT_SLACK: Span = Span::from_us(100);
/// How far apart two looks at the size of the receive buffer are at least. Chosen: the grain of timestamps.
const TUNE_EVERY: Span = Span::from_ms(1);
/// What it is given beside twice what was read in a round trip. Unit: segments. Sourced: linux
/// net/ipv4/tcp_input.c#tcp_rcv_space_adjust.
const TUNE_SPARE: u64 = 16;
/// With less than one part in so many free, the window closes. Unit: parts. Sourced: linux
/// net/ipv4/tcp_output.c#__tcp_select_window.
const LEAST_FREE: u64 = 16;

impl Conn {
    /// Fills in a segment: what every segment says about the receiving side. Source: tcp_output.c#__tcp_transmit_skb.
    pub(super) fn segment(&mut self, now: LocalTime, flags: Flags, seq: u64, len: u32) -> Segment {
        self.snd.last_transmit = now;
        let mut segment =
            Segment { flags, seq, len, ts_val: milliseconds(now), ts_ecr: self.rcv.ts_recent, ..Segment::default() };
        if flags.contains(Flags::ACK) {
            let window = self.select_window();
            let rcv = &mut self.rcv;
            rcv.edge = rcv.edge.max(rcv.nxt + window);
            if rcv.scheduled && rcv.quick > 0 {
                rcv.quick -= 1;
                if rcv.quick == 0 {
                    rcv.ato = ATO_MIN;
                }
            }
            segment.ack = rcv.nxt;
            segment.window = u32::try_from(rcv.window()).unwrap_or(u32::MAX);
            segment.sack = rcv.report();
            rcv.acked = rcv.nxt;
            rcv.duplicate = None;
            rcv.scheduled = false;
            rcv.at_once = false;
            rcv.deadline = None;
            rcv.held_reports = 0;
            rcv.report_at = None;
            rcv.pushed = 0;
        }
        segment
    }
    /// Sends an acknowledgement by itself.
    pub(super) fn send_ack(&mut self, now: LocalTime, out: &mut Out) {
        if self.state == State::Closed {
            return;
        }
        let segment = self.segment(now, Flags::ACK, self.snd.nxt, 0);
        out.segments.push(segment);
    }
    /// The window to offer. It stays closed until a good part of the buffer is free: no silly windows.
    /// Source: tcp_output.c#__tcp_select_window.
    fn select_window(&mut self) -> u64 {
        let rcv = &mut self.rcv;
        let free = (rcv.read + rcv.buffer).saturating_sub(rcv.nxt);
        if free < rcv.buffer / 2 {
            rcv.quick = 0;
            if free < rcv.buffer / LEAST_FREE || free < u64::from(rcv.mss) {
                return 0;
            }
        }
        free
    }
    /// Whether a segment touches the window at all. Source: tcp_input.c#tcp_sequence.
    pub(super) fn in_window(&self, segment: &Segment) -> bool {
        segment.end() >= self.rcv.acked && segment.seq <= self.rcv.nxt + self.rcv.window()
    }
    /// Answers a segment outside the window, or one that makes no sense. Source: tcp_input.c#tcp_send_dupack.
    pub(super) fn answer_stray(&mut self, now: LocalTime, segment: &Segment, out: &mut Out) {
        let limited = segment.seq_len() == 0 || segment.flags.contains(Flags::SYN);
        if limited {
            if let Some(last) = self.rcv.last_challenge
                && now.since(last) < CHALLENGE_INTERVAL
            {
                return;
            }
            self.rcv.last_challenge = Some(now);
        }
        if segment.seq_len() > 0 && segment.seq < self.rcv.nxt {
            self.rcv.enter_quick(QUICK_MAX);
            self.rcv.duplicate = Some((segment.seq, segment.end().min(self.rcv.nxt)));
        }
        self.send_ack(now, out);
    }
    /// Takes the payload and the FIN of a segment. Source: tcp_input.c#tcp_data_queue.
    pub(super) fn take_data(&mut self, now: LocalTime, segment: &Segment, out: &mut Out) {
        if segment.seq_len() == 0 {
            return;
        }
        let (seq, end) = (segment.seq, segment.end());
        let window = self.rcv.window();
        let rcv = &mut self.rcv;
        let refuse = if end <= rcv.nxt {
            rcv.duplicate = Some((seq, end));
            true
        } else if seq <= rcv.nxt {
            if seq < rcv.nxt {
                rcv.duplicate = Some((seq, rcv.nxt));
            }
            window == 0
        } else {
            seq >= rcv.nxt + window
        };
        if refuse {
            rcv.enter_quick(QUICK_MAX);
            rcv.scheduled = true;
            return;
        }
        if segment.flags.contains(Flags::FIN) {
            rcv.fin_seq = Some(end - 1);
        }
        if seq > rcv.nxt {
            rcv.scheduled = true;
            rcv.store(seq, end);
            return;
        }
        let had_holes = !rcv.holes.is_empty();
        let before = rcv.nxt;
        rcv.nxt = end;
        if segment.len > 0 {
            self.on_data(now, segment.len);
        }
        let rcv = &mut self.rcv;
        if had_holes {
            rcv.release();
            // RFC 5681, section 4.2: a segment that fills the gap is acknowledged at once.
            rcv.at_once |= rcv.holes.is_empty();
        }
        if rcv.fin_seq.is_some_and(|fin| fin < rcv.nxt) && !rcv.fin {
            rcv.fin = true;
            rcv.scheduled = true;
        }
        let end = rcv.nxt - u64::from(rcv.fin);
        if end > before {
            out.events.push(ConnEvent::Readable { upto: end - 1 });
        }
        if rcv.fin {
            self.on_fin(now, out);
        }
    }
    /// Learns from the arrival of data how to delay acknowledgements. Source: tcp_input.c#tcp_event_data_recv.
    fn on_data(&mut self, now: LocalTime, len: u32) {
        let rto = self.snd.rtt.rto();
        let full = self.config.mss;
        let rcv = &mut self.rcv;
        rcv.scheduled = true;
        rcv.measure_size(len, full);
        let gap = now.since(rcv.last_data);
        if rcv.ato.is_zero() {
            rcv.allow_quick(QUICK_MAX);
            rcv.ato = ATO_MIN;
        } else if gap <= ATO_MIN.scale(1, 2) {
            rcv.ato = rcv.ato.scale(1, 2) + ATO_MIN.scale(1, 2);
        } else if gap < rcv.ato {
            rcv.ato = (rcv.ato.scale(1, 2) + gap).min(rto);
        } else if gap > rto {
            rcv.allow_quick(QUICK_MAX);
        }
        rcv.last_data = now;
    }
    /// Acknowledges now, later or not at all, after a segment was taken. Source: tcp_input.c#__tcp_ack_snd_check.
    pub(super) fn check_ack(&mut self, now: LocalTime, out: &mut Out) {
        if !self.rcv.scheduled {
            return;
        }
        let two_full =
            self.rcv.nxt - self.rcv.acked > u64::from(self.rcv.mss) && self.select_window() >= self.rcv.window();
        let rcv = &self.rcv;
        let quick = rcv.quick > 0 && !rcv.ping_pong;
        if two_full || quick || rcv.at_once {
            self.send_ack(now, out);
        } else if rcv.holes.is_empty() {
            self.delay_ack(now, out);
        } else {
            self.report_hole(now, out);
        }
    }
    /// Reports out-of-order data: the first three times at once, then many segments in one acknowledgement. A whole
    /// window may hang on it, and be lost with it. Source: tcp_input.c#__tcp_ack_snd_check, `compressed_ack`.
    fn report_hole(&mut self, now: LocalTime, out: &mut Out) {
        let round_trip = self.snd.rtt.srtt().unwrap_or(Span::ZERO);
        let rcv = &mut self.rcv;
        if rcv.reports_nxt != rcv.nxt {
            rcv.reports_nxt = rcv.nxt;
            rcv.reports_sent = 0;
        }
        if rcv.reports_sent < REPORTS_AT_ONCE {
            rcv.reports_sent += 1;
            self.send_ack(now, out);
        } else if rcv.held_reports >= REPORTS_HELD {
            self.send_ack(now, out);
        } else {
            rcv.held_reports += 1;
            let wait = round_trip.scale(REPORT_SHARE.0, REPORT_SHARE.1).min(REPORT_DELAY) + REPORT_SLACK;
            rcv.report_at.get_or_insert(now + wait);
        }
    }
    /// Lets an acknowledgement wait. Source: tcp_output.c#tcp_send_delayed_ack.
    fn delay_ack(&mut self, now: LocalTime, out: &mut Out) {
        let mut wait = self.rcv.ato;
        if wait > ATO_MIN {
            let mut most = if self.rcv.ping_pong || self.rcv.pushed > 0 { DELAY_MAX } else { DELAY_MAX_FULL };
            if let Some(srtt) = self.snd.rtt.srtt() {
                most = most.min(srtt.max(ATO_MIN));
            }
            wait = wait.min(most);
        }
        let mut deadline = self.deadline(now, wait.min(DELAY_MAX));
        if let Some(earlier) = self.rcv.deadline {
            if earlier <= now + wait.scale(1, 4) {
                self.send_ack(now, out);
                return;
            }
            deadline = deadline.min(earlier);
        }
        self.rcv.deadline = Some(deadline);
    }
    /// The wait is over. Source: tcp_timer.c#tcp_delack_timer_handler.
    pub(super) fn on_ack_timer(&mut self, now: LocalTime, out: &mut Out) {
        let rto = self.snd.rtt.rto();
        let rcv = &mut self.rcv;
        rcv.deadline = None;
        if rcv.scheduled {
            if rcv.ping_pong {
                // No answer came: this isn't a dialogue.
                rcv.ping_pong = false;
                rcv.ato = ATO_MIN;
            } else {
                rcv.ato = rcv.ato.scale(2, 1).min(rto);
            }
            self.send_ack(now, out);
        }
    }
    /// The program read: acknowledge if that drained the buffer, and open the window if that matters.
    /// Source: tcp.c#__tcp_cleanup_rbuf.
    pub(super) fn after_read(&mut self, now: LocalTime, out: &mut Out) {
        let rcv = &self.rcv;
        let mut due = false;
        if rcv.scheduled {
            let drained = rcv.read + u64::from(rcv.fin) >= rcv.nxt;
            let small = rcv.pushed > 1 || (rcv.pushed > 0 && !rcv.ping_pong);
            due = rcv.nxt - rcv.acked > u64::from(rcv.mss) || (drained && small);
        }
        if !due && !rcv.fin && 2 * rcv.window() <= rcv.buffer {
            let now_open = rcv.window();
            let new = self.select_window();
            due = new > 0 && new >= 2 * now_open;
        }
        if due {
            self.send_ack(now, out);
        }
    }
    /// Grows the receive buffer when the program reads more per round trip than before: twice that, and 16 segments.
    /// Source: tcp_input.c#tcp_rcv_space_adjust, simplified: it takes the sender's round trip and no memory pressure.
    pub(super) fn tune_buffer(&mut self, now: LocalTime) {
        let round_trip = self.snd.rtt.srtt().unwrap_or(Span::ZERO).max(TUNE_EVERY);
        let rcv = &mut self.rcv;
        if now.since(rcv.tune_since) < round_trip {
            return;
        }
        let copied = rcv.read - rcv.tune_seq;
        if copied > rcv.tune_space {
            let mut window = 2 * copied + TUNE_SPARE * u64::from(self.config.mss);
            window += 2 * (window * (copied - rcv.tune_space) / rcv.tune_space.max(1));
            rcv.buffer = rcv.buffer.max(window.min(u64::from(self.config.recv_buffer_max)));
            rcv.tune_space = copied;
        }
        rcv.tune_since = now;
        rcv.tune_seq = rcv.read;
    }
}

impl super::state::Receiver {
    /// At least a few acknowledgements are sent without delay. Source: tcp_input.c#tcp_incr_quickack.
    fn allow_quick(&mut self, most: u32) {
        let fit = (self.window() / (2 * u64::from(self.mss))).min(u64::from(QUICK_MAX)) as u32;
        let allowed = if fit == 0 { 2 } else { fit };
        self.quick = self.quick.max(allowed.min(most));
    }
    /// Something went wrong on the way: acknowledge quickly for a while. Source: tcp_input.c#tcp_enter_quickack_mode.
    pub(super) fn enter_quick(&mut self, most: u32) {
        self.allow_quick(most);
        self.ping_pong = false;
        self.ato = ATO_MIN;
    }
    /// Learns what a full segment is. Source: tcp_input.c#tcp_measure_rcv_mss.
    fn measure_size(&mut self, len: u32, most: u32) {
        let last = core::mem::take(&mut self.last_size);
        if len >= self.mss {
            self.mss = len.min(most);
            return;
        }
        // Linux compares with the fixed TCP header on both sides; the timestamp option (12) is what is left of it.
        if len + 12 >= MSS_GUESS {
            self.last_size = len;
            if len == last {
                self.mss = len;
                return;
            }
        }
        self.pushed = (self.pushed + 1).min(2);
    }
    /// The data sent now answers data that just came: a dialogue. Source: tcp_output.c#tcp_event_data_sent.
    pub(super) fn on_answer(&mut self, now: LocalTime) {
        if now.since(self.last_data) < self.ato {
            self.ping_pong = true;
        }
    }
    /// Keeps a range that arrived out of order. Source: tcp_input.c#tcp_data_queue_ofo.
    fn store(&mut self, seq: u64, end: u64) {
        let from = self.holes.partition_point(|(_, e)| *e < seq);
        let to = self.holes.partition_point(|(s, _)| *s <= end);
        let mut merged = (seq, end);
        if let Some((start, stop)) = self.holes[from..to].iter().find(|(s, e)| *s < end && *e > seq) {
            self.duplicate = Some((seq.max(*start), end.min(*stop)));
        }
        if from < to {
            merged = (seq.min(self.holes[from].0), end.max(self.holes[to - 1].1));
            self.holes[from] = merged;
            self.holes.drain(from + 1..to);
        } else {
            self.holes.insert(from, merged);
        }
        self.remember(merged);
    }
    /// Puts a range first in the list to report, in place of those it swallowed. Source: tcp_input.c#tcp_sack_new_ofo_skb.
    fn remember(&mut self, range: (u64, u64)) {
        let old = self.recent;
        self.recent = [(0, 0); 4];
        self.recent[0] = range;
        let rest = old.iter().filter(|(s, e)| s < e && (*s < range.0 || *e > range.1));
        for (place, kept) in self.recent[1..].iter_mut().zip(rest) {
            *place = *kept;
        }
    }
    /// Moves what has become in-order out of the ranges. Source: tcp_input.c#tcp_ofo_queue, tcp_sack_remove.
    fn release(&mut self) {
        let mut gone = 0;
        for (start, end) in &self.holes {
            if *start > self.nxt {
                break;
            }
            if *start < self.nxt {
                self.duplicate = Some((*start, (*end).min(self.nxt)));
            }
            self.nxt = self.nxt.max(*end);
            gone += 1;
        }
        self.holes.drain(..gone);
        let old = self.recent;
        self.recent = [(0, 0); 4];
        let rest = old.iter().filter(|(s, e)| s < e && *s >= self.nxt);
        for (place, kept) in self.recent.iter_mut().zip(rest) {
            *place = *kept;
        }
    }
    /// The blocks to report: a duplicate first, then the ranges that changed last.
    fn report(&self) -> [(u64, u64); 3] {
        let mut blocks = [(0, 0); 3];
        let held = self.recent.iter().filter(|(s, e)| s < e);
        let all = self.duplicate.iter().chain(held);
        for (place, block) in blocks.iter_mut().zip(all) {
            *place = *block;
        }
        blocks
    }
}
