//! The store a member applies the log to: keys with revisions, their history since the last compaction,
//! compare-and-swap, and the etcd leases that keys hang on.
//!
//! A compaction is done at once, where etcd scrubs its B+ tree in the background; there is no quota, so no alarm.

use super::history::History;
use super::rpc::{EtcdError, Event, Key, KeyValue, LeaseId, Op, Range, Response, Revision, Value};
use crate::engine::SharedMap;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The most changes kept; beyond it the oldest are compacted away, as if somebody had asked for it. Unit: changes.
/// Chosen: 12 MB per member; four minutes of the heartbeats of 5,000 nodes, where kube-apiserver's own compaction keeps
/// five to ten.
const HISTORY: usize = 1 << 17;
/// No lease is shorter: one and a half election timeouts, in whole seconds. Sourced: etcd
/// server/etcdserver/server.go#minTTL. Simplified: for the default timeout, whatever the dial says.
const MIN_TTL_S: u32 = 2;
/// What a key and a revision add to a value on the disk. Unit: bytes. Chosen: typical protobuf sizes.
const OVERHEAD: u64 = 64;

/// An etcd lease.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// How long it lasts, in seconds.
    pub ttl_s: u32,
    /// The keys that go with it.
    pub keys: BTreeSet<Key>,
}

/// One member's store. A copy shares what neither has changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Store {
    revision: Revision,
    /// The oldest revision that can be read.
    compacted: Revision,
    keys: SharedMap<Key, KeyValue>,
    history: History,
    /// The keys as they were before the history.
    floor: SharedMap<Key, KeyValue>,
    leases: BTreeMap<LeaseId, Lease>,
    /// Which lease a key hangs on.
    hangs: BTreeMap<Key, LeaseId>,
    bytes: u64,
}

impl Default for Store {
    /// An empty store. Its revision is 1, as etcd's is.
    fn default() -> Self {
        Self {
            revision: 1,
            compacted: 0,
            keys: SharedMap::default(),
            history: History::default(),
            floor: SharedMap::default(),
            leases: BTreeMap::new(),
            hangs: BTreeMap::new(),
            bytes: 0,
        }
    }
}

impl Store {
    /// A store that has these objects, each written at a revision of its own in the order given, and compacted since: as
    /// after a restore from a snapshot.
    pub fn preload(objects: Vec<(Key, Value)>) -> Self {
        let mut store = Self::default();
        for (key, value) in objects {
            store.put(key, Some(value), 0);
        }
        store.compacted = store.revision;
        store.history = History::default();
        store.floor = store.keys.clone();
        store.bytes = store.floor.iter().map(|(_, kv)| weight(kv)).sum();
        store
    }
    /// The revision of the newest change.
    pub const fn revision(&self) -> Revision {
        self.revision
    }
    /// The oldest revision that can be read or watched from; 0 if it was never compacted.
    pub const fn compacted(&self) -> Revision {
        self.compacted
    }
    /// What the disk holds, in bytes: every version since the compaction.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
    /// How many keys there are.
    pub const fn len(&self) -> usize {
        self.keys.len()
    }
    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
    /// The key as it is now.
    pub fn get(&self, key: Key) -> Option<&KeyValue> {
        self.keys.get(&key)
    }
    /// Every key, in order.
    pub fn keys(&self) -> impl Iterator<Item = &KeyValue> {
        self.keys.iter().map(|(_, kv)| kv)
    }
    /// The keys from `from` up to but without `to`, in order.
    pub fn range(&self, from: Key, to: Key) -> impl Iterator<Item = &KeyValue> {
        self.keys.range(from..to).map(|(_, kv)| kv)
    }
    /// What changed from this revision on, in order. Means nothing before [`Store::compacted`].
    pub fn since(&self, revision: Revision) -> impl Iterator<Item = &Event> {
        self.history.since(revision)
    }
    /// The etcd leases.
    pub const fn leases(&self) -> &BTreeMap<LeaseId, Lease> {
        &self.leases
    }

    /// Carries out an operation of the log, or a read.
    ///
    /// # Errors
    /// As etcd answers.
    pub fn apply(&mut self, op: &Op) -> Result<Response, EtcdError> {
        let mut succeeded = true;
        let key = match op {
            Op::Range { key, .. } => *key,
            Op::List { from, to, limit, revision } => return self.list(*from..*to, *limit, *revision),
            Op::Put { key, value, lease } => {
                if *lease != 0 && !self.leases.contains_key(lease) {
                    return Err(EtcdError::LeaseNotFound);
                }
                self.put(*key, Some(value.clone()), *lease);
                *key
            }
            Op::Txn { key, expected, value } => {
                succeeded = self.keys.get(key).map_or(0, |kv| kv.mod_revision) == *expected;
                if succeeded {
                    self.put(*key, value.clone(), 0);
                }
                *key
            }
            Op::Grant { lease, ttl_s } => return self.grant(*lease, *ttl_s),
            Op::Revoke { lease } => return self.revoke(*lease),
            Op::Compact { revision } => return self.compact(*revision),
        };
        let kv = self.keys.get(&key).cloned();
        Ok(Response { revision: self.revision, succeeded, kv, range: None })
    }

    fn nothing(&self) -> Response {
        Response { revision: self.revision, succeeded: true, kv: None, range: None }
    }

