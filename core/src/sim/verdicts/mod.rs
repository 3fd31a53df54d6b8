//! What must hold, checked while a run goes on. An onlooker: it sees members as they are after each input, hears notes and
//! reads what programs send each other. No program sees it, and nothing in a run depends on it.
//!
//! Each checker is cheap and forgets what is old; where it can no longer tell, it stays silent. A rule that is broken
//! once is counted there, not again in what follows from it: see [`calls`] on writes that are lost.

mod calls;
mod holders;
mod logs;
mod watches;

use super::{Program, State};
use crate::actor::ProgramId;
use crate::actor::role::{Directory, Note, NoteKind, Place, Role};
use crate::actor::wire::Message;
use crate::api::rpc::{Level, Verb};
use crate::engine::Time;
use crate::etcd::command::Proposal;
use crate::etcd::log::Log;
use crate::etcd::rpc::Revision;
use crate::etcd::{Etcd, raft};
use crate::invariant::{Book, Verdict};
use crate::net::packet::ConnId;
use crate::object::{Key, NodeId};
use alloc::collections::BTreeMap;
pub use calls::{Answer, Heard, What};
use calls::{Calls, Mark, Surviving};
use holders::Holders;
use logs::Logs;
use watches::{Watch, Writes};

/// How many connections are listened to; the one with the least name is forgotten. Unit: connections. Chosen: far above
/// what a control plane with the nodes below has.
const LINES: usize = 1024;
/// Of how many nodes the kubelets' and kube-proxies' watches are listened to. Unit: nodes. Chosen: each of 5,000 costs
/// memory, and all run the same program.
const NODES: NodeId = 16;
/// How much of what clients say and hear is remembered if somebody asks for it. Unit: calls. Chosen: a short run.
const HEARD: usize = 50_000;
/// Below that, a pod without a template has an ordinal as its number. Code: as many replicas as a StatefulSet can have.
const ORDINALS: u32 = super::faults::REPLICAS_MAX;

/// What a client waits for on one connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Line {
    client: ProgramId,
    calls: alloc::vec::Vec<calls::Call>,
    watches: alloc::vec::Vec<Watch>,
}

/// The checkers and what they found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Verdicts {
    directory: Directory,
    book: Book,
    logs: Logs,
    writes: Writes,
    calls: Calls,
    /// By connection.
    lines: BTreeMap<u32, Line>,
    holders: Holders,
    heard: Option<alloc::vec::Vec<Heard>>,
}

/// A member that leads.
struct Leader<'a> {
    /// From 0.
    member: u8,
    term: u64,
    /// What its store has.
    revision: Revision,
    log: &'a Log<Proposal>,
}

fn etcd(programs: &[Program], directory: Directory, member: u8) -> Option<&Etcd> {
    match &programs[directory.etcd(member).ix()].role {
        Role::Etcd(etcd) => Some(etcd),
        _ => None,
    }
}
/// Whether a log has this entry, or had it before it was compacted.
fn has<P>(log: &Log<P>, index: u64, term: u64) -> bool {
    log.base().index > index || log.matches(index, term)
}

impl Verdicts {
    pub(super) fn new(directory: Directory) -> Self {
        Self {
            directory,
            book: Book::default(),
            logs: Logs::new(directory.members),
            writes: Writes::default(),
            calls: Calls::default(),
            lines: BTreeMap::new(),
            holders: Holders::default(),
            heard: None,
        }
    }
    /// What was found.
    pub const fn book(&self) -> &Book {
        &self.book
    }

    /// About how many bytes it keeps.
    pub(super) fn bytes(&self) -> usize {
        self.logs.bytes() + self.writes.bytes() + self.calls.bytes() + self.lines.len() * size_of::<Line>()
    }
    /// From now on it remembers what clients of etcd say and hear, up to a limit.
    pub(super) fn listen(&mut self) {
        self.heard = Some(alloc::vec::Vec::new());
    }
    /// What clients of etcd said and heard, if it was asked to remember.
    pub fn heard(&self) -> &[Heard] {
        self.heard.as_deref().unwrap_or_default()
    }
    fn remember(&mut self, heard: Heard) {
        if let Some(all) = self.heard.as_mut().filter(|all| all.len() < HEARD) {
            all.push(heard);
        }
    }

