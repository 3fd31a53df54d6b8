//! An [`EtcdClient`] wired to a program: the names of its connections, what it heard, and one watch.
//!
//! kubernetes apiserver pkg/storage/storagebackend/factory/etcd3.go#newETCD3Storage makes a client per resource, so that
//! each notices a dead connection, and redials, by itself.

use super::etcd::{Action, Down, EtcdClient, Failure, Up};
use crate::actor::wire::Message;
use crate::actor::{ConnUp, Cx, Port, ProgramId};
use crate::engine::LocalTime;
use crate::etcd::rpc::{Key, Op, Response, Revision, WatchNews};
use crate::knob::Knob;
use crate::net::packet::ConnId;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// What a link tells the server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LinkNews {
    /// Its connection to this endpoint stands.
    Connected(u8),
    /// The one that stood is gone.
    Disconnected(u8, Down),
    /// A call ended.
    Done(u32, Result<Response, Failure>),
    /// Its watch tells something, at this revision of the store.
    Watch(Revision, WatchNews),
}

/// An endpoint and the connection to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Endpoint {
    member: ProgramId,
    conn: Option<ConnId>,
}

/// One client of etcd.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EtcdLink {
    client: EtcdClient,
    endpoints: Vec<Endpoint>,
    /// The name of its watch; the one before is over.
    watch: u32,
    out: Vec<Action>,
    /// Taken after each input, so no more than one leads to.
    news: VecDeque<LinkNews>,
}

impl EtcdLink {
    /// A link to these members.
    pub fn new(members: impl Iterator<Item = ProgramId>) -> Self {
        let endpoints: Vec<Endpoint> = members.map(|member| Endpoint { member, conn: None }).collect();
        let client = EtcdClient::new(endpoints.len() as u8);
        Self { client, endpoints, watch: 0, out: Vec::new(), news: VecDeque::new() }
    }
    /// The client itself.
    pub const fn client(&self) -> &EtcdClient {
        &self.client
    }
    /// Whether this is one of its connections.
    pub fn owns(&self, conn: ConnId) -> bool {
        self.endpoint(conn).is_some()
    }
    /// When it wants [`EtcdLink::on_timer`].
    pub fn next_timer(&self) -> Option<LocalTime> {
        self.client.next_timer()
    }
    /// Takes what it heard, the oldest first.
    pub fn take_news(&mut self) -> Option<LinkNews> {
        self.news.pop_front()
    }
    /// The process starts: it dials.
    pub fn start(&mut self, cx: &mut Cx<'_>) {
        self.client.start(cx.now, cx.rng, &mut self.out);
        self.carry_out(cx);
    }
    /// As [`EtcdClient::call`].
    pub fn call(&mut self, cx: &mut Cx<'_>, op: Op, deadline: LocalTime) -> u32 {
        let call = self.client.call(op, deadline, &mut self.out);
        self.carry_out(cx);
        call
    }
    /// As [`EtcdClient::abandon`].
    pub fn abandon(&mut self, cx: &mut Cx<'_>, call: u32) {
        self.client.abandon(call, &mut self.out);
        self.carry_out(cx);
    }
    /// Begins the watch of a range after a revision, in place of the one before.
    pub fn watch(&mut self, cx: &mut Cx<'_>, from: Key, to: Key, after: Revision) {
        self.client.cancel_watch(self.watch, &mut self.out);
        self.watch += 1;
        self.client.watch(self.watch, from, to, after + 1, true, &mut self.out);
        self.carry_out(cx);
    }
    /// As [`EtcdClient::request_progress`].
    pub fn request_progress(&mut self, cx: &mut Cx<'_>) {
        self.client.request_progress(&mut self.out);
        self.carry_out(cx);
    }
    /// News of a connection.
    pub fn on_conn(&mut self, cx: &mut Cx<'_>, conn: ConnId, up: ConnUp) {
        let Some(n) = self.endpoint(conn) else { return };
        let down = match up {
            ConnUp::Connected => {
                self.client.on_connected(cx.now, cx.rng, n, &mut self.out);
                return self.carry_out(cx);
            }
            ConnUp::PeerClosed => {
                cx.close(conn);
                Down::PeerClosed
            }
            ConnUp::Failed(reason) => Down::Kernel(reason),
            // The client's own limits bound what may wait in the send buffer.
            ConnUp::Accepted { .. } | ConnUp::Full | ConnUp::Writable => return,
        };
        self.endpoints[usize::from(n)].conn = None;
        self.client.set_retries(cx.knobs.on(Knob::EtcdRetries));
        self.client.on_down(cx.now, cx.rng, n, down, &mut self.out);
        self.carry_out(cx);
    }
    /// A message on one of its connections.
    pub fn on_message(&mut self, cx: &mut Cx<'_>, conn: ConnId, message: &Message) {
        let Some(n) = self.endpoint(conn) else { return };
        self.client.set_retries(cx.knobs.on(Knob::EtcdRetries));
        match message {
            Message::RpcReply(reply) => self.client.on_reply(cx.now, cx.rng, n, reply, &mut self.out),
            Message::WatchReply(reply) => self.client.on_watch_reply(cx.now, n, reply, &mut self.out),
            _ => self.client.on_read(cx.now, n),
        }
        self.carry_out(cx);
    }
    /// Its timer went off, perhaps too early.
    pub fn on_timer(&mut self, cx: &mut Cx<'_>) {
        self.client.on_timer(cx.now, cx.rng, &mut self.out);
        self.carry_out(cx);
    }

    fn endpoint(&self, conn: ConnId) -> Option<u8> {
        self.endpoints.iter().position(|endpoint| endpoint.conn == Some(conn)).map(|n| n as u8)
    }
    fn carry_out(&mut self, cx: &mut Cx<'_>) {
        for action in self.out.drain(..) {
            match action {
                Action::Open(n) => {
                    let endpoint = &mut self.endpoints[usize::from(n)];
                    endpoint.conn = Some(cx.open(endpoint.member, Port::EtcdClient));
                }
                Action::Send(n, frame) => {
                    // A connection that broke behind this in the list has taken its frames with it.
                    if let Some(conn) = self.endpoints[usize::from(n)].conn {
                        cx.send(conn, frame.bytes(), frame.message());
                    }
                }
                Action::Abort(n) => {
                    if let Some(conn) = self.endpoints[usize::from(n)].conn.take() {
                        cx.abort(conn);
                    }
                }
                Action::Up(Up::Connected(n)) => self.news.push_back(LinkNews::Connected(n)),
                Action::Up(Up::Disconnected(n, down)) => self.news.push_back(LinkNews::Disconnected(n, down)),
                Action::Up(Up::Done(call, result)) => self.news.push_back(LinkNews::Done(call, result)),
                Action::Up(Up::Watch(_, revision, news)) => self.news.push_back(LinkNews::Watch(revision, news)),
            }
        }
    }
}
