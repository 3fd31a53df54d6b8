//! What a connection can be told, and what it tells: configuration, segments and events.

use crate::engine::Span;
use crate::net::Segment;
use alloc::vec::Vec;

/// Probes of a silent peer. They are inactive while data is unacknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Keepalive {
    /// Silence before the first probe.
    pub idle: Span,
    /// Time between probes.
    pub interval: Span,
    /// Unanswered probes before the connection fails.
    pub probes: u32,
}

/// The settings of one end of a connection. The default is what Linux 6.x does without any tuning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// Payload bytes of a full segment.
    pub mss: u32,
    /// Bytes the send buffer holds at first. It grows with the congestion window, as Linux's does.
    pub send_buffer: u32,
    /// Bytes the send buffer may grow to.
    pub send_buffer_max: u32,
    /// Bytes the receive buffer holds at first. It grows with what the program reads per round trip.
    pub recv_buffer: u32,
    /// Bytes the receive buffer may grow to.
    pub recv_buffer_max: u32,
    /// `TCP_USER_TIMEOUT`: unacknowledged data older than this ends the connection.
    pub user_timeout: Option<Span>,
    /// `SO_KEEPALIVE` and its settings.
    pub keepalive: Option<Keepalive>,
    /// Retransmissions of a SYN with doubling timeouts.
    pub syn_retries: u32,
    /// Retransmissions of a SYN with a timeout of one second, before those.
    pub syn_linear_timeouts: u32,
    /// Retransmissions of a SYN-ACK.
    pub synack_retries: u32,
    /// `tcp_retries2`: retransmissions of data, counted as the time they would take from a timeout of 200 ms.
    pub retries: u32,
    /// The same once the program has closed its end.
    pub orphan_retries: u32,
    /// Segments in the first window.
    pub initial_cwnd: u32,
    /// How long a closed end waits for the other side's FIN.
    pub fin_timeout: Span,
    /// The grain of the kernel's timers. Zero: they are exact.
    pub tick: Span,
    /// Spread segments over the round trip. CUBIC's sockets don't, unless they had BBR before: that leaves pacing on.
    pub pacing: bool,
    /// `tcp_congestion_control`: BBR in place of CUBIC. It paces by itself.
    pub bbr: bool,
}

