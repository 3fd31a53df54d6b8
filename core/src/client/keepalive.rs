//! A ping after silence, and the end of the connection when nothing answers it. gRPC and HTTP/2 share it.

use crate::engine::{LocalTime, Span};

/// The watch over one connection: whatever arrives counts as life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Keepalive {
    idle: Span,
    timeout: Span,
    last_read: LocalTime,
    pinged: Option<LocalTime>,
}

/// What the watch says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Nothing is due.
    Fine,
    /// Send a ping.
    Ping,
    /// Nothing came since the ping: give the connection up.
    Dead,
}

impl Keepalive {
    /// A watch over a connection that stands since `now`: a ping after `idle` without reads, the end after `timeout` more.
    pub const fn new(now: LocalTime, idle: Span, timeout: Span) -> Self {
        Self { idle, timeout, last_read: now, pinged: None }
    }
    /// Something arrived.
    pub const fn on_read(&mut self, now: LocalTime) {
        self.last_read = now;
        self.pinged = None;
    }
    /// Whether a ping is under way.
    pub const fn has_pinged(&self) -> bool {
        self.pinged.is_some()
    }
    /// When it wants to be asked.
    pub fn next_timer(&self) -> LocalTime {
        self.pinged.map_or(self.last_read + self.idle, |pinged| pinged + self.timeout)
    }
    /// What is due at `now`.
    pub fn on_timer(&mut self, now: LocalTime) -> Verdict {
        if now < self.next_timer() {
            return Verdict::Fine;
        }
        if self.pinged.is_some() {
            return Verdict::Dead;
        }
        self.pinged = Some(now);
        Verdict::Ping
    }
}
