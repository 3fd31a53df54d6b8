//! What the scheduler keeps of nodes and of the pods on them: counts, changed as pods come and go.
//!
//! Simplified: what a pod asks of a node is a place among the pods it takes. Left out: priorities and preemption,
//! affinities other than a DaemonSet's, volumes that only some nodes can reach.

use super::queue::Reasons;
use crate::engine::Rng;
use crate::object::{Node, NodeId, Pod, WorkloadId};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// So many nodes that can take a pod are always looked for. Unit: nodes. Sourced: kubernetes
/// pkg/scheduler/schedule_one.go#minFeasibleNodesToFind.
pub const MIN_FEASIBLE: usize = 100;
/// And so large a share of all nodes. Unit: %. Sourced: kubernetes
/// pkg/scheduler/schedule_one.go#minFeasibleNodesPercentageToFind.
const MIN_PERCENTAGE: usize = 5;
/// The share of nodes that is looked for in the smallest cluster. Unit: %. Sourced: kubernetes
/// pkg/scheduler/schedule_one.go#numFeasibleNodesToFind.
const PERCENTAGE: usize = 50;
/// It is one less for every so many nodes. Unit: nodes. Sourced: kubernetes
/// pkg/scheduler/schedule_one.go#numFeasibleNodesToFind.
const NODES_PER_PERCENT: usize = 125;
/// The best score of a node. Unit: points. Sourced: kubernetes
/// staging/src/k8s.io/kube-scheduler/framework/interface.go#MaxNodeScore.
const MAX_SCORE: u64 = 100;
/// What the score of NodeResourcesFit, LeastAllocated, counts for. Unit: times. Sourced: kubernetes
/// pkg/scheduler/apis/config/v1/default_plugins.go#NodeResourcesFit.
const FIT_WEIGHT: u64 = 1;
/// What the score of PodTopologySpread counts for. Unit: times. Sourced: kubernetes
/// pkg/scheduler/apis/config/v1/default_plugins.go#PodTopologySpread.
const SPREAD_WEIGHT: u64 = 2;
/// maxSkew of hosts. Unit: pods. Sourced: kubernetes
/// pkg/scheduler/framework/plugins/podtopologyspread/plugin.go#systemDefaultConstraints.
const HOST_SKEW: u64 = 3;
/// maxSkew of zones. Unit: pods. Sourced: kubernetes
/// pkg/scheduler/framework/plugins/podtopologyspread/plugin.go#systemDefaultConstraints.
const ZONE_SKEW: u64 = 5;

/// kubernetes pkg/scheduler/schedule_one.go#numFeasibleNodesToFind: of how many nodes the best is chosen.
pub const fn feasible_to_find(nodes: usize) -> usize {
    if nodes < MIN_FEASIBLE {
        return nodes;
    }
    let percentage = PERCENTAGE.saturating_sub(nodes / NODES_PER_PERCENT);
    let percentage = if percentage < MIN_PERCENTAGE { MIN_PERCENTAGE } else { percentage };
    let found = nodes * percentage / 100;
    if found < MIN_FEASIBLE { MIN_FEASIBLE } else { found }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct NodeInfo {
    zone: u8,
    capacity: u16,
    /// It has a NoSchedule taint.
    tainted: bool,
    cordoned: bool,
}

/// The counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Cache {
    /// By node.
    nodes: Vec<Option<NodeInfo>>,
    /// The nodes there are, in order.
    order: Vec<NodeId>,
    /// How many pods each node has, whether it is known or not.
    pods: Vec<u16>,
    /// How many pods of a workload a node has.
    on_node: BTreeMap<(WorkloadId, NodeId), u16>,
    /// Where the next search begins: nextStartNodeIndex.
    start: usize,
}

/// What a search found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The best node, or why there is none.
    pub node: Result<NodeId, Reasons>,
    /// How many nodes were looked at.
    pub examined: usize,
}

