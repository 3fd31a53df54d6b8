//! What an acknowledgement says: the window, the scoreboard, round trips, and what follows from them.

use super::config::{ConnEvent, Out};
use super::state::{Chunk, Congestion, EVER_RETRANSMITTED, LOST, RETRANSMITTED, SACKED, SendTimer};
use super::{Conn, milliseconds};
use crate::engine::{LocalTime, Span};
use crate::net::Segment;

/// What one segment meant to the sender. Source: the `FLAG_*` bits of net/ipv4/tcp_input.c.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Meaning {
    /// It carries sequence numbers of its own, so it isn't a duplicate acknowledgement.
    pub data: bool,
    pub window_update: bool,
    pub una_advanced: bool,
    /// Data was acknowledged in order; some of it had been sent twice.
    pub acked: bool,
    pub acked_retransmitted: bool,
    /// Data was newly reported out of order.
    pub sacked: bool,
    /// It reports a duplicate; the duplicate of a tail loss probe.
    pub duplicate: bool,
    pub duplicate_probe: bool,
    /// Data below `high_seq` that was sent only once was delivered.
    pub original: bool,
    pub set_timer: bool,
    /// A retransmission was found lost.
    pub lost_retransmit: bool,
    /// `una` and the highest delivery before this segment.
    pub prior_una: u64,
    pub prior_fack: u64,
    /// Segments newly delivered and newly taken for lost.
    pub delivered: u64,
    pub lost: u64,
    /// The round trip of what was delivered last.
    pub newest: Option<Span>,
    /// The lowest number that turned out to be reordered.
    pub reordered: Option<u64>,
    /// When the first and the last chunk newly reported out of order were sent.
    pub sacked_sent: Option<(LocalTime, LocalTime)>,
}

/// What to send again after an acknowledgement. Source: tcp_input.c `REXMIT_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repair {
    Nothing,
    /// What is lost.
    Lost,
    /// Something new: F-RTO wants to know whether the old is really lost.
    New,
}

/// The least round trip that timestamps can say: they count milliseconds. Sourced: linux
/// net/ipv4/tcp_input.c#tcp_rtt_tsopt_us.
const LEAST_ECHO: Span = Span::from_ms(1);

impl Meaning {
    const fn not_duplicate(&self) -> bool {
        self.data || self.window_update || self.acked
    }
}

