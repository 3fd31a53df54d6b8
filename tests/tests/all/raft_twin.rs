//! Our Raft machine beside another one: raft-rs 0.7, TiKV's, which was translated from the same original.
//!
//! Every member has a twin. What one is told (ticks, proposals, messages, crashes) the other is told too, and after each
//! step both must have the same term, role, leader, vote, commit index, log, disk and applied entries, and have said the
//! same. Only what ours says goes on the wire: where the two differ by design (tests/data/raft/README.md lists it) the
//! twin must not drift away. `BROWNOUT_QUICK=1` plays few seeds; `BROWNOUT_SEED=n` plays that one alone.

use brownout_core::engine::{Purpose, Rng};
use brownout_core::etcd::message::{CAMPAIGN_TRANSFER, Entry, Kind, MemberId, Message, SnapshotMeta};
use brownout_core::etcd::progress::Replication;
use brownout_core::etcd::raft::Role;
use brownout_tests::raft_cluster::{Cluster, Happening, Text, Torn, message_in_words, replayable, seeds};
use raft::eraftpb::{self, MessageType};
use raft::storage::GetEntriesContext;
use raft::{Config, ProgressState, RaftState, RawNode, SnapshotStatus, StateRole, Storage, StorageError};

/// Steps of one run.
const STEPS: u32 = 3_000;

/// What a twin has stored. It keeps the term of the entry before its first, as ours does.
#[derive(Clone, Default)]
struct Disk {
    hard_state: eraftpb::HardState,
    base: SnapshotMeta,
    entries: Vec<eraftpb::Entry>,
    voters: Vec<u64>,
}

impl Disk {
    fn last(&self) -> u64 {
        self.base.index + self.entries.len() as u64
    }
    fn append(&mut self, entries: &[eraftpb::Entry]) {
        for entry in entries {
            self.entries.truncate((entry.index - self.base.index - 1) as usize);
            self.entries.push(entry.clone());
        }
    }
    fn compact(&mut self, index: u64) {
        if index > self.base.index {
            let term = self.term(index).expect("only what is there is compacted");
            self.entries.drain(..(index - self.base.index) as usize);
            self.base = SnapshotMeta { index, term };
        }
    }
    fn install(&mut self, snapshot: &eraftpb::Snapshot) {
        let meta = snapshot.get_metadata();
        self.base = SnapshotMeta { index: meta.index, term: meta.term };
        self.entries.clear();
    }
    fn snapshot_of(&self, meta: SnapshotMeta) -> eraftpb::Snapshot {
        let mut snapshot = eraftpb::Snapshot::default();
        snapshot.mut_metadata().index = meta.index;
        snapshot.mut_metadata().term = meta.term;
        snapshot.mut_metadata().mut_conf_state().voters = self.voters.clone();
        snapshot
    }
}

impl Storage for Disk {
    fn initial_state(&self) -> raft::Result<RaftState> {
        let conf_state = eraftpb::ConfState { voters: self.voters.clone(), ..Default::default() };
        Ok(RaftState::new(self.hard_state.clone(), conf_state))
    }
    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        _context: GetEntriesContext,
    ) -> raft::Result<Vec<eraftpb::Entry>> {
        if low <= self.base.index {
            return Err(StorageError::Compacted.into());
        }
        let at = |index: u64| (index - self.base.index - 1) as usize;
        let mut entries = self.entries[at(low)..at(high)].to_vec();
        raft::util::limit_size(&mut entries, max_size.into());
        Ok(entries)
    }
    fn term(&self, index: u64) -> raft::Result<u64> {
        if index == self.base.index {
            return Ok(self.base.term);
        }
        if index < self.base.index {
            return Err(StorageError::Compacted.into());
        }
        let at = (index - self.base.index - 1) as usize;
        self.entries.get(at).map(|entry| entry.term).ok_or_else(|| StorageError::Unavailable.into())
    }
    fn first_index(&self) -> raft::Result<u64> {
        Ok(self.base.index + 1)
    }
    fn last_index(&self) -> raft::Result<u64> {
        Ok(self.last())
    }
    fn snapshot(&self, _request_index: u64, _to: u64) -> raft::Result<eraftpb::Snapshot> {
        Ok(self.snapshot_of(self.base))
    }
}

/// A message as both machines know it, without what only one of them says.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    kind: Kind,
    to: u64,
    term: u64,
    log_term: u64,
    index: u64,
    commit: u64,
    reject: bool,
    reject_hint: u64,
    transfer: bool,
    entries: Vec<Stored>,
    snapshot: Option<SnapshotMeta>,
}

