//! The informers that all controllers of a process share, and the one index they keep.

use crate::actor::Cx;
use crate::api::rpc::{Level, Selector};
use crate::client::earlier;
use crate::client::http::{Line, News};
use crate::client::informer::{Delta, Informer};
use crate::engine::LocalTime;
use crate::object::{
    DaemonSet, Deployment, Key, KeyValue, Kind, Node, NodeId, Object, PersistentVolumeClaim, Pod, ReplicaSet,
    StatefulSet, VolumeAttachment, WorkloadId,
};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// The kinds that the controllers here list and watch. Code: a list.
pub const KINDS: [Kind; 11] = [
    Kind::Lease,
    Kind::Node,
    Kind::Pod,
    Kind::ReplicaSet,
    Kind::Deployment,
    Kind::StatefulSet,
    Kind::DaemonSet,
    Kind::Service,
    Kind::EndpointSlice,
    Kind::PersistentVolumeClaim,
    Kind::VolumeAttachment,
];
/// The first of the marks (top bytes of tags) of the informers' requests; one for each of [`KINDS`]. Code: a mark.
pub const FIRST_TAG: u8 = 0x10;

/// What a manager knows of the cluster: as old as its watches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Caches {
    informers: Vec<Informer>,
    by_node: BTreeMap<NodeId, BTreeSet<Key>>,
}

impl Default for Caches {
    fn default() -> Self {
        let informer =
            |(ix, kind): (usize, &Kind)| Informer::new(*kind, Selector::All, Level::WorkloadHigh, FIRST_TAG + ix as u8);
        Self { informers: KINDS.iter().enumerate().map(informer).collect(), by_node: BTreeMap::new() }
    }
}

/// The end of the range of a key's group.
const fn after_group(key: Key) -> Key {
    Key(key.0 + (1 << 40))
}
/// The end of the range of a key's template.
const fn after_template(key: Key) -> Key {
    Key(key.0 + (1 << 24))
}

impl Caches {
    /// Every informer lists and watches.
    pub fn start(&mut self, cx: &mut Cx<'_>, line: &mut Line) {
        for informer in &mut self.informers {
            informer.start(cx, line);
        }
    }
    /// News of a request of one of them. Returns that one's place if it was.
    pub fn on_news(&mut self, cx: &mut Cx<'_>, line: &mut Line, news: &News) -> Option<usize> {
        let tag = match news {
            News::Done(done) => done.tag,
            News::Watching(tag) | News::Events(tag, _) => *tag,
        };
        let ix = usize::from(((tag >> 56) as u8).checked_sub(FIRST_TAG)?);
        self.informers.get_mut(ix)?.on_news(cx, line, news).then_some(ix)
    }
    /// A timer went off, perhaps too early.
    pub fn on_timer(&mut self, cx: &mut Cx<'_>, line: &mut Line) {
        for informer in &mut self.informers {
            if informer.next_timer().is_some_and(|due| due <= cx.now) {
                informer.on_timer(cx, line);
            }
        }
    }
    /// When it wants [`Caches::on_timer`].
    pub fn next_timer(&self) -> Option<LocalTime> {
        self.informers.iter().map(Informer::next_timer).fold(None, earlier)
    }
    /// The next change that the informer of this place tells of.
    pub fn take_delta(&mut self, ix: usize) -> Option<Delta> {
        let delta = self.informers[ix].take_delta()?;
        if delta.key.kind() == Kind::Pod {
            let node =
                |kv: &Option<KeyValue>| kv.as_ref().and_then(|kv| kv.value.object.pod()).and_then(|pod| pod.node);
            let (before, after) = (node(&delta.before), node(&delta.after));
            if before != after {
                self.move_pod(delta.key, before, after);
            }
        }
        Some(delta)
    }
    fn move_pod(&mut self, key: Key, from: Option<NodeId>, to: Option<NodeId>) {
        if let Some(pods) = from.and_then(|node| self.by_node.get_mut(&node)) {
            pods.remove(&key);
        }
        if let Some(node) = to {
            self.by_node.entry(node).or_default().insert(key);
        }
    }
    /// The informer of a kind, one of [`KINDS`].
    pub fn of(&self, kind: Kind) -> &Informer {
        let ix = KINDS.iter().position(|it| *it == kind).expect("a kind that the manager watches");
        &self.informers[ix]
    }
    /// Whether these kinds were listed.
    pub fn synced(&self, kinds: &[Kind]) -> bool {
        kinds.iter().all(|kind| self.of(*kind).synced())
    }

