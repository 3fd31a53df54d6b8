//! The Raft machine in every order: all that can happen to three members within small bounds, searched by stateright.
//!
//! Nothing here has a clock. A member campaigns whenever it likes, and the wire hands over any message next, or never.
//! The four properties are those of the Raft paper (Ongaro and Ousterhout 2014, figure 3). `--ignored` searches wider
//! bounds, for minutes.
//!
//! What makes the number of states finite, and what makes it small without leaving anything out:
//! - campaigns (and so terms), proposals, restarts, heartbeats and leases that run out have a bound each;
//! - a message that was sent may arrive at any time, and again; one that is lost is one that never arrives, so losing and
//!   doubling need no steps of their own, and equal messages are one;
//! - a message that its receiver would only throw away is taken off the wire;
//! - a crash and the start after it are one step, for a member that is down is one to which nothing arrives;
//! - the members are alike until somebody moves, so the first to campaign is member 1;
//! - a member that does not lead sends nothing before its write is durable, so only a leader's write takes a step, and
//!   meanwhile the leader takes nothing in.

use brownout_core::engine::{Digest, Purpose, Rng};
use brownout_core::etcd::log::Wal;
use brownout_core::etcd::message::{Kind, MemberId, Message, Payload};
use brownout_core::etcd::raft::{Config, Raft, Ready, Role};
use stateright::{Checker, Model, Property};
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

const MEMBERS: u8 = 3;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Word(u8);

impl Payload for Word {
    fn bytes(&self) -> u32 {
        1
    }
}

/// A deliberate bug: the switches of the same name, as the program in core/src/etcd does them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    None,
    /// `bug_forgets_vote`: a member starts without the vote that it had stored.
    ForgetsVote,
    /// `bug_no_fsync`: what is written is called durable, and a loss of power takes it.
    NoFsync,
}

/// What may happen how often in one run, over all members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bounds {
    campaigns: u8,
    proposals: u8,
    restarts: u8,
    /// Times that a leader counts whom it hears and sends heartbeats.
    spans: u8,
    /// Leases that run out.
    leases: u8,
}

#[derive(Clone, Debug)]
struct Cluster {
    pre_vote: bool,
    check_quorum: bool,
    bounds: Bounds,
    bug: Bug,
}

/// A member, its disk and the write under way. Two are the same if whatever comes, they will do the same.
#[derive(Clone, Debug)]
struct Member {
    raft: Raft<Word>,
    wal: Wal<Word>,
    writing: Option<Ready<Word>>,
    digest: u64,
}

/// What anybody has ever done, and whether it broke a property.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Witness {
    leaders: Vec<(u64, MemberId)>,
    /// Term and payload of each entry, and in which term at the latest it was committed.
    committed: Vec<(u64, Option<Word>, u64)>,
    two_leaders: bool,
    incomplete_leader: bool,
    applied_differently: bool,
}

#[derive(Clone, Debug)]
struct World {
    members: Vec<Arc<Member>>,
    /// By their digests, so that the order in which they were sent makes no other world.
    wire: Vec<(u64, Arc<Message<Word>>)>,
    witness: Witness,
    left: Bounds,
}

impl PartialEq for World {
    fn eq(&self, other: &Self) -> bool {
        Digest::of(self) == Digest::of(other)
    }
}
impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.members.iter().for_each(|member| state.write_u64(member.digest));
        self.wire.iter().for_each(|(digest, _)| state.write_u64(*digest));
        self.witness.hash(state);
        (self.left.campaigns, self.left.proposals, self.left.restarts, self.left.spans, self.left.leases).hash(state);
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Campaign(MemberId),
    /// A follower's lease runs out. Forgetting the leader is more than that: it may then vote in the same term, too.
    Forget(MemberId),
    Propose(MemberId),
    /// An election timeout passes at a leader.
    Span(MemberId),
    Deliver(usize),
    /// A leader's write is durable.
    Persist(MemberId),
    /// Power is lost, and comes back.
    Restart(MemberId),
}