impl Cache {
    /// How many nodes there are.
    pub fn nodes(&self) -> usize {
        self.order.len()
    }
    /// How many pods a node has, those included that are being bound to it.
    pub fn pods_on(&self, node: NodeId) -> u16 {
        self.pods.get(usize::from(node)).copied().unwrap_or(0)
    }
    /// A node changed or is gone. Returns whom that may help.
    pub fn set_node(&mut self, id: NodeId, node: Option<&Node>) -> Reasons {
        let ix = usize::from(id);
        if self.nodes.len() <= ix {
            self.nodes.resize(ix + 1, None);
        }
        let info = node.map(|node| NodeInfo {
            zone: node.zone,
            capacity: node.capacity,
            tainted: node.taints.no_schedule,
            cordoned: node.unschedulable,
        });
        match (core::mem::replace(&mut self.nodes[ix], info), info) {
            (None, Some(_)) => {
                let place = self.order.partition_point(|other| *other < id);
                self.order.insert(place, id);
                Reasons::ANY
            }
            (Some(_), None) => {
                self.order.retain(|other| *other != id);
                Reasons::default()
            }
            (Some(old), Some(new)) => {
                let opened = old.tainted && !new.tainted || old.cordoned && !new.cordoned;
                let taint = if opened { Reasons::TAINT } else { Reasons::default() };
                if new.capacity > old.capacity { taint.and(Reasons::FULL) } else { taint }
            }
            (None, None) => Reasons::default(),
        }
    }
    /// A pod has this node now.
    pub fn add_pod(&mut self, workload: WorkloadId, node: NodeId) {
        let ix = usize::from(node);
        if self.pods.len() <= ix {
            self.pods.resize(ix + 1, 0);
        }
        self.pods[ix] += 1;
        *self.on_node.entry((workload, node)).or_default() += 1;
    }
    /// A pod has left this node.
    pub fn remove_pod(&mut self, workload: WorkloadId, node: NodeId) {
        if let Some(pods) = self.pods.get_mut(usize::from(node)) {
            *pods = pods.saturating_sub(1);
        }
        if let Some(pods) = self.on_node.get_mut(&(workload, node)) {
            *pods -= 1;
            if *pods == 0 {
                self.on_node.remove(&(workload, node));
            }
        }
    }
    fn info(&self, node: NodeId) -> Option<NodeInfo> {
        self.nodes.get(usize::from(node)).copied().flatten()
    }
    /// Whether a node takes a pod. Every pod tolerates the NoExecute taints, most for a while, and the filter does not
    /// ask for how long; a DaemonSet's tolerate a cordon, too.
    fn filter(&self, info: NodeInfo, node: NodeId, pod: &Pod) -> Reasons {
        if info.tainted || info.cordoned && pod.only_node.is_none() {
            Reasons::TAINT
        } else if self.pods_on(node) >= info.capacity {
            Reasons::FULL
        } else {
            Reasons::default()
        }
    }
    /// Looks for the best node for a pod.
    pub fn find(&mut self, pod: &Pod, rng: &mut Rng) -> Found {
        if let Some(node) = pod.only_node {
            let refused = self.info(node).map_or(Reasons::AFFINITY, |info| self.filter(info, node, pod));
            return Found { node: if refused.is_empty() { Ok(node) } else { Err(refused) }, examined: 1 };
        }
        let (all, enough) = (self.order.len(), feasible_to_find(self.order.len()));
        let (mut refused, mut examined, mut feasible) = (Reasons::default(), 0, Vec::new());
        while examined < all && feasible.len() < enough {
            let node = self.order[(self.start + examined) % all];
            examined += 1;
            let Some(info) = self.info(node) else { continue };
            let reason = self.filter(info, node, pod);
            if reason.is_empty() {
                feasible.push((node, info));
            }
            refused = refused.and(reason);
        }
        if all > 0 {
            self.start = (self.start + examined) % all;
        }
        let node = match feasible[..] {
            [] if all == 0 => Err(Reasons::AFFINITY),
            [] => Err(refused),
            [(node, _)] => Ok(node),
            _ => Ok(self.best(pod.workload, &feasible, rng)),
        };
        Found { node, examined }
    }
    /// The node with the highest score; of several, any: kubernetes pkg/scheduler/schedule_one.go#nodeScoreHeap.
    fn best(&self, workload: WorkloadId, feasible: &[(NodeId, NodeInfo)], rng: &mut Rng) -> NodeId {
        let spread = self.spread(workload, feasible);
        let (least, most) = spread.iter().fold((u64::MAX, 0), |(a, b), raw| (a.min(*raw), b.max(*raw)));
        let (mut best, mut ties, mut chosen) = (0, 0, feasible[0].0);
        for ((node, info), raw) in feasible.iter().zip(&spread) {
            // NodeResourcesFit, LeastAllocated, with this pod.
            let (capacity, pods) = (u64::from(info.capacity.max(1)), u64::from(self.pods_on(*node)) + 1);
            let fit = capacity.saturating_sub(pods) * MAX_SCORE / capacity;
            // podtopologyspread/scoring.go#NormalizeScore.
            let spread = (MAX_SCORE * (most + least - raw)).checked_div(most).unwrap_or(MAX_SCORE);
            let score = fit * FIT_WEIGHT + spread * SPREAD_WEIGHT;
            if score > best || ties == 0 {
                (best, ties, chosen) = (score, 1, *node);
            } else if score == best {
                ties += 1;
                if rng.draw().below(ties) == 0 {
                    chosen = *node;
                }
            }
        }
        chosen
    }
    /// podtopologyspread/scoring.go#Score: how crowded with the workload a node's host and zone are; more is worse. The
    /// weights are the logarithms of how many hosts and zones there are, plus two; here in thousandths.
    fn spread(&self, workload: WorkloadId, feasible: &[(NodeId, NodeInfo)]) -> Vec<u64> {
        let mut zones: BTreeMap<u8, u64> = feasible.iter().map(|(_, info)| (info.zone, 0)).collect();
        for ((_, node), pods) in self.on_node.range((workload, 0)..=(workload, NodeId::MAX)) {
            if let Some(zone) = self.info(*node).and_then(|info| zones.get_mut(&info.zone)) {
                *zone += u64::from(*pods);
            }
        }
        let (host_weight, zone_weight) = (ln_milli(feasible.len() as u64 + 2), ln_milli(zones.len() as u64 + 2));
        let raw = |(node, info): &(NodeId, NodeInfo)| {
            let on_host = self.on_node.get(&(workload, *node)).map_or(0, |pods| u64::from(*pods));
            let in_zone = zones.get(&info.zone).copied().unwrap_or(0);
            on_host * host_weight + (HOST_SKEW - 1) * 1_000 + in_zone * zone_weight + (ZONE_SKEW - 1) * 1_000
        };
        feasible.iter().map(|node| (raw(node) + 500) / 1_000).collect()
    }
}

