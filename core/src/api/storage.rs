//! How requests become etcd calls and their results become answers. Source: kubernetes apiserver
//! pkg/storage/etcd3/store.go and pkg/endpoints/handlers.

use super::rpc::{Body, Request, Status, Verb};
use crate::client::etcd::Failure;
use crate::engine::Span;
use crate::etcd::rpc::{Key, KeyValue, Op, Response, Revision, Value};
use crate::object::Change;
use alloc::collections::BTreeMap;

/// apiserver pkg/server/config.go#NewConfig.RequestTimeout: the deadline of a read.
pub const READ_TIMEOUT: Span = Span::from_secs(60);
/// apiserver pkg/endpoints/handlers/rest.go#requestTimeoutUpperBound: the deadline of a write.
pub const WRITE_TIMEOUT: Span = Span::from_secs(34);
/// apiserver pkg/endpoints/handlers#MaxRetryWhenPatchConflicts: tries after a conflict.
pub const CONFLICT_RETRIES: u8 = 5;
/// How many keys' revisions are remembered. Chosen: three times what the users' and the electors' objects need. When
/// it is full the lowest key is forgotten, which costs that object's next writer one more round.
pub const SEEN_MAX: usize = 1024;

/// What a result of etcd means for a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It is answered.
    Answer(Status, Option<KeyValue>),
    /// Its Txn is tried again, with this revision.
    Again(Option<KeyValue>),
}

/// The newest revision seen of each object: a stand-in for the watch cache, from which a real API server takes the
/// object to modify. The real one also sees what other servers write; here that costs one failed compare.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Storage {
    seen: BTreeMap<Key, KeyValue>,
}

impl Storage {
    /// How long a request may take.
    pub const fn timeout(verb: Verb) -> Span {
        match verb {
            Verb::Get | Verb::List | Verb::Watch | Verb::Livez | Verb::Readyz => READ_TIMEOUT,
            Verb::Create | Verb::Update | Verb::Patch | Verb::Delete => WRITE_TIMEOUT,
        }
    }
    /// The object that the first Txn of a request starts from.
    pub fn current(&self, request: &Request) -> Option<KeyValue> {
        matches!(request.verb, Verb::Patch | Verb::Delete).then(|| self.seen.get(&request.key).cloned()).flatten()
    }
    /// The call for a request whose object should be as `current`, and the revision it expects.
    pub fn op(request: &Request, current: Option<&KeyValue>) -> (Op, Revision) {
        let key = request.key;
        let expected = current.map_or(0, |kv| kv.mod_revision);
        match (request.verb, &request.body) {
            (Verb::Create, Body::Value(value)) => (Op::Txn { key, expected: 0, value: Some(value.clone()) }, 0),
            (Verb::Update, Body::Value(value)) => {
                (Op::Txn { key, expected: request.expected(), value: Some(value.clone()) }, request.expected())
            }
            (Verb::Patch, Body::Change(change)) => {
                let mut object = current.map(|kv| kv.value.object.clone()).unwrap_or_default();
                change.apply(&mut object);
                let bytes = if let Change::Apply(value) = change { value.bytes } else { object.bytes() };
                (Op::Txn { key, expected, value: Some(Value { bytes, object }) }, expected)
            }
            (Verb::Delete, _) => (Op::Txn { key, expected, value: None }, expected),
            _ => (Op::Range { key, serializable: false }, 0),
        }
    }
    /// What a result means for a request that expected `expected` and had failed `conflicts` compares before.
    pub fn outcome(
        &mut self,
        request: &Request,
        expected: Revision,
        conflicts: u8,
        result: &Result<Response, Failure>,
    ) -> Outcome {
        let response = match result {
            Ok(response) => response,
            Err(Failure::Deadline) => return Outcome::Answer(Status::Timeout, None),
            // pkg/storage/etcd3/errors.go translates none of these: the client gets a 500 with etcd's text.
            Err(Failure::Etcd(_)) => return Outcome::Answer(Status::InternalError, None),
        };
        self.see(request.key, response.kv.as_ref());
        let revision = response.kv.as_ref().map_or(0, |kv| kv.mod_revision);
        let status = match (request.verb, response.succeeded) {
            (Verb::Get, _) if response.kv.is_none() => Status::NotFound,
            (Verb::Get | Verb::List | Verb::Watch | Verb::Livez | Verb::Readyz, _) => Status::Ok,
            (Verb::Create, true) => Status::Created,
            (Verb::Delete, true) if expected == 0 => Status::NotFound,
            // A patch of an object that is not there creates it, as a server-side apply does.
            (Verb::Patch, true) if expected == 0 => Status::Created,
            (Verb::Update | Verb::Patch | Verb::Delete, true) => Status::Ok,
            (Verb::Update, false) if revision == 0 => Status::NotFound,
            (Verb::Create | Verb::Update, false) => Status::Conflict,
            (Verb::Delete, false) if revision == 0 => Status::NotFound,
            (Verb::Patch | Verb::Delete, false) if conflicts < CONFLICT_RETRIES => {
                return Outcome::Again(response.kv.clone());
            }
            (Verb::Patch | Verb::Delete, false) => Status::Conflict,
        };
        Outcome::Answer(status, response.kv.clone())
    }

    /// Keeps the newer of what it knows and what it sees: answers may come out of order.
    fn see(&mut self, key: Key, kv: Option<&KeyValue>) {
        let Some(kv) = kv else {
            self.seen.remove(&key);
            return;
        };
        if self.seen.len() >= SEEN_MAX && !self.seen.contains_key(&key) {
            self.seen.pop_first();
        }
        let seen = self.seen.entry(key).or_insert_with(|| kv.clone());
        if kv.mod_revision > seen.mod_revision {
            *seen = kv.clone();
        }
    }
}