impl Member {
    fn start(cluster: &Cluster, id: MemberId, wal: Wal<Word>) -> Self {
        let config = Config {
            pre_vote: cluster.pre_vote,
            check_quorum: cluster.check_quorum,
            heartbeat_tick: Config::ELECTION_TICK,
            max_inflight: 2,
            ..Config::etcd(id, MEMBERS)
        };
        let mut stored = wal.stored();
        if cluster.bug == Bug::ForgetsVote {
            stored.hard_state.vote = None;
        }
        let raft = Raft::new(config, Rng::stream(0, Purpose::Test, u64::from(id.0)), stored);
        Self { raft, wal, writing: None, digest: 0 }
    }
    /// Everything that its future depends on. Luck and ticks are left out, for nothing here waits for them.
    fn summed_up(mut self) -> Self {
        let raft = &self.raft;
        let mut digest = Digest::default();
        (raft.role(), raft.term(), raft.vote(), raft.leader(), raft.commit_index(), raft.votes()).hash(&mut digest);
        raft.entries(0..=u64::MAX).for_each(|entry| (entry.term, &entry.payload).hash(&mut digest));
        if raft.role() == Role::Leader {
            (1..=MEMBERS).for_each(|id| raft.progress(MemberId(id)).hash(&mut digest));
        }
        let stored = self.wal.view();
        (raft.forgetful(), self.writing.is_some(), stored.hard_state).hash(&mut digest);
        stored.log.range(0..=u64::MAX).for_each(|entry| (entry.term, &entry.payload).hash(&mut digest));
        self.digest = digest.finish();
        self
    }
    /// Does what the machine wants done, until it wants nothing or a write takes time.
    fn work(&mut self, bug: Bug, sent: &mut Vec<Message<Word>>) {
        while self.raft.has_ready() && self.writing.is_none() {
            let mut ready = Ready::default();
            self.raft.take_ready(&mut ready);
            sent.append(&mut ready.messages_now);
            if let Some(last) = ready.committed.last() {
                self.raft.applied(last.index);
            }
            if self.raft.role() == Role::Leader && ready.must_sync && bug != Bug::NoFsync {
                self.writing = Some(ready);
            } else {
                self.persist(ready, bug, sent);
            }
        }
    }
    fn persist(&mut self, mut ready: Ready<Word>, bug: Bug, sent: &mut Vec<Message<Word>>) {
        if bug != Bug::NoFsync {
            self.wal.persist(&ready);
        }
        sent.append(&mut ready.messages_after);
        self.raft.persisted(ready.mark);
    }
    /// Whether it would throw this message away, now and for ever: its term never goes back, and it neither campaigns
    /// nor leads again in one that is over for it.
    fn is_deaf_to(&self, message: &Message<Word>) -> bool {
        let (term, role) = (self.raft.term(), self.raft.role());
        match message.kind {
            Kind::App | Kind::Heartbeat | Kind::PreVote => false,
            Kind::VoteResp => message.term < term || (message.term == term && role != Role::Candidate),
            Kind::AppResp | Kind::HeartbeatResp => {
                message.term < term || (message.term == term && !matches!(role, Role::Candidate | Role::Leader))
            }
            _ => message.term < term,
        }
    }
}

impl Witness {
    fn watch(&mut self, old: &Raft<Word>, new: &Raft<Word>) {
        let entry = |index| new.log().get(index).map(|entry| (entry.term, entry.payload.clone()));
        if new.role() == Role::Leader && (old.role() != Role::Leader || old.term() != new.term()) {
            match self.leaders.iter().find(|(term, _)| *term == new.term()) {
                Some((_, first)) => self.two_leaders |= *first != new.id(),
                None => {
                    self.leaders.push((new.term(), new.id()));
                    self.leaders.sort();
                }
            }
            for (ix, (term, payload, by)) in self.committed.iter().enumerate() {
                let lacks = entry(ix as u64 + 1) != Some((*term, payload.clone()));
                self.incomplete_leader |= *by < new.term() && lacks;
            }
        }
        if new.commit_index() != old.commit_index() {
            for index in 1..=new.commit_index() {
                let (term, payload) = entry(index).expect("what is committed is there");
                match self.committed.get(index as usize - 1) {
                    Some((t, p, _)) => self.applied_differently |= (*t, p) != (term, &payload),
                    None => self.committed.push((term, payload, new.term())),
                }
            }
        }
    }
}

impl World {
    fn match_logs(&self) -> bool {
        let rafts: Vec<&Raft<Word>> = self.members.iter().map(|member| &member.raft).collect();
        rafts.iter().enumerate().all(|(nth, a)| {
            rafts[nth + 1..].iter().all(|b| {
                let mut same = false;
                (1..=a.last_index().min(b.last_index())).rev().all(|index| {
                    same |= a.term_at(index) == b.term_at(index);
                    !same || a.log().get(index) == b.log().get(index)
                })
            })
        })
    }
    fn send(&mut self, messages: Vec<Message<Word>>) {
        for message in messages {
            let digest = Digest::of(&message);
            if let Err(at) = self.wire.binary_search_by_key(&digest, |(digest, _)| *digest) {
                self.wire.insert(at, (digest, Arc::new(message)));
            }
        }
    }
}

