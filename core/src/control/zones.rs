//! Zones of nodes: how many of one are well decides how fast its other nodes are tainted. kubernetes pkg/controller/
//! nodelifecycle/node_lifecycle_controller.go#handleDisruption, scheduler/rate_limited_queue.go.

use crate::engine::{LocalTime, Span};
use crate::object::NodeId;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};

/// The time between two NoExecute taints of a zone: 0.1 nodes a second. Flag: --node-eviction-rate. Sourced: kubernetes
/// cmd/kube-controller-manager/app/options/nodelifecyclecontroller.go#NodeEvictionRate.
const EVICTION_INTERVAL: Span = Span::from_secs(10);
/// The same in a large zone that is partly disrupted: 0.01 nodes a second. Flag: --secondary-node-eviction-rate.
/// Sourced: kubernetes cmd/kube-controller-manager/app/options/nodelifecyclecontroller.go#SecondaryNodeEvictionRate.
const SECONDARY_INTERVAL: Span = Span::from_secs(100);
/// In a zone of no more nodes than this, partial disruption stops evictions. Unit: nodes. Flag:
/// --large-cluster-size-threshold. Sourced: kubernetes
/// cmd/kube-controller-manager/app/options/nodelifecyclecontroller.go#LargeClusterSizeThreshold.
const LARGE_ZONE: u32 = 50;
/// The share of unready nodes from which a zone is partly disrupted. Flag: --unhealthy-zone-threshold. Sourced:
/// kubernetes cmd/kube-controller-manager/app/options/nodelifecyclecontroller.go#UnhealthyZoneThreshold.
const UNHEALTHY_PCT: u32 = 55;
/// Fewer unready nodes than this are no disruption, whatever their share. Unit: nodes. Sourced: kubernetes
/// pkg/controller/nodelifecycle/node_lifecycle_controller.go#ComputeZoneState.
const UNHEALTHY_LEAST: u32 = 3;

/// How ill a zone is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Health {
    /// Not looked at yet.
    #[default]
    Initial,
    /// Most nodes are ready.
    Normal,
    /// 55 % or more, and at least three, are not ready.
    PartialDisruption,
    /// No node is ready.
    FullDisruption,
}

/// kubernetes pkg/controller/nodelifecycle/node_lifecycle_controller.go#ComputeZoneState.
pub const fn health(ready: u32, unready: u32) -> Health {
    if ready == 0 && unready > 0 {
        Health::FullDisruption
    } else if unready >= UNHEALTHY_LEAST && unready * 100 >= (ready + unready) * UNHEALTHY_PCT {
        Health::PartialDisruption
    } else {
        Health::Normal
    }
}

/// How often a node of such a zone is tainted; None: never.
pub const fn interval(health: Health, nodes: u32) -> Option<Span> {
    match health {
        Health::Initial | Health::Normal | Health::FullDisruption => Some(EVICTION_INTERVAL),
        Health::PartialDisruption if nodes > LARGE_ZONE => Some(SECONDARY_INTERVAL),
        Health::PartialDisruption => None,
    }
}

/// One zone: its nodes that wait for their NoExecute taint, and the bucket (of one token) that lets them go.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Zone {
    /// Its state at the last look.
    pub health: Health,
    /// Its nodes at the last look.
    pub nodes: u32,
    /// Those not ready.
    pub unready: u32,
    /// Nodes tainted so far.
    pub evictions: u64,
    interval: Option<Span>,
    token_at: LocalTime,
    queue: VecDeque<NodeId>,
    /// The same nodes.
    queued: BTreeSet<NodeId>,
}

impl Default for Zone {
    fn default() -> Self {
        let interval = Some(EVICTION_INTERVAL);
        let (token_at, queue, queued) = (LocalTime::ZERO, VecDeque::new(), BTreeSet::new());
        Self { health: Health::Initial, nodes: 0, unready: 0, evictions: 0, interval, token_at, queue, queued }
    }
}

impl Zone {
    /// A node waits for its taint, unless it does already.
    pub fn add(&mut self, node: NodeId) {
        if self.queued.insert(node) {
            self.queue.push_back(node);
        }
    }
    /// It does no longer.
    pub fn remove(&mut self, node: NodeId) {
        if self.queued.remove(&node) {
            self.queue.retain(|it| *it != node);
        }
    }
    /// How many wait.
    pub fn waiting(&self) -> u32 {
        self.queue.len() as u32
    }
    /// When the next one may be tainted.
    pub fn next_timer(&self) -> Option<LocalTime> {
        (self.interval.is_some() && !self.queue.is_empty()).then_some(self.token_at)
    }
    /// The next one, if its time has come.
    pub fn take(&mut self, now: LocalTime) -> Option<NodeId> {
        let interval = self.interval.filter(|_| self.token_at <= now)?;
        let node = self.queue.pop_front()?;
        self.queued.remove(&node);
        self.token_at = now + interval;
        self.evictions += 1;
        Some(node)
    }
    /// kubernetes pkg/controller/nodelifecycle/scheduler/rate_limited_queue.go#SwapLimiter: another rate. A new bucket
    /// is empty if the old one was.
    pub fn set_interval(&mut self, now: LocalTime, interval: Option<Span>) {
        if self.interval == interval {
            return;
        }
        let empty = self.interval.is_none() || self.token_at > now;
        self.interval = interval;
        self.token_at = if empty { now + interval.unwrap_or_default() } else { now };
    }
    /// Whether nodes of it are tainted at all.
    pub const fn evicts(&self) -> bool {
        self.interval.is_some()
    }
}