impl Config {
    /// Data of a full segment: Ethernet's 1500 bytes without IP and TCP headers and the timestamp option. Unit: bytes.
    /// Sourced: RFC 894#3; RFC 9293#3.1; RFC 7323#A.
    pub const MSS: u32 = 1448;
    /// What a new connection may have sent or waiting: twice ten segments with Linux's overhead. Unit: bytes. Sourced:
    /// linux net/ipv4/tcp_input.c#tcp_sndbuf_expand.
    pub const SEND_BUFFER: u32 = 46_080;
    /// And what that may grow to. Unit: bytes. Sourced: linux Documentation/networking/ip-sysctl.rst#tcp_wmem.
    /// Simplified: the growth.
    pub const SEND_BUFFER_MAX: u32 = 4_194_304;
    /// What a new connection may hold for its program: half of 131072, the share that counts as window. Unit: bytes.
    /// Sourced: linux Documentation/networking/ip-sysctl.rst#tcp_rmem.
    pub const RECV_BUFFER: u32 = 65_536;
    /// And what that may grow to: half of 6 MiB. Unit: bytes. Sourced: linux
    /// Documentation/networking/ip-sysctl.rst#tcp_rmem. Simplified: the growth.
    pub const RECV_BUFFER_MAX: u32 = 3_145_728;
    /// Doublings of a SYN's timeout before the dial is given up. Unit: doublings. Flag: tcp_syn_retries. Sourced: linux
    /// Documentation/networking/ip-sysctl.rst#tcp_syn_retries.
    pub const SYN_RETRIES: u32 = 6;
    /// SYNs sent again a second apart before the timeout doubles: at 0, 1, 2, 3, 4, 5, 7, 11 s. Unit: timeouts. Flag:
    /// tcp_syn_linear_timeouts. Sourced: linux Documentation/networking/ip-sysctl.rst#tcp_syn_linear_timeouts, since
    /// 6.5.
    pub const SYN_LINEAR_TIMEOUTS: u32 = 4;
    /// How often a SYN-ACK is sent again. Unit: times. Flag: tcp_synack_retries. Sourced: linux
    /// Documentation/networking/ip-sysctl.rst#tcp_synack_retries.
    pub const SYNACK_RETRIES: u32 = 5;
    /// Doublings of the timeout before a connection is given up: 924.6 s. Unit: doublings. Flag: tcp_retries2. Sourced:
    /// linux Documentation/networking/ip-sysctl.rst#tcp_retries2.
    pub const RETRIES: u32 = 15;
    /// The same once the program has closed, if tcp_orphan_retries is left at 0. Unit: doublings. Flag:
    /// tcp_orphan_retries. Sourced: linux net/ipv4/tcp_timer.c#tcp_orphan_retries.
    pub const ORPHAN_RETRIES: u32 = 8;
    /// The first window. Unit: segments. Sourced: linux include/net/tcp.h#TCP_INIT_CWND; RFC 6928#2.
    pub const INITIAL_CWND: u32 = 10;
    /// How long a closed connection waits for the other side. Flag: tcp_fin_timeout. Sourced: linux
    /// Documentation/networking/ip-sysctl.rst#tcp_fin_timeout.
    pub const FIN_TIMEOUT: Span = Span::from_secs(60);
    /// The grain of kernel timers; each level of the wheel is eight times coarser. Flag: CONFIG_HZ. Sourced: linux
    /// kernel/Kconfig.hz#HZ_250, the default of the kernel's own configuration; the reference had it too.
    pub const TICK: Span = Span::from_ms(4);
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mss: Self::MSS,
            send_buffer: Self::SEND_BUFFER,
            send_buffer_max: Self::SEND_BUFFER_MAX,
            recv_buffer: Self::RECV_BUFFER,
            recv_buffer_max: Self::RECV_BUFFER_MAX,
            user_timeout: None,
            keepalive: None,
            syn_retries: Self::SYN_RETRIES,
            syn_linear_timeouts: Self::SYN_LINEAR_TIMEOUTS,
            synack_retries: Self::SYNACK_RETRIES,
            retries: Self::RETRIES,
            orphan_retries: Self::ORPHAN_RETRIES,
            initial_cwnd: Self::INITIAL_CWND,
            fin_timeout: Self::FIN_TIMEOUT,
            tick: Self::TICK,
            pacing: false,
            bbr: false,
        }
    }
}

/// Why a connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Nobody listens there: the SYN was answered by a reset.
    Refused,
    /// No answer to any SYN (or SYN-ACK).
    HandshakeTimeout,
    /// The other side reset the connection, or doesn't know it any more.
    Reset,
    /// Data stayed unacknowledged for all retransmissions.
    RetransmitLimit,
    /// Data stayed unacknowledged for longer than the user timeout.
    UserTimeout,
    /// No answer to any keepalive probe.
    KeepaliveTimeout,
}

/// What a connection tells its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnEvent {
    /// The handshake is complete on this side.
    Connected,
    /// In-order payload is available.
    Readable {
        /// How much since the beginning, in bytes.
        upto: u64,
    },
    /// The send buffer has no room left after a write.
    Full,
    /// There is room again after `Full`.
    Writable,
    /// The other side ended its stream, and everything before that has arrived.
    PeerClosed,
    /// Both sides closed cleanly, or this side aborted: the endpoint can be forgotten.
    Closed,
    /// The connection is gone.
    Failed(Reason),
}

/// What a call to a connection produced. Clear it before the next call: its buffers are kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Out {
    /// Segments to send, in order.
    pub segments: Vec<Segment>,
    /// Events for the program, in order.
    pub events: Vec<ConnEvent>,
}

impl Out {
    /// Empties both lists and keeps their room.
    pub fn clear(&mut self) {
        self.segments.clear();
        self.events.clear();
    }
}