    fn list(&self, keys: core::ops::Range<Key>, limit: u32, revision: Revision) -> Result<Response, EtcdError> {
        if revision > self.revision {
            return Err(EtcdError::FutureRevision);
        }
        if revision > 0 && revision < self.compacted {
            return Err(EtcdError::Compacted);
        }
        let most = if limit == 0 { usize::MAX } else { limit as usize };
        let take = |map: &SharedMap<Key, KeyValue>| -> Vec<KeyValue> {
            map.range(keys.clone()).take(most.saturating_add(1)).map(|(_, kv)| kv.clone()).collect()
        };
        let mut kvs = if revision == 0 || revision == self.revision {
            take(&self.keys)
        } else {
            let mut then = self.floor.clone();
            let events = self.history.since(0).take_while(|event| event.kv.mod_revision <= revision);
            events.filter(|event| keys.contains(&event.kv.key)).for_each(|event| drop(replay(&mut then, event)));
            take(&then)
        };
        let more = kvs.len() > most;
        kvs.truncate(most);
        Ok(Response { range: Some(Arc::new(Range { kvs, more })), ..self.nothing() })
    }

    /// Writes or deletes a key at a revision of its own. To delete what isn't there is no change.
    fn put(&mut self, key: Key, value: Option<Value>, lease: LeaseId) {
        if value.is_none() && self.keys.get(&key).is_none() {
            return;
        }
        self.revision += 1;
        match value {
            None => self.delete(key),
            Some(value) => {
                self.hang(key, lease);
                self.write(key, value);
            }
        }
        while self.history.len() > HISTORY {
            let Some(end) = self.history.end_of_oldest() else { break };
            self.forget_before(end + 1);
        }
    }
    fn write(&mut self, key: Key, value: Value) {
        let revision = self.revision;
        let kv = match self.keys.get_mut(&key) {
            Some(kv) => {
                (kv.value, kv.mod_revision, kv.version) = (value, revision, kv.version + 1);
                kv.clone()
            }
            None => {
                let kv = KeyValue { key, value, create_revision: revision, mod_revision: revision, version: 1 };
                self.keys.insert(key, kv.clone());
                kv
            }
        };
        self.bytes += weight(&kv);
        self.history.push(Event { kv, deleted: false });
    }
    /// Deletes a key at the current revision.
    fn delete(&mut self, key: Key) {
        self.hang(key, 0);
        let Some(mut kv) = self.keys.remove(&key) else { return };
        kv.mod_revision = self.revision;
        self.bytes += OVERHEAD;
        self.history.push(Event { kv, deleted: true });
    }

    /// Takes a key off the lease it hangs on, and hangs it on another; 0: none.
    fn hang(&mut self, key: Key, lease: LeaseId) {
        let before = if lease == 0 { self.hangs.remove(&key) } else { self.hangs.insert(key, lease) };
        if let Some(before) = before.and_then(|before| self.leases.get_mut(&before)) {
            before.keys.remove(&key);
        }
        if let Some(lease) = self.leases.get_mut(&lease) {
            lease.keys.insert(key);
        }
    }
    fn grant(&mut self, lease: LeaseId, ttl_s: u32) -> Result<Response, EtcdError> {
        if self.leases.contains_key(&lease) {
            return Err(EtcdError::LeaseExists);
        }
        self.leases.insert(lease, Lease { ttl_s: ttl_s.max(MIN_TTL_S), keys: BTreeSet::new() });
        Ok(self.nothing())
    }
    /// Ends a lease. All its keys go at one revision.
    fn revoke(&mut self, lease: LeaseId) -> Result<Response, EtcdError> {
        let keys = self.leases.get(&lease).ok_or(EtcdError::LeaseNotFound)?.keys.clone();
        self.revision += u64::from(!keys.is_empty());
        keys.into_iter().for_each(|key| self.delete(key));
        self.leases.remove(&lease);
        Ok(self.nothing())
    }

    /// etcd server/storage/mvcc/kvstore.go#updateCompactRev.
    fn compact(&mut self, revision: Revision) -> Result<Response, EtcdError> {
        if revision <= self.compacted {
            return Err(EtcdError::Compacted);
        }
        if revision > self.revision {
            return Err(EtcdError::FutureRevision);
        }
        self.forget_before(revision);
        Ok(self.nothing())
    }
    /// Compacts. A chunk of the history goes when all of it may go.
    fn forget_before(&mut self, revision: Revision) {
        self.compacted = self.compacted.max(revision);
        while let Some(events) = self.history.take_oldest(revision) {
            for event in events.iter() {
                let was = replay(&mut self.floor, event);
                let gone = was.as_ref().map_or(0, weight) + if event.deleted { OVERHEAD } else { 0 };
                self.bytes -= gone;
            }
        }
    }
}

/// Makes a change again, and returns what the key was before.
fn replay(keys: &mut SharedMap<Key, KeyValue>, event: &Event) -> Option<KeyValue> {
    if event.deleted { keys.remove(&event.kv.key) } else { keys.insert(event.kv.key, event.kv.clone()) }
}

fn weight(kv: &KeyValue) -> u64 {
    OVERHEAD + u64::from(kv.value.bytes)
}

#[cfg(test)]
#[path = "kv_tests.rs"]
mod tests;
