//! The state of one end of a connection: what is sent, what is received, what the timers wait for.

use super::bbr::Bbr;
use super::config::Config;
use super::cubic::Cubic;
use super::rtt::Estimator;
use crate::engine::{LocalTime, Span};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// The states of RFC 9293, section 3.3.2, without LISTEN and TIME-WAIT.
///
/// TIME-WAIT protects a later connection of the same port pair from old segments. Here every connection has an id of
/// its own, so nothing can be mistaken, and whoever would wait there is closed at once. A retransmitted FIN then meets
/// nobody and is answered by a reset, which a side in LAST-ACK takes for the end it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// We sent a SYN.
    SynSent,
    /// We answered a SYN.
    SynReceived,
    /// Both directions are open.
    Established,
    /// We closed, our FIN isn't acknowledged.
    FinWait1,
    /// We closed, our FIN is acknowledged.
    FinWait2,
    /// The other side closed.
    CloseWait,
    /// Both closed, our FIN isn't acknowledged; the other side closed while ours was on its way.
    Closing,
    /// Both closed, our FIN isn't acknowledged; the other side closed first.
    LastAck,
    /// Over.
    Closed,
}

/// The sender's view of the path. Source: Linux `enum tcp_ca_state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Congestion {
    /// Nothing dubious.
    Open,
    /// Some segment was acknowledged out of order; nothing is known to be lost.
    Disorder,
    /// The window is reduced without a known loss: a tail loss probe repaired one.
    Reduced,
    /// A loss was found and is being repaired.
    Recovery,
    /// The retransmission timer ran out.
    Loss,
}

/// The one timer of the sending side, by what it waits for. Source: Linux `icsk_pending`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum SendTimer {
    /// Retransmission timeout, of the handshake too.
    Retransmit,
    /// Tail loss probe (RFC 8985, section 7).
    LossProbe,
    /// RACK's reordering window (RFC 8985, section 6.3).
    Reordering,
    /// Probe of a closed window.
    WindowProbe,
}

/// A sent segment that isn't acknowledged yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Chunk {
    pub seq: u64,
    pub end: u64,
    /// When it was last sent, and as which of all transmissions: several leave at the same instant.
    pub sent: LocalTime,
    pub order: u64,
    /// Bits: see the constants.
    pub marks: u8,
}

/// The receiver has it, out of order. Code: a bit.
pub(super) const SACKED: u8 = 1;
/// Taken for lost. Code: a bit.
pub(super) const LOST: u8 = 2;
/// A retransmission is on its way. Code: a bit.
pub(super) const RETRANSMITTED: u8 = 4;
/// Has been sent more than once, probes included. Code: a bit.
pub(super) const EVER_RETRANSMITTED: u8 = 8;

impl Chunk {
    pub(super) const fn is(&self, marks: u8) -> bool {
        self.marks & marks != 0
    }
}

/// RACK's state (RFC 8985): the newest delivery by time of sending. Where RFC 8985 and Linux tell segments of the same
/// time apart by sequence number, this does by order of transmission: here acknowledgements take no time to handle, so
/// a repair often leaves at the same instant as new data before it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Rack {
    pub sent: LocalTime,
    pub order: u64,
    pub rtt: Span,
    /// Something new was delivered since the last look for losses.
    pub advanced: bool,
    /// The reordering window, in quarters of the shortest round trip.
    pub steps: u32,
    /// Recoveries until `steps` falls back to one.
    pub persist: u32,
    pub duplicate_seen: bool,
    pub last_delivered: u64,
}

