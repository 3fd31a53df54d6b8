//! The Raft cell: the members of one cluster on links that lose messages, and nothing else.
//!
//! Ticks of 100 ms, elections after 1 to 2 s, ten proposals a second, links of 1 ms that lose one message in ten, disks
//! that take no time. The event loop is as plain as can be, so that what is measured is the machine.

use brownout_core::engine::{Digest, Ppm, Purpose, Rng, Span, Time};
use brownout_core::etcd::log::Stored;
use brownout_core::etcd::message::{MemberId, Message, Payload};
use brownout_core::etcd::raft::{Config, Raft, Ready, Role};

/// A heartbeat interval: etcd --heartbeat-interval, its default.
const TICK: Span = Span::from_ms(100);
/// Between two proposals. Chosen: ten a second.
const PROPOSAL: Span = Span::from_ms(100);
/// One-way delay of a link. Chosen: a local network.
const LINK: Span = Span::from_ms(1);
/// Chance that a message is lost. Chosen: a link that is visibly broken.
const LOSS: Ppm = Ppm::new(100_000);
/// Applied entries between two compactions: etcd server/etcdserver/server.go#memorySnapshotCount.
const COMPACT_EVERY: u64 = 100;
/// Entries that a compaction leaves: etcd server/etcdserver/server.go#DefaultSnapshotCatchUpEntries.
const KEEP: u64 = 5_000;
/// Bytes of a proposal. Chosen: a small write.
const PROPOSAL_BYTES: u32 = 100;

/// What one run of the cell did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Ticks, proposals and messages that were handled.
    pub events: u64,
    /// Entries that were first applied somewhere.
    pub commits: u64,
    /// The digest of all that happened, and of the members at the end.
    pub digest: u64,
}

/// A numbered proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Number(u32);

impl Payload for Number {
    fn bytes(&self) -> u32 {
        PROPOSAL_BYTES
    }
}

/// A heap of four children a node. A key is time, number and slot in one integer: one comparison orders two events.
struct Heap {
    keys: Vec<u128>,
    next: u32,
}

impl Heap {
    fn push(&mut self, at: Time, slot: u32) {
        let key = u128::from(at.ns()) << 64 | u128::from(self.next) << 32 | u128::from(slot);
        self.next += 1;
        let mut hole = self.keys.len();
        self.keys.push(key);
        while hole > 0 {
            let parent = (hole - 1) / 4;
            if self.keys[parent] <= key {
                break;
            }
            self.keys[hole] = self.keys[parent];
            hole = parent;
        }
        self.keys[hole] = key;
    }
    fn pop(&mut self) -> Option<(Time, u32)> {
        let first = *self.keys.first()?;
        let last = self.keys.pop()?;
        if !self.keys.is_empty() {
            self.sink(last);
        }
        Some((Time::from_ns((first >> 64) as u64), first as u32))
    }
    /// Puts a key in the place of the first, and then where it belongs.
    fn sink(&mut self, key: u128) {
        let mut hole = 0;
        loop {
            let from = hole * 4 + 1;
            let children = from..(from + 4).min(self.keys.len());
            let Some(least) = children.min_by_key(|child| self.keys[*child]) else {
                break;
            };
            if self.keys[least] >= key {
                break;
            }
            self.keys[hole] = self.keys[least];
            hole = least;
        }
        self.keys[hole] = key;
    }
}

/// The cluster and its wire. Slots up to `members` are ticks, then comes the proposer, then messages.
struct Bench {
    members: Vec<Raft<Number>>,
    heap: Heap,
    messages: Vec<Option<Message<Number>>>,
    free: Vec<u32>,
    luck: Rng,
    history: Digest,
    commits: u64,
    proposals: u32,
}

impl Bench {
    fn new(members: u8, seed: u64) -> Self {
        let mut bench = Self {
            members: Vec::new(),
            heap: Heap { keys: Vec::new(), next: 0 },
            messages: Vec::new(),
            free: Vec::new(),
            luck: Rng::stream(seed, Purpose::LinkLoss, 0),
            history: Digest::default(),
            commits: 0,
            proposals: 0,
        };
        for id in (1..=members).map(MemberId) {
            let mut rng = Rng::stream(seed, Purpose::Process, u64::from(id.0));
            let first = Time::ZERO + rng.draw().up_to(TICK);
            bench.members.push(Raft::new(Config::etcd(id, members), rng, Stored::default()));
            bench.heap.push(first, u32::from(id.0) - 1);
        }
        bench.heap.push(Time::ZERO + PROPOSAL, u32::from(members));
        bench
    }

