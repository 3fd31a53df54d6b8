//! API Priority and Fairness: who may run now, who waits, who is turned away.
//!
//! Source: kubernetes apiserver pkg/util/flowcontrol and pkg/apis/flowcontrol/bootstrap/default.go. A level has seats; a
//! request that finds none waits in one of the queues of its flow's hand, the shortest, and is let in when its turn comes.
//!
//! Simplified: queues take turns, where the real ones go by virtual time; a flow is a connection, where the real one is a
//! user or a namespace; a LIST's seats are estimated from what the cache holds. Left out: seats lent between levels (so each
//! has its nominal share, no more), the extra seats of writes for the watches they wake, and the level catch-all.

use super::rpc::Level;
use crate::engine::{LocalTime, Span};
use alloc::collections::{BTreeMap, VecDeque};

/// Seats of all levels together: 400 for reads and 200 for writes. Unit: seats. Flag: --max-requests-inflight and
/// --max-mutating-requests-inflight. Sourced: apiserver pkg/server/config.go#NewConfig; apiserver
/// pkg/server/options/feature.go#FeatureOptions.ApplyTo adds them up. Simplified: levels lend each other none.
pub const SEATS: u32 = 400 + 200;
/// The longest wait for a seat; then 429. Sourced: apiserver pkg/server/config.go#DefaultBuildHandlerChain: a quarter
/// of the request timeout, which is 60 s for writes, too, in the filter.
pub const WAIT_LIMIT: Span = Span::from_secs(15);
/// Requests a queue of a level holds; one more is turned away. Unit: requests. Sourced: apiserver
/// pkg/apis/flowcontrol/bootstrap/default.go#QueueLengthLimit.
pub const QUEUE_LENGTH: usize = 50;
/// The fewest and the most seats that a LIST counts for. Unit: seats. Sourced: apiserver
/// pkg/util/flowcontrol/request/config.go#DefaultWorkEstimatorConfig. Simplified: as without SizeBasedListCostEstimate,
/// which is on since 1.34, counts bytes and goes up to 100 seats.
pub const LIST_SEATS: (u64, u64) = (1, 10);
/// How many objects of a LIST count for one seat. Unit: objects. Sourced: apiserver
/// pkg/util/flowcontrol/request/config.go#objectsPerSeat. Simplified: of what the cache holds.
pub const OBJECTS_PER_SEAT: u64 = 100;
/// The shares of all levels together, catch-all's 5 with them. Unit: shares. Sourced: apiserver
/// pkg/apis/flowcontrol/bootstrap/default.go#NominalConcurrencyShares.
const ALL_SHARES: u32 = 10 + 30 + 40 + 40 + 100 + 20 + 5;

/// Shares, queues and hand size of leader-election. Unit: (no unit). Sourced: apiserver
/// pkg/apis/flowcontrol/bootstrap/default.go#SuggestedPriorityLevelConfigurationLeaderElection.
const LEADER_ELECTION: (u32, u8, u8) = (10, 16, 4);
/// Shares, queues and hand size of system. Unit: (no unit). Sourced: apiserver
/// pkg/apis/flowcontrol/bootstrap/default.go#SuggestedPriorityLevelConfigurationSystem.
const SYSTEM: (u32, u8, u8) = (30, 64, 6);
/// Shares, queues and hand size of node-high. Unit: (no unit). Sourced: apiserver
/// pkg/apis/flowcontrol/bootstrap/default.go#SuggestedPriorityLevelConfigurationNodeHigh.
const NODE_HIGH: (u32, u8, u8) = (40, 64, 6);
/// Shares, queues and hand size of workload-high. Unit: (no unit). Sourced: apiserver
/// pkg/apis/flowcontrol/bootstrap/default.go#SuggestedPriorityLevelConfigurationWorkloadHigh.
const WORKLOAD_HIGH: (u32, u8, u8) = (40, 128, 6);
/// Shares, queues and hand size of workload-low. Unit: (no unit). Sourced: apiserver
/// pkg/apis/flowcontrol/bootstrap/default.go#SuggestedPriorityLevelConfigurationWorkloadLow.
const WORKLOAD_LOW: (u32, u8, u8) = (100, 128, 6);
/// Shares, queues and hand size of global-default. Unit: (no unit). Sourced: apiserver
/// pkg/apis/flowcontrol/bootstrap/default.go#SuggestedPriorityLevelConfigurationGlobalDefault.
const GLOBAL_DEFAULT: (u32, u8, u8) = (20, 128, 6);

/// A level's shares, queues and hand size.
const fn config(level: Level) -> (u32, u8, u8) {
    match level {
        Level::Exempt => (0, 1, 1),
        Level::LeaderElection => LEADER_ELECTION,
        Level::System => SYSTEM,
        Level::NodeHigh => NODE_HIGH,
        Level::WorkloadHigh => WORKLOAD_HIGH,
        Level::WorkloadLow => WORKLOAD_LOW,
        Level::GlobalDefault => GLOBAL_DEFAULT,
    }
}

/// A level's seats: its share of all, rounded up.
pub const fn seats(level: Level) -> u32 {
    (SEATS * config(level).0).div_ceil(ALL_SHARES)
}

