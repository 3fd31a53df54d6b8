use super::*;
use crate::engine::{Purpose, Rng};
use crate::object::Kind;

fn txn(expected: Revision, body: u64) -> Op {
    Op::Txn { key: Key(1), expected, value: Some(Value::words(8, [body, 0, 0])) }
}
fn delete(key: u64, expected: Revision) -> Op {
    Op::Txn { key: Key(key), expected, value: None }
}
fn put(key: u64, lease: LeaseId) -> Op {
    Op::Put { key: Key(key), value: Value::words(8, [0; 3]), lease }
}
fn list(revision: Revision, limit: u32) -> Op {
    Op::List { from: Key(0), to: Key(u64::MAX), limit, revision }
}
fn keys(response: &Response) -> Vec<(u64, Revision)> {
    let range = response.range.as_ref().expect("a list");
    range.kvs.iter().map(|kv| (kv.key.0, kv.mod_revision)).collect()
}

#[test]
fn compare_and_swap_lets_one_of_two_writers_win() {
    let mut store = Store::default();
    let created = store.apply(&txn(0, 1)).unwrap();
    assert!(created.succeeded);
    let revision = created.kv.expect("it was written").mod_revision;
    assert!(store.apply(&txn(revision, 2)).unwrap().succeeded);
    let late = store.apply(&txn(revision, 3)).unwrap();
    assert!(!late.succeeded);
    let now = late.kv.expect("the other writer's");
    assert_eq!((now.value.object.words()[0], now.version, now.create_revision, now.mod_revision), (2, 2, 2, 3));
}

#[test]
fn a_deleted_key_starts_over_and_the_revision_goes_on() {
    let mut store = Store::default();
    store.apply(&txn(0, 1)).unwrap();
    store.apply(&delete(1, 2)).unwrap();
    assert_eq!((store.revision(), store.get(Key(1))), (3, None));
    let told = store.since(3).next().expect("the deletion");
    assert_eq!((told.deleted, told.kv.mod_revision, told.kv.value.object.words()[0]), (true, 3, 1));
    assert_eq!(store.apply(&txn(0, 9)).unwrap().kv.map(|kv| (kv.version, kv.mod_revision)), Some((1, 4)));
    // To delete nothing is no change.
    assert!(store.apply(&delete(7, 0)).unwrap().succeeded);
    assert_eq!(store.revision(), 4);
}

#[test]
fn preloaded_objects_have_revisions_of_their_own_and_no_past() {
    let object = |n| (Key::node(n), Value::words(100, [u64::from(n), 0, 0]));
    let mut store = Store::preload((0..3).map(object).collect());
    assert_eq!((store.revision(), store.compacted(), store.len(), store.bytes()), (4, 4, 3, 3 * 164));
    assert_eq!(store.get(Key::node(1)).map(|kv| (kv.create_revision, kv.version)), Some((3, 1)));
    assert_eq!(store.since(0).count(), 0);
    assert_eq!(store.apply(&list(3, 0)).err(), Some(EtcdError::Compacted));
    assert_eq!(store.apply(&Op::Compact { revision: 4 }).err(), Some(EtcdError::Compacted));
    let nodes = Op::List { from: Kind::Node.first(), to: Kind::Node.end(), limit: 2, revision: 4 };
    let range = store.apply(&nodes).unwrap().range.unwrap();
    assert_eq!((range.kvs.len(), range.more), (2, true));
}

#[test]
fn a_list_is_of_its_revision_unless_that_is_compacted_or_to_come() {
    let mut store = Store::default();
    for key in [5, 3, 5, 4] {
        store.apply(&put(key, 0)).unwrap(); // 2 to 5
    }
    store.apply(&delete(3, 3)).unwrap(); // 6
    assert_eq!(keys(&store.apply(&list(0, 0)).unwrap()), [(4, 5), (5, 4)]);
    assert_eq!(keys(&store.apply(&list(3, 0)).unwrap()), [(3, 3), (5, 2)]);
    assert_eq!(keys(&store.apply(&list(5, 1)).unwrap()), [(3, 3)]);
    assert_eq!(store.apply(&list(7, 0)).err(), Some(EtcdError::FutureRevision));
    assert!(store.apply(&Op::Compact { revision: 4 }).is_ok());
    assert_eq!(store.apply(&list(3, 0)).err(), Some(EtcdError::Compacted));
    assert_eq!(keys(&store.apply(&list(4, 0)).unwrap()), [(3, 3), (5, 4)]);
    assert_eq!(store.apply(&Op::Compact { revision: 4 }).err(), Some(EtcdError::Compacted));
    assert_eq!(store.apply(&Op::Compact { revision: 9 }).err(), Some(EtcdError::FutureRevision));
}