impl Cluster {
    fn new(pre_vote: bool, check_quorum: bool, bounds: Bounds) -> Self {
        Self { pre_vote, check_quorum, bounds, bug: Bug::None }
    }
    fn with(self, bug: Bug) -> Self {
        Self { bug, ..self }
    }
    /// The world after a member did something.
    fn after(&self, mut next: World, id: MemberId, act: impl FnOnce(&mut Member, &mut Vec<Message<Word>>)) -> World {
        let old = Arc::clone(&next.members[id.ix()]);
        let mut member = Member::clone(&old);
        let mut sent = Vec::new();
        act(&mut member, &mut sent);
        member.work(self.bug, &mut sent);
        next.witness.watch(&old.raft, &member.raft);
        next.members[id.ix()] = Arc::new(member.summed_up());
        next.send(sent);
        let members = &next.members;
        next.wire.retain(|(_, message)| !members[message.to.ix()].is_deaf_to(message));
        next
    }
}

impl Model for Cluster {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        let start = |id| Arc::new(Member::start(self, MemberId(id), Wal::default()).summed_up());
        vec![World {
            members: (1..=MEMBERS).map(start).collect(),
            wire: Vec::new(),
            witness: Witness::default(),
            left: self.bounds,
        }]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        let left = &world.left;
        let awake = |id: &MemberId| {
            let member = &world.members[id.ix()];
            !member.raft.forgetful() && member.writing.is_none()
        };
        let nothing_yet = left.campaigns == self.bounds.campaigns;
        for id in (1..=MEMBERS).map(MemberId) {
            let member = &world.members[id.ix()];
            let role = member.raft.role();
            if member.writing.is_some() {
                steps.push(Step::Persist(id));
            }
            if left.restarts > 0 && !nothing_yet {
                steps.push(Step::Restart(id));
            }
            if !awake(&id) {
                continue;
            }
            if role == Role::Leader {
                if left.proposals > 0 {
                    steps.push(Step::Propose(id));
                }
                if left.spans > 0 {
                    steps.push(Step::Span(id));
                }
            } else if left.campaigns > 0 && (!nothing_yet || id == MemberId(1)) {
                steps.push(Step::Campaign(id));
            }
            if left.leases > 0 && role == Role::Follower && member.raft.leader().is_some() {
                steps.push(Step::Forget(id));
            }
        }
        for (nth, (_, message)) in world.wire.iter().enumerate() {
            if awake(&message.to) {
                steps.push(Step::Deliver(nth));
            }
        }
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        let mut world = world.clone();
        Some(match step {
            Step::Campaign(id) => {
                world.left.campaigns -= 1;
                self.after(world, id, |member, _| member.raft.campaign())
            }
            Step::Forget(id) => {
                world.left.leases -= 1;
                self.after(world, id, |member, _| member.raft.forget_leader())
            }
            Step::Propose(id) => {
                let word = Word(world.left.proposals);
                world.left.proposals -= 1;
                self.after(world, id, |member, _| {
                    let _refused = member.raft.propose(word);
                })
            }
            Step::Span(id) => {
                world.left.spans -= 1;
                self.after(world, id, |member, _| (0..Config::ELECTION_TICK).for_each(|_| member.raft.tick()))
            }
            Step::Persist(id) => self.after(world, id, |member, sent| {
                let ready = member.writing.take().expect("a write is under way");
                member.persist(ready, self.bug, sent);
            }),
            Step::Restart(id) => {
                world.left.restarts -= 1;
                self.after(world, id, |member, _| *member = Member::start(self, id, member.wal.clone()))
            }
            Step::Deliver(nth) => {
                let message = Arc::clone(&world.wire[nth].1);
                self.after(world, message.to, |member, _| member.raft.step((*message).clone()))
            }
        })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ELECTION_SAFETY, |_, world: &World| !world.witness.two_leaders),
            Property::always(LOG_MATCHING, |_, world: &World| world.match_logs()),
            Property::always(LEADER_COMPLETENESS, |_, world: &World| !world.witness.incomplete_leader),
            Property::always(STATE_MACHINE_SAFETY, |_, world: &World| !world.witness.applied_differently),
            Property::always(NOTHING_FORGOTTEN, |_, world: &World| !world.members.iter().any(|m| m.raft.forgetful())),
        ]
    }
}

