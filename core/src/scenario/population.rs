//! What a run begins with, as after a restore: the objects in etcd, and the containers that already run.

use crate::actor::role::Directory;
use crate::actor::{Address, Port, Target};
use crate::engine::{LocalTime, Purpose, Span, keyed};
use crate::object::{
    Condition, DaemonSet, Deployment, Endpoint, EndpointSlice, Key, Kind, Node, NodeId, Object, Owner,
    PersistentVolumeClaim, Phase, Pod, ReplicaSet, Revision, Service, StatefulSet, Taints, Value, VolumeAttachment,
    Wall, WorkloadId, pod,
};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The standard workloads' names, by number. Code: a list.
pub const NAMES: [&str; 3] = ["web", "db", "agent"];
/// The Deployment: stateless pods behind a Service. Code: an id.
pub const WEB: WorkloadId = 0;
/// The StatefulSet: each pod has a volume. Code: an id.
pub const DB: WorkloadId = 1;
/// The DaemonSet: a pod on every node. Code: an id.
pub const AGENT: WorkloadId = 2;
/// The template that the standard workloads' pods were made from. Code: an id.
const TEMPLATE: u16 = 1;
/// How many pods a node takes. Unit: pods. Sourced: kubernetes pkg/kubelet/apis/config/v1beta1/defaults.go#MaxPods.
pub const NODE_CAPACITY: u16 = 110;
/// How many zones the nodes are spread over. Unit: zones. Chosen: as most regions have.
pub const ZONES: u16 = 3;
/// Pods of the standard Deployment for each node. Unit: ratio. Chosen: some nodes have one, some two.
const WEB_PER_NODE: (u32, u32) = (3, 2);
/// The most pods of the standard Deployment. Unit: pods. Chosen: at 5,000 nodes the DaemonSet's are the mass.
const WEB_MAX: u32 = 300;
/// The most pods of the standard StatefulSet. Unit: pods. Chosen: databases are few.
const DB_MAX: u32 = 5;
/// The most endpoints of a slice at the start. Unit: endpoints. Flag: --max-endpoints-per-slice. Sourced: kubernetes
/// pkg/controller/endpointslice/config/v1alpha1/defaults.go#MaxEndpointsPerSlice.
const ENDPOINTS_PER_SLICE: usize = 100;

/// maxSurge and maxUnavailable of the standard Deployment. Flag: maxSurge and maxUnavailable. Sourced: kubernetes
/// pkg/apis/apps/v1/defaults.go#SetDefaults_Deployment.
const ROLLING_PCT: u8 = 25;
/// How long its rollout may stand still before it counts as failed. Flag: progressDeadlineSeconds. Sourced: kubernetes
/// pkg/apis/apps/v1/defaults.go#SetDefaults_Deployment.
const PROGRESS_DEADLINE_S: u32 = 600;
/// What the ConfigMap with the authentication settings weighs. Chosen: a certificate of an authority and a few names.
const AUTHENTICATION_BYTES: u32 = 2_000;

/// What every host's clock reads at the start. Chosen: one day, so that everything the objects say happened before.
pub const START: Wall = LocalTime::from_ns(Span::from_secs(86_400).ns());
/// When the objects were created. Chosen: an hour before.
const CREATED: Wall = LocalTime::from_ns(Span::from_secs(86_400 - 3_600).ns());

/// The objects of a cluster, in the order of their revisions, and who runs what.
#[derive(Debug, Default)]
pub struct Population {
    /// The objects: the first has revision 2, for an empty store is at 1.
    pub objects: Vec<(Key, Value)>,
    /// The pods that run, with their nodes.
    pub running: Vec<(NodeId, Key, Pod)>,
}

/// What every node's kernel makes of connections to the Services: all their pods are ready.
pub fn rules(directory: Directory, seed: u64) -> Vec<(Address, Arc<[Target]>)> {
    let running = Population::new(directory, seed).running;
    let rule = |workload: WorkloadId| {
        let mine = running.iter().filter(|(_, pod, _)| pod.group() == workload);
        let target =
            |(node, pod, _): &(NodeId, Key, Pod)| Target { program: directory.kubelet(*node), port: Port::Pod(*pod) };
        (Address::Service(workload), mine.map(target).collect())
    };
    if running.is_empty() { Vec::new() } else { (0..NAMES.len() as WorkloadId).map(rule).collect() }
}

