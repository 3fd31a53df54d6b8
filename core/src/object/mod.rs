//! The API's objects, and the keys under which etcd keeps them: plain data, shared by etcd's log, caches and clients.
//!
//! Real keys are paths and real objects are protobuf; here a key is a packed number, an object is what somebody will
//! look at, and `bytes` in the value says what it weighs.

mod change;
pub mod node;
pub mod pod;
#[cfg(test)]
pub mod sample;
pub mod workload;

use crate::engine::LocalTime;
use alloc::sync::Arc;
pub use change::Change;
pub use node::{Condition, Node, Taints};
pub use pod::{Owner, Phase, Pod};
pub use workload::{
    DaemonSet, Deployment, Endpoint, EndpointSlice, PersistentVolumeClaim, ReplicaSet, Service, StatefulSet,
    VolumeAttachment,
};

/// A revision of the store: one more for each change. What Kubernetes calls `resourceVersion`.
pub type Revision = u64;
/// A node, by number from 0.
pub type NodeId = u16;
/// A workload (a Deployment, StatefulSet or DaemonSet, and the Service of the same name), by number from 0.
pub type WorkloadId = u16;

/// What an object is. The order is the order of keys in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// etcd's keys that are no API objects: the health check's, the compactor's, the API servers' own leases.
    Internal,
    /// coordination.k8s.io Lease: of an election, or of a node.
    Lease,
    /// ConfigMap.
    ConfigMap,
    /// Node.
    Node,
    /// Pod.
    Pod,
    /// ReplicaSet.
    ReplicaSet,
    /// Deployment.
    Deployment,
    /// StatefulSet.
    StatefulSet,
    /// DaemonSet.
    DaemonSet,
    /// Service.
    Service,
    /// EndpointSlice.
    EndpointSlice,
    /// PersistentVolumeClaim, with the volume bound to it.
    PersistentVolumeClaim,
    /// VolumeAttachment.
    VolumeAttachment,
    /// Event, the Kubernetes object.
    EventObject,
}

impl Kind {
    /// Every kind, in order. Code: a list.
    pub const ALL: [Self; 14] = [
        Self::Internal,
        Self::Lease,
        Self::ConfigMap,
        Self::Node,
        Self::Pod,
        Self::ReplicaSet,
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::Service,
        Self::EndpointSlice,
        Self::PersistentVolumeClaim,
        Self::VolumeAttachment,
        Self::EventObject,
    ];
    /// The resource's name in paths, metrics and messages.
    pub const fn resource(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Lease => "leases",
            Self::ConfigMap => "configmaps",
            Self::Node => "nodes",
            Self::Pod => "pods",
            Self::ReplicaSet => "replicasets",
            Self::Deployment => "deployments",
            Self::StatefulSet => "statefulsets",
            Self::DaemonSet => "daemonsets",
            Self::Service => "services",
            Self::EndpointSlice => "endpointslices",
            Self::PersistentVolumeClaim => "persistentvolumeclaims",
            Self::VolumeAttachment => "volumeattachments",
            Self::EventObject => "events",
        }
    }
    /// The least key of this kind.
    pub const fn first(self) -> Key {
        Key::new(self, 0, 0, 0)
    }
    /// The least key beyond this kind: the end of its range.
    pub const fn end(self) -> Key {
        Key((self as u64 + 1) << 56)
    }
}

/// A key of the store: kind (8 bits), workload or group (16), template revision (16), number (24).
///
/// Pods of a ReplicaSet or DaemonSet have a random number (their name's suffix), pods of a StatefulSet their ordinal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub u64);

impl Key {
    /// The greatest number of a key. Code: as many as its bits can name.
    pub const MAX_NUMBER: u32 = (1 << 24) - 1;
    /// The key that API servers' health checks read; nobody writes it. Code: a key.
    pub const HEALTH: Self = Self::new(Kind::Internal, 0, 0, 0);
    /// Who compacts next, as apiserver pkg/storage/etcd3/compact.go#compactRevKey. Code: a key.
    pub const COMPACT_REV: Self = Self::new(Kind::Internal, 0, 0, 1);
    /// The ConfigMap kube-system/extension-apiserver-authentication, which every kube-controller-manager reads at start.
    /// Code: a key.
    pub const AUTHENTICATION: Self = Self::new(Kind::ConfigMap, 0, 0, 0);