/// The seats of a LIST of so many objects.
pub fn list_seats(objects: usize) -> u8 {
    (objects as u64).div_ceil(OBJECTS_PER_SEAT).clamp(LIST_SEATS.0, LIST_SEATS.1) as u8
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It runs.
    Run,
    /// It waits.
    Queued,
    /// Its queue is full: 429.
    Rejected,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Waiting {
    ticket: u32,
    seats: u8,
    since: LocalTime,
}

/// One level.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
struct LevelState {
    /// Seats taken.
    taken: u32,
    /// Requests that have them.
    executing: u32,
    /// The queues that are not empty, by number.
    queues: BTreeMap<u8, VecDeque<Waiting>>,
    /// The queue whose turn was last.
    last: u8,
    stats: LevelStats,
}

/// What a level counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct LevelStats {
    /// Requests let in.
    pub dispatched: u64,
    /// Requests turned away because their queue was full.
    pub queue_full: u64,
    /// Requests turned away because they had waited too long.
    pub time_out: u64,
    /// How long those that were let in had waited, together.
    pub waited: Span,
    /// How long the one let in last had waited.
    pub last_wait: Span,
}

/// The levels of one server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Flow {
    levels: [LevelState; Level::ALL.len()],
}

impl Flow {
    /// How many requests of a level run.
    pub const fn executing(&self, level: Level) -> u32 {
        self.levels[level as usize].executing
    }
    /// How many seats of a level are taken.
    pub const fn taken(&self, level: Level) -> u32 {
        self.levels[level as usize].taken
    }
    /// How many requests of a level wait.
    pub fn queued(&self, level: Level) -> u32 {
        self.levels[level as usize].queues.values().map(|queue| queue.len() as u32).sum()
    }
    /// What a level counted.
    pub const fn stats(&self, level: Level) -> LevelStats {
        self.levels[level as usize].stats
    }
    /// A request of the flow `flow` comes.
    pub fn admit(&mut self, now: LocalTime, level: Level, seats: u8, flow: u32, ticket: u32) -> Verdict {
        let state = &mut self.levels[level as usize];
        if level == Level::Exempt || state.queues.is_empty() && state.fits(level, seats) {
            state.enter(seats, Span::ZERO);
            return Verdict::Run;
        }
        let (_, queues, hand) = config(level);
        let length = |queue: &u8| state.queues.get(queue).map_or(0, VecDeque::len);
        let queue = deal(flow, queues, hand).min_by_key(length).expect("a hand is never empty");
        if length(&queue) >= QUEUE_LENGTH {
            state.stats.queue_full += 1;
            return Verdict::Rejected;
        }
        state.queues.entry(queue).or_default().push_back(Waiting { ticket, seats, since: now });
        Verdict::Queued
    }
    /// A request that ran has ended, or will run without a seat.
    pub fn leave(&mut self, level: Level, seats: u8) {
        let state = &mut self.levels[level as usize];
        state.taken -= u32::from(seats);
        state.executing -= 1;
    }
    /// A request that waits was given up.
    pub fn forget(&mut self, level: Level, ticket: u32) {
        let queues = &mut self.levels[level as usize].queues;
        queues.retain(|_, queue| {
            queue.retain(|waiting| waiting.ticket != ticket);
            !queue.is_empty()
        });
    }
    /// The next request of a level that may run.
    pub fn next(&mut self, now: LocalTime, level: Level) -> Option<u32> {
        let state = &mut self.levels[level as usize];
        let after = state.queues.range(state.last + 1..).next().map(|(number, _)| *number);
        let number = after.or_else(|| state.queues.keys().next().copied())?;
        let first = *state.queues.get(&number)?.front()?;
        if !state.fits(level, first.seats) {
            return None;
        }
        state.last = number;
        state.pop(number);
        state.enter(first.seats, now.since(first.since));
        Some(first.ticket)
    }
    /// The next request that has waited too long.
    pub fn take_expired(&mut self, now: LocalTime) -> Option<u32> {
        for state in &mut self.levels {
            let late = |queue: &VecDeque<Waiting>| queue.front().is_some_and(|first| first.since + WAIT_LIMIT <= now);
            let number = state.queues.iter().find(|(_, queue)| late(queue)).map(|(number, _)| *number);
            if let Some(number) = number {
                state.stats.time_out += 1;
                return state.pop(number);
            }
        }
        None
    }
    /// When the next request has waited too long.
    pub fn next_timer(&self) -> Option<LocalTime> {
        let queues = self.levels.iter().flat_map(|state| state.queues.values());
        queues.filter_map(|queue| queue.front()).map(|first| first.since + WAIT_LIMIT).min()
    }
}

impl LevelState {
    /// fairqueuing/queueset/queueset.go#canAccommodateSeatsLocked: what is larger than the level runs alone.
    const fn fits(&self, level: Level, request: u8) -> bool {
        self.taken + request as u32 <= seats(level) || self.executing == 0
    }
    fn enter(&mut self, seats: u8, waited: Span) {
        self.taken += u32::from(seats);
        self.executing += 1;
        self.stats.dispatched += 1;
        self.stats.waited += waited;
        self.stats.last_wait = waited;
    }
    fn pop(&mut self, number: u8) -> Option<u32> {
        let queue = self.queues.get_mut(&number)?;
        let first = queue.pop_front().map(|waiting| waiting.ticket);
        if queue.is_empty() {
            self.queues.remove(&number);
        }
        first
    }
}

/// pkg/util/shufflesharding: the queues that a flow may use. Simplified: two of a hand may be the same.
fn deal(flow: u32, queues: u8, hand: u8) -> impl Iterator<Item = u8> {
    (0..u32::from(hand)).map(move |n| {
        let mixed = (flow ^ n.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x85eb_ca6b);
        ((mixed ^ mixed >> 15) % u32::from(queues)) as u8
    })
}