/// The sending side.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Sender {
    /// The oldest unacknowledged number, and the next to send.
    pub una: u64,
    pub nxt: u64,
    /// The number after the last written byte.
    pub written: u64,
    /// The stream ends after `written`.
    pub fin: bool,
    /// The window the other side offers beyond `una`, and the segment that last offered one.
    pub window: u32,
    pub window_max: u32,
    pub window_seq: u64,
    /// Sent and not acknowledged, in order.
    pub chunks: VecDeque<Chunk>,
    pub sacked_out: u32,
    pub lost_out: u32,
    pub retrans_out: u32,
    /// The number after the highest chunk reported out of order.
    pub highest_sack: u64,
    pub cwnd: u32,
    pub ssthresh: u32,
    pub cwnd_count: u64,
    pub prior_cwnd: u32,
    /// The threshold to return to if the reduction proves wrong; 0: none.
    pub prior_ssthresh: u32,
    pub congestion: Congestion,
    /// The episode ends when this is acknowledged.
    pub high_seq: u64,
    /// Where the episode began, while it may be undone.
    pub undo_marker: Option<u64>,
    /// Retransmissions of the episode not reported as duplicates; `None`: nothing was retransmitted.
    pub undo_retrans: Option<u32>,
    pub prr_delivered: u32,
    pub prr_out: u32,
    /// F-RTO is deciding whether the timeout was spurious (RFC 5682).
    pub frto: bool,
    /// What a tail loss probe waits for, and whether it was a retransmission.
    pub tlp_high_seq: Option<u64>,
    pub tlp_retrans: bool,
    pub rack: Rack,
    /// The degree of reordering, in segments.
    pub reordering: u32,
    pub reordering_seen: bool,
    /// When the first retransmission of the episode was sent.
    pub retrans_stamp: Option<LocalTime>,
    /// Timeouts in a row.
    pub timeouts: u32,
    pub total_retransmits: u64,
    /// Duplicates reported by the other side, ever.
    pub duplicates: u64,
    pub delivered: u64,
    pub lost: u64,
    // Whether the window is used: see `validate_cwnd`.
    pub is_cwnd_limited: bool,
    pub max_packets_out: u32,
    pub cwnd_usage_seq: u64,
    pub cwnd_used: u32,
    pub cwnd_stamp: LocalTime,
    /// Data segments sent so far, repairs included.
    pub transmissions: u64,
    pub last_sent: LocalTime,
    /// When anything was last sent, acknowledgements included.
    pub last_transmit: LocalTime,
    pub rtt: Estimator,
    pub cubic: Cubic,
    /// In its place, if the host has BBR.
    pub bbr: Option<Box<Bbr>>,
    pub timer: Option<(SendTimer, LocalTime)>,
    /// No segment leaves before this, and when to go on.
    pub paced_until: LocalTime,
    pub pace_timer: Option<LocalTime>,
    pub probes_out: u32,
    pub probes_since: Option<LocalTime>,
    /// Bytes the send buffer holds now.
    pub buffer: u64,
    pub full: bool,
    /// The newest echoed timestamp; 0: none.
    pub echo: u32,
}

/// Slow start has no end yet. Code: a mark, as Linux's TCP_INFINITE_SSTHRESH.
pub(super) const INFINITE_SSTHRESH: u32 = 0x7fff_ffff;
/// Duplicates before a hole is a loss at once. Unit: segments. Flag: tcp_reordering. Sourced: linux
/// Documentation/networking/ip-sysctl.rst#tcp_reordering.
pub(super) const REORDERING: u32 = 3;
/// Recoveries that a wider reordering window lasts. Unit: recoveries. Sourced: linux
/// include/linux/tcp.h#TCP_RACK_RECOVERY_THRESH; RFC 8985#6.2.
pub(super) const RACK_PERSIST: u32 = 16;

impl Sender {
    pub(super) fn new(config: &Config, now: LocalTime) -> Self {
        Self {
            una: 0,
            nxt: 1,
            written: 1,
            fin: false,
            window: 0,
            window_max: 0,
            window_seq: 0,
            chunks: VecDeque::new(),
            sacked_out: 0,
            lost_out: 0,
            retrans_out: 0,
            highest_sack: 0,
            cwnd: config.initial_cwnd,
            ssthresh: INFINITE_SSTHRESH,
            cwnd_count: 0,
            prior_cwnd: 0,
            prior_ssthresh: 0,
            congestion: Congestion::Open,
            high_seq: 0,
            undo_marker: None,
            undo_retrans: None,
            prr_delivered: 0,
            prr_out: 0,
            frto: false,
            tlp_high_seq: None,
            tlp_retrans: false,
            rack: Rack {
                sent: LocalTime::ZERO,
                order: 0,
                rtt: Span::ZERO,
                advanced: false,
                steps: 1,
                persist: 0,
                duplicate_seen: false,
                last_delivered: 0,
            },
            reordering: REORDERING,
            reordering_seen: false,
            retrans_stamp: None,
            timeouts: 0,
            total_retransmits: 0,
            duplicates: 0,
            delivered: 0,
            lost: 0,
            is_cwnd_limited: false,
            max_packets_out: 0,
            cwnd_usage_seq: 0,
            cwnd_used: 0,
            cwnd_stamp: now,
            transmissions: 0,
            last_sent: now,
            last_transmit: now,
            rtt: Estimator::new(config.tick),
            cubic: Cubic::default(),
            bbr: config.bbr.then(|| Box::new(Bbr::new(now))),
            timer: None,
            paced_until: now,
            pace_timer: None,
            probes_out: 0,
            probes_since: None,
            buffer: u64::from(config.send_buffer),
            full: false,
            echo: 0,
        }
    }
    /// The number after everything there is to send, FIN included.
    pub(super) const fn stream_end(&self) -> u64 {
        self.written + self.fin as u64
    }
    pub(super) fn packets_out(&self) -> u32 {
        self.chunks.len() as u32
    }
    /// Segments the sender believes to be in the network.
    pub(super) fn in_flight(&self) -> u32 {
        self.packets_out() + self.retrans_out - self.sacked_out - self.lost_out
    }
    /// The number after the window.
    pub(super) const fn window_end(&self) -> u64 {
        self.una + self.window as u64
    }
    pub(super) const fn in_slow_start(&self) -> bool {
        self.cwnd < self.ssthresh
    }
    pub(super) const fn in_reduction(&self) -> bool {
        matches!(self.congestion, Congestion::Reduced | Congestion::Recovery)
    }
    /// The number after the highest delivery known. Source: Linux `tcp_highest_sack_seq`.
    pub(super) const fn fack(&self) -> u64 {
        if self.sacked_out == 0 { self.una } else { self.highest_sack }
    }
    /// Whether anything at the head was ever sent twice. Source: Linux `tcp_any_retrans_done`.
    pub(super) fn any_retransmitted(&self) -> bool {
        self.retrans_out > 0 || self.chunks.front().is_some_and(|head| head.is(EVER_RETRANSMITTED))
    }
}