const ELECTION_SAFETY: &str = "at most one leader in a term";
const LOG_MATCHING: &str = "logs that share an entry are the same up to it";
const LEADER_COMPLETENESS: &str = "a leader has what was committed in earlier terms";
const STATE_MACHINE_SAFETY: &str = "nobody applies anything else at an index";
/// Where etcd itself would panic.
const NOTHING_FORGOTTEN: &str = "nobody finds that a member forgot what it had promised to keep";

/// Searches everything. The properties that do not hold.
fn search(cluster: Cluster) -> BTreeSet<&'static str> {
    let words = format!("pre-vote {}, check-quorum {}, {:?}", cluster.pre_vote, cluster.check_quorum, cluster.bounds);
    let bug = cluster.bug;
    let checker = cluster.checker().threads(2).spawn_bfs().join();
    let broken = checker.discoveries();
    println!(
        "{words}, bug {bug:?}: {} states, {} of them different; broken: {:?}",
        checker.state_count(),
        checker.unique_state_count(),
        broken.keys().collect::<BTreeSet<_>>()
    );
    for (property, path) in &broken {
        println!("  {property}: {:?}", path.clone().into_actions());
    }
    broken.into_keys().collect()
}

const NOTHING: Bounds = Bounds { campaigns: 0, proposals: 0, restarts: 0, spans: 0, leases: 0 };

#[test]
fn whatever_happens_without_pre_vote_and_check_quorum_no_property_breaks() {
    for bounds in [
        Bounds { campaigns: 2, proposals: 1, ..NOTHING },
        Bounds { campaigns: 2, restarts: 1, ..NOTHING },
        Bounds { campaigns: 1, proposals: 1, restarts: 1, ..NOTHING },
    ] {
        assert_eq!(search(Cluster::new(false, false, bounds)), BTreeSet::new());
    }
}

#[test]
fn nor_does_one_with_check_quorum() {
    for bounds in
        [Bounds { campaigns: 2, restarts: 1, leases: 1, ..NOTHING }, Bounds { campaigns: 2, spans: 1, ..NOTHING }]
    {
        assert_eq!(search(Cluster::new(false, true, bounds)), BTreeSet::new());
    }
}

#[test]
fn nor_does_one_with_pre_vote() {
    let bounds = Bounds { campaigns: 1, proposals: 1, restarts: 1, ..NOTHING };
    assert_eq!(search(Cluster::new(true, false, bounds)), BTreeSet::new());
}

#[test]
fn nor_does_one_with_both() {
    assert_eq!(search(Cluster::new(true, true, Bounds { campaigns: 2, ..NOTHING })), BTreeSet::new());
}

/// The same bounds without the bug are among those above.
#[test]
fn a_forgotten_vote_makes_two_leaders_and_breaks_nothing_else() {
    let cluster = Cluster::new(false, false, Bounds { campaigns: 2, restarts: 1, ..NOTHING });
    assert_eq!(search(cluster.with(Bug::ForgetsVote)), BTreeSet::from([ELECTION_SAFETY]));
}

/// A vote is forgotten, too, so there may be two leaders; and what a majority had is gone. Those who still have the old
/// entries then hear others of the same leaders' terms.
#[test]
fn a_skipped_sync_loses_votes_and_what_was_committed() {
    let cluster = Cluster::new(false, false, Bounds { campaigns: 2, restarts: 1, ..NOTHING });
    let broken = BTreeSet::from([ELECTION_SAFETY, LEADER_COMPLETENESS, STATE_MACHINE_SAFETY]);
    assert_eq!(search(cluster.with(Bug::NoFsync)), broken);
}

/// Minutes and gigabytes.
#[test]
#[ignore = "takes minutes"]
fn nothing_breaks_within_wider_bounds() {
    for (pre_vote, check_quorum, bounds) in [
        (false, false, Bounds { campaigns: 2, proposals: 1, restarts: 1, ..NOTHING }),
        (false, false, Bounds { campaigns: 3, ..NOTHING }),
        (true, false, Bounds { campaigns: 2, ..NOTHING }),
        (true, true, Bounds { campaigns: 2, leases: 1, ..NOTHING }),
    ] {
        assert_eq!(search(Cluster::new(pre_vote, check_quorum, bounds)), BTreeSet::new());
    }
}