    /// A Node.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.of(Kind::Node).get(Key::node(id))?.value.object.node()
    }
    /// Every Node.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.of(Kind::Node).iter().filter_map(|kv| kv.value.object.node())
    }
    /// A Pod.
    pub fn pod(&self, key: Key) -> Option<(&KeyValue, &Pod)> {
        let kv = self.of(Kind::Pod).get(key)?;
        Some((kv, kv.value.object.pod()?))
    }
    fn pods(&self, from: Key, to: Key) -> impl Iterator<Item = (&KeyValue, &Pod)> {
        self.of(Kind::Pod).range(from, to).filter_map(|kv| Some((kv, kv.value.object.pod()?)))
    }
    /// The Pods of a workload, by key.
    pub fn pods_of(&self, workload: WorkloadId) -> impl Iterator<Item = (&KeyValue, &Pod)> {
        let first = Key::pod(workload, 0, 0);
        self.pods(first, after_group(first))
    }
    /// The Pods of a ReplicaSet's template, by key.
    pub fn pods_of_template(&self, workload: WorkloadId, template: u16) -> impl Iterator<Item = (&KeyValue, &Pod)> {
        let first = Key::pod(workload, template, 0);
        self.pods(first, after_template(first))
    }
    /// The Pods bound to a node, by key.
    pub fn pods_on(&self, node: NodeId) -> impl Iterator<Item = (&KeyValue, &Pod)> {
        self.by_node.get(&node).into_iter().flatten().filter_map(|key| self.pod(*key))
    }
    /// The nodes that pods are bound to, whether they are there or not.
    pub fn nodes_of_pods(&self) -> impl Iterator<Item = NodeId> {
        self.by_node.iter().filter(|(_, pods)| !pods.is_empty()).map(|(node, _)| *node)
    }
    /// A ReplicaSet.
    pub fn replica_set(&self, key: Key) -> Option<(&KeyValue, &ReplicaSet)> {
        let kv = self.of(Kind::ReplicaSet).get(key)?;
        Some((kv, kv.value.object.replica_set()?))
    }
    /// The ReplicaSets of a workload, by template.
    pub fn replica_sets_of(&self, workload: WorkloadId) -> impl Iterator<Item = (&KeyValue, &ReplicaSet)> {
        let first = Key::replica_set(workload, 0);
        let range = self.of(Kind::ReplicaSet).range(first, after_group(first));
        range.filter_map(|kv| Some((kv, kv.value.object.replica_set()?)))
    }
    /// A Deployment.
    pub fn deployment(&self, key: Key) -> Option<(&KeyValue, &Deployment)> {
        let kv = self.of(Kind::Deployment).get(key)?;
        Some((kv, kv.value.object.deployment()?))
    }
    /// A StatefulSet.
    pub fn stateful_set(&self, key: Key) -> Option<(&KeyValue, &StatefulSet)> {
        let kv = self.of(Kind::StatefulSet).get(key)?;
        Some((kv, kv.value.object.stateful_set()?))
    }
    /// A DaemonSet.
    pub fn daemon_set(&self, key: Key) -> Option<(&KeyValue, &DaemonSet)> {
        let kv = self.of(Kind::DaemonSet).get(key)?;
        Some((kv, kv.value.object.daemon_set()?))
    }
    /// A claim.
    pub fn claim(&self, key: Key) -> Option<(&KeyValue, PersistentVolumeClaim)> {
        let kv = self.of(Kind::PersistentVolumeClaim).get(key)?;
        if let Object::PersistentVolumeClaim(claim) = kv.value.object { Some((kv, claim)) } else { None }
    }
    /// The attachments of a claim's volume.
    pub fn attachments_of(&self, claim: Key) -> impl Iterator<Item = (&KeyValue, VolumeAttachment)> {
        let first = Key::new(Kind::VolumeAttachment, claim.group(), 0, 0);
        let range = self.of(Kind::VolumeAttachment).range(first, after_group(first));
        range.filter_map(move |kv| match kv.value.object {
            Object::VolumeAttachment(it) if it.claim == claim => Some((kv, it)),
            _ => None,
        })
    }
    /// The EndpointSlices of a Service, by key.
    pub fn slices_of(&self, workload: WorkloadId) -> impl Iterator<Item = &KeyValue> {
        let first = Key::endpoint_slice(workload, 0);
        self.of(Kind::EndpointSlice).range(first, after_group(first))
    }
    /// The uid of whatever has this key now.
    pub fn uid(&self, key: Key) -> Option<u64> {
        self.of(key.kind()).get(key).map(|kv| kv.create_revision)
    }
}