/// The receiving side.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Receiver {
    /// The next number expected; what the last segment we sent acknowledged; what the program has read.
    pub nxt: u64,
    pub acked: u64,
    pub read: u64,
    /// The number after the window offered. It never moves back.
    pub edge: u64,
    /// Bytes the receive buffer holds now.
    pub buffer: u64,
    /// Where the other side's stream ends, once its FIN is in order.
    pub fin: bool,
    /// The FIN's own number, if it arrived.
    pub fin_seq: Option<u64>,
    /// Received out of order: ranges in order, apart from each other.
    pub holes: Vec<(u64, u64)>,
    /// The same ranges by how recently they changed: the blocks to report.
    pub recent: [(u64, u64); 4],
    /// A duplicate to report with the next segment (RFC 2883).
    pub duplicate: Option<(u64, u64)>,
    /// The timestamp to echo (RFC 7323, section 4.3).
    pub ts_recent: u32,
    /// An acknowledgement is due, at the deadline at the latest.
    pub scheduled: bool,
    pub deadline: Option<LocalTime>,
    /// An acknowledgement is due at once.
    pub at_once: bool,
    /// Reports of out-of-order data held back to be sent as one, since `nxt` was this, after so many sent singly.
    pub held_reports: u32,
    pub reports_nxt: u64,
    pub reports_sent: u32,
    pub report_at: Option<LocalTime>,
    /// Segments shorter than a full one have arrived since the last acknowledgement: one, or more.
    pub pushed: u8,
    /// Acknowledgements still to be sent without delay.
    pub quick: u32,
    /// The program answers what it reads: the answer carries the acknowledgement.
    pub ping_pong: bool,
    /// How long an acknowledgement waits; zero: no data yet.
    pub ato: Span,
    /// When data last arrived.
    pub last_data: LocalTime,
    /// When any segment last arrived.
    pub last_heard: LocalTime,
    /// What a full segment seems to be, and the last size that looked like one.
    pub mss: u32,
    pub last_size: u32,
    /// When an out-of-window segment was last answered.
    pub last_challenge: Option<LocalTime>,
    // Receive buffer tuning: see `tune_buffer`.
    pub tune_since: LocalTime,
    pub tune_seq: u64,
    pub tune_space: u64,
}

/// What a full segment is taken to be before one was seen. Unit: bytes. Sourced: linux
/// include/uapi/linux/tcp.h#TCP_MSS_DEFAULT.
pub(super) const MSS_GUESS: u32 = 536;

impl Receiver {
    pub(super) fn new(config: &Config, now: LocalTime) -> Self {
        Self {
            nxt: 1,
            acked: 1,
            read: 1,
            edge: 1 + u64::from(config.recv_buffer),
            buffer: u64::from(config.recv_buffer),
            fin: false,
            fin_seq: None,
            holes: Vec::new(),
            recent: [(0, 0); 4],
            duplicate: None,
            ts_recent: 0,
            scheduled: false,
            deadline: None,
            at_once: false,
            held_reports: 0,
            reports_nxt: 0,
            reports_sent: 0,
            report_at: None,
            pushed: 0,
            quick: 0,
            ping_pong: false,
            ato: Span::ZERO,
            last_data: now,
            last_heard: now,
            mss: MSS_GUESS.min(config.mss),
            last_size: 0,
            last_challenge: None,
            tune_since: now,
            tune_seq: 1,
            tune_space: u64::from(Config::INITIAL_CWND * config.mss),
        }
    }
    /// Bytes the other side may still send.
    pub(super) const fn window(&self) -> u64 {
        self.edge.saturating_sub(self.nxt)
    }
}