/// What became of a look at all zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disruption {
    /// Nothing that concerns all of them.
    None,
    /// Every zone is fully disrupted now: evictions stop, taints go.
    Begins,
    /// Not every zone is any more: all nodes count as seen just now.
    Ends,
}

/// What every zone's nodes are like: ready and not ready ones.
pub type Census = BTreeMap<u8, (u32, u32)>;

/// kubernetes pkg/controller/nodelifecycle/node_lifecycle_controller.go#handleDisruption.
pub fn handle_disruption(zones: &mut BTreeMap<u8, Zone>, census: &Census, now: LocalTime) -> Disruption {
    for (id, (ready, unready)) in census {
        let zone = zones.entry(*id).or_default();
        (zone.nodes, zone.unready) = (ready + unready, *unready);
    }
    zones.retain(|id, _| census.contains_key(id));
    let is = |ready: u32, unready: u32| health(ready, unready);
    let all_are = !census.is_empty() && census.values().all(|(r, u)| is(*r, *u) == Health::FullDisruption);
    let all_were = zones.values().all(|zone| zone.health == Health::FullDisruption);
    if all_are && all_were {
        return Disruption::None;
    }
    for (id, zone) in zones.iter_mut() {
        let (ready, unready) = census[id];
        let health = if all_are { Health::FullDisruption } else { is(ready, unready) };
        if all_are {
            zone.set_interval(now, None);
        } else if all_were || zone.health != health {
            zone.set_interval(now, interval(health, zone.nodes));
        }
        zone.health = health;
    }
    match (all_are, all_were && !zones.is_empty()) {
        (true, _) => Disruption::Begins,
        (false, true) => Disruption::Ends,
        (false, false) => Disruption::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> LocalTime {
        LocalTime::ZERO + Span::from_secs(s)
    }

    #[test]
    fn a_zone_is_disrupted_from_55_percent_and_three_nodes_on() {
        for (ready, unready, expected) in [
            (10, 0, Health::Normal),
            (1, 2, Health::Normal),
            (2, 3, Health::PartialDisruption),
            (9, 11, Health::PartialDisruption),
            (10, 11, Health::Normal),
            (0, 1, Health::FullDisruption),
            (0, 0, Health::Normal),
        ] {
            assert_eq!(health(ready, unready), expected, "{ready} ready, {unready} not");
        }
    }

    #[test]
    fn partial_disruption_slows_a_large_zone_and_stops_a_small_one() {
        assert_eq!(interval(Health::PartialDisruption, 50), None);
        assert_eq!(interval(Health::PartialDisruption, 51), Some(SECONDARY_INTERVAL));
        assert_eq!(interval(Health::FullDisruption, 3), Some(EVICTION_INTERVAL), "of one zone among others");
    }

    #[test]
    fn one_node_at_once_then_one_in_ten_seconds() {
        let mut zone = Zone::default();
        (0..3).for_each(|node| zone.add(node));
        zone.add(1);
        assert_eq!((zone.take(at(100)), zone.take(at(109)), zone.next_timer()), (Some(0), None, Some(at(110))));
        assert_eq!(zone.take(at(110)), Some(1));
        zone.set_interval(at(111), None);
        assert_eq!((zone.take(at(500)), zone.next_timer()), (None, None));
        zone.set_interval(at(500), Some(EVICTION_INTERVAL));
        assert_eq!((zone.take(at(509)), zone.take(at(510))), (None, Some(2)), "the new bucket starts empty");
    }

    #[test]
    fn disruption_of_every_zone_stops_all_evictions_and_ends_with_the_first_that_is_back() {
        let mut zones = BTreeMap::new();
        let census = |zones: &[(u32, u32)]| (0..).zip(zones.iter().copied()).collect::<Census>();
        assert_eq!(handle_disruption(&mut zones, &census(&[(5, 0), (5, 0)]), at(0)), Disruption::None);
        assert_eq!(handle_disruption(&mut zones, &census(&[(0, 5), (5, 0)]), at(5)), Disruption::None);
        assert!(zones.values().all(Zone::evicts), "one zone alone goes on at the normal rate");
        assert_eq!(handle_disruption(&mut zones, &census(&[(0, 5), (0, 5)]), at(10)), Disruption::Begins);
        assert!(!zones.values().any(Zone::evicts));
        assert_eq!(handle_disruption(&mut zones, &census(&[(0, 5), (0, 5)]), at(15)), Disruption::None);
        assert_eq!(handle_disruption(&mut zones, &census(&[(1, 4), (0, 5)]), at(20)), Disruption::Ends);
        assert_eq!(
            (zones[&0].evicts(), zones[&1].evicts()),
            (false, true),
            "partial in a small zone, full in the other"
        );
    }
}