/// An entry: term, index, payload.
type Stored = (u64, u64, Vec<u8>);

fn ours(entry: &Entry<Text>) -> Stored {
    (entry.term, entry.index, entry.payload.as_ref().map_or(Vec::new(), |text| text.0.clone().into_bytes()))
}
fn theirs(entry: &eraftpb::Entry) -> Stored {
    (entry.term, entry.index, entry.data.to_vec())
}

const KINDS: [(Kind, MessageType); 11] = [
    (Kind::App, MessageType::MsgAppend),
    (Kind::AppResp, MessageType::MsgAppendResponse),
    (Kind::Heartbeat, MessageType::MsgHeartbeat),
    (Kind::HeartbeatResp, MessageType::MsgHeartbeatResponse),
    (Kind::Vote, MessageType::MsgRequestVote),
    (Kind::VoteResp, MessageType::MsgRequestVoteResponse),
    (Kind::PreVote, MessageType::MsgRequestPreVote),
    (Kind::PreVoteResp, MessageType::MsgRequestPreVoteResponse),
    (Kind::Prop, MessageType::MsgPropose),
    (Kind::Snap, MessageType::MsgSnapshot),
    (Kind::TimeoutNow, MessageType::MsgTimeoutNow),
];

impl Said {
    fn by_ours(m: &Message<Text>) -> Self {
        Self {
            kind: m.kind,
            to: u64::from(m.to.0),
            term: m.term,
            log_term: m.log_term,
            index: m.index,
            commit: m.commit,
            reject: m.reject,
            reject_hint: m.reject_hint,
            transfer: m.kind == Kind::Vote && m.context == CAMPAIGN_TRANSFER,
            entries: m.entries.as_slice().iter().map(ours).collect(),
            snapshot: m.snapshot,
        }
    }
    fn by_theirs(m: &eraftpb::Message) -> Self {
        let kind = KINDS.iter().find(|(_, theirs)| *theirs == m.get_msg_type()).expect("both know it").0;
        let meta = m.get_snapshot().get_metadata();
        Self {
            kind,
            to: m.to,
            term: m.term,
            log_term: m.log_term,
            index: m.index,
            // raft-rs tells its commit index in votes and answers, too.
            commit: if matches!(kind, Kind::App | Kind::Heartbeat) { m.commit } else { 0 },
            reject: m.reject,
            reject_hint: m.reject_hint,
            transfer: m.context == b"CampaignTransfer"[..],
            entries: m.entries.iter().map(theirs).collect(),
            snapshot: (meta.index > 0).then_some(SnapshotMeta { index: meta.index, term: meta.term }),
        }
    }
    /// Whether it is part of how entries flow to a member, in which the two differ.
    const fn is_flow(&self) -> bool {
        matches!(self.kind, Kind::App | Kind::Snap)
    }
}

/// A member of the other make.
struct Twin {
    node: RawNode<Disk>,
    config: Config,
    /// What it said and applied in this step.
    said: Vec<Said>,
    applied: Vec<Stored>,
}

