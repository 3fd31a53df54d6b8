//! rafthttp: what carries Raft's messages between two members.
//!
//! Per peer and direction two streams, each a TCP connection that the *receiver* of its messages dials; POSTs on a
//! pipeline of four connections when no stream stands, and for snapshots. Constants: etcd server/etcdserver/api/rafthttp.

use super::Timer;
use super::command::Proposal;
use super::message::{Kind, MemberId, Message as RaftMessage};
use crate::actor::role::{Note, NoteKind};
use crate::actor::wire::{Message, Snapshot};
use crate::actor::{ConnUp, Cx, Port, ProgramId};
use crate::engine::{LocalTime, Span};
use crate::knob::Knob;
use crate::net::packet::ConnId;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;

/// How long a stream between members may stand without a byte read, or a write that goes on. Sourced: etcd
/// server/etcdserver/api/rafthttp/peer.go#DefaultConnReadTimeout; etcd
/// server/etcdserver/api/rafthttp/peer.go#DefaultConnWriteTimeout.
pub const STREAM_DEADLINE: Span = Span::from_secs(5);
/// How often a stream says that it lives: every third of the read deadline. Sourced: etcd
/// server/etcdserver/api/rafthttp/stream.go#streamWriter.run.
pub const LINK_HEARTBEAT: Span = Span::from_ms(5_000 / 3);
/// How far apart two dials of a stream are at least. Sourced: etcd
/// server/etcdserver/api/rafthttp/transport.go#DialRetryFrequency.
const DIAL_EVERY: Span = Span::from_ms(100);
/// A dial between members is given up after this and an election timeout. Sourced: etcd
/// server/config/config.go#PeerDialTimeout.
const DIAL_TIMEOUT_BASE: Span = Span::from_secs(1);
/// Messages that wait for a stream; one more is dropped and the peer reported unreachable. Unit: messages. Sourced:
/// etcd server/etcdserver/api/rafthttp/stream.go#streamBufSize.
const STREAM_QUEUE: u32 = 4096;
/// Messages that wait for a POST. Unit: messages. Sourced: etcd
/// server/etcdserver/api/rafthttp/pipeline.go#pipelineBufSize.
const PIPELINE_QUEUE: u32 = 64;
/// Connections for POSTs to one peer. Unit: connections. Sourced: etcd
/// server/etcdserver/api/rafthttp/pipeline.go#connPerPipeline.
const POSTS: usize = 4;
/// How often a peer is probed. Sourced: etcd server/etcdserver/api/rafthttp/probing_status.go#proberInterval.
/// Simplified: etcd probes on two connections.
pub const PROBE_EVERY: Span = Span::from_secs(4);
/// Framing and headers of a POST or of a stream's GET. Unit: bytes. Chosen: a typical HTTP/1.1 head.
const HTTP_HEAD: u32 = 300;
/// A Raft message without entries in protobuf with its length prefix and chunk. Unit: bytes. Chosen: 60 to 70 bytes are
/// typical.
const RAFT_HEAD: u32 = 64;
/// What an entry adds to its payload. Unit: bytes. Chosen: term, index, type and tags.
const ENTRY_HEAD: u32 = 24;

/// The stream for `MsgApp` and the stream for the rest. Code: a list.
pub const STREAMS: [Port; 2] = [Port::PeerAppStream, Port::PeerMessageStream];

/// The incoming half: a connection we dial, on which the peer writes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Reader {
    Waiting,
    Dialing(ConnId),
    Requesting(ConnId),
    Reading(ConnId),
}

/// The outgoing half: a connection the peer dialled.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
struct Writer {
    conn: Option<ConnId>,
    blocked: bool,
    queue: VecDeque<RaftMessage<Proposal>>,
}

/// One of the pipeline's connections.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
struct Post {
    conn: Option<ConnId>,
    standing: bool,
    carries: Option<Message>,
}

/// What became of a message that could not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The peer did not get an ordinary message.
    Unreachable,
    /// The peer did not get a snapshot.
    Snapshot,
}

/// What a peer's connections have to tell the member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// A message for Raft.
    Raft(Box<RaftMessage<Proposal>>),
    /// A snapshot for Raft and the store.
    Snapshot(Arc<Snapshot>),
    /// Something was dropped on the way out.
    Failed(MemberId, Failure),
    /// A snapshot went out whole.
    SnapshotSent(MemberId),
}