    /// A member took an input; this is what it is now.
    pub(super) fn look(&mut self, now: Time, etcd: &Etcd, programs: &[Program]) {
        let Self { directory, book, logs, writes, calls, .. } = self;
        logs.look(now, book, etcd, || {
            (0..directory.members).filter_map(|n| self::etcd(programs, *directory, n)).map(Etcd::disk_log)
        });
        let newest = etcd.store().revision();
        if newest > writes.newest() {
            writes.look(etcd.store());
            let (raft, index) = (etcd.raft(), etcd.consistent_index());
            if let Some(term) = raft.term_at(index) {
                calls.applied(Mark { index, term, by: raft.term(), revision: newest });
            }
        }
    }
    /// A program made a note.
    pub(super) fn note(&mut self, now: Time, program: ProgramId, note: &Note, programs: &[Program]) {
        self.holders.pass(now, &mut self.book);
        match note.kind {
            NoteKind::Leads => {
                let Place::Etcd(n) = self.directory.place(program) else { return };
                self.logs.elected(now, &mut self.book, n, note.b);
                if let Some(etcd) = etcd(programs, self.directory, n) {
                    let leader =
                        Leader { member: n, term: note.b, revision: etcd.store().revision(), log: etcd.raft().log() };
                    self.logs.complete(now, &mut self.book, &leader);
                    let lost = self.calls.elected(now, &mut self.book, &leader);
                    self.forget(lost);
                }
            }
            NoteKind::Applied => {
                if let Place::Etcd(n) = self.directory.place(program) {
                    self.logs.applies(now, &mut self.book, n, note.b, note.a);
                }
            }
            NoteKind::Acquired => {
                let host = self.directory.host(program).0 + 1;
                self.holders.acquired(now, &mut self.book, program, host, note.a as u8);
            }
            NoteKind::LeaseLost => self.holders.gone(now, &mut self.book, program),
            NoteKind::PodStarted => self.pod_started(now, note.a as NodeId, Key(note.b), programs),
            _ => {}
        }
    }
    /// What was acknowledged is lost from this revision on: whatever is said of it later is no news.
    fn forget(&mut self, lost: Option<Surviving>) {
        let Some(Surviving(revision)) = lost else { return };
        self.writes.forget_after(revision);
        for call in self.lines.values_mut().flat_map(|line| &mut line.calls) {
            call.forget_after(revision);
        }
    }
    /// A process ended.
    pub(super) fn process_ended(&mut self, now: Time, program: ProgramId) {
        self.holders.gone(now, &mut self.book, program);
        if matches!(self.directory.place(program), Place::Api(_) | Place::Control(..) | Place::Load) {
            self.lines.retain(|_, line| line.client != program);
        }
    }
    /// A program stands still, or goes on.
    pub(super) fn paused(&mut self, now: Time, program: ProgramId, paused: bool) {
        self.holders.paused(now, &mut self.book, program, paused);
    }

    /// A container runs now: is it the only one of its ordinal?
    fn pod_started(&mut self, now: Time, node: NodeId, pod: Key, programs: &[Program]) {
        if pod.template() != 0 || pod.number() >= ORDINALS {
            return;
        }
        let elsewhere = (0..self.directory.nodes).filter(|other| *other != node).find(|other| {
            let role = &programs[self.directory.kubelet(*other).ix()].role;
            matches!(role, Role::Kubelet(kubelet) if kubelet.runs(pod))
        });
        let numbers = [pod.group(), 0, node, elsewhere.unwrap_or_default()].map(u64::from);
        let numbers = [numbers[0], pod.number().into(), numbers[2], numbers[3]];
        self.book.judge(now, Verdict::StatefulSetOrdinals, elsewhere.is_none(), numbers);
    }

