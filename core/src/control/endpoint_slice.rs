//! The EndpointSlice controller: kubernetes pkg/controller/endpointslice, and staging/src/k8s.io/endpointslice.
//!
//! A pod is behind its workload's Service once it has an address (it runs) and until it has ended or is gone; one that
//! is being deleted is terminating and not ready. Left out: topology hints, ports, addresses other than pods.

use super::caches::Caches;
use super::controller::Plan;
use crate::api::rpc::{Level, Request};
use crate::engine::Span;
use crate::object::{Endpoint, EndpointSlice, Key, KeyValue, Kind, Object, Phase, Pod, Revision, WorkloadId};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The most endpoints of a slice. Unit: endpoints. Flag: --max-endpoints-per-slice. Sourced: kubernetes
/// pkg/controller/endpointslice/config/v1alpha1/defaults.go#MaxEndpointsPerSlice.
pub const MAX_ENDPOINTS: usize = 100;
/// How long after somebody changed a slice its Service is looked at. Sourced: kubernetes
/// pkg/controller/endpointslice/endpointslice_controller.go#endpointSliceChangeMinSyncDelay.
pub const SLICE_CHANGE_DELAY: Span = Span::from_secs(1);

/// kubernetes staging/src/k8s.io/endpointslice/util/endpointslice_tracker.go: the versions of the slices that this
/// process wrote. One entry per slice.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Tracker(BTreeMap<Key, Revision>);

impl Tracker {
    /// It wrote a slice.
    pub fn wrote(&mut self, kv: &KeyValue) {
        let revision = self.0.entry(kv.key).or_default();
        *revision = (*revision).max(kv.mod_revision);
    }
    /// A slice is gone.
    pub fn gone(&mut self, key: Key) {
        self.0.remove(&key);
    }
    /// Whether this version is one it wrote.
    pub fn is_own(&self, kv: &KeyValue) -> bool {
        self.0.get(&kv.key).is_some_and(|revision| *revision >= kv.mod_revision)
    }
    /// Whether the caches are older than what it wrote.
    fn ahead_of(&self, caches: &Caches, workload: WorkloadId) -> bool {
        let first = Key::endpoint_slice(workload, 0);
        let last = Key::endpoint_slice(workload, Key::MAX_NUMBER);
        let slices = caches.of(Kind::EndpointSlice);
        let seen = |key: Key| slices.get(key).map_or(0, |kv| kv.mod_revision);
        self.0.range(first..=last).any(|(key, revision)| seen(*key) < *revision)
    }
}

/// What a change of a pod makes of its endpoint.
pub fn endpoint(key: Key, pod: &Pod) -> Option<Endpoint> {
    let node = pod.node.filter(|_| pod.phase == Phase::Running)?;
    let terminating = pod.deleted.is_some();
    Some(Endpoint { pod: key, node, ready: pod.ready && !terminating, terminating })
}

/// Brings the slices of one Service up to its pods.
pub fn sync(caches: &Caches, tracker: &Tracker, key: Key) -> Plan {
    let mut plan = Plan::default();
    let workload = key.group();
    if tracker.ahead_of(caches, workload) {
        return Plan { stale: true, ..plan };
    }
    let slices: Vec<(&KeyValue, &EndpointSlice)> =
        caches.slices_of(workload).filter_map(|kv| Some((kv, kv.value.object.endpoint_slice()?))).collect();
    if caches.uid(key).is_none() {
        plan.all(slices.iter().map(|(kv, _)| delete(kv)).collect());
        return plan;
    }
    let mut wanted: BTreeMap<Key, Endpoint> =
        caches.pods_of(workload).filter_map(|(kv, pod)| Some((kv.key, endpoint(kv.key, pod)?))).collect();
    // What the slices have and shall keep stays where it is.
    let mut kept: Vec<Vec<Endpoint>> = Vec::with_capacity(slices.len());
    for (_, slice) in &slices {
        kept.push(slice.endpoints.iter().filter_map(|it| wanted.remove(&it.pod)).collect());
    }
    let mut rest = wanted.into_values();
    let mut requests = Vec::new();
    // Slices that change anyway are filled first, then the others.
    for changes in [true, false] {
        for ((_, slice), kept) in slices.iter().zip(&mut kept) {
            if (slice.endpoints != *kept) == changes {
                let room = MAX_ENDPOINTS.saturating_sub(kept.len());
                kept.extend(rest.by_ref().take(room));
            }
        }
    }
    let mut left = slices.len();
    for ((kv, slice), mut endpoints) in slices.iter().zip(kept) {
        endpoints.sort_by_key(|it| it.pod);
        if endpoints.is_empty() && left > 1 {
            left -= 1;
            requests.push(delete(kv));
        } else if endpoints != slice.endpoints {
            let value = Object::EndpointSlice(Arc::new(EndpointSlice { workload, endpoints })).value();
            requests.push(Request::update(kv.key, kv.mod_revision, value, Level::WorkloadHigh));
        }
    }
    let rest: Vec<Endpoint> = rest.collect();
    if slices.is_empty() && rest.is_empty() {
        requests.push(create(workload, Vec::new())); // A Service without endpoints has one slice that says so.
    }
    requests.extend(rest.chunks(MAX_ENDPOINTS).map(|endpoints| create(workload, endpoints.to_vec())));
    plan.all(requests);
    plan
}

fn create(workload: WorkloadId, endpoints: Vec<Endpoint>) -> Request {
    let key = Key::endpoint_slice(workload, Request::GENERATE_NAME);
    let value = Object::EndpointSlice(Arc::new(EndpointSlice { workload, endpoints })).value();
    Request::create(key, value, Level::WorkloadHigh)
}

fn delete(kv: &KeyValue) -> Request {
    Request::delete(kv.key, None, kv.create_revision, Level::WorkloadHigh)
}