/// One peer as this member sees it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Peer {
    id: MemberId,
    program: ProgramId,
    readers: [Reader; 2],
    last_read: [LocalTime; 2],
    dialed_at: [Option<LocalTime>; 2],
    writers: [Writer; 2],
    posts: [Post; POSTS],
    post_queue: VecDeque<Message>,
    probe: Option<ConnId>,
    probe_sent: LocalTime,
    active_since: Option<LocalTime>,
    sent_failures: u64,
    disconnects: u64,
}

impl Peer {
    /// A peer nothing is connected to yet.
    pub fn new(id: MemberId, program: ProgramId) -> Self {
        Self {
            id,
            program,
            readers: [Reader::Waiting, Reader::Waiting],
            last_read: [LocalTime::ZERO; 2],
            dialed_at: [None; 2],
            writers: [Writer::default(), Writer::default()],
            posts: core::array::from_fn(|_| Post::default()),
            post_queue: VecDeque::new(),
            probe: None,
            probe_sent: LocalTime::ZERO,
            active_since: None,
            sent_failures: 0,
            disconnects: 0,
        }
    }
    /// Its member id.
    pub const fn id(&self) -> MemberId {
        self.id
    }
    /// Its program.
    pub const fn program(&self) -> ProgramId {
        self.program
    }
    /// Since when a stream from it has stood without a gap.
    pub const fn active_since(&self) -> Option<LocalTime> {
        self.active_since
    }
    /// etcd_network_peer_sent_failures_total: messages to it that were dropped, and writes that failed.
    pub const fn sent_failures(&self) -> u64 {
        self.sent_failures
    }
    /// etcd_network_disconnected_peers_total: how often its streams broke after they had stood.
    pub const fn disconnects(&self) -> u64 {
        self.disconnects
    }
    /// How many of the two incoming streams stand.
    pub fn streams(&self) -> u32 {
        self.readers.iter().filter(|reader| matches!(reader, Reader::Reading(_))).count() as u32
    }
    /// The connection of an outgoing stream.
    pub const fn outgoing(&self, stream: usize) -> Option<ConnId> {
        self.writers[stream].conn
    }
    /// Messages that wait for an outgoing stream.
    pub fn waiting(&self, stream: usize) -> u32 {
        self.writers[stream].queue.len() as u32
    }

    /// Dials both streams.
    pub fn start(&mut self, cx: &mut Cx<'_>) {
        (0..2).for_each(|stream| self.dial(cx, stream));
        cx.arm(Timer::Probe(self.id), PROBE_EVERY);
    }

    /// Sends a message by the way rafthttp would pick.
    pub fn send(&mut self, cx: &mut Cx<'_>, message: RaftMessage<Proposal>) -> Option<Report> {
        let stream = usize::from(message.kind != Kind::App || self.writers[0].conn.is_none());
        let writer = &mut self.writers[stream];
        let Some(conn) = writer.conn else {
            return self.post(cx, Message::Raft(Box::new(message)));
        };
        if !writer.blocked {
            cx.send(conn, bytes(&message), Message::Raft(Box::new(message)));
            return None;
        }
        if writer.queue.len() as u32 >= STREAM_QUEUE {
            self.sent_failures += 1;
            cx.note(Note::new(NoteKind::PeerDrop, u32::from(self.id.0), message.kind as u64));
            return Some(Report::Failed(self.id, Failure::Unreachable));
        }
        writer.queue.push_back(message);
        None
    }

    /// Sends a message by a POST: a snapshot, or anything while no stream stands.
    pub fn post(&mut self, cx: &mut Cx<'_>, message: Message) -> Option<Report> {
        if let Some(slot) = self.posts.iter().position(|post| post.carries.is_none()) {
            self.posts[slot].carries = Some(message);
            self.start_post(cx, slot);
            return None;
        }
        if self.post_queue.len() as u32 >= PIPELINE_QUEUE {
            self.sent_failures += 1;
            cx.note(Note::new(NoteKind::PeerDrop, u32::from(self.id.0), u64::from(u32::MAX)));
            return Some(Report::Failed(self.id, failure(&message)));
        }
        self.post_queue.push_back(message);
        None
    }