#[test]
fn a_lease_takes_its_keys_along_and_a_new_write_takes_a_key_off() {
    let mut store = Store::default();
    assert_eq!(store.apply(&put(1, 7)).err(), Some(EtcdError::LeaseNotFound));
    store.apply(&Op::Grant { lease: 7, ttl_s: 1 }).unwrap();
    store.apply(&Op::Grant { lease: 8, ttl_s: 15 }).unwrap();
    assert_eq!(store.apply(&Op::Grant { lease: 8, ttl_s: 15 }).err(), Some(EtcdError::LeaseExists));
    assert_eq!((store.leases()[&7].ttl_s, store.leases()[&8].ttl_s), (2, 15));
    for (key, lease) in [(1, 7), (2, 7), (3, 7), (4, 7), (2, 8), (3, 0)] {
        store.apply(&put(key, lease)).unwrap(); // 2 to 7
    }
    store.apply(&Op::Revoke { lease: 7 }).unwrap();
    let gone: Vec<_> = store.since(8).map(|event| (event.kv.key.0, event.deleted, event.kv.mod_revision)).collect();
    assert_eq!(gone, [(1, true, 8), (4, true, 8)], "at one revision");
    assert_eq!(store.apply(&Op::Revoke { lease: 7 }).err(), Some(EtcdError::LeaseNotFound));
    store.apply(&Op::Revoke { lease: 8 }).unwrap();
    assert_eq!(store.keys().map(|kv| kv.key.0).collect::<Vec<_>>(), [3]);
    // A lease without keys ends without a change.
    store.apply(&Op::Grant { lease: 9, ttl_s: 5 }).unwrap();
    store.apply(&Op::Revoke { lease: 9 }).unwrap();
    assert_eq!(store.revision(), 9);
}

/// Every list of the past reads as it read then, through compactions and the limit of the history; and the bytes are the
/// sum of what is kept.
#[test]
fn the_past_stays_as_it_was() {
    for seed in 0..20 {
        let mut rng = Rng::stream(seed, Purpose::Test, 0);
        let mut store = Store::default();
        let mut pictures: BTreeMap<Revision, Vec<KeyValue>> = BTreeMap::new();
        for _ in 0..600 {
            let key = Key(rng.draw().below(40));
            let value = Value::words(rng.draw().below(100) as u32, [rng.draw().bits(), 0, 0]);
            let op = match rng.draw().below(20) {
                0 => Op::Compact { revision: store.compacted() + rng.draw().below(100) },
                1..6 => Op::Txn { key, expected: store.get(key).map_or(0, |kv| kv.mod_revision), value: None },
                _ => Op::Put { key, value, lease: 0 },
            };
            let _refused = store.apply(&op);
            pictures.insert(store.revision(), store.keys().cloned().collect());
            let at = rng.draw().below(store.revision() + 1);
            match store.apply(&list(at, 0)) {
                Ok(response) if at > 1 => {
                    assert_eq!(response.range.unwrap().kvs, pictures[&at], "seed {seed}, at {at}")
                }
                Ok(_) => {}
                Err(error) => assert!(at < store.compacted() && error == EtcdError::Compacted),
            }
        }
        let kept: u64 = store.floor.iter().map(|(_, kv)| weight(kv)).sum();
        let past: u64 = store.since(0).map(|e| if e.deleted { OVERHEAD } else { weight(&e.kv) }).sum();
        assert_eq!(store.bytes(), kept + past);
    }
}

#[test]
fn the_oldest_history_goes_at_the_limit() {
    let mut store = Store::default();
    for _ in 0..HISTORY + 1 {
        store.put(Key(1), Some(Value::words(8, [0; 3])), 0);
    }
    assert_eq!(store.history.len(), HISTORY + 1 - 64);
    assert_eq!((store.since(0).next().map(|e| e.kv.mod_revision), store.compacted()), (Some(66), 66));
}

/// For the clock: `cargo test --profile test-fast -- --ignored --nocapture what_a_copy_costs`.
#[test]
#[ignore = "for the clock: copies of a store of 20,000 keys and a full history"]
fn what_a_copy_costs() {
    let mut store = Store::preload((0..20_000).map(|n| (Key::node_lease(n), Value::words(400, [0; 3]))).collect());
    for n in 0..HISTORY as u64 {
        store.put(Key::node_lease((n * 7_919 % 20_000) as u16), Some(Value::words(400, [n, 0, 0])), 0);
    }
    let copies: Vec<Store> = (0..1_000)
        .map(|n| {
            let copy = store.clone();
            store.put(Key::node_lease(n), Some(Value::words(400, [0; 3])), 0);
            copy
        })
        .collect();
    assert_eq!(copies.len(), 1_000);
}