    /// A program writes a message.
    pub(super) fn sent(&mut self, now: Time, program: ProgramId, conn: ConnId, message: &Message) {
        match message {
            Message::Rpc(request) => {
                let call = self.calls.called(request);
                self.remember(Heard { call: (conn.0, request.id), asked: call.asked(), answer: None });
                self.line(program, conn).calls.push(call);
            }
            Message::Watch(call) => {
                let newest = self.writes.newest();
                watches::called(&mut self.line(program, conn).watches, call, newest);
            }
            Message::Api(request) if request.verb == Verb::Watch => {
                let listens = match self.directory.place(program) {
                    Place::Control(..) | Place::Load => true,
                    Place::Kubelet(node) | Place::Proxy(node) => node < NODES,
                    _ => false,
                };
                if listens {
                    self.line(program, conn).watches.push(Watch::of_api(request));
                }
            }
            Message::Api(request) if request.level == Level::LeaderElection && request.verb.mutates() => {
                self.holders.asks(now, program, request.id);
            }
            Message::Cancel(id) => {
                if let Some(line) = self.lines.get_mut(&conn.0).filter(|line| line.client == program) {
                    line.calls.retain(|call| call.id() != *id);
                    line.watches.retain(|watch| watch.id() != *id);
                }
            }
            _ => {}
        }
    }
    fn line(&mut self, client: ProgramId, conn: ConnId) -> &mut Line {
        if self.lines.len() >= LINES && !self.lines.contains_key(&conn.0) {
            self.lines.pop_first();
        }
        self.lines.entry(conn.0).or_insert_with(|| Line {
            client,
            calls: Default::default(),
            watches: Default::default(),
        })
    }

    /// A program reads a message.
    pub(super) fn read(
        &mut self,
        now: Time,
        program: ProgramId,
        conn: ConnId,
        message: &Message,
        programs: &[Program],
    ) {
        match message {
            Message::RpcReply(reply) => {
                let Some(line) = self.lines.get_mut(&conn.0) else { return };
                let Some(at) = line.calls.iter().position(|call| call.id() == reply.id) else { return };
                let (call, client) = (line.calls.swap_remove(at), line.client);
                let Ok(response) = &reply.result else { return };
                let api = match self.directory.place(client) {
                    Place::Api(n) => n + 1,
                    _ => 0,
                };
                let broken = self.book.finding(Verdict::Linearizability).broken;
                self.calls.answered(now, &mut self.book, &self.writes, &call, response, api);
                let answer = Answer {
                    revision: response.revision,
                    version: response.kv.as_ref().map_or(0, |kv| kv.mod_revision),
                    succeeded: response.succeeded,
                    broken: self.book.finding(Verdict::Linearizability).broken > broken,
                };
                self.remember(Heard { call: (conn.0, reply.id), asked: call.asked(), answer: Some(answer) });
                if call.acknowledges(response) {
                    let leader = self.calls.leader().and_then(|(term, member)| {
                        let runs = programs[self.directory.etcd(member).ix()].state == State::Running;
                        let etcd = etcd(programs, self.directory, member).filter(|_| runs)?;
                        let (raft, revision) = (etcd.raft(), etcd.store().revision());
                        let leads = raft.term() == term && raft.role() == raft::Role::Leader;
                        leads.then(|| Leader { member, term, revision, log: raft.log() })
                    });
                    let lost = self.calls.acknowledged(now, &mut self.book, response.revision, leader.as_ref());
                    self.forget(lost);
                }
            }
            Message::WatchReply(reply) => {
                let Self { lines, book, writes, .. } = self;
                let Some(line) = lines.get_mut(&conn.0) else { return };
                watches::told_by_etcd(now, book, writes, &mut line.watches, reply, line.client);
            }
            Message::ApiReply(reply) if reply.status.is_ok() => self.holders.hears(now, program, reply.id),
            Message::ApiEvents(events) => {
                let Self { lines, book, writes, .. } = self;
                let Some(line) = lines.get_mut(&conn.0) else { return };
                watches::told_by_api(now, book, writes, &mut line.watches, events, line.client);
            }
            _ => {}
        }
    }
}