impl Twin {
    fn start(mut config: Config, disk: Disk, applied: u64) -> Self {
        config.applied = applied;
        let silent = slog::Logger::root(slog::Discard, slog::o!());
        let node = RawNode::new(&config, disk, &silent).expect("a twin starts");
        Self { node, config, said: Vec::new(), applied: Vec::new() }
    }
    /// Does all that it wants done.
    fn work(&mut self) {
        let mut sent = Vec::new();
        while self.node.has_ready() {
            let mut ready = self.node.ready();
            sent.append(&mut ready.take_messages());
            if !ready.snapshot().is_empty() {
                self.node.mut_store().install(ready.snapshot());
            }
            self.applied.extend(ready.take_committed_entries().iter().map(theirs));
            self.node.mut_store().append(ready.entries());
            if let Some(hard_state) = ready.hs() {
                self.node.mut_store().hard_state = hard_state.clone();
            }
            sent.append(&mut ready.take_persisted_messages());
            let mut light = self.node.advance(ready);
            if let Some(commit) = light.commit_index() {
                self.node.mut_store().hard_state.commit = commit;
            }
            sent.append(&mut light.take_messages());
            self.applied.extend(light.take_committed_entries().iter().map(theirs));
            self.node.advance_apply();
        }
        self.said.extend(sent.iter().map(Said::by_theirs));
    }
    fn hear(&mut self, m: &Message<Text>) {
        let mut message = eraftpb::Message::default();
        message.set_msg_type(KINDS.iter().find(|(ours, _)| *ours == m.kind).expect("both know it").1);
        (message.from, message.to, message.term) = (u64::from(m.from.0), u64::from(m.to.0), m.term);
        (message.log_term, message.index, message.commit) = (m.log_term, m.index, m.commit);
        (message.reject, message.reject_hint) = (m.reject, m.reject_hint);
        if m.kind == Kind::Vote && m.context == CAMPAIGN_TRANSFER {
            message.context = b"CampaignTransfer".to_vec().into();
        }
        let entry = |entry: &Entry<Text>| {
            let (term, index, data) = ours(entry);
            eraftpb::Entry { term, index, data: data.into(), ..Default::default() }
        };
        message.entries = m.entries.as_slice().iter().map(entry).collect::<Vec<_>>().into();
        if let Some(meta) = m.snapshot {
            message.set_snapshot(self.node.store().snapshot_of(meta));
        }
        match self.node.step(message) {
            Ok(()) | Err(raft::Error::ProposalDropped) => {}
            Err(error) => panic!("the twin cannot take {}: {error}", message_in_words(m)),
        }
    }
}

/// How rough one run is.
#[derive(Debug)]
struct Weather {
    members: u8,
    pre_vote: bool,
    check_quorum: bool,
    inflight: u32,
    /// An append holds one entry, or all there are. What an entry weighs is not the same there and here.
    one_each: bool,
    /// Chances in a hundred, per step or message.
    lose: u64,
    double: u64,
    reorder: u64,
    crash: u64,
    cut: u64,
    compact: u64,
    transfer: u64,
}

struct Pair {
    dice: Rng,
    weather: Weather,
    cluster: Cluster,
    twins: Vec<Twin>,
    down: Vec<Option<Disk>>,
    proposals: u64,
    /// Whether a member as a leader and its twin know something else of another.
    apart: Vec<Vec<bool>>,
    seen: Seen,
}

/// What the runs have shown.
#[derive(Debug, Default)]
struct Seen {
    steps: u64,
    leaders: u64,
    applied: u64,
    restarts: u64,
    snapshots: u64,
    /// Messages that were compared, and appends and snapshots that were not: see [`Pair::same_view`].
    compared: u64,
    not_compared: u64,
}

impl Pair {
    fn new(seed: u64, spoil: impl Fn(&mut Config)) -> Self {
        let mut dice = Rng::stream(seed, Purpose::Test, 98);
        let mut below = |n| dice.draw().below(n);
        let weather = Weather {
            members: if below(2) == 0 { 3 } else { 5 },
            pre_vote: below(3) > 0,
            check_quorum: below(3) > 0,
            inflight: 1 + below(4) as u32,
            one_each: below(2) == 0,
            lose: below(30),
            double: below(15),
            reorder: below(60),
            crash: below(3),
            cut: below(3),
            compact: below(10),
            transfer: below(3),
        };
        let cluster = Cluster::new(weather.members, seed, |config| {
            config.pre_vote = weather.pre_vote;
            config.check_quorum = weather.check_quorum;
            config.max_inflight = weather.inflight;
            config.max_bytes_per_message = if weather.one_each { 1 } else { u32::MAX };
        });
        let voters: Vec<u64> = (1..=u64::from(weather.members)).collect();
        let twin = |id: &u64| {
            let mut config = Config {
                id: *id,
                election_tick: 10,
                heartbeat_tick: 1,
                max_size_per_msg: if weather.one_each { 0 } else { u64::MAX },
                max_inflight_msgs: weather.inflight as usize,
                check_quorum: weather.check_quorum,
                pre_vote: weather.pre_vote,
                ..Config::default()
            };
            spoil(&mut config);
            Twin::start(config, Disk { voters: voters.clone(), ..Disk::default() }, 0)
        };
        let twins = voters.iter().map(twin).collect();
        let mut pair = Self {
            dice,
            down: vec![None; cluster.members.len()],
            weather,
            cluster,
            twins,
            proposals: 0,
            apart: vec![vec![false; voters.len()]; voters.len()],
            seen: Seen::default(),
        };
        for id in pair.cluster.ids() {
            pair.same_luck(id);
        }
        pair
    }
    fn percent(&mut self, chance: u64) -> bool {
        self.dice.draw().below(100) < chance
    }
    fn anybody(&mut self) -> MemberId {
        let n = u64::from(self.weather.members);
        MemberId::from_ix(self.dice.draw().below(n) as usize)
    }
    /// Both draw a timeout whenever they reset. The twin gets ours.
    fn same_luck(&mut self, id: MemberId) {
        let timeout = self.cluster.raft(id).randomized_election_timeout();
        self.twins[id.ix()].node.raft.set_randomized_election_timeout(timeout as usize);
    }