    /// A keepalive on every outgoing stream.
    pub fn link_heartbeat(&mut self, cx: &mut Cx<'_>) {
        for writer in &self.writers {
            if let (Some(conn), false) = (writer.conn, writer.blocked) {
                cx.send(conn, RAFT_HEAD / 2, Message::LinkHeartbeat);
            }
        }
    }

    /// The peer dialled one of its streams: from here on we write on it.
    pub fn attach(&mut self, cx: &mut Cx<'_>, stream: usize, conn: ConnId) -> Option<Report> {
        let lost = self.detach(cx, stream, true);
        self.writers[stream].conn = Some(conn);
        cx.send(conn, HTTP_HEAD / 2, Message::StreamAccepted);
        lost
    }

    /// A timer of this peer's went off.
    pub fn on_timer(&mut self, cx: &mut Cx<'_>, timer: Timer) -> Option<Report> {
        match timer {
            Timer::Reader(_, stream) => self.reader_due(cx, usize::from(stream)),
            Timer::Writer(_, stream) => return self.detach(cx, usize::from(stream), true),
            Timer::Post(_, slot) => return self.end_post(cx, usize::from(slot), true),
            Timer::Probe(_) => self.probe_due(cx),
            _ => {}
        }
        None
    }

    /// News of one of this peer's connections. None: it isn't this peer's.
    pub fn on_conn(&mut self, cx: &mut Cx<'_>, conn: ConnId, up: ConnUp) -> Option<Option<Report>> {
        if let Some(stream) = (0..2).find(|s| self.readers[*s].conn() == Some(conn)) {
            self.reader_news(cx, stream, conn, up);
            return Some(None);
        }
        if let Some(stream) = (0..2).find(|s| self.writers[*s].conn == Some(conn)) {
            return Some(self.writer_news(cx, stream, up));
        }
        if let Some(slot) = self.posts.iter().position(|post| post.conn == Some(conn)) {
            return Some(self.post_news(cx, slot, up));
        }
        if self.probe == Some(conn) {
            match up {
                ConnUp::Connected => self.send_probe(cx),
                ConnUp::PeerClosed => {
                    cx.close(conn);
                    self.probe = None;
                }
                ConnUp::Failed(_) => self.probe = None,
                _ => {}
            }
            return Some(None);
        }
        None
    }

    /// A message on one of the connections we opened. None: it isn't this peer's.
    pub fn on_message(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        message: &mut Option<Message>,
    ) -> Option<Option<Report>> {
        if let Some(stream) = (0..2).find(|s| self.readers[*s].conn() == Some(conn)) {
            self.last_read[stream] = cx.now;
            match message.take() {
                Some(Message::StreamAccepted) => {
                    self.readers[stream] = Reader::Reading(conn);
                    self.active_since.get_or_insert(cx.now);
                    cx.note(Note::new(NoteKind::StreamUp, u32::from(self.id.0), stream as u64));
                }
                Some(Message::Raft(raft)) => return Some(Some(Report::Raft(raft))),
                _ => {} // A link heartbeat: having been read is all it is for.
            }
            return Some(None);
        }
        if let Some(slot) = self.posts.iter().position(|post| post.conn == Some(conn)) {
            return Some(self.end_post(cx, slot, false));
        }
        if self.probe == Some(conn) {
            let rtt = cx.now.since(self.probe_sent).us();
            cx.note(Note::new(NoteKind::PeerRtt, u32::from(self.id.0), rtt));
            return Some(None);
        }
        None
    }

    fn dial(&mut self, cx: &mut Cx<'_>, stream: usize) {
        let conn = cx.open(self.program, STREAMS[stream]);
        self.readers[stream] = Reader::Dialing(conn);
        self.dialed_at[stream] = Some(cx.now);
        cx.arm(Timer::Reader(self.id, stream as u8), DIAL_TIMEOUT_BASE + cx.knobs.ms(Knob::ElectionTimeout));
    }

