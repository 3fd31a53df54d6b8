//! A segment arrives: the handshake, what is acceptable, and the order in which its parts are taken.

use super::config::{ConnEvent, Out, Reason};
use super::state::State;
use super::{Conn, milliseconds};
use crate::engine::{LocalTime, Span};
use crate::net::{Flags, Segment};

impl Conn {
    /// Takes a segment. Source: tcp_input.c#tcp_rcv_state_process, tcp_rcv_established.
    pub fn on_segment(&mut self, now: LocalTime, segment: &Segment, out: &mut Out) {
        self.now_hint = now;
        match self.state {
            State::Closed => return,
            State::SynSent => {
                self.on_answer_to_syn(now, segment, out);
                return;
            }
            _ => {}
        }
        if self.state == State::SynReceived && !self.on_answer_to_syn_ack(now, segment, out) {
            return;
        }
        if !self.acceptable(now, segment, out) {
            return;
        }
        if segment.seq <= self.rcv.acked {
            self.rcv.ts_recent = self.rcv.ts_recent.max(segment.ts_val);
        }
        self.rcv.last_heard = now;
        self.on_ack(now, segment, out);
        self.after_ack(now, out);
        if self.state == State::Closed {
            return;
        }
        let data_end = segment.end() - u64::from(segment.flags.contains(Flags::FIN));
        if self.closed_by_us() && segment.len > 0 && data_end > self.rcv.nxt {
            // Nobody will ever read this. Source: tcp_input.c#tcp_rcv_state_process, TCPABORTONDATA.
            self.abort(now, out);
            return;
        }
        self.take_data(now, segment, out);
        if self.state != State::Closed {
            self.send_new(now, out);
            self.check_ack(now, out);
        }
    }
    /// Whether a segment is to be taken. Source: tcp_input.c#tcp_validate_incoming; RFC 5961.
    fn acceptable(&mut self, now: LocalTime, segment: &Segment, out: &mut Out) -> bool {
        if segment.flags.contains(Flags::RST) {
            if segment.seq == self.rcv.nxt {
                self.fail(Reason::Reset, out);
            } else if self.in_window(segment) {
                self.answer_stray(now, segment, out);
            }
            return false;
        }
        if !self.in_window(segment) || segment.flags.contains(Flags::SYN) {
            self.answer_stray(now, segment, out);
            return false;
        }
        segment.flags.contains(Flags::ACK)
    }
    /// Source: tcp_input.c#tcp_rcv_synsent_state_process.
    fn on_answer_to_syn(&mut self, now: LocalTime, segment: &Segment, out: &mut Out) {
        if !segment.flags.contains(Flags::ACK) || segment.ack != 1 {
            return;
        }
        if segment.flags.contains(Flags::RST) {
            self.fail(Reason::Refused, out);
            return;
        }
        if !segment.flags.contains(Flags::SYN) {
            return;
        }
        self.establish(now, segment, out);
        self.send_ack(now, out);
        self.send_new(now, out);
    }
    /// Returns whether the handshake is complete and the segment is to be taken like any other.
    /// Source: tcp_minisocks.c#tcp_check_req.
    fn on_answer_to_syn_ack(&mut self, now: LocalTime, segment: &Segment, out: &mut Out) -> bool {
        if segment.flags.contains(Flags::RST) {
            self.fail(Reason::Reset, out);
            return false;
        }
        if segment.flags.contains(Flags::SYN) {
            self.rcv.ts_recent = segment.ts_val;
            self.send_syn_ack(now, out);
            return false;
        }
        if !segment.flags.contains(Flags::ACK) || segment.ack < 1 {
            return false;
        }
        self.establish(now, segment, out);
        true
    }
    fn establish(&mut self, now: LocalTime, segment: &Segment, out: &mut Out) {
        let repeats = self.snd.timeouts;
        let asked = self.state == State::SynSent;
        self.state = State::Established;
        self.rcv.ts_recent = segment.ts_val;
        self.rcv.last_heard = now;
        let snd = &mut self.snd;
        snd.timer = None;
        snd.una = 1;
        snd.window = segment.window;
        snd.window_max = segment.window;
        snd.window_seq = segment.seq;
        snd.echo = segment.ts_ecr;
        // Which SYN was answered, only the echo can say.
        let rtt = if repeats == 0 {
            now.since(self.opened)
        } else {
            let echoed = milliseconds(now).saturating_sub(segment.ts_ecr).max(1);
            Span::from_ms(u64::from(echoed))
        };
        snd.rtt.observe_min(rtt);
        snd.rtt.sample(rtt, snd.una, snd.nxt);
        // Source: tcp_input.c#tcp_enter_loss for the lost SYN, tcp_init_transfer for the window.
        if repeats > 0 && asked {
            snd.ssthresh = snd.threshold_after_loss();
            snd.cubic = Default::default();
        }
        if repeats > 1 {
            snd.cwnd = 1;
        }
        snd.timeouts = 0;
        snd.cwnd_stamp = now;
        snd.last_sent = now;
        self.keepalive = self.config.keepalive.map(|k| self.deadline(now, k.idle));
        out.events.push(ConnEvent::Connected);
    }
    /// Our FIN may have been acknowledged.
    fn after_ack(&mut self, now: LocalTime, out: &mut Out) {
        if !self.snd.fin || self.snd.una < self.snd.stream_end() {
            return;
        }
        match self.state {
            State::FinWait1 => {
                self.state = State::FinWait2;
                self.fin_wait = Some(self.deadline(now, self.config.fin_timeout));
            }
            State::Closing | State::LastAck => self.finish(ConnEvent::Closed, out),
            _ => {}
        }
    }
    /// The other side's FIN is in order. Source: tcp_input.c#tcp_fin.
    pub(super) fn on_fin(&mut self, now: LocalTime, out: &mut Out) {
        match self.state {
            State::Established => {
                self.state = State::CloseWait;
                out.events.push(ConnEvent::PeerClosed);
            }
            State::FinWait1 => self.state = State::Closing,
            State::FinWait2 => {
                self.send_ack(now, out);
                self.finish(ConnEvent::Closed, out);
            }
            _ => {}
        }
    }
}
