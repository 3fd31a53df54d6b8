//! One GET of a health endpoint: it dials, asks, and knows within a time limit whether the answer is 200.
//!
//! Left out: TLS, redirects, and what the answer says beyond its status.

use crate::actor::wire::Message;
use crate::actor::{ConnUp, Cx, Port, ProgramId};
use crate::api::rpc::{Level, Request, Status, Verb};
use crate::engine::{LocalTime, Span};
use crate::etcd::rpc::HealthPath;
use crate::net::packet::ConnId;
use crate::object::Key;
use alloc::boxed::Box;

/// What a GET of etcd's health endpoint weighs with its headers. Chosen: Go's http client.
const GET_BYTES: u32 = 160;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    /// An API server's /livez or /readyz.
    Api(Verb),
    /// A health endpoint of an etcd member.
    Etcd(HealthPath),
}

impl Ask {
    const fn port(self) -> Port {
        match self {
            Self::Api(_) => Port::Api,
            Self::Etcd(_) => Port::EtcdHealth,
        }
    }
}

/// One check after the other of one program.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Check {
    to: ProgramId,
    ask: Ask,
    /// Whether a connection that stands is used again.
    keep: bool,
    conn: Option<(ConnId, bool)>,
    /// When the check under way is given up.
    deadline: Option<LocalTime>,
    number: u32,
}

impl Check {
    /// Checks of a program, each over a connection of its own or (`keep`) over one as long as it works.
    pub const fn new(to: ProgramId, ask: Ask, keep: bool) -> Self {
        Self { to, ask, keep, conn: None, deadline: None, number: 0 }
    }
    /// Whether one is under way.
    pub const fn running(&self) -> bool {
        self.deadline.is_some()
    }
    /// When the one under way is given up.
    pub const fn next_timer(&self) -> Option<LocalTime> {
        self.deadline
    }
    /// Whether this is its connection.
    pub fn owns(&self, conn: ConnId) -> bool {
        self.conn.is_some_and(|(own, _)| own == conn)
    }
    /// Begins one.
    pub fn start(&mut self, cx: &mut Cx<'_>, timeout: Span) {
        self.deadline = Some(cx.now + timeout);
        self.number += 1;
        match self.conn {
            Some((conn, true)) => self.send(cx, conn),
            Some((_, false)) => {}
            None => self.conn = Some((cx.open(self.to, self.ask.port()), false)),
        }
    }
    /// Gives the one under way up, and the connection with it.
    pub fn stop(&mut self, cx: &mut Cx<'_>) {
        self.deadline = None;
        if let Some((conn, _)) = self.conn.take() {
            cx.abort(conn);
        }
    }
    /// News of its connection. Some: the check has failed.
    pub fn on_conn(&mut self, cx: &mut Cx<'_>, conn: ConnId, up: ConnUp) -> Option<bool> {
        match up {
            ConnUp::Connected => {
                self.conn = Some((conn, true));
                if self.running() {
                    self.send(cx, conn);
                }
                None
            }
            ConnUp::PeerClosed | ConnUp::Failed(_) => {
                if up == ConnUp::PeerClosed {
                    cx.close(conn);
                }
                self.conn = None;
                self.deadline.take().map(|_| false)
            }
            ConnUp::Accepted { .. } | ConnUp::Full | ConnUp::Writable => None,
        }
    }
    /// A message on its connection. Some: the check is over, and whether the answer is 200.
    pub fn on_message(&mut self, cx: &mut Cx<'_>, message: &Message) -> Option<bool> {
        let (number, well) = match message {
            Message::ApiReply(reply) => (reply.id, reply.status == Status::Ok),
            Message::HealthReply(number, well) => (*number, *well),
            _ => return None,
        };
        if number != self.number || !self.running() {
            return None; // The answer to one that was given up.
        }
        self.deadline = None;
        if !self.keep
            && let Some((conn, _)) = self.conn.take()
        {
            cx.close(conn);
        }
        Some(well)
    }
    /// Its time may be up. Some: it has failed.
    pub fn on_timer(&mut self, cx: &mut Cx<'_>) -> Option<bool> {
        if self.deadline.is_none_or(|deadline| cx.now < deadline) {
            return None;
        }
        self.stop(cx);
        Some(false)
    }

    fn send(&self, cx: &mut Cx<'_>, conn: ConnId) {
        match self.ask {
            Ask::Api(verb) => {
                let request = Request { id: self.number, ..Request::new(verb, Key::HEALTH, Level::Exempt) };
                cx.send(conn, request.bytes(), Message::Api(Box::new(request)));
            }
            Ask::Etcd(path) => cx.send(conn, GET_BYTES, Message::Health(path, self.number)),
        }
    }
}
