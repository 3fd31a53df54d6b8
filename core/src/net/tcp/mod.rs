//! TCP as Linux 6.x does it, one end of a connection at a time: no clock, no network, no dice of its own.
//!
//! It follows net/ipv4/tcp_*.c function by function where losses are concerned, because how a connection falls behind
//! under loss is the sum of many small decisions there. Left out: urgent data, Nagle's algorithm (programs here set
//! `TCP_NODELAY`), pacing, ECN, Fast Open, path MTU discovery, PAWS, TIME-WAIT (see [`State`]) and sequence numbers
//! that wrap. Segmentation offload is off: a segment is a packet.

mod ack;
mod bbr;
mod config;
mod cubic;
mod input;
mod receive;
mod recovery;
mod rtt;
mod send;
mod state;
#[cfg(test)]
mod tests;
mod timers;

pub use config::{Config, ConnEvent, Keepalive, Out, Reason};
pub use state::{Congestion, State};

use crate::engine::{LocalTime, Span};
use crate::net::{Flags, Segment};
use state::{Receiver, SendTimer, Sender};

/// A host's clock in milliseconds, as the timestamp option carries it: 49 days until it wraps, longer than any run.
/// One is added, because zero stands for "nothing to echo".
const fn milliseconds(now: LocalTime) -> u32 {
    (now.ns() / 1_000_000 + 1) as u32
}

/// One end of a TCP connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Conn {
    config: Config,
    state: State,
    snd: Sender,
    rcv: Receiver,
    /// When the handshake began.
    opened: LocalTime,
    /// The time of the call that is being worked on.
    now_hint: LocalTime,
    /// When to look whether the other side is still there.
    keepalive: Option<LocalTime>,
    /// When to stop waiting for the other side's FIN.
    fin_wait: Option<LocalTime>,
}

impl Conn {
    fn new(config: &Config, now: LocalTime, state: State) -> Self {
        Self {
            config: *config,
            state,
            snd: Sender::new(config, now),
            rcv: Receiver::new(config, now),
            opened: now,
            now_hint: now,
            keepalive: None,
            fin_wait: None,
        }
    }
    /// Opens a connection: sends a SYN.
    pub fn connect(config: &Config, now: LocalTime, out: &mut Out) -> Self {
        let mut conn = Self::new(config, now, State::SynSent);
        let segment = conn.segment(now, Flags::SYN, 0, 0);
        out.segments.push(conn.offering(segment));
        conn.arm(now, SendTimer::Retransmit, rtt::TIMEOUT_INIT);
        conn
    }
    /// Answers a SYN. `Connected` comes when the handshake is complete.
    pub fn accept(config: &Config, now: LocalTime, syn: &Segment, out: &mut Out) -> Self {
        let mut conn = Self::new(config, now, State::SynReceived);
        conn.rcv.ts_recent = syn.ts_val;
        conn.snd.window = syn.window;
        conn.snd.window_max = syn.window;
        conn.send_syn_ack(now, out);
        conn
    }
    /// Carries out everything that is due at `now`.
    pub fn on_timer(&mut self, now: LocalTime, out: &mut Out) {
        self.now_hint = now;
        if self.rcv.deadline.is_some_and(|at| at <= now) {
            self.on_ack_timer(now, out);
        }
        if self.rcv.report_at.is_some_and(|at| at <= now) {
            self.send_ack(now, out);
        }
        if let Some((timer, at)) = self.snd.timer
            && at <= now
        {
            self.on_send_timer(now, timer, out);
        }
        if self.snd.pace_timer.is_some_and(|at| at <= now) {
            self.snd.pace_timer = None;
            if self.snd.lost_out > self.snd.retrans_out {
                self.retransmit_lost(now, out);
            }
            self.send_new(now, out);
        }
        if self.keepalive.is_some_and(|at| at <= now) {
            self.on_keepalive_timer(now, out);
        }
        if self.fin_wait.is_some_and(|at| at <= now) {
            self.finish(ConnEvent::Closed, out);
        }
    }
    /// When `on_timer` is to be called next, if at all. It changes with every call.
    pub fn next_timer(&self) -> Option<LocalTime> {
        let mut next = self.snd.timer.map(|(_, at)| at);
        let others = [self.rcv.deadline, self.keepalive, self.fin_wait, self.snd.pace_timer, self.rcv.report_at];
        for at in others.into_iter().flatten() {
            next = Some(next.map_or(at, |earlier| earlier.min(at)));
        }
        next
    }
    /// The program writes `bytes`. All are taken; `Full` says that it should wait for `Writable` before more.
    pub fn write(&mut self, now: LocalTime, bytes: u32, out: &mut Out) {
        self.now_hint = now;
        if bytes == 0 || self.snd.fin || self.state == State::Closed {
            return;
        }
        if self.can_send() {
            self.restart_after_idle(now);
        }
        self.check_limited();
        self.snd.written += u64::from(bytes);
        if !self.snd.full && self.unacked_bytes() > self.snd.buffer {
            self.snd.full = true;
            out.events.push(ConnEvent::Full);
        }
        self.send_new(now, out);
    }
    /// The program has consumed `bytes`.
    ///
    /// # Panics
    /// If there weren't as many.
    pub fn read(&mut self, now: LocalTime, bytes: u32, out: &mut Out) {
        self.now_hint = now;
        self.rcv.read += u64::from(bytes);
        let end = self.rcv.nxt - u64::from(self.rcv.fin);
        assert!(self.rcv.read <= end, "read {} of {end}: more than has arrived", self.rcv.read);
        if self.state != State::Closed {
            self.tune_buffer(now);
            self.after_read(now, out);
        }
    }
    /// The program closes: no more writes, no more reads. With data unread this is an abort, as in Linux.
    pub fn close(&mut self, now: LocalTime, out: &mut Out) {
        self.now_hint = now;
        let unread = self.rcv.read + u64::from(self.rcv.fin) < self.rcv.nxt;
        match self.state {
            State::SynSent => self.finish(ConnEvent::Closed, out),
            State::SynReceived => self.abort(now, out),
            State::Established | State::CloseWait if unread => self.abort(now, out),
            State::Established | State::CloseWait => {
                self.snd.fin = true;
                self.state = if self.state == State::Established { State::FinWait1 } else { State::LastAck };
                self.keepalive = None;
                self.send_new(now, out);
            }
            _ => {}
        }
    }
    /// Gives the connection up and tells the other side so.
    pub fn abort(&mut self, now: LocalTime, out: &mut Out) {
        self.now_hint = now;
        if self.state == State::Closed {
            return;
        }
        if self.state != State::SynSent {
            let reset = self.segment(now, Flags::RST.with(Flags::ACK), self.snd.nxt, 0);
            out.segments.push(reset);
        }
        self.finish(ConnEvent::Closed, out);
    }
    /// What a host answers to a segment of a connection it doesn't know; nothing to a reset.
    /// Source: RFC 9293, section 3.5.2.
    pub fn reset_reply(segment: &Segment) -> Option<Segment> {
        if segment.flags.contains(Flags::RST) {
            return None;
        }
        let (flags, seq) = if segment.flags.contains(Flags::ACK) {
            (Flags::RST, segment.ack)
        } else {
            (Flags::RST.with(Flags::ACK), 0)
        };
        Some(Segment { flags, seq, ack: segment.end(), ts_ecr: segment.ts_val, ..Segment::default() })
    }
}