    /// The reader's one timer: when to dial, when a dial took too long, or when the stream has been silent too long.
    fn reader_due(&mut self, cx: &mut Cx<'_>, stream: usize) {
        match self.readers[stream] {
            Reader::Waiting => self.dial(cx, stream),
            Reader::Dialing(conn) => {
                cx.abort(conn);
                self.redial(cx, stream);
            }
            Reader::Requesting(conn) | Reader::Reading(conn) => {
                let silent = cx.now.since(self.last_read[stream]);
                if !cx.knobs.on(Knob::StreamReadDeadline) {
                    // etcd 3.5 and later: nobody looks. Should the dial be turned, this is soon enough.
                    cx.arm(Timer::Reader(self.id, stream as u8), STREAM_DEADLINE);
                } else if silent >= STREAM_DEADLINE {
                    cx.close(conn);
                    self.stream_down(cx, stream);
                    self.redial(cx, stream);
                } else {
                    cx.arm(Timer::Reader(self.id, stream as u8), STREAM_DEADLINE.saturating_sub(silent));
                }
            }
        }
    }

    fn redial(&mut self, cx: &mut Cx<'_>, stream: usize) {
        self.readers[stream] = Reader::Waiting;
        let since = self.dialed_at[stream].map_or(DIAL_EVERY, |at| cx.now.since(at));
        cx.arm(Timer::Reader(self.id, stream as u8), DIAL_EVERY.saturating_sub(since));
    }

    fn stream_down(&mut self, cx: &mut Cx<'_>, stream: usize) {
        if matches!(self.readers[stream], Reader::Reading(_)) {
            cx.note(Note::new(NoteKind::StreamDown, u32::from(self.id.0), stream as u64));
        }
        self.disconnects += u64::from(self.active_since.take().is_some());
    }

    fn reader_news(&mut self, cx: &mut Cx<'_>, stream: usize, conn: ConnId, up: ConnUp) {
        match up {
            ConnUp::Connected => {
                self.readers[stream] = Reader::Requesting(conn);
                self.last_read[stream] = cx.now;
                cx.send(conn, HTTP_HEAD, Message::StreamOpen(cx.me, stream as u8));
                cx.arm(Timer::Reader(self.id, stream as u8), STREAM_DEADLINE);
            }
            ConnUp::PeerClosed | ConnUp::Failed(_) => {
                if up == ConnUp::PeerClosed {
                    cx.close(conn);
                }
                self.stream_down(cx, stream);
                self.redial(cx, stream);
            }
            ConnUp::Accepted { .. } | ConnUp::Full | ConnUp::Writable => {}
        }
    }

    fn writer_news(&mut self, cx: &mut Cx<'_>, stream: usize, up: ConnUp) -> Option<Report> {
        let timer = Timer::Writer(self.id, stream as u8);
        let writer = &mut self.writers[stream];
        match up {
            ConnUp::Full => {
                writer.blocked = true;
                cx.disarm(Timer::Drain(self.id, stream as u8));
                cx.arm(timer, STREAM_DEADLINE);
            }
            ConnUp::Writable => {
                writer.blocked = false;
                cx.disarm(timer);
                // As many as a flush takes; if they fill the buffer the kernel says so again.
                for _ in 0..64 {
                    let (Some(conn), Some(message)) = (writer.conn, writer.queue.pop_front()) else { break };
                    cx.send(conn, bytes(&message), Message::Raft(Box::new(message)));
                }
                if !writer.queue.is_empty() {
                    writer.blocked = true; // Goes on at the next Writable, or here if the buffer took it all.
                    cx.arm(Timer::Drain(self.id, stream as u8), Span::ZERO);
                }
            }
            ConnUp::PeerClosed => return self.detach(cx, stream, true),
            ConnUp::Failed(_) => return self.detach(cx, stream, false),
            ConnUp::Accepted { .. } | ConnUp::Connected => {}
        }
        None
    }

    /// Goes on writing what waited, if the kernel took the last flush whole.
    pub fn drain(&mut self, cx: &mut Cx<'_>, stream: usize) {
        self.writer_news(cx, stream, ConnUp::Writable);
    }

    /// Gives an outgoing stream up. What waited for it is lost.
    fn detach(&mut self, cx: &mut Cx<'_>, stream: usize, abort: bool) -> Option<Report> {
        let writer = &mut self.writers[stream];
        let conn = writer.conn.take()?;
        let lost = writer.blocked || !writer.queue.is_empty();
        writer.blocked = false;
        writer.queue.clear();
        cx.disarm(Timer::Writer(self.id, stream as u8));
        if abort {
            cx.close(conn);
        }
        self.sent_failures += u64::from(lost);
        lost.then_some(Report::Failed(self.id, Failure::Unreachable))
    }

