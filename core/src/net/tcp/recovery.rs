//! Losses: finding them (RACK, timeouts), repairing them at a decent rate, and taking it back when they weren't.

use super::ack::{Meaning, Repair};
use super::bbr::View;
use super::config::Out;
use super::send::TIMEOUT_MIN;
use super::state::{
    Chunk, Congestion, INFINITE_SSTHRESH, LOST, RACK_PERSIST, REORDERING, RETRANSMITTED, SACKED, SendTimer, Sender,
};
use super::{Conn, milliseconds};
use crate::engine::{LocalTime, Span};

impl Conn {
    /// Decides what an acknowledgement means for the state of congestion. Source: tcp_input.c#tcp_fastretrans_alert.
    pub(super) fn judge(&mut self, now: LocalTime, dup: bool, m: &mut Meaning) -> Repair {
        let snd = &mut self.snd;
        if snd.congestion == Congestion::Open {
            snd.retrans_stamp = None;
        } else if snd.una >= snd.high_seq {
            match snd.congestion {
                Congestion::Reduced if snd.una != snd.high_seq => {
                    snd.end_reduction(now);
                    snd.congestion = Congestion::Open;
                }
                Congestion::Recovery => {
                    snd.end_recovery(now);
                    snd.end_reduction(now);
                }
                _ => {}
            }
        }
        match self.snd.congestion {
            Congestion::Recovery => {
                if m.una_advanced && self.undo_partly(now) {
                    return Repair::Nothing;
                }
                if self.snd.undo_by_duplicates(now) {
                    self.snd.try_to_open();
                }
                self.find_losses(now, m);
                if self.snd.congestion != Congestion::Recovery {
                    if self.snd.lost_out == 0 {
                        return Repair::Nothing;
                    }
                    self.snd.enter_recovery();
                }
                Repair::Lost
            }
            Congestion::Loss => {
                let repair = self.process_loss(now, dup, m);
                self.find_losses(now, m);
                if self.snd.congestion != Congestion::Open && !m.lost_retransmit {
                    return repair;
                }
                self.judge_calmly(now, m, repair)
            }
            _ => self.judge_calmly(now, m, Repair::Nothing),
        }
    }
    /// Outside of a repair: does one begin?
    fn judge_calmly(&mut self, now: LocalTime, m: &mut Meaning, otherwise: Repair) -> Repair {
        if matches!(self.snd.congestion, Congestion::Open | Congestion::Disorder) {
            self.snd.undo_by_duplicates(now);
        }
        self.find_losses(now, m);
        if self.snd.lost_out == 0 {
            self.snd.try_to_open();
            return otherwise;
        }
        self.snd.enter_recovery();
        Repair::Lost
    }
    /// In the state after a timeout. Source: tcp_input.c#tcp_process_loss; F-RTO: RFC 5682, section 3.1.
    fn process_loss(&mut self, now: LocalTime, dup: bool, m: &Meaning) -> Repair {
        let snd = &mut self.snd;
        let recovered = snd.una >= snd.high_seq;
        if m.una_advanced && snd.undo_loss(now, false) {
            return Repair::Nothing;
        }
        if snd.frto {
            // Step 3b: data sent only once was delivered, so not everything is lost: the timeout was spurious.
            if m.original && snd.undo_loss(now, true) {
                return Repair::Nothing;
            }
            if snd.nxt > snd.high_seq {
                if m.sacked || dup {
                    snd.frto = false; // Step 3a: the loss was real.
                }
            } else if m.una_advanced && !recovered {
                snd.high_seq = snd.nxt;
                // Step 2b: try something new and see.
                if snd.nxt < snd.stream_end() && snd.window_end() > snd.nxt {
                    return Repair::New;
                }
                snd.frto = false;
            }
        }
        if recovered {
            snd.end_recovery(now);
            return Repair::Nothing;
        }
        Repair::Lost
    }
    /// The retransmission timer ran out. Source: tcp_input.c#tcp_enter_loss, tcp_timeout_mark_lost.
    pub(super) fn enter_loss(&mut self, now: LocalTime) {
        let snd = &mut self.snd;
        let fresh = snd.congestion < Congestion::Recovery;
        let rtt = snd.rack.rtt;
        for i in 0..snd.chunks.len() {
            // What was sent within the last round trip may still be on its way.
            if i == 0 || now.since(snd.chunks[i].sent) >= rtt {
                snd.mark_lost(i);
            }
        }
        if snd.congestion <= Congestion::Disorder
            || snd.high_seq <= snd.una
            || (snd.congestion == Congestion::Loss && snd.timeouts == 0)
        {
            snd.prior_ssthresh = snd.current_ssthresh();
            snd.prior_cwnd = snd.cwnd;
            snd.ssthresh = snd.threshold_after_loss();
            snd.begin_undo();
        }
        snd.cwnd = snd.in_flight() + 1;
        snd.cwnd_count = 0;
        snd.cwnd_stamp = now;
        if snd.congestion <= Congestion::Disorder && snd.sacked_out >= REORDERING {
            snd.reordering = snd.reordering.min(REORDERING);
        }
        snd.congestion = Congestion::Loss;
        snd.cubic.on_timeout();
        if let Some(bbr) = &mut snd.bbr {
            bbr.on_timeout(snd.delivered, snd.lost, self.config.mss);
        }
        snd.high_seq = snd.nxt;
        snd.tlp_high_seq = None;
        snd.frto = fresh || snd.timeouts > 0;
    }
    /// Takes the reduction back if the hole was filled by the original. Returns whether nothing more is to be done.
    /// Source: tcp_input.c#tcp_try_undo_partial.
    fn undo_partly(&mut self, now: LocalTime) -> bool {
        let snd = &mut self.snd;
        if snd.undo_marker.is_none() || !snd.original_arrived() {
            return false;
        }
        snd.check_reordering(snd.una, self.config.mss);
        if snd.retrans_out > 0 {
            return true;
        }
        if !snd.any_retransmitted() {
            snd.retrans_stamp = None;
        }
        snd.undo_reduction(now, true);
        snd.keep_open();
        false
    }
    /// Looks for losses after an acknowledgement. Source: tcp_input.c#tcp_identify_packet_loss.
    fn find_losses(&mut self, now: LocalTime, m: &mut Meaning) {
        if self.snd.chunks.is_empty() || !self.snd.rack.advanced {
            return;
        }
        self.snd.rack.advanced = false;
        let before = self.snd.retrans_out;
        let wait = self.snd.detect_losses(now);
        if !wait.is_zero() {
            // The send timer now waits for this; an acknowledgement mustn't put it off.
            m.set_timer = false;
            let wait = (wait + TIMEOUT_MIN).min(self.snd.rtt.rto());
            self.arm(now, SendTimer::Reordering, wait);
        }
        m.lost_retransmit |= before > self.snd.retrans_out;
    }
    /// The reordering window is over. Source: tcp_recovery.c#tcp_rack_reo_timeout.
    pub(super) fn on_reordering_timer(&mut self, now: LocalTime, out: &mut Out) {
        let (before, lost) = (self.snd.in_flight(), self.snd.lost);
        self.snd.detect_losses(now);
        if before != self.snd.in_flight() {
            if self.snd.congestion != Congestion::Recovery {
                self.snd.enter_recovery();
                let lost = self.snd.lost - lost;
                if self.snd.bbr.is_none() {
                    self.snd.reduce(1, lost, false);
                }
            }
            self.retransmit_lost(now, out);
        }
        if !matches!(self.snd.timer, Some((SendTimer::Retransmit, _))) {
            self.rearm(now);
        }
    }
    /// What an acknowledgement says about a tail loss probe. Source: tcp_input.c#tcp_process_tlp_ack.
    pub(super) fn on_probe_answer(&mut self, now: LocalTime, ack: u64, m: &Meaning) {
        let snd = &mut self.snd;
        let Some(high) = snd.tlp_high_seq else {
            return;
        };
        if ack < high {
            return;
        }
        if !snd.tlp_retrans || m.duplicate_probe {
            snd.tlp_high_seq = None;
        } else if ack > high {
            // The probe repaired a loss: the window must shrink for it.
            snd.begin_reduction();
            snd.congestion = Congestion::Reduced;
            snd.end_reduction(now);
            snd.keep_open();
        } else if !m.una_advanced && !m.data && !m.window_update && !m.acked && !m.sacked {
            snd.tlp_high_seq = None;
        }
    }
    /// Sets the window after an acknowledgement. Source: tcp_input.c#tcp_cong_control.
    pub(super) fn control(&mut self, now: LocalTime, m: &Meaning, prior_in_flight: u32) {
        let snd = &mut self.snd;
        if let Some(mut bbr) = snd.bbr.take() {
            snd.cwnd = bbr.on_ack(&View {
                now,
                delivered: snd.delivered,
                lost: snd.lost,
                acked: m.delivered,
                losses: m.lost,
                in_flight: snd.in_flight(),
                prior_in_flight,
                rtt: m.newest,
                min_rtt: snd.rtt.min_rtt(),
                srtt: snd.rtt.srtt(),
                congestion: snd.congestion,
                cwnd: snd.cwnd,
                mss: self.config.mss,
                transmissions: snd.transmissions,
            });
            bbr.forget(snd.chunks.iter().map(|chunk| chunk.order).min().unwrap_or(u64::MAX));
            snd.bbr = Some(bbr);
            return;
        }
        if snd.in_reduction() {
            snd.reduce(m.delivered, m.lost, m.una_advanced);
        } else if m.acked || (snd.reordering > REORDERING && m.sacked) {
            snd.grow(now, m.delivered);
        }
    }
}