/// What the inspector shows.
impl Conn {
    /// The state of the connection.
    pub const fn state(&self) -> State {
        self.state
    }
    /// The sender's view of the path.
    pub const fn congestion(&self) -> Congestion {
        self.snd.congestion
    }
    /// The congestion window, in segments.
    pub const fn cwnd(&self) -> u32 {
        self.snd.cwnd
    }
    /// The slow-start threshold, in segments; 2^31 - 1 when there is none yet.
    pub const fn ssthresh(&self) -> u32 {
        self.snd.ssthresh
    }
    /// The smoothed round-trip time; `None` before the first sample.
    pub const fn srtt(&self) -> Option<Span> {
        self.snd.rtt.srtt()
    }
    /// The retransmission timeout, back-off included.
    pub const fn rto(&self) -> Span {
        self.snd.rtt.rto()
    }
    /// How often the timeout has doubled.
    pub const fn backoff(&self) -> u32 {
        self.snd.rtt.backoff()
    }
    /// Segments the sender believes to be in the network.
    pub fn in_flight(&self) -> u32 {
        self.snd.in_flight()
    }
    /// Bytes written and not sent yet.
    pub const fn unsent_bytes(&self) -> u64 {
        self.snd.written.saturating_sub(self.snd.nxt)
    }
    /// Bytes written and not acknowledged.
    pub const fn unacked_bytes(&self) -> u64 {
        let una = if self.snd.una == 0 { 1 } else { self.snd.una };
        self.snd.written.saturating_sub(una)
    }
    /// Segments sent again since the beginning.
    pub const fn retransmits(&self) -> u64 {
        self.snd.total_retransmits
    }
    /// Payload bytes that arrived and that the program hasn't read.
    pub const fn unread_bytes(&self) -> u64 {
        self.rcv.nxt - self.rcv.fin as u64 - self.rcv.read
    }
}