    /// Whether a message acknowledges to a probing leader what it knew already. etcd goes on then, raft-rs does nothing.
    fn settles_probe(&mut self, id: MemberId, m: &Message<Text>) -> bool {
        let progress = self.cluster.raft(id).progress(m.from);
        m.kind == Kind::AppResp && !m.reject && progress.state == Replication::Probe && m.index == progress.matched
    }
    /// Whether both leaders know the same of a member, and nothing comes that they take differently. Then they send it
    /// the same entries.
    fn same_view(&mut self, id: MemberId, of: MemberId, heard: Option<&Message<Text>>) -> bool {
        let settled = heard.is_some_and(|m| self.settles_probe(id, m));
        let below = heard.is_some_and(|m| {
            let raft = self.cluster.raft(id);
            let hint =
                if m.log_term > 0 { raft.log().last_at_most(m.reject_hint, m.log_term).0 } else { m.reject_hint };
            m.reject && m.index.min(hint + 1) <= raft.progress(of).matched
        });
        let ours = self.cluster.raft(id).progress(of).clone();
        let Some(theirs) = self.twins[id.ix()].node.raft.prs().get(u64::from(of.0)) else { return false };
        let same = match (ours.state, theirs.state) {
            (Replication::Probe, ProgressState::Probe) => ours.paused == theirs.paused,
            (Replication::Replicate, ProgressState::Replicate) => ours.is_paused() == theirs.ins.full(),
            (Replication::Snapshot, ProgressState::Snapshot) => ours.pending_snapshot == theirs.pending_snapshot,
            _ => false,
        };
        let snapshot = ours.state == Replication::Snapshot;
        let taken_differently = heard.is_some_and(|m| match m.kind {
            _ if m.from != of => false,
            // A full window: etcd sends an empty append, raft-rs takes one off the window.
            Kind::HeartbeatResp => ours.is_full(),
            // After a snapshot etcd goes on at once, and raft-rs probes. raft-rs may probe below what it knows to match.
            Kind::AppResp => snapshot || settled || below,
            _ => false,
        });
        let same = same
            && ours.matched == theirs.matched
            && (snapshot || ours.next_index == theirs.next_idx)
            && ours.inflight() as usize == theirs.ins.count()
            && ours.recent_active == theirs.recent_active;
        // Once they have taken something differently, what is on its way may differ even where its number does not.
        let apart = &mut self.apart[id.ix()][of.ix()];
        *apart = !same || taken_differently || (*apart && ours.inflight() > 0);
        !*apart
    }