    fn start_post(&mut self, cx: &mut Cx<'_>, slot: usize) {
        let timer = Timer::Post(self.id, slot as u8);
        let post = &mut self.posts[slot];
        match (post.conn, &post.carries) {
            (Some(conn), Some(message)) if post.standing => {
                let (size, message) = (post_bytes(message), message.clone());
                match message {
                    // A snapshot has no deadline of its own: rafthttp/snapshot_sender.go.
                    Message::Snapshot(_) => cx.disarm(timer),
                    // The listener's read deadline ends a POST that stands still.
                    _ => cx.arm(timer, STREAM_DEADLINE),
                }
                cx.send(conn, size, message);
            }
            (None, Some(_)) => {
                post.conn = Some(cx.open(self.program, Port::PeerPipeline));
                cx.arm(timer, DIAL_TIMEOUT_BASE + cx.knobs.ms(Knob::ElectionTimeout));
            }
            _ => {}
        }
    }

    fn post_news(&mut self, cx: &mut Cx<'_>, slot: usize, up: ConnUp) -> Option<Report> {
        match up {
            ConnUp::Connected => {
                self.posts[slot].standing = true;
                self.start_post(cx, slot);
                None
            }
            ConnUp::PeerClosed | ConnUp::Failed(_) => self.end_post(cx, slot, true),
            ConnUp::Accepted { .. } | ConnUp::Full | ConnUp::Writable => None,
        }
    }

    /// A POST was answered, or failed with its connection; the next one takes its place.
    fn end_post(&mut self, cx: &mut Cx<'_>, slot: usize, failed: bool) -> Option<Report> {
        let post = &mut self.posts[slot];
        let carried = post.carries.take();
        self.sent_failures += u64::from(failed && carried.is_some());
        cx.disarm(Timer::Post(self.id, slot as u8));
        let done = self.post_queue.is_empty();
        if failed || done {
            // The listener would close an idle connection after its read deadline; closing it now saves the wait.
            if let Some(conn) = post.conn.take() {
                cx.close(conn);
            }
            post.standing = false;
        }
        if let Some(next) = self.post_queue.pop_front() {
            self.posts[slot].carries = Some(next);
            self.start_post(cx, slot);
        }
        match carried {
            Some(message) if failed => Some(Report::Failed(self.id, failure(&message))),
            Some(Message::Snapshot(_)) => Some(Report::SnapshotSent(self.id)),
            _ => None,
        }
    }

    fn probe_due(&mut self, cx: &mut Cx<'_>) {
        cx.arm(Timer::Probe(self.id), PROBE_EVERY);
        match self.probe {
            Some(_) => self.send_probe(cx),
            None => self.probe = Some(cx.open(self.program, Port::PeerProbe)),
        }
    }
    fn send_probe(&mut self, cx: &mut Cx<'_>) {
        if let Some(conn) = self.probe {
            self.probe_sent = cx.now;
            cx.send(conn, HTTP_HEAD, Message::Probe(0));
        }
    }
}

impl Reader {
    const fn conn(&self) -> Option<ConnId> {
        match self {
            Self::Waiting => None,
            Self::Dialing(conn) | Self::Requesting(conn) | Self::Reading(conn) => Some(*conn),
        }
    }
}

const fn failure(message: &Message) -> Failure {
    match message {
        Message::Snapshot(_) => Failure::Snapshot,
        _ => Failure::Unreachable,
    }
}

/// What a Raft message weighs on a stream.
fn bytes(message: &RaftMessage<Proposal>) -> u32 {
    let entries = message.entries.as_slice();
    RAFT_HEAD + entries.iter().map(|entry| ENTRY_HEAD + entry.bytes()).sum::<u32>()
}

fn post_bytes(message: &Message) -> u32 {
    HTTP_HEAD
        + match message {
            Message::Raft(raft) => bytes(raft),
            Message::Snapshot(snapshot) => RAFT_HEAD + snapshot.bytes(),
            _ => 0,
        }
}
