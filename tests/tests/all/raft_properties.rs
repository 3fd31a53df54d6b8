//! Whatever the wire and the disks do, the members never contradict each other; and when it stops they go on.
//!
//! The four properties are those of the Raft paper (Ongaro and Ousterhout 2014, figure 3): election safety, log
//! matching, leader completeness, state machine safety. `BROWNOUT_QUICK=1` plays few seeds. A failure names the seed;
//! `BROWNOUT_SEED=n` plays that one alone.

use brownout_core::engine::{Draw, Purpose, Rng};
use brownout_core::etcd::message::{Entry, MemberId, Message};
use brownout_core::etcd::raft::{Raft, Role};
use brownout_tests::raft_cluster::{Cluster, Happening, Text, Torn, replayable, seeds};
use std::collections::BTreeMap;

/// Steps of one run with faults.
const STEPS: u32 = 2_500;
/// Ticks after which a healthy cluster must have a leader and commit: many election timeouts.
const PATIENCE: u32 = 300;

/// How rough one run is. Chosen by its seed, so that seeds differ in kind and not only in luck.
#[derive(Debug)]
struct Weather {
    members: u8,
    pre_vote: bool,
    check_quorum: bool,
    /// Chances in a hundred, per step or message.
    lose: u64,
    double: u64,
    reorder: u64,
    /// A message is kept back until much later.
    hold: u64,
    crash: u64,
    cut: u64,
    slow: u64,
    compact: u64,
    transfer: u64,
    inflight: u32,
    max_bytes: u32,
}

impl Weather {
    fn new(dice: &mut Rng) -> Self {
        let mut below = |n| dice.draw().below(n);
        Self {
            members: if below(2) == 0 { 3 } else { 5 },
            pre_vote: below(3) > 0,
            check_quorum: below(3) > 0,
            lose: below(40),
            double: below(15),
            reorder: below(100),
            hold: below(6),
            crash: below(4),
            cut: below(4),
            slow: below(10),
            compact: below(10),
            transfer: below(3),
            inflight: 1 + below(4) as u32,
            max_bytes: 1 + below(100) as u32,
        }
    }
}

/// What all members together have ever done.
#[derive(Default)]
struct Witness {
    leaders: BTreeMap<u64, MemberId>,
    /// What was committed first at each index, from 1.
    committed: Vec<Entry<Text>>,
    /// In which term at the latest each of them was committed.
    committed_by: Vec<u64>,
    stored_terms: Vec<u64>,
}

impl Witness {
    fn watch(&mut self, cluster: &mut Cluster) {
        for happening in core::mem::take(&mut cluster.happenings) {
            match happening {
                Happening::Soft(id, soft, term) if soft.role == Role::Leader => self.elected(cluster, id, term),
                Happening::Apply(id, entry) => self.applied(id, entry, cluster.raft(id).term()),
                Happening::Install(id, snapshot) => {
                    let at = self.committed.get(snapshot.index as usize - 1);
                    assert_eq!(
                        at.map(|e| e.term),
                        Some(snapshot.term),
                        "member {} installs what was never committed",
                        id.0
                    );
                }
                _ => {}
            }
        }
        for (member, term) in cluster.members.iter().zip(&mut self.stored_terms) {
            let stored = member.wal.view().hard_state.term;
            assert!(stored >= *term, "a stored term went back from {term} to {stored}");
            *term = stored;
        }
    }
    fn elected(&mut self, cluster: &mut Cluster, id: MemberId, term: u64) {
        let first = *self.leaders.entry(term).or_insert(id);
        assert_eq!(first, id, "two leaders in term {term}");
        // Leader completeness. A vote can be late: then others may have committed in higher terms before.
        let raft = cluster.raft(id);
        for (entry, by) in self.committed.iter().zip(&self.committed_by) {
            if *by < term && entry.index >= raft.first_index() {
                assert_eq!(
                    raft.term_at(entry.index),
                    Some(entry.term),
                    "leader {} of term {term} lacks committed entry {}",
                    id.0,
                    entry.index
                );
            }
        }
    }
    fn applied(&mut self, id: MemberId, entry: Entry<Text>, term: u64) {
        let at = entry.index as usize - 1;
        match self.committed.get(at) {
            Some(first) => assert_eq!(*first, entry, "member {} applies something else", id.0),
            None => {
                assert_eq!(at, self.committed.len(), "member {} skips an index", id.0);
                self.committed.push(entry);
                self.committed_by.push(term);
            }
        }
    }
    /// If two logs have the same term at an index, they are the same up to there.
    fn match_logs(cluster: &Cluster) {
        let rafts: Vec<&Raft<Text>> = cluster.members.iter().filter_map(|m| m.raft.as_ref()).collect();
        for (nth, a) in rafts.iter().enumerate() {
            for b in &rafts[nth + 1..] {
                let from = a.first_index().max(b.first_index());
                let to = a.last_index().min(b.last_index());
                let mut same = false;
                for index in (from..=to).rev() {
                    let (x, y) = (a.log().get(index), b.log().get(index));
                    same |= x.map(|e| e.term) == y.map(|e| e.term);
                    assert!(!same || x == y, "logs of {:?} and {:?} part before {index}", a.id(), b.id());
                }
            }
        }
    }
}