    fn run(&mut self, end: Time) -> u64 {
        let members = self.members.len() as u32;
        let mut events = 0;
        let mut ready = Ready::default();
        while let Some((now, slot)) = self.heap.pop() {
            if now > end {
                break;
            }
            events += 1;
            let ix = if slot < members {
                self.members[slot as usize].tick();
                self.heap.push(now + TICK, slot);
                slot as usize
            } else if slot == members {
                self.heap.push(now + PROPOSAL, slot);
                match self.propose() {
                    Some(ix) => ix,
                    None => continue,
                }
            } else {
                self.arrive(slot - members - 1)
            };
            self.history.add(now.ns() << 8 | ix as u64);
            while self.members[ix].has_ready() {
                self.work(now, ix, &mut ready);
            }
        }
        events
    }

    /// Proposes at whoever leads, if anybody does.
    fn propose(&mut self) -> Option<usize> {
        let ix = self.members.iter().position(|raft| raft.role() == Role::Leader)?;
        self.proposals += 1;
        self.members[ix].propose(Number(self.proposals)).ok()?;
        Some(ix)
    }

    fn arrive(&mut self, slot: u32) -> usize {
        let message = self.messages[slot as usize].take().expect("a slot is used until it arrives");
        self.free.push(slot);
        let ix = message.to.ix();
        self.members[ix].step(message);
        ix
    }

    fn work(&mut self, now: Time, ix: usize, ready: &mut Ready<Number>) {
        let raft = &mut self.members[ix];
        raft.take_ready(ready);
        raft.persisted(ready.mark);
        if let Some(snapshot) = ready.snapshot {
            self.commits = self.commits.max(snapshot.index);
        }
        if let Some(last) = ready.committed.last().map(|entry| entry.index) {
            raft.applied(last);
            self.commits = self.commits.max(last);
            if last.is_multiple_of(COMPACT_EVERY) {
                raft.compact(last.saturating_sub(KEEP));
            }
        }
        for message in ready.messages_now.drain(..) {
            self.send(now, message);
        }
        for message in ready.messages_after.drain(..) {
            self.send(now, message);
        }
    }

    fn send(&mut self, now: Time, message: Message<Number>) {
        if self.luck.draw().chance(LOSS) {
            return;
        }
        let slot = match self.free.pop() {
            Some(slot) => {
                self.messages[slot as usize] = Some(message);
                slot
            }
            None => {
                self.messages.push(Some(message));
                self.messages.len() as u32 - 1
            }
        };
        self.heap.push(now + LINK, slot + self.members.len() as u32 + 1);
    }
}

/// Runs the cell for so much simulated time.
pub fn raft_cell(members: u8, simulated: Span, seed: u64) -> Cell {
    let mut bench = Bench::new(members, seed);
    let events = bench.run(Time::ZERO + simulated);
    let mut digest = bench.history.clone();
    digest.add(Digest::of(&bench.members));
    Cell { events, commits: bench.commits, digest: Digest::of(&digest) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cell_commits_nearly_all_and_is_the_same_each_time() {
        for members in [1, 3, 5] {
            let minute = Span::from_secs(60);
            let cell = raft_cell(members, minute, 1);
            assert!(cell.commits > 500, "{members} members: {cell:?}");
            assert_eq!(cell, raft_cell(members, minute, 1));
            assert_ne!(cell.digest, raft_cell(members, minute, 2).digest);
        }
    }

    #[test]
    fn the_heap_gives_back_in_order_of_time_then_of_arrival() {
        let mut heap = Heap { keys: Vec::new(), next: 0 };
        let mut rng = Rng::stream(1, Purpose::Test, 1);
        let times: Vec<u64> = (0..1_000).map(|_| rng.draw().below(50)).collect();
        for (slot, ns) in times.iter().enumerate() {
            heap.push(Time::from_ns(*ns), slot as u32);
        }
        let mut expected: Vec<(u64, u32)> = times.into_iter().zip(0..).collect();
        expected.sort();
        let given: Vec<(u64, u32)> = core::iter::from_fn(|| heap.pop()).map(|(t, s)| (t.ns(), s)).collect();
        assert_eq!(given, expected);
    }
}