    /// A key of its parts.
    pub const fn new(kind: Kind, group: u16, template: u16, number: u32) -> Self {
        Self((kind as u64) << 56 | (group as u64) << 40 | (template as u64) << 24 | (number & Self::MAX_NUMBER) as u64)
    }
    /// The lease by which an API server says that it serves: /registry/masterleases.
    pub const fn master_lease(api: u8) -> Self {
        Self::new(Kind::Internal, 1, 0, api as u32)
    }
    /// The Lease of an election: 0 is kube-controller-manager's, 1 is kube-scheduler's.
    pub const fn election(component: u8) -> Self {
        Self::new(Kind::Lease, 0, 0, component as u32)
    }
    /// The Lease of a node.
    pub const fn node_lease(node: NodeId) -> Self {
        Self::new(Kind::Lease, 1, 0, node as u32)
    }
    /// A Node.
    pub const fn node(node: NodeId) -> Self {
        Self::new(Kind::Node, 0, 0, node as u32)
    }
    /// A Pod of a workload: `template` is its ReplicaSet's (or zero), `number` its suffix or ordinal.
    pub const fn pod(workload: WorkloadId, template: u16, number: u32) -> Self {
        Self::new(Kind::Pod, workload, template, number)
    }
    /// A ReplicaSet of a Deployment.
    pub const fn replica_set(workload: WorkloadId, template: u16) -> Self {
        Self::new(Kind::ReplicaSet, workload, template, 0)
    }
    /// A workload's only object of this kind: Deployment, StatefulSet, DaemonSet, Service.
    pub const fn of_workload(kind: Kind, workload: WorkloadId) -> Self {
        Self::new(kind, workload, 0, 0)
    }
    /// An EndpointSlice of a Service.
    pub const fn endpoint_slice(workload: WorkloadId, n: u32) -> Self {
        Self::new(Kind::EndpointSlice, workload, 0, n)
    }
    /// The claim of a StatefulSet's ordinal.
    pub const fn claim(workload: WorkloadId, ordinal: u32) -> Self {
        Self::new(Kind::PersistentVolumeClaim, workload, 0, ordinal)
    }
    /// The attachment of a claim's volume to a node.
    pub const fn attachment(claim: Self, node: NodeId) -> Self {
        Self::new(Kind::VolumeAttachment, claim.group(), node, claim.number())
    }
    /// A user's object.
    pub const fn user_object(api: u8, n: u32) -> Self {
        Self::new(Kind::ConfigMap, 1 + api as u16, 0, n)
    }
    /// What it is a key of.
    pub const fn kind(self) -> Kind {
        Kind::ALL[(self.0 >> 56) as usize % Kind::ALL.len()]
    }
    /// The workload or group.
    pub const fn group(self) -> u16 {
        (self.0 >> 40) as u16
    }
    /// The template's revision; of an attachment, the node.
    pub const fn template(self) -> u16 {
        (self.0 >> 24) as u16
    }
    /// Its group and number in 40 bits: what a note tells of an object whose kind is known.
    pub const fn name_bits(self) -> u64 {
        (self.group() as u64) << 24 | self.number() as u64
    }
    /// The number.
    pub const fn number(self) -> u32 {
        self.0 as u32 & Self::MAX_NUMBER
    }
}

/// What an object says, as far as somebody will look at it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Object {
    /// In the writer's own format: Leases, ConfigMaps, Events, and keys that are no objects.
    Words([u64; 3]),
    /// A Node.
    Node(Arc<Node>),
    /// A Pod.
    Pod(Arc<Pod>),
    /// A ReplicaSet.
    ReplicaSet(Arc<ReplicaSet>),
    /// A Deployment.
    Deployment(Arc<Deployment>),
    /// A StatefulSet.
    StatefulSet(Arc<StatefulSet>),
    /// A DaemonSet.
    DaemonSet(Arc<DaemonSet>),
    /// A Service.
    Service(Service),
    /// An EndpointSlice.
    EndpointSlice(Arc<EndpointSlice>),
    /// A PersistentVolumeClaim.
    PersistentVolumeClaim(PersistentVolumeClaim),
    /// A VolumeAttachment.
    VolumeAttachment(VolumeAttachment),
}

impl Default for Object {
    fn default() -> Self {
        Self::Words([0; 3])
    }
}

