//! Connections of users to the pods of a node: which there are, and which answers are due.

use crate::engine::{LocalTime, Span};
use crate::net::packet::ConnId;
use crate::object::Key;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// What a pod takes to answer, at least. Chosen: a server without a database.
pub const SERVE_MIN: Span = Span::from_ms(1);
/// And at most so much more. Chosen: so that answers differ.
pub const SERVE_MORE: Span = Span::from_ms(2);
/// What a pod's answer weighs. Chosen: a small page.
pub const REPLY_BYTES: u32 = 2_000;
/// The most connections of a node's pods, and the most answers under way; one more is reset. Unit: connections. Chosen:
/// as by a server out of descriptors (the usual limit of open files is 1,024).
pub const LIMIT: usize = 1_024;

/// An answer under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Due {
    /// When it is written.
    pub at: LocalTime,
    /// Where to.
    pub conn: ConnId,
    /// The request's number.
    pub request: u32,
}

/// The connections.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Traffic {
    /// By connection.
    conns: Vec<(ConnId, Key)>,
    /// By time.
    due: VecDeque<Due>,
    served: u64,
    refused: u64,
}

impl Traffic {
    /// How many requests were answered.
    pub const fn served(&self) -> u64 {
        self.served
    }
    /// How many connections were reset because there was no container, or no room.
    pub const fn refused(&self) -> u64 {
        self.refused
    }
    /// How many connections there are.
    pub const fn conns(&self) -> usize {
        self.conns.len()
    }
    /// The kubelet's process starts anew: its sockets are gone.
    pub fn on_boot(&mut self) {
        self.conns.clear();
        self.due.clear();
    }
    /// Somebody connected to a pod. Returns whether there is room.
    pub fn open(&mut self, conn: ConnId, pod: Key, runs: bool) -> bool {
        if !runs || self.conns.len() >= LIMIT {
            self.refused += 1;
            return false;
        }
        if let Err(ix) = self.find(conn) {
            self.conns.insert(ix, (conn, pod));
        }
        true
    }
    fn find(&self, conn: ConnId) -> Result<usize, usize> {
        self.conns.binary_search_by_key(&conn.0, |(conn, _)| conn.0)
    }
    /// The pod of a connection.
    pub fn pod(&self, conn: ConnId) -> Option<Key> {
        self.find(conn).ok().map(|ix| self.conns[ix].1)
    }
    /// A connection is gone. Returns whether it was one of these.
    pub fn close(&mut self, conn: ConnId) -> bool {
        let Ok(ix) = self.find(conn) else { return false };
        self.conns.remove(ix);
        self.due.retain(|due| due.conn != conn);
        true
    }
    /// A request came: it is answered at `at`. Returns whether there is room.
    pub fn ask(&mut self, at: LocalTime, conn: ConnId, request: u32) -> bool {
        if self.due.len() >= LIMIT {
            return false;
        }
        let ix = self.due.partition_point(|due| due.at <= at);
        self.due.insert(ix, Due { at, conn, request });
        true
    }
    /// When it wants [`Traffic::take_due`].
    pub fn next_timer(&self) -> Option<LocalTime> {
        self.due.front().map(|due| due.at)
    }
    /// Takes an answer that is due.
    pub fn take_due(&mut self, now: LocalTime) -> Option<Due> {
        let due = *self.due.front().filter(|due| due.at <= now)?;
        self.due.pop_front();
        self.served += 1;
        Some(due)
    }
    /// A pod's container ended: takes one of its connections, until there is none.
    pub fn take_conn_of(&mut self, pod: Key) -> Option<ConnId> {
        let (conn, _) = *self.conns.iter().find(|(_, of)| *of == pod)?;
        self.close(conn);
        Some(conn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::bench::at;

    #[test]
    fn answers_leave_by_time_and_go_with_their_connection() {
        let mut traffic = Traffic::default();
        let (a, b) = (Key::pod(0, 0, 1), Key::pod(0, 0, 2));
        assert!(traffic.open(ConnId(7), a, true));
        assert!(traffic.open(ConnId(3), b, true));
        assert!(!traffic.open(ConnId(4), b, false));
        assert!(traffic.ask(at(9), ConnId(7), 1));
        assert!(traffic.ask(at(5), ConnId(3), 2));
        assert!(traffic.ask(at(7), ConnId(7), 3));
        assert_eq!(traffic.next_timer(), Some(at(5)));
        assert_eq!(traffic.take_due(at(4)), None);
        assert_eq!(traffic.take_due(at(5)).map(|due| due.request), Some(2));
        assert_eq!(traffic.take_conn_of(a), Some(ConnId(7)));
        assert_eq!(traffic.next_timer(), None);
        assert_eq!((traffic.served(), traffic.refused(), traffic.conns()), (1, 1, 1));
        assert_eq!(traffic.pod(ConnId(3)), Some(b));
    }
}
