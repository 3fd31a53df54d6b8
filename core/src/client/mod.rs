//! What programs need to talk to others: machines without a clock, a network or dice of their own.

#[cfg(test)]
#[allow(missing_docs)]
pub mod api_bench;
pub mod backoff;
#[cfg(test)]
#[allow(missing_docs)]
pub mod bench;
pub mod check;
pub mod elector;
pub mod etcd;
pub mod etcd_link;
pub mod http;
pub mod informer;
pub mod keepalive;
pub mod limiter;
pub mod work_queue;

use crate::actor::Cx;
use crate::actor::role::Timer;
use crate::actor::wire::Message;
use crate::engine::LocalTime;
use alloc::boxed::Box;

/// A PING frame: 9 bytes of header and 8 of data. Sourced: RFC 9113#6.7.
pub const PING_BYTES: u32 = 17;
/// A RST_STREAM frame: 9 bytes of header and 4 of error code. Sourced: RFC 9113#6.4.
pub const CANCEL_BYTES: u32 = 13;

/// What a client of one connection wants done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action<Up> {
    /// Dial. There is no connection now.
    Open,
    /// Write this to the connection.
    Send(Frame),
    /// The connection is of no more use.
    Abort,
    /// News for whoever uses the client.
    Up(Up),
}

/// What a client writes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Frame {
    /// A call of etcd.
    Rpc(crate::etcd::rpc::Request),
    /// On the watch stream of etcd.
    Watch(crate::etcd::rpc::WatchCall),
    /// A request to an API server.
    Api(crate::api::rpc::Request),
    /// It gives a call or request up.
    Cancel(u32),
    /// A ping.
    Ping,
}

impl Frame {
    /// Its size on the wire.
    pub fn bytes(&self) -> u32 {
        match self {
            Self::Rpc(request) => request.op.bytes(),
            Self::Watch(_) => crate::etcd::rpc::WatchCall::BYTES,
            Self::Api(request) => request.bytes(),
            Self::Cancel(_) => CANCEL_BYTES,
            Self::Ping => PING_BYTES,
        }
    }
    /// The message it travels as.
    pub fn message(self) -> Message {
        match self {
            Self::Rpc(request) => Message::Rpc(Box::new(request)),
            Self::Watch(call) => Message::Watch(call),
            Self::Api(request) => Message::Api(Box::new(request)),
            Self::Cancel(id) => Message::Cancel(id),
            Self::Ping => Message::Ping,
        }
    }
}

/// One timer of a program, for whatever is due first. It may go off too early, never too late: moving a deadline away
/// leaves it armed, so that a stream of requests with deadlines does not arm a timer for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Alarm(Option<LocalTime>);

impl Alarm {
    /// It went off.
    pub const fn fired(&mut self) {
        self.0 = None;
    }
    /// Arms it unless it is armed for `next` or earlier.
    pub fn ensure(&mut self, cx: &mut Cx<'_>, timer: impl Into<Timer>, next: Option<LocalTime>) {
        if let Some(next) = next.filter(|next| self.0.is_none_or(|armed| *next < armed)) {
            self.0 = Some(next);
            cx.arm(timer, next.since(cx.now));
        }
    }
}

/// The earlier of two moments that may not exist.
pub fn earlier(a: Option<LocalTime>, b: Option<LocalTime>) -> Option<LocalTime> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