    /// Both do one thing; then they must be the same.
    fn both(
        &mut self,
        id: MemberId,
        heard: Option<&Message<Text>>,
        act: impl FnOnce(&mut Cluster, &mut RawNode<Disk>),
    ) {
        let views: Vec<bool> =
            self.cluster.ids().collect::<Vec<_>>().into_iter().map(|of| self.same_view(id, of, heard)).collect();
        let before = self.cluster.wire.len();
        let settled = heard.is_some_and(|m| self.settles_probe(id, m));
        let twin = &mut self.twins[id.ix()];
        if let Some(message) = heard {
            twin.hear(message);
        }
        act(&mut self.cluster, &mut twin.node);
        twin.work();
        self.cluster.work();
        self.same_luck(id);
        let mut said: Vec<Said> = self.cluster.wire[before..].iter().map(Said::by_ours).collect();
        // A transfer waits for a member that has everything: etcd hands over when it says so again, raft-rs does not.
        said.retain(|m| m.kind != Kind::TimeoutNow || !settled);
        self.compare_said(id, said, &views);
        self.compare_state(id);
        self.seen.steps += 1;
    }
    fn compare_said(&mut self, id: MemberId, mut ours: Vec<Said>, views: &[bool]) {
        let mut theirs = core::mem::take(&mut self.twins[id.ix()].said);
        // raft-rs goes through the members in an order of its own. Empty appends tell the commit index, which the two
        // do on different occasions.
        let flow = |m: &Said| m.is_flow() && (m.snapshot.is_some() || !m.entries.is_empty());
        let unlike = |m: &&Said| flow(m) && !views[m.to as usize - 1];
        self.seen.not_compared += ours.iter().filter(unlike).count() as u64;
        for said in [&mut ours, &mut theirs] {
            said.sort_by_key(|m| (m.to, m.is_flow()));
            said.retain(|m| !m.is_flow() || (flow(m) && views[m.to as usize - 1]));
        }
        self.seen.compared += ours.len() as u64;
        assert_eq!(ours, theirs, "member {} (left) and its twin (right) say different things", id.0);
    }
    fn compare_state(&mut self, id: MemberId) {
        let twin = &mut self.twins[id.ix()];
        let happened: Vec<Happening> = core::mem::take(&mut self.cluster.happenings);
        let mut applied = Vec::new();
        for happening in &happened {
            match happening {
                Happening::Apply(_, entry) => applied.push(ours(entry)),
                Happening::Install(..) => self.seen.snapshots += 1,
                Happening::Soft(_, soft, _) => self.seen.leaders += u64::from(soft.role == Role::Leader),
                _ => {}
            }
        }
        assert_eq!(applied, core::mem::take(&mut twin.applied), "member {} (left) applies something else", id.0);
        self.seen.applied += applied.len() as u64;
        let raft = self.cluster.members[id.ix()].raft.as_ref().expect("it is up");
        let other = &twin.node.raft;
        let role = match other.state {
            StateRole::Follower => Role::Follower,
            StateRole::PreCandidate => Role::PreCandidate,
            StateRole::Candidate => Role::Candidate,
            StateRole::Leader => Role::Leader,
        };
        let number = |id: Option<MemberId>| id.map_or(0, |id| u64::from(id.0));
        assert_eq!(
            (raft.term(), raft.role(), number(raft.leader()), number(raft.vote()), raft.commit_index()),
            (other.term, role, other.leader_id, other.vote, other.raft_log.committed),
            "member {} (left) and its twin (right): term, role, leader, vote, commit",
            id.0
        );
        assert_eq!(
            (raft.election_elapsed() as usize, number(raft.transferee())),
            (other.election_elapsed, other.lead_transferee.unwrap_or(0)),
            "member {}: ticks, successor",
            id.0
        );
        let stored = self.cluster.members[id.ix()].wal.view();
        let disk = twin.node.store();
        assert_eq!(stored.log.base(), disk.base, "member {}: where the log begins", id.0);
        assert!(
            stored.log.range(0..=u64::MAX).map(ours).eq(disk.entries.iter().map(theirs)),
            "member {} has another log than its twin: {:?}, {:?}",
            id.0,
            stored.log,
            disk.entries
        );
        assert_eq!(
            (stored.hard_state.term, number(stored.hard_state.vote), stored.hard_state.commit),
            (disk.hard_state.term, disk.hard_state.vote, disk.hard_state.commit),
            "member {} (left) has stored something else",
            id.0
        );
        assert_eq!(raft.last_index(), disk.last(), "member {}: all is stored", id.0);
    }