struct Run {
    weather: Weather,
    dice: Rng,
    cluster: Cluster,
    witness: Witness,
    /// Messages that are kept back.
    held: Vec<Message<Text>>,
    proposals: u64,
    reads: BTreeMap<u64, u64>,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut dice = Rng::stream(seed, Purpose::Test, 99);
        let weather = Weather::new(&mut dice);
        let cluster = Cluster::new(weather.members, seed, |config| {
            config.pre_vote = weather.pre_vote;
            config.check_quorum = weather.check_quorum;
            config.max_inflight = weather.inflight;
            config.max_bytes_per_message = weather.max_bytes;
        });
        Self {
            witness: Witness { stored_terms: vec![0; cluster.members.len()], ..Witness::default() },
            weather,
            dice,
            cluster,
            held: Vec::new(),
            proposals: 0,
            reads: BTreeMap::new(),
        }
    }
    fn draw(&mut self) -> Draw {
        self.dice.draw()
    }
    fn percent(&mut self, chance: u64) -> bool {
        self.draw().below(100) < chance
    }
    fn anybody(&mut self) -> MemberId {
        let n = u64::from(self.weather.members);
        MemberId::from_ix(self.draw().below(n) as usize)
    }

    fn step(&mut self) {
        let id = self.anybody();
        if self.percent(self.weather.crash) {
            self.power(id);
        }
        if self.percent(self.weather.cut) {
            self.cut(id);
        }
        if self.percent(self.weather.slow) {
            let member = self.cluster.member(id);
            member.slow_disk = !member.slow_disk;
        }
        if self.percent(60) {
            self.cluster.persist(id);
        }
        if self.cluster.is_up(id) {
            self.work_of(id);
        }
        self.cluster.work();
        self.post();
    }
    fn power(&mut self, id: MemberId) {
        if self.cluster.is_up(id) {
            let torn = match self.draw().below(3) {
                0 => Torn::Nothing,
                1 => Torn::Entries,
                _ => Torn::All,
            };
            self.cluster.crash(id, torn);
        } else {
            self.cluster.start(id);
        }
    }
    fn cut(&mut self, id: MemberId) {
        match self.draw().below(6) {
            0 | 1 => self.cluster.cuts.clear(),
            2 => {
                for other in self.cluster.ids() {
                    self.cluster.cuts.extend([(id, other), (other, id)]);
                }
            }
            _ => {
                let other = self.anybody();
                self.cluster.cuts.push((id, other));
            }
        }
    }
    fn work_of(&mut self, id: MemberId) {
        match self.draw().below(4) {
            0 | 1 => self.cluster.raft(id).tick(),
            2 => {
                self.proposals += 1;
                let text = format!("p{}", self.proposals);
                self.cluster.propose(id, &text);
            }
            _ => {
                // A read must not miss what anybody had applied when it was asked for.
                let context = self.reads.len() as u64 + 1;
                self.reads.insert(context, self.witness.committed.len() as u64);
                self.cluster.raft(id).read_index(context);
            }
        }
        if self.percent(self.weather.transfer) {
            let to = self.anybody();
            self.cluster.raft(id).transfer_leadership(to);
        }
        if self.percent(self.weather.transfer) {
            let of = self.anybody();
            self.cluster.raft(id).report_unreachable(of);
        }
        if self.percent(20) {
            let (of, ok) = (self.anybody(), self.percent(50));
            self.cluster.raft(id).report_snapshot(of, ok);
        }
        if self.percent(self.weather.compact) {
            let applied = self.cluster.raft(id).applied_index();
            let keep = self.draw().below(6);
            self.cluster.raft(id).compact(applied.saturating_sub(keep));
            let behind = self.draw().below(3);
            let member = self.cluster.member(id);
            member.wal.applied(applied.saturating_sub(behind));
            member.wal.compact(applied.saturating_sub(keep).saturating_sub(behind));
        }
    }
    /// Delivers a few messages, perhaps out of order, perhaps twice, perhaps not.
    fn post(&mut self) {
        if self.draw().below(200) == 0 {
            self.cluster.wire.append(&mut self.held);
        }
        for _ in 0..1 + self.draw().below(4) {
            let waiting = self.cluster.wire.len() as u64;
            if waiting == 0 {
                return;
            }
            let at = if self.percent(self.weather.reorder) { self.draw().below(waiting) } else { 0 };
            let message = self.cluster.wire.remove(at as usize);
            if self.percent(self.weather.double) {
                self.cluster.wire.push(message.clone());
            }
            if self.percent(self.weather.hold) {
                self.held.push(message);
                continue;
            }
            if !self.percent(self.weather.lose) {
                self.cluster.deliver(message);
                self.cluster.work();
            }
            self.watch();
        }
    }
    fn watch(&mut self) {
        for happening in &self.cluster.happenings {
            if let Happening::Read { member, context, index } = happening {
                let least = self.reads[context];
                assert!(
                    *index >= least,
                    "read {context} of member {} is answered from {index}, but {least} was applied when it came",
                    member.0
                );
            }
        }
        self.witness.watch(&mut self.cluster);
    }

    fn play(&mut self) {
        for step in 0..STEPS {
            self.step();
            self.watch();
            if step % 16 == 0 {
                Witness::match_logs(&self.cluster);
            }
        }
        self.calm();
    }

    /// Everything is repaired. There must be a leader, and it must commit, and all must get there.
    fn calm(&mut self) {
        self.cluster.cuts.clear();
        self.cluster.wire.append(&mut self.held);
        for id in self.cluster.ids() {
            self.cluster.member(id).slow_disk = false;
            self.cluster.persist(id);
            if !self.cluster.is_up(id) {
                self.cluster.start(id);
            }
        }
        let mut goal = None;
        for tick in 0..PATIENCE {
            for id in self.cluster.ids() {
                let raft = self.cluster.raft(id);
                raft.tick();
                // The transport tells in the end what became of a snapshot.
                for of in (1..=self.weather.members).map(MemberId) {
                    self.cluster.raft(id).report_snapshot(of, false);
                }
            }
            self.cluster.work();
            while !self.cluster.wire.is_empty() {
                let message = self.cluster.wire.remove(0);
                self.cluster.deliver(message);
                self.cluster.work();
                self.watch();
            }
            if tick == PATIENCE / 2 {
                let leader = self.cluster.ids().find(|id| self.cluster.raft(*id).role() == Role::Leader);
                let leader = leader.expect("a healthy cluster elects a leader");
                self.cluster.propose(leader, "the last word");
                goal = Some(self.cluster.raft(leader).last_index());
            }
        }
        let goal = goal.expect("it was proposed");
        for id in self.cluster.ids() {
            let raft = self.cluster.raft(id);
            assert!(raft.applied_index() >= goal, "member {} never gets to {goal}", id.0);
        }
        assert!(self.witness.committed.iter().any(|e| e.payload == Some(Text("the last word".into()))));
    }
}

#[test]
fn members_never_contradict_each_other_and_recover() {
    let (mut terms, mut committed, mut installed) = (0, 0, 0);
    for seed in seeds(60, 600) {
        let mut run = Run::new(seed);
        let weather = format!("{:?}", run.weather);
        replayable("raft_properties", seed, &weather, || run.play());
        terms += run.witness.leaders.len();
        committed += run.witness.committed.len();
        installed += run.cluster.members.iter().filter(|m| m.wal.view().log.first_index() > 1).count();
    }
    println!("{terms} leaders, {committed} entries, {installed} compacted logs");
}

#[test]
fn the_same_seed_gives_the_same_members() {
    let end = |seed| {
        let mut run = Run::new(seed);
        run.play();
        run.cluster.members.into_iter().map(|m| m.raft).collect::<Vec<_>>()
    };
    assert_eq!(end(3), end(3));
}