impl Sender {
    /// Growth outside of a repair: slow start, then CUBIC. An unused window doesn't grow.
    /// Source: tcp_cubic.c#cubictcp_cong_avoid, tcp_cong.c#tcp_slow_start, tcp_cong_avoid_ai.
    fn grow(&mut self, now: LocalTime, acked: u64) {
        if !self.uses_window() {
            return;
        }
        let mut acked = acked;
        if self.in_slow_start() {
            let step = acked.min(u64::from(self.ssthresh - self.cwnd));
            self.cwnd += step as u32;
            acked -= step;
        }
        if acked == 0 {
            return;
        }
        let per_segment = self.cubic.update(now, u64::from(self.cwnd), acked);
        if self.cwnd_count >= per_segment {
            self.cwnd_count = 0;
            self.cwnd += 1;
        }
        self.cwnd_count += acked;
        if self.cwnd_count >= per_segment {
            let steps = self.cwnd_count / per_segment;
            self.cwnd_count -= steps * per_segment;
            self.cwnd += steps as u32;
        }
    }
    /// Proportional rate reduction (RFC 6937). Source: tcp_input.c#tcp_cwnd_reduction.
    fn reduce(&mut self, delivered: u64, lost: u64, una_advanced: bool) {
        if delivered == 0 || self.prior_cwnd == 0 {
            return;
        }
        let flight = self.in_flight();
        self.prr_delivered += delivered as u32;
        let send = if flight > self.ssthresh {
            let allowed =
                (u64::from(self.ssthresh) * u64::from(self.prr_delivered)).div_ceil(u64::from(self.prior_cwnd));
            allowed.saturating_sub(u64::from(self.prr_out))
        } else {
            let mut send = u64::from(self.prr_delivered.saturating_sub(self.prr_out)).max(delivered);
            if una_advanced && lost == 0 {
                send += 1;
            }
            send.min(u64::from(self.ssthresh - flight))
        };
        // The first repair leaves at once.
        let send = send.max(u64::from(self.prr_out == 0));
        self.cwnd = flight + send as u32;
    }
    /// Source: tcp_input.c#tcp_init_cwnd_reduction.
    fn begin_reduction(&mut self) {
        self.high_seq = self.nxt;
        self.tlp_high_seq = None;
        self.cwnd_count = 0;
        self.prior_cwnd = self.cwnd;
        self.prr_delivered = 0;
        self.prr_out = 0;
        self.ssthresh = self.threshold_after_loss();
    }
    /// What the congestion control makes of a loss: CUBIC's next threshold. BBR has none, and remembers its window.
    pub(super) fn threshold_after_loss(&mut self) -> u32 {
        match &mut self.bbr {
            Some(bbr) => {
                bbr.save(self.cwnd);
                self.ssthresh
            }
            None => self.cubic.on_loss(u64::from(self.cwnd)) as u32,
        }
    }
    /// Source: tcp_input.c#tcp_end_cwnd_reduction.
    fn end_reduction(&mut self, now: LocalTime) {
        if self.bbr.is_none()
            && self.ssthresh < INFINITE_SSTHRESH
            && (self.congestion == Congestion::Reduced || self.undo_marker.is_some())
        {
            self.cwnd = self.ssthresh;
            self.cwnd_stamp = now;
        }
    }
    /// Source: tcp_input.c#tcp_enter_recovery.
    pub(super) fn enter_recovery(&mut self) {
        if !self.any_retransmitted() {
            self.retrans_stamp = None;
        }
        self.prior_ssthresh = 0;
        self.begin_undo();
        if !self.in_reduction() {
            self.prior_ssthresh = self.current_ssthresh();
            self.begin_reduction();
        }
        self.congestion = Congestion::Recovery;
    }
    /// Source: tcp_input.c#tcp_init_undo.
    fn begin_undo(&mut self) {
        self.undo_marker = Some(self.una);
        let probe = self.tlp_high_seq.is_some() && self.tlp_retrans;
        self.undo_retrans = match self.retrans_out + u32::from(probe) {
            0 => None,
            n => Some(n),
        };
    }
    /// Whether an echoed timestamp shows that an original arrived, not a retransmission (Eifel, RFC 3522).
    /// Source: tcp_input.c#tcp_packet_delayed.
    fn original_arrived(&self) -> bool {
        match self.retrans_stamp {
            None => true,
            Some(stamp) => self.echo != 0 && self.echo < milliseconds(stamp),
        }
    }
    /// Source: tcp_input.c#tcp_may_undo.
    fn may_undo(&self) -> bool {
        self.undo_marker.is_some() && (self.undo_retrans == Some(0) || self.original_arrived())
    }
    /// Takes a reduction back. Source: tcp_input.c#tcp_undo_cwnd_reduction.
    fn undo_reduction(&mut self, now: LocalTime, unmark: bool) {
        if unmark {
            for chunk in &mut self.chunks {
                chunk.marks &= !LOST;
            }
            self.lost_out = 0;
        }
        if self.prior_ssthresh > 0 {
            match &mut self.bbr {
                Some(bbr) => bbr.on_undo(self.delivered, self.lost),
                None => self.cwnd = self.cwnd.max(self.prior_cwnd),
            }
            self.ssthresh = self.ssthresh.max(self.prior_ssthresh);
        }
        self.cwnd_stamp = now;
        self.undo_marker = None;
        self.rack.advanced = true;
    }
    /// Source: tcp_input.c#tcp_try_undo_loss.
    fn undo_loss(&mut self, now: LocalTime, proven: bool) -> bool {
        if !proven && !self.may_undo() {
            return false;
        }
        self.undo_reduction(now, true);
        self.timeouts = 0;
        self.congestion = Congestion::Open;
        true
    }
    /// Everything up to `high_seq` has arrived. Source: tcp_input.c#tcp_try_undo_recovery.
    fn end_recovery(&mut self, now: LocalTime) {
        if self.may_undo() {
            self.undo_reduction(now, false);
        }
        self.congestion = Congestion::Open;
    }
    /// Every retransmission was reported as a duplicate. Source: tcp_input.c#tcp_try_undo_dsack.
    fn undo_by_duplicates(&mut self, now: LocalTime) -> bool {
        if self.undo_marker.is_none() || self.undo_retrans != Some(0) {
            return false;
        }
        self.rack.persist = RACK_PERSIST.min(self.rack.persist + 1);
        self.undo_reduction(now, false);
        true
    }
    /// Source: tcp_input.c#tcp_try_to_open.
    fn try_to_open(&mut self) {
        if !self.any_retransmitted() {
            self.retrans_stamp = None;
        }
        if self.congestion != Congestion::Reduced {
            self.keep_open();
        }
    }
    /// Source: tcp_input.c#tcp_try_keep_open.
    fn keep_open(&mut self) {
        let dubious = self.sacked_out + self.lost_out > 0 || self.any_retransmitted();
        let state = if dubious { Congestion::Disorder } else { Congestion::Open };
        if self.congestion != state {
            self.congestion = state;
            self.high_seq = self.nxt;
        }
    }
    /// Source: tcp_input.c#tcp_mark_skb_lost.
    fn mark_lost(&mut self, i: usize) {
        let chunk: &mut Chunk = &mut self.chunks[i];
        if chunk.is(SACKED) {
            return;
        }
        if !chunk.is(LOST) {
            chunk.marks |= LOST;
            self.lost_out += 1;
            self.lost += 1;
        } else if chunk.is(RETRANSMITTED) {
            chunk.marks &= !RETRANSMITTED;
            self.retrans_out -= 1;
            self.lost += 1;
        }
    }
    /// How long something delivered later may have overtaken. Source: tcp_recovery.c#tcp_rack_reo_wnd; RFC 8985, 6.2.
    fn reordering_window(&self) -> Span {
        if !self.reordering_seen && (self.congestion >= Congestion::Recovery || self.sacked_out >= self.reordering) {
            return Span::ZERO;
        }
        let quarter = self.rtt.min_rtt().unwrap_or(Span::ZERO).scale(1, 4);
        let srtt = self.rtt.srtt().unwrap_or(Span::ZERO);
        quarter.scale(u64::from(self.rack.steps), 1).min(srtt)
    }
    /// Marks what RACK takes for lost; returns the longest wait until more is. Source: tcp_recovery.c#tcp_rack_detect_loss.
    fn detect_losses(&mut self, now: LocalTime) -> Span {
        let allowed = self.rack.rtt + self.reordering_window();
        let newest = (self.rack.sent, self.rack.order);
        let mut wait = Span::ZERO;
        for i in 0..self.chunks.len() {
            let chunk = self.chunks[i];
            let waits_for_repair = chunk.is(LOST) && !chunk.is(RETRANSMITTED);
            if chunk.is(SACKED) || waits_for_repair || newest <= (chunk.sent, chunk.order) {
                continue;
            }
            let left = allowed.saturating_sub(now.since(chunk.sent));
            if left.is_zero() {
                self.mark_lost(i);
            } else {
                wait = wait.max(left);
            }
        }
        wait
    }
}
