//! The load balancer before the API servers: it asks each for /readyz and sends new connections to those that answer 200.
//!
//! Its rules are HAProxy's defaults for `option httpchk`. Connections that stand stay where they are, whatever becomes of
//! the server. If no server is well it uses all of them, as AWS's Network Load Balancer does (HAProxy would refuse). At the
//! beginning it takes all for well, as one that has been running.

use crate::actor::role::{Directory, Note, NoteKind};
use crate::actor::{Actor, Address, Cx, Input, Port, Target, role};
use crate::api::rpc::Verb;
use crate::client::Alarm;
use crate::client::check::{Ask, Check};
use crate::engine::{LocalTime, Span};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The time between two checks of a server; a check that takes longer has failed. Sourced: haproxy
/// doc/configuration.txt#inter.
pub const INTER: Span = Span::from_secs(2);
/// So many checks in a row must fail to take a server out. Unit: checks. Sourced: haproxy doc/configuration.txt#fall.
pub const FALL: u8 = 3;
/// So many checks in a row must succeed to take a server in again. Unit: checks. Sourced: haproxy
/// doc/configuration.txt#rise.
pub const RISE: u8 = 2;
/// The health of a server that has nothing against it. Unit: points. Sourced: haproxy include/haproxy/check-t.h#rise.
const WELL: u8 = RISE + FALL - 1;

/// Its timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// The next check, or the end of one.
    Http,
}

impl From<Timer> for role::Timer {
    fn from(timer: Timer) -> Self {
        Self::Balancer(timer)
    }
}

/// A server as it sees it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Server {
    check: Check,
    due: LocalTime,
    /// Below [`RISE`] it is out.
    health: u8,
}

impl Server {
    const fn is_in(&self) -> bool {
        self.health >= RISE
    }
    /// HAProxy src/check.c#set_server_check_status.
    const fn judge(&mut self, well: bool) {
        if well {
            self.health = if self.health + 1 >= RISE { WELL } else { self.health + 1 };
        } else if self.is_in() {
            self.health = if self.health == RISE { 0 } else { self.health - 1 };
        } else {
            self.health = 0;
        }
    }
}

/// The load balancer before the API servers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Balancer {
    directory: Directory,
    servers: Vec<Server>,
    alarm: Alarm,
}

impl Balancer {
    /// At the beginning of a run.
    pub fn new(directory: Directory) -> Self {
        let server = |n| {
            let check = Check::new(directory.api(n), Ask::Api(Verb::Readyz), false);
            Server { check, due: LocalTime::ZERO, health: WELL }
        };
        Self { directory, servers: (0..directory.api_servers).map(server).collect(), alarm: Alarm::default() }
    }
    /// Whether a server gets new connections, unless none does.
    pub fn is_in(&self, api: u8) -> bool {
        self.servers.get(usize::from(api)).is_some_and(Server::is_in)
    }

    fn rules(&self, cx: &mut Cx<'_>) {
        let none = !self.servers.iter().any(Server::is_in);
        let chosen = (0..self.directory.api_servers).zip(&self.servers).filter(|(_, server)| none || server.is_in());
        let target = |n| Target { program: self.directory.api(n), port: Port::Api };
        let targets: Arc<[Target]> = chosen.map(|(n, _)| target(n)).collect();
        cx.rules(Address::ApiServers, targets);
    }
    fn judged(&mut self, cx: &mut Cx<'_>, n: usize, well: Option<bool>) {
        let Some(well) = well else { return };
        let server = &mut self.servers[n];
        let before = server.is_in();
        server.judge(well);
        if before != server.is_in() {
            let kind = if before { NoteKind::ServerOut } else { NoteKind::ServerIn };
            cx.note(Note::new(kind, n as u32, 0));
            self.rules(cx);
        }
    }
}

impl Actor for Balancer {
    #[inline(never)] // See `Role::handle`.
    fn handle(&mut self, cx: &mut Cx<'_>, input: Input) {
        match input {
            Input::Boot => {
                *self = Self::new(self.directory);
                let apart = INTER.scale(1, u64::from(self.directory.api_servers.max(1)));
                for (n, server) in (0..).zip(&mut self.servers) {
                    server.due = cx.now + apart.scale(n, 1) + cx.rng.draw().up_to(apart);
                }
                self.rules(cx);
            }
            Input::Timer(role::Timer::Balancer(Timer::Http)) => {
                self.alarm.fired();
                for n in 0..self.servers.len() {
                    let late = self.servers[n].check.on_timer(cx);
                    self.judged(cx, n, late);
                    let server = &mut self.servers[n];
                    if server.due <= cx.now && !server.check.running() {
                        server.due = cx.now + INTER;
                        server.check.start(cx, INTER);
                    }
                }
            }
            Input::Conn(conn, up) => {
                if let Some(n) = self.servers.iter().position(|server| server.check.owns(conn)) {
                    let over = self.servers[n].check.on_conn(cx, conn, up);
                    self.judged(cx, n, over);
                }
            }
            Input::Message(conn, message) => {
                if let Some(n) = self.servers.iter().position(|server| server.check.owns(conn)) {
                    let over = self.servers[n].check.on_message(cx, &message);
                    self.judged(cx, n, over);
                }
            }
            Input::Timer(_) | Input::DiskDone(_) | Input::Terminate | Input::ProgramEnded(_) | Input::Operate(_) => {}
        }
        // A check that hangs is over before the next one is due.
        let next = self.servers.iter().map(|server| server.check.next_timer().unwrap_or(server.due)).min();
        self.alarm.ensure(cx, Timer::Http, next);
    }
}

#[cfg(test)]
mod tests;