impl Object {
    /// The Node it is.
    pub fn node(&self) -> Option<&Node> {
        if let Self::Node(node) = self { Some(node) } else { None }
    }
    /// The Pod it is.
    pub fn pod(&self) -> Option<&Pod> {
        if let Self::Pod(pod) = self { Some(pod) } else { None }
    }
    /// The ReplicaSet it is.
    pub fn replica_set(&self) -> Option<&ReplicaSet> {
        if let Self::ReplicaSet(set) = self { Some(set) } else { None }
    }
    /// The Deployment it is.
    pub fn deployment(&self) -> Option<&Deployment> {
        if let Self::Deployment(deployment) = self { Some(deployment) } else { None }
    }
    /// The StatefulSet it is.
    pub fn stateful_set(&self) -> Option<&StatefulSet> {
        if let Self::StatefulSet(set) = self { Some(set) } else { None }
    }
    /// The DaemonSet it is.
    pub fn daemon_set(&self) -> Option<&DaemonSet> {
        if let Self::DaemonSet(set) = self { Some(set) } else { None }
    }
    /// The EndpointSlice it is.
    pub fn endpoint_slice(&self) -> Option<&EndpointSlice> {
        if let Self::EndpointSlice(slice) = self { Some(slice) } else { None }
    }
    /// The words it is; zeros if it is something else.
    pub const fn words(&self) -> [u64; 3] {
        if let Self::Words(words) = self { *words } else { [0; 3] }
    }
    /// What a small object weighs, if nothing else says so. Chosen: a small ConfigMap.
    const WORDS_BYTES: u32 = 512;
    /// What a Node weighs. Chosen: protobuf with managedFields, as `kubectl get --raw` shows on a small cluster.
    const NODE_BYTES: u32 = 4_000;
    /// What a Pod weighs. Chosen: protobuf with managedFields, as `kubectl get --raw` shows on a small cluster.
    const POD_BYTES: u32 = 2_500;
    /// What a ReplicaSet or a DaemonSet weighs. Chosen: protobuf with managedFields, as `kubectl get --raw` shows on a
    /// small cluster.
    const SET_BYTES: u32 = 1_500;
    /// What a Deployment or a StatefulSet weighs. Chosen: protobuf with managedFields, as `kubectl get --raw` shows on
    /// a small cluster.
    const WORKLOAD_BYTES: u32 = 1_800;
    /// What a Service weighs. Chosen: protobuf with managedFields, as `kubectl get --raw` shows on a small cluster.
    const SERVICE_BYTES: u32 = 600;
    /// What an EndpointSlice without endpoints weighs. Chosen: protobuf with managedFields, as `kubectl get --raw`
    /// shows on a small cluster.
    const SLICE_BYTES: u32 = 500;
    /// What each endpoint of it weighs. Chosen: protobuf with managedFields, as `kubectl get --raw` shows on a small
    /// cluster.
    const ENDPOINT_BYTES: u32 = 150;
    /// What a claim or an attachment of a volume weighs. Chosen: protobuf with managedFields, as `kubectl get --raw`
    /// shows on a small cluster.
    const VOLUME_BYTES: u32 = 700;

    /// What it weighs, in bytes.
    pub fn bytes(&self) -> u32 {
        match self {
            Self::Words(_) => Self::WORDS_BYTES,
            Self::Node(_) => Self::NODE_BYTES,
            Self::Pod(_) => Self::POD_BYTES,
            Self::ReplicaSet(_) | Self::DaemonSet(_) => Self::SET_BYTES,
            Self::Deployment(_) | Self::StatefulSet(_) => Self::WORKLOAD_BYTES,
            Self::Service(_) => Self::SERVICE_BYTES,
            Self::EndpointSlice(slice) => Self::SLICE_BYTES + Self::ENDPOINT_BYTES * slice.endpoints.len() as u32,
            Self::PersistentVolumeClaim(_) | Self::VolumeAttachment(_) => Self::VOLUME_BYTES,
        }
    }
    /// It as a value of the store.
    pub fn value(self) -> Value {
        Value { bytes: self.bytes(), object: self }
    }
}

/// A value of the store: what it weighs, and what it says.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Value {
    /// Its size in the store and on the wire.
    pub bytes: u32,
    /// Its content.
    pub object: Object,
}

impl Value {
    /// A value in the writer's own format.
    pub const fn words(bytes: u32, words: [u64; 3]) -> Self {
        Self { bytes, object: Object::Words(words) }
    }
}

/// A key as the store has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyValue {
    /// The key.
    pub key: Key,
    /// Its value.
    pub value: Value,
    /// The revision that created it: what stands in for an object's `uid`.
    pub create_revision: Revision,
    /// The revision that last changed it: what Kubernetes calls `resourceVersion`.
    pub mod_revision: Revision,
    /// How often it was changed since its creation, that one included.
    pub version: u64,
}

/// A moment that an object carries: what the writer's clock read.
pub type Wall = LocalTime;