impl Population {
    /// The standard population of a cluster: pods' names depend on the seed.
    pub fn new(directory: Directory, seed: u64) -> Self {
        let mut population = Self::default();
        // Every kube-controller-manager reads it at start.
        population.add(Key::AUTHENTICATION, Value::words(AUTHENTICATION_BYTES, [1, 0, 0]));
        if directory.nodes == 0 {
            return population;
        }
        (0..directory.nodes).for_each(|node| population.node(node));
        let nodes = u32::from(directory.nodes);
        population.deployment((nodes * WEB_PER_NODE.0 / WEB_PER_NODE.1).min(WEB_MAX), nodes, seed);
        population.stateful_set(nodes.min(DB_MAX), nodes);
        population.daemon_set(directory.nodes, seed);
        (0..NAMES.len() as WorkloadId).for_each(|workload| population.service(workload));
        population
    }
    /// Adds an object and returns its revision.
    fn add(&mut self, key: Key, value: Value) -> Revision {
        self.objects.push((key, value));
        self.objects.len() as Revision + 1
    }
    fn node(&mut self, id: NodeId) {
        let node = Node {
            id,
            zone: (id % ZONES) as u8,
            capacity: NODE_CAPACITY,
            ready: Condition::True,
            heartbeat: START,
            transition: CREATED,
            unschedulable: false,
            taints: Taints::default(),
        };
        self.add(Key::node(id), Object::Node(Arc::new(node)).value());
    }
    fn pod(&mut self, key: Key, owner: Owner, node: NodeId, only_node: bool, claim: Option<Key>) {
        let pod = Pod {
            owner,
            workload: key.group(),
            template: TEMPLATE,
            created: CREATED,
            deleted: None,
            grace_s: pod::GRACE_PERIOD_S,
            node: Some(node),
            only_node: only_node.then_some(node),
            toleration_s: (!only_node).then_some(pod::TOLERATION_S),
            claim,
            phase: Phase::Running,
            ready: true,
            ready_transition: CREATED,
            unschedulable: false,
            restarts: 0,
        };
        self.add(key, Object::Pod(Arc::new(pod.clone())).value());
        self.running.push((node, key, pod));
    }
    /// A pod's random number, unlike those before.
    fn name(&self, workload: WorkloadId, template: u16, seed: u64) -> Key {
        let of = |n: u64| keyed(seed, Purpose::Population, u64::from(workload), n).below(u64::from(Key::MAX_NUMBER));
        let taken = |key: &Key| self.running.iter().any(|(_, there, _)| there == key);
        let names = (self.running.len() as u64..).map(|n| Key::pod(workload, template, of(n * 7) as u32));
        names.into_iter().find(|key| !taken(key)).expect("there are more numbers than pods")
    }
    fn deployment(&mut self, replicas: u32, nodes: u32, seed: u64) {
        let deployment = Deployment {
            workload: WEB,
            generation: 1,
            replicas,
            template: TEMPLATE,
            max_surge_pct: ROLLING_PCT,
            max_unavailable_pct: ROLLING_PCT,
            progress_deadline_s: PROGRESS_DEADLINE_S,
            observed_generation: 1,
            status_replicas: replicas,
            updated: replicas,
            ready: replicas,
            available: replicas,
            progressed: CREATED,
            deadline_exceeded: false,
        };
        let key = Key::of_workload(Kind::Deployment, WEB);
        let uid = self.add(key, Object::Deployment(Arc::new(deployment)).value());
        let set = ReplicaSet {
            owner: Owner { key, uid },
            workload: WEB,
            template: TEMPLATE,
            created: CREATED,
            generation: 1,
            replicas,
            observed_generation: 1,
            status_replicas: replicas,
            ready: replicas,
            available: replicas,
        };
        let key = Key::replica_set(WEB, TEMPLATE);
        let uid = self.add(key, Object::ReplicaSet(Arc::new(set)).value());
        for n in 0..replicas {
            let name = self.name(WEB, TEMPLATE, seed);
            self.pod(name, Owner { key, uid }, (n % nodes) as NodeId, false, None);
        }
    }
    fn stateful_set(&mut self, replicas: u32, nodes: u32) {
        let set = StatefulSet {
            workload: DB,
            generation: 1,
            replicas,
            template: TEMPLATE,
            claims: true,
            observed_generation: 1,
            status_replicas: replicas,
            ready: replicas,
            updated: replicas,
            current_template: TEMPLATE,
        };
        let key = Key::of_workload(Kind::StatefulSet, DB);
        let uid = self.add(key, Object::StatefulSet(Arc::new(set)).value());
        for ordinal in 0..replicas {
            let (claim, node) = (Key::claim(DB, ordinal), ((ordinal + 1) % nodes) as NodeId);
            let object = PersistentVolumeClaim { workload: DB, ordinal, bound: true };
            self.add(claim, Object::PersistentVolumeClaim(object).value());
            let attachment = VolumeAttachment { claim, node, attached: true, detaching: None };
            self.add(Key::attachment(claim, node), Object::VolumeAttachment(attachment).value());
            self.pod(Key::pod(DB, 0, ordinal), Owner { key, uid }, node, false, Some(claim));
        }
    }
    fn daemon_set(&mut self, nodes: NodeId, seed: u64) {
        let count = u32::from(nodes);
        let set = DaemonSet {
            workload: AGENT,
            generation: 1,
            template: TEMPLATE,
            observed_generation: 1,
            desired: count,
            current: count,
            ready: count,
            updated: count,
        };
        let key = Key::of_workload(Kind::DaemonSet, AGENT);
        let uid = self.add(key, Object::DaemonSet(Arc::new(set)).value());
        // One to a node: the node's number spread over the names' space is a name of its own.
        let twist = keyed(seed, Purpose::Population, u64::from(AGENT), 0).below(u64::from(Key::MAX_NUMBER)) as u32;
        for node in 0..nodes {
            let number = (u32::from(node) * 3_163 + twist) % Key::MAX_NUMBER;
            self.pod(Key::pod(AGENT, 0, number), Owner { key, uid }, node, true, None);
        }
    }
    fn service(&mut self, workload: WorkloadId) {
        self.add(Key::of_workload(Kind::Service, workload), Object::Service(Service { workload }).value());
        let of =
            |(node, pod, _): &(NodeId, Key, Pod)| Endpoint { pod: *pod, node: *node, ready: true, terminating: false };
        let mut endpoints: Vec<Endpoint> =
            self.running.iter().filter(|(_, pod, _)| pod.group() == workload).map(of).collect();
        endpoints.sort_by_key(|endpoint| endpoint.pod);
        for (n, some) in endpoints.chunks(ENDPOINTS_PER_SLICE).enumerate() {
            let slice = EndpointSlice { workload, endpoints: some.to_vec() };
            self.add(Key::endpoint_slice(workload, n as u32), Object::EndpointSlice(Arc::new(slice)).value());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_cluster_has_thirty_pods_on_ten_nodes_and_no_name_twice() {
        let population = Population::new(Directory::stacked(3, 10), 1);
        assert_eq!(population.running.len(), 30);
        let mut keys: Vec<Key> = population.objects.iter().map(|(key, _)| *key).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), population.objects.len());
        let other = Population::new(Directory::stacked(3, 10), 2);
        assert_ne!(population.running[0].1, other.running[0].1, "names are the seed's");
    }

    #[test]
    fn five_thousand_nodes_are_populated_without_a_name_twice() {
        let population = Population::new(Directory::stacked(3, 5_000), 3);
        let mut keys: Vec<Key> = population.objects.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys.len(), 1 + 5_000 + 2 + 300 + 1 + 5 * 3 + 1 + 5_000 + 3 + 3 + 1 + 50);
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), population.objects.len());
    }
}
