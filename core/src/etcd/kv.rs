//! The store a member applies the log to: keys with revisions, and compare-and-swap.

use super::rpc::{Key, KeyValue, Op, Range, Response, Revision, Value};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// One member's store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Store {
    revision: Revision,
    keys: BTreeMap<Key, KeyValue>,
}

impl Default for Store {
    /// An empty store. Its revision is 1, as etcd's is.
    fn default() -> Self {
        Self { revision: 1, keys: BTreeMap::new() }
    }
}

impl Store {
    /// The revision of the newest change.
    pub const fn revision(&self) -> Revision {
        self.revision
    }
    /// The key as it is now.
    pub fn get(&self, key: Key) -> Option<&KeyValue> {
        self.keys.get(&key)
    }
    /// Every key, in order.
    pub fn keys(&self) -> impl Iterator<Item = &KeyValue> {
        self.keys.values()
    }
    /// The keys from `from` up to but without `to`, in order.
    pub fn range(&self, from: Key, to: Key) -> impl Iterator<Item = &KeyValue> {
        self.keys.range(from..to).map(|(_, kv)| kv)
    }
    /// Carries out an operation of the log, or a read.
    pub fn apply(&mut self, op: &Op) -> Response {
        match op {
            Op::Range { key, .. } => self.answer(true, *key),
            Op::List { from, to, limit, .. } => {
                let mut kvs: Vec<KeyValue> = self.keys.range(*from..*to).map(|(_, kv)| kv.clone()).collect();
                let more = *limit > 0 && kvs.len() > *limit as usize;
                if more {
                    kvs.truncate(*limit as usize);
                }
                let range = Some(Arc::new(Range { kvs, more }));
                Response { revision: self.revision, succeeded: true, kv: None, range }
            }
            Op::Put { key, value, .. } => {
                self.put(*key, Some(value.clone()));
                self.answer(true, *key)
            }
            Op::Txn { key, expected, value } => {
                let holds = self.keys.get(key).map_or(0, |kv| kv.mod_revision) == *expected;
                if holds {
                    self.put(*key, value.clone());
                }
                self.answer(holds, *key)
            }
            Op::Grant { .. } | Op::Revoke { .. } | Op::Compact { .. } => self.answer(true, Key::HEALTH),
        }
    }

    fn put(&mut self, key: Key, value: Option<Value>) {
        let Some(value) = value else {
            if self.keys.remove(&key).is_some() {
                self.revision += 1;
            }
            return;
        };
        self.revision += 1;
        let revision = self.revision;
        let kv = self.keys.entry(key).or_insert_with(|| KeyValue {
            key,
            value: Value::default(),
            create_revision: revision,
            mod_revision: revision,
            version: 0,
        });
        kv.value = value;
        kv.mod_revision = revision;
        kv.version += 1;
    }
    fn answer(&self, succeeded: bool, key: Key) -> Response {
        Response { revision: self.revision, succeeded, kv: self.keys.get(&key).cloned(), range: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn txn(expected: Revision, body: u64) -> Op {
        Op::Txn { key: Key(1), expected, value: Some(Value::words(8, [body, 0, 0])) }
    }

    #[test]
    fn compare_and_swap_lets_one_of_two_writers_win() {
        let mut store = Store::default();
        let created = store.apply(&txn(0, 1));
        assert!(created.succeeded);
        let revision = created.kv.expect("it was written").mod_revision;
        assert!(store.apply(&txn(revision, 2)).succeeded);
        let late = store.apply(&txn(revision, 3));
        assert!(!late.succeeded);
        let now = late.kv.expect("the other writer's");
        assert_eq!((now.value.object.words()[0], now.version, now.create_revision, now.mod_revision), (2, 2, 2, 3));
    }

    #[test]
    fn a_deleted_key_starts_over_and_the_revision_goes_on() {
        let mut store = Store::default();
        store.apply(&txn(0, 1));
        store.apply(&Op::Txn { key: Key(1), expected: 2, value: None });
        assert_eq!((store.revision(), store.get(Key(1))), (3, None));
        assert_eq!(store.apply(&txn(0, 9)).kv.map(|kv| (kv.version, kv.mod_revision)), Some((1, 4)));
    }
}