    fn step(&mut self) {
        let id = self.anybody();
        if self.percent(self.weather.crash) {
            self.power(id);
        }
        if self.percent(self.weather.cut) {
            let other = self.anybody();
            match self.dice.draw().below(5) {
                0 | 1 => self.cluster.cuts.clear(),
                2 => self.cluster.ids().for_each(|other| self.cluster.cuts.extend([(id, other), (other, id)])),
                _ => self.cluster.cuts.push((id, other)),
            }
        }
        if self.cluster.is_up(id) {
            self.work_of(id);
        }
        for _ in 0..1 + self.dice.draw().below(4) {
            self.post();
        }
    }
    fn power(&mut self, id: MemberId) {
        if let Some(disk) = self.down[id.ix()].take() {
            self.cluster.start(id);
            let stored = self.cluster.members[id.ix()].wal.view();
            let applied =
                stored.applied.clamp(stored.log.base().index, stored.hard_state.commit.max(stored.log.base().index));
            let config = self.twins[id.ix()].config.clone();
            self.twins[id.ix()] = Twin::start(config, disk, applied);
            self.seen.restarts += 1;
            self.both(id, None, |_, _| {});
        } else {
            self.down[id.ix()] = Some(self.twins[id.ix()].node.store().clone());
            self.cluster.crash(id, Torn::Nothing);
        }
    }
    fn work_of(&mut self, id: MemberId) {
        let of = self.anybody();
        match self.dice.draw().below(4) {
            0..=2 => self.both(id, None, |cluster, twin| {
                cluster.raft(id).tick();
                twin.tick();
            }),
            _ => {
                self.proposals += 1;
                let text = format!("p{}", self.proposals);
                self.both(id, None, |cluster, twin| {
                    cluster.propose(id, &text);
                    let refused = cluster.happenings.iter().any(|h| matches!(h, Happening::Refused(..)));
                    let theirs = twin.propose(Vec::new(), text.into_bytes());
                    assert_eq!(refused, theirs.is_err(), "member {} and its twin on a proposal", id.0);
                });
            }
        }
        // How a follower passes such a wish on is not the same in both.
        if self.percent(self.weather.transfer) && self.cluster.raft(id).role() == Role::Leader {
            self.both(id, None, |cluster, twin| {
                cluster.raft(id).transfer_leadership(of);
                twin.transfer_leader(u64::from(of.0));
            });
        }
        if of != id && self.percent(self.weather.transfer) {
            self.both(id, None, |cluster, twin| {
                cluster.raft(id).report_unreachable(of);
                twin.report_unreachable(u64::from(of.0));
            });
        }
        if of != id && self.percent(10) {
            let ok = self.percent(50);
            self.both(id, None, |cluster, twin| {
                cluster.raft(id).report_snapshot(of, ok);
                let status = if ok { SnapshotStatus::Finish } else { SnapshotStatus::Failure };
                twin.report_snapshot(u64::from(of.0), status);
            });
        }
        if self.percent(self.weather.compact) {
            let keep = self.dice.draw().below(6);
            self.both(id, None, |cluster, twin| {
                let index = cluster.raft(id).applied_index().saturating_sub(keep);
                cluster.raft(id).compact(index);
                cluster.member(id).wal.applied(index);
                cluster.member(id).wal.compact(index);
                twin.mut_store().compact(index);
            });
        }
    }
    /// Delivers a message, perhaps out of order, perhaps twice, perhaps not.
    fn post(&mut self) {
        let waiting = self.cluster.wire.len() as u64;
        if waiting == 0 {
            return;
        }
        let at = if self.percent(self.weather.reorder) { self.dice.draw().below(waiting) } else { 0 };
        let message = self.cluster.wire.remove(at as usize);
        if self.percent(self.weather.double) {
            self.cluster.wire.push(message.clone());
        }
        if !self.percent(self.weather.lose) && !self.cluster.is_cut(&message) {
            let copy = message.clone();
            self.both(message.to, Some(&message), |cluster, _| {
                cluster.deliver(copy);
            });
        }
    }
    fn play(&mut self) {
        for _ in 0..STEPS {
            self.step();
        }
    }
}

#[test]
fn after_every_step_a_member_is_what_its_twin_is() {
    let mut all = Seen::default();
    for seed in seeds(30, 300) {
        let mut pair = Pair::new(seed, |_| {});
        let weather = format!("{:?}", pair.weather);
        replayable("raft_twin", seed, &weather, || pair.play());
        all.steps += pair.seen.steps;
        all.leaders += pair.seen.leaders;
        all.applied += pair.seen.applied;
        all.restarts += pair.seen.restarts;
        all.snapshots += pair.seen.snapshots;
        all.compared += pair.seen.compared;
        all.not_compared += pair.seen.not_compared;
    }
    println!("{all:?}");
    assert!(
        all.leaders > 0 && all.applied > 0 && all.restarts > 0 && all.snapshots > 0,
        "nothing was compared: {all:?}"
    );
}

/// A comparison that cannot fail is none. Each of these twins differs in one rule.
#[test]
fn a_twin_with_another_rule_is_found_out() {
    let spoils: [fn(&mut Config); 3] =
        [|c| c.pre_vote = !c.pre_vote, |c| c.check_quorum = !c.check_quorum, |c| c.heartbeat_tick = 2];
    for (nth, spoil) in spoils.into_iter().enumerate() {
        let found = (0..5).any(|seed| {
            let mut pair = Pair::new(seed, spoil);
            std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| pair.play())).is_err()
        });
        assert!(found, "rule {nth} may be anything");
    }
}