impl Conn {
    /// Takes the acknowledgement of a segment. Source: tcp_input.c#tcp_ack.
    pub(super) fn on_ack(&mut self, now: LocalTime, segment: &Segment, out: &mut Out) {
        let ack = segment.ack;
        let snd = &mut self.snd;
        if ack > snd.nxt {
            return;
        }
        let old = ack < snd.una;
        let prior_in_flight = snd.in_flight();
        let mut m =
            Meaning { prior_una: snd.una, prior_fack: snd.fack(), data: segment.seq_len() > 0, ..Meaning::default() };
        let (delivered, lost) = (snd.delivered, snd.lost);
        snd.echo = segment.ts_ecr;
        if old {
            if segment.sack[0].0 < segment.sack[0].1 {
                self.take_blocks(now, segment, &mut m);
                let repair = self.judge(now, false, &mut m);
                self.repair(now, repair, out);
            }
            return;
        }
        if ack > snd.una {
            m.una_advanced = true;
            snd.timeouts = 0;
        }
        self.take_window(now, segment, &mut m);
        if segment.sack[0].0 < segment.sack[0].1 {
            self.take_blocks(now, segment, &mut m);
        }
        let snd = &mut self.snd;
        snd.probes_out = 0;
        if snd.chunks.is_empty() {
            if m.duplicate {
                self.judge(now, false, &mut m);
            }
            self.on_window_probe_answer(now);
            self.on_probe_answer(now, ack, &m);
            return;
        }
        self.take_in_order(now, &mut m);
        self.snd.adapt_reordering();
        self.on_probe_answer(now, ack, &m);
        let mut repair = Repair::Nothing;
        let alert = m.sacked || m.duplicate;
        if !m.not_duplicate() || alert || self.snd.congestion != Congestion::Open {
            let dup = !(m.una_advanced || m.not_duplicate() || m.duplicate);
            repair = self.judge(now, dup, &mut m);
        }
        if m.set_timer && !self.schedule_probe(now, true) {
            self.rearm(now);
        }
        m.delivered = self.snd.delivered - delivered;
        m.lost = self.snd.lost - lost;
        self.control(now, &m, prior_in_flight);
        self.repair(now, repair, out);
        self.check_room(out);
    }
    /// Takes the window a segment offers. Source: tcp_input.c#tcp_ack_update_window.
    fn take_window(&mut self, now: LocalTime, segment: &Segment, m: &mut Meaning) {
        let snd = &mut self.snd;
        let newer = segment.ack > snd.una
            || segment.seq > snd.window_seq
            || (segment.seq == snd.window_seq && (segment.window > snd.window || segment.window == 0));
        let changed = newer && segment.window != snd.window;
        if newer {
            m.window_update = true;
            snd.window_seq = segment.seq;
            snd.window = segment.window;
            snd.window_max = snd.window_max.max(segment.window);
        }
        snd.una = segment.ack;
        if changed && snd.nxt < snd.stream_end() {
            self.restart_after_idle(now);
        }
    }
    /// Takes the SACK blocks of a segment. Source: tcp_input.c#tcp_sacktag_write_queue.
    fn take_blocks(&mut self, now: LocalTime, segment: &Segment, m: &mut Meaning) {
        let mut blocks = segment.sack;
        let mut count = segment.sack_blocks().len();
        if self.is_duplicate_report(segment, m) {
            let (start, end) = blocks[0];
            self.take_duplicate(start, end);
            blocks.rotate_left(1);
            count -= 1;
        }
        let blocks = &mut blocks[..count];
        blocks.sort();
        let mut from = 0;
        for (start, end) in blocks.iter() {
            if *end <= segment.ack || *end > self.snd.nxt {
                continue;
            }
            from += self.first_chunk(from, *start);
            while let Some(chunk) = self.snd.chunks.get(from).copied() {
                if chunk.end > *end {
                    break;
                }
                if !chunk.is(SACKED) {
                    self.mark_sacked(now, from, m);
                }
                from += 1;
            }
        }
        let snd = &mut self.snd;
        if let Some(low) = m.reordered
            && (snd.congestion != Congestion::Loss || snd.undo_marker.is_some())
        {
            snd.check_reordering(low, self.config.mss);
        }
    }
    /// How many chunks from `from` on begin before `start`.
    fn first_chunk(&self, from: usize, start: u64) -> usize {
        let (mut low, mut high) = (from.min(self.snd.chunks.len()), self.snd.chunks.len());
        while low < high {
            let middle = (low + high) / 2;
            if self.snd.chunks[middle].seq < start {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low - from
    }
    /// Whether the first block reports a duplicate (RFC 2883, section 4). Source: tcp_input.c#tcp_check_dsack.
    fn is_duplicate_report(&mut self, segment: &Segment, m: &mut Meaning) -> bool {
        let (start, end) = segment.sack[0];
        let (next_start, next_end) = segment.sack[1];
        let inside = next_start < next_end && start >= next_start && end <= next_end;
        if start >= segment.ack && !inside {
            return false;
        }
        let mss = u64::from(self.config.mss);
        let snd = &mut self.snd;
        let count = (end - start).div_ceil(mss).max(1);
        snd.duplicates += count;
        if snd.duplicates > snd.total_retransmits {
            return false;
        }
        if end - start <= mss && snd.tlp_high_seq == Some(end) {
            m.duplicate_probe = true;
        } else if snd.reordering_seen {
            snd.rack.duplicate_seen = true;
        }
        m.duplicate = true;
        snd.delivered += count;
        if let (Some(marker), Some(left)) = (snd.undo_marker, snd.undo_retrans)
            && end <= m.prior_una
            && end > marker
        {
            snd.undo_retrans = Some(left.saturating_sub(count as u32));
        }
        true
    }
    /// A duplicate of chunks still in the queue: their retransmission needn't be waited for.
    fn take_duplicate(&mut self, start: u64, end: u64) {
        let snd = &mut self.snd;
        for chunk in snd.chunks.iter_mut() {
            if chunk.seq < start || chunk.end > end {
                continue;
            }
            if chunk.is(RETRANSMITTED | EVER_RETRANSMITTED)
                && let (Some(marker), Some(left)) = (snd.undo_marker, snd.undo_retrans)
                && chunk.end > marker
            {
                snd.undo_retrans = Some(left.saturating_sub(1));
            }
            if chunk.is(RETRANSMITTED) && chunk.is(SACKED) {
                chunk.marks &= !RETRANSMITTED;
                snd.retrans_out -= 1;
            }
        }
    }
    /// Chunk `i` was received out of order. Source: tcp_input.c#tcp_sacktag_one.
    fn mark_sacked(&mut self, now: LocalTime, i: usize, m: &mut Meaning) {
        let snd = &mut self.snd;
        let chunk = snd.chunks[i];
        snd.advance_rack(now, &chunk);
        let mut marks = chunk.marks;
        if chunk.is(RETRANSMITTED) {
            // Not taken for lost: the copy may be another one that is still on its way.
            if chunk.is(LOST) {
                marks &= !(LOST | RETRANSMITTED);
                snd.lost_out -= 1;
                snd.retrans_out -= 1;
            }
        } else {
            if !chunk.is(EVER_RETRANSMITTED) {
                if chunk.seq < snd.fack() {
                    m.reordered = Some(m.reordered.map_or(chunk.seq, |r| r.min(chunk.seq)));
                }
                m.original |= chunk.end <= snd.high_seq;
                let first = m.sacked_sent.map_or(chunk.sent, |(first, _)| first);
                m.sacked_sent = Some((first, chunk.sent));
            }
            if chunk.is(LOST) {
                marks &= !LOST;
                snd.lost_out -= 1;
            }
        }
        m.sacked = true;
        if let Some(bbr) = &mut snd.bbr {
            bbr.on_delivered(&chunk);
        }
        snd.highest_sack = if snd.sacked_out == 0 { chunk.end } else { snd.highest_sack.max(chunk.end) };
        snd.sacked_out += 1;
        snd.delivered += 1;
        snd.chunks[i].marks = marks | SACKED;
    }
    /// Drops what is acknowledged in order and measures round trips. Source: tcp_input.c#tcp_clean_rtx_queue.
    fn take_in_order(&mut self, now: LocalTime, m: &mut Meaning) {
        let echo = self.snd.echo;
        let mut sent: Option<(LocalTime, LocalTime)> = None;
        let mut reordered: Option<u64> = None;
        while let Some(chunk) = self.snd.chunks.front().copied() {
            let snd = &mut self.snd;
            if chunk.end > snd.una {
                break;
            }
            m.acked = true;
            if chunk.is(RETRANSMITTED | EVER_RETRANSMITTED) {
                snd.retrans_out -= u32::from(chunk.is(RETRANSMITTED));
                m.acked_retransmitted = true;
            } else if !chunk.is(SACKED) {
                sent = Some((sent.map_or(chunk.sent, |(first, _)| first), chunk.sent));
                reordered = reordered.or(Some(chunk.seq));
                m.original |= chunk.end <= snd.high_seq;
            }
            if chunk.is(SACKED) {
                snd.sacked_out -= 1;
            } else {
                snd.delivered += 1;
                if let Some(bbr) = &mut snd.bbr {
                    bbr.on_delivered(&chunk);
                }
                // An echo older than the copy: the original was delivered, and says nothing about the copy.
                let spurious =
                    chunk.is(RETRANSMITTED | EVER_RETRANSMITTED) && echo != 0 && echo < milliseconds(chunk.sent);
                if !spurious {
                    snd.advance_rack(now, &chunk);
                }
            }
            snd.lost_out -= u32::from(chunk.is(LOST));
            snd.chunks.pop_front();
        }
        let updated = self.measure(now, sent, m);
        if m.acked {
            m.set_timer = true;
            if let Some(low) = reordered
                && low < m.prior_fack
            {
                self.snd.check_reordering(low, self.config.mss);
            }
        } else if let (Some(head), true, Some((first, _))) = (self.snd.chunks.front(), updated, m.sacked_sent) {
            // A report about data sent after the head: it must not put the head's timeout off.
            m.set_timer = now.since(first) > now.since(head.sent);
        }
    }
    /// Takes round-trip samples, by the times of sending or else by the echoed timestamp. Source:
    /// tcp_input.c#tcp_ack_update_rtt.
    fn measure(&mut self, now: LocalTime, sent: Option<(LocalTime, LocalTime)>, m: &mut Meaning) -> bool {
        let snd = &mut self.snd;
        let in_order = sent.filter(|_| !m.acked_retransmitted);
        let (rtt, newest) = if let Some((first, last)) = in_order {
            let newest = m.sacked_sent.map_or(last, |(_, last)| last);
            (now.since(first), now.since(newest))
        } else if let Some((first, last)) = m.sacked_sent {
            (now.since(first), now.since(last))
        } else if m.acked && snd.echo != 0 {
            let echoed = Span::from_ms(u64::from(milliseconds(now).saturating_sub(snd.echo)));
            let rtt = echoed.max(LEAST_ECHO);
            (rtt, rtt)
        } else {
            return false;
        };
        m.newest = Some(newest);
        snd.rtt.observe_min(newest);
        snd.rtt.sample(rtt, snd.una, snd.nxt);
        let (cwnd, slow) = (u64::from(snd.cwnd), snd.in_slow_start());
        if snd.bbr.is_none()
            && let Some(threshold) = snd.cubic.on_round_trip(newest, cwnd, slow, snd.una, snd.nxt)
        {
            snd.ssthresh = threshold as u32;
        }
        true
    }
    /// Tells the program when the send buffer has room again. Source: net/core/stream.c#sk_stream_write_space: a third.
    /// The buffer grows with the window as tcp_input.c#tcp_sndbuf_expand does.
    pub(super) fn check_room(&mut self, out: &mut Out) {
        let snd = &mut self.snd;
        if snd.in_flight() < snd.cwnd {
            let segments = u64::from(snd.cwnd.max(snd.reordering + 1));
            // Twice the window, each segment with Linux's overhead, as in `Config::SEND_BUFFER`: 2304 bytes.
            let wanted = 2 * segments * u64::from(super::Config::SEND_BUFFER / 20);
            snd.buffer = snd.buffer.max(wanted.min(u64::from(self.config.send_buffer_max)));
        }
        if snd.full && 3 * (snd.written.saturating_sub(snd.una)) <= 2 * snd.buffer {
            snd.full = false;
            out.events.push(ConnEvent::Writable);
        }
    }
    /// An acknowledgement while nothing was on its way: perhaps of a window probe. Source: tcp_input.c#tcp_ack_probe.
    fn on_window_probe_answer(&mut self, now: LocalTime) {
        let snd = &mut self.snd;
        if snd.nxt >= snd.stream_end() {
            return;
        }
        let next = (snd.written - snd.nxt).min(u64::from(self.config.mss));
        if snd.nxt + next <= snd.window_end() {
            snd.rtt.clear_backoff();
            snd.probes_since = None;
            if matches!(snd.timer, Some((SendTimer::WindowProbe, _))) {
                snd.timer = None;
            }
        } else {
            let wait = self.probe_wait();
            self.arm(now, SendTimer::WindowProbe, wait);
        }
    }
    fn repair(&mut self, now: LocalTime, repair: Repair, out: &mut Out) {
        if repair == Repair::Nothing {
            return;
        }
        if repair == Repair::New {
            self.send_new(now, out);
            if self.snd.nxt > self.snd.high_seq {
                return;
            }
            self.snd.frto = false;
        }
        self.retransmit_lost(now, out);
    }
}

impl super::state::Sender {
    /// RACK learns of a delivery. Source: tcp_recovery.c#tcp_rack_advance; RFC 8985, section 6.2 steps 1 and 2.
    fn advance_rack(&mut self, now: LocalTime, chunk: &Chunk) {
        let rtt = now.since(chunk.sent);
        let again = chunk.is(RETRANSMITTED | EVER_RETRANSMITTED);
        if again && self.rtt.min_rtt().is_none_or(|min| rtt < min) {
            // Too soon after the copy was sent: it was an earlier one that arrived.
            return;
        }
        self.rack.advanced = true;
        self.rack.rtt = rtt;
        if (chunk.sent, chunk.order) > (self.rack.sent, self.rack.order) {
            self.rack.sent = chunk.sent;
            self.rack.order = chunk.order;
        }
    }
    /// Something arrived behind data sent later. Source: tcp_input.c#tcp_check_sack_reordering.
    pub(super) fn check_reordering(&mut self, low: u64, mss: u32) {
        /// The most reordering that is learned. Unit: segments. Sourced: linux
        /// Documentation/networking/ip-sysctl.rst#tcp_max_reordering.
        const MOST: u64 = 300;
        let fack = self.fack();
        if low >= fack {
            return;
        }
        let metric = (fack - low).div_ceil(u64::from(mss));
        self.reordering = self.reordering.max(metric.min(MOST) as u32);
        self.reordering_seen = true;
    }
    /// Duplicates after reordering widen RACK's window, for a while. Source: tcp_recovery.c#tcp_rack_update_reo_wnd.
    fn adapt_reordering(&mut self) {
        /// The widest reordering window, in quarters of the shortest round trip: one byte. Unit: quarters. Sourced:
        /// linux net/ipv4/tcp_recovery.c#tcp_rack_update_reo_wnd.
        const MOST: u32 = 0xff;
        let rack = &mut self.rack;
        if rack.duplicate_seen {
            rack.steps = (rack.steps + 1).min(MOST);
            rack.duplicate_seen = false;
            rack.last_delivered = self.delivered;
            rack.persist = super::state::RACK_PERSIST;
        } else if rack.persist == 0 {
            rack.steps = 1;
        }
    }
}