/// The natural logarithm of `n`, at least 1, in thousandths: squaring finds the binary digits of log2.
fn ln_milli(n: u64) -> u64 {
    let whole = u64::from(n.max(1).ilog2());
    let mut mantissa = (n.max(1) << 20) >> whole; // 1..2 in 20 fractional bits
    let mut log2 = whole << 10;
    for bit in (0..10).rev() {
        mantissa = (mantissa * mantissa) >> 20;
        if mantissa >= 2 << 20 {
            mantissa >>= 1;
            log2 += 1 << bit;
        }
    }
    log2 * 693_147 / 1_024_000 // ln 2 in millionths; log2 has 10 fractional bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Purpose;
    use crate::object::sample::{node, pod};

    fn cache(nodes: NodeId) -> Cache {
        let mut cache = Cache::default();
        for id in 0..nodes {
            assert_eq!(cache.set_node(id, Some(&node(id))), Reasons::ANY);
        }
        cache
    }

    #[test]
    fn logarithms() {
        for (n, ln) in [(1, 0), (2, 693), (3, 1098), (5, 1609), (12, 2484), (102, 4624), (5002, 8517)] {
            let found = ln_milli(n);
            assert!(found.abs_diff(ln) <= 2, "ln {n}: {found}, not {ln}");
        }
    }

    #[test]
    fn how_many_nodes_are_looked_for() {
        let found: Vec<usize> = [5, 99, 100, 250, 1000, 5000, 6000].map(feasible_to_find).to_vec();
        assert_eq!(found, [5, 99, 100, 120, 420, 500, 300]);
    }

    #[test]
    fn a_workload_is_spread_over_zones_and_nodes() {
        let (mut cache, mut rng) = (cache(6), Rng::stream(1, Purpose::Test, 0));
        let mut zones = [0; 3];
        for n in 1..=6 {
            let node = cache.find(&pod(0), &mut rng).node.expect("there is room");
            cache.add_pod(0, node);
            zones[usize::from(node % 3)] += 1;
            assert!(zones.iter().max() <= zones.iter().min().map(|least| least + 1).as_ref(), "after {n}: {zones:?}");
        }
        assert!((0..6).all(|node| cache.pods_on(node) == 1));
    }

    #[test]
    fn reasons_say_what_would_help() {
        let (mut cache, mut rng) = (cache(2), Rng::stream(1, Purpose::Test, 0));
        let mut tainted = node(0);
        tainted.taints.no_schedule = true;
        assert_eq!(cache.set_node(0, Some(&tainted)), Reasons::default());
        let mut cordoned = node(1);
        cordoned.unschedulable = true;
        cache.set_node(1, Some(&cordoned));
        assert_eq!(cache.find(&pod(0), &mut rng).node, Err(Reasons::TAINT));
        let daemon = |node| Pod { only_node: Some(node), ..pod(2) };
        assert_eq!(cache.find(&daemon(1), &mut rng).node, Ok(1), "it tolerates the cordon");
        assert_eq!(cache.find(&daemon(0), &mut rng).node, Err(Reasons::TAINT));
        assert_eq!(cache.find(&daemon(7), &mut rng).node, Err(Reasons::AFFINITY));
        assert_eq!(cache.set_node(0, Some(&node(0))), Reasons::TAINT);
        for _ in 0..10 {
            cache.add_pod(1, 0);
        }
        assert_eq!(cache.find(&pod(0), &mut rng).node, Err(Reasons::FULL.and(Reasons::TAINT)));
        cache.remove_pod(1, 0);
        assert_eq!(cache.find(&pod(0), &mut rng).node, Ok(0));
    }

    #[test]
    fn of_many_nodes_a_part_is_looked_at_and_the_next_search_goes_on_there() {
        let (mut cache, mut rng) = (cache(1000), Rng::stream(1, Purpose::Test, 0));
        let first = cache.find(&pod(0), &mut rng);
        assert_eq!(first.examined, 420);
        let second = cache.find(&pod(0), &mut rng).node.expect("there is room");
        assert!((420..840).contains(&second), "{second}");
    }
}
