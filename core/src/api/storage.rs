//! How requests become etcd calls and their results become answers. Source: kubernetes apiserver
//! pkg/storage/etcd3/store.go and pkg/endpoints/handlers.

use super::rpc::{Request, Status, Verb};
use crate::client::etcd::Failure;
use crate::engine::Span;
use crate::etcd::rpc::{Key, KeyValue, Op, Response, Revision};
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It is answered.
    Answer(Status, Option<KeyValue>),
    /// Its Txn is tried again, with this revision.
    Again(Revision),
}

/// The newest revision seen of each object: a stand-in for the watch cache, from which a real API server takes the
/// object to modify. The real one also sees what other servers write; here that costs one failed compare.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Storage {
    seen: BTreeMap<Key, Revision>,
}

impl Storage {
    /// How long a request may take.
    pub const fn timeout(verb: Verb) -> Span {
        match verb {
            Verb::Get | Verb::Livez | Verb::Readyz => READ_TIMEOUT,
            Verb::Create | Verb::Update | Verb::Patch | Verb::Delete => WRITE_TIMEOUT,
        }
    }
    /// The revision that the first Txn of a request expects.
    pub fn expected(&self, request: &Request) -> Revision {
        match request.verb {
            Verb::Update => request.resource_version,
            Verb::Patch | Verb::Delete => self.seen.get(&request.key).copied().unwrap_or(0),
            Verb::Get | Verb::Create | Verb::Livez | Verb::Readyz => 0,
        }
    }
    /// The call for a request whose object should be at `expected`.
    pub const fn op(request: &Request, expected: Revision) -> Op {
        let key = request.key;
        match request.verb {
            Verb::Get | Verb::Livez | Verb::Readyz => Op::Range { key, serializable: false },
            Verb::Create | Verb::Update | Verb::Patch => Op::Txn { key, expected, value: Some(request.value) },
            Verb::Delete => Op::Txn { key, expected, value: None },
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
        let revision = response.kv.map_or(0, |kv| kv.mod_revision);
        let status = match (request.verb, response.succeeded) {
            (Verb::Get, _) if response.kv.is_none() => Status::NotFound,
            (Verb::Get | Verb::Livez | Verb::Readyz, _) => Status::Ok,
            (Verb::Create, true) => Status::Created,
            (Verb::Delete, true) if expected == 0 => Status::NotFound,
            // A patch of an object that is not there creates it, as a server-side apply does.
            (Verb::Patch, true) if expected == 0 => Status::Created,
            (Verb::Update | Verb::Patch | Verb::Delete, true) => Status::Ok,
            (Verb::Update, false) if revision == 0 => Status::NotFound,
            (Verb::Create | Verb::Update, false) => Status::Conflict,
            (Verb::Delete, false) if revision == 0 => Status::NotFound,
            (Verb::Patch | Verb::Delete, false) if conflicts < CONFLICT_RETRIES => {
                return Outcome::Again(revision);
            }
            (Verb::Patch | Verb::Delete, false) => Status::Conflict,
        };
        Outcome::Answer(status, response.kv)
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
        let seen = self.seen.entry(key).or_insert(0);
        *seen = kv.mod_revision.max(*seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::rpc::{EtcdError, Value};

    fn request(verb: Verb, key: u32) -> Request {
        Request { id: 1, verb, key: Key(key), resource_version: 7, value: Value::default() }
    }
    fn response(succeeded: bool, revision: Option<Revision>) -> Result<Response, Failure> {
        let kv = |revision| KeyValue {
            key: Key(1),
            value: Value::default(),
            create_revision: 2,
            mod_revision: revision,
            version: 1,
        };
        Ok(Response { revision: 9, succeeded, kv: revision.map(kv) })
    }
    fn status(verb: Verb, expected: Revision, result: &Result<Response, Failure>) -> Outcome {
        match Storage::default().outcome(&request(verb, 1), expected, 0, result) {
            Outcome::Answer(status, _) => Outcome::Answer(status, None),
            again @ Outcome::Again(_) => again,
        }
    }

    #[test]
    fn each_verb_has_its_answers() {
        let answer = |status| Outcome::Answer(status, None);
        assert_eq!(status(Verb::Get, 0, &response(true, Some(8))), answer(Status::Ok));
        assert_eq!(status(Verb::Get, 0, &response(true, None)), answer(Status::NotFound));
        assert_eq!(status(Verb::Create, 0, &response(true, Some(8))), answer(Status::Created));
        assert_eq!(status(Verb::Create, 0, &response(false, Some(8))), answer(Status::Conflict));
        assert_eq!(status(Verb::Update, 7, &response(true, Some(8))), answer(Status::Ok));
        assert_eq!(status(Verb::Update, 7, &response(false, Some(8))), answer(Status::Conflict));
        assert_eq!(status(Verb::Update, 7, &response(false, None)), answer(Status::NotFound));
        assert_eq!(status(Verb::Patch, 7, &response(false, Some(8))), Outcome::Again(8));
        assert_eq!(status(Verb::Patch, 7, &response(false, None)), Outcome::Again(0));
        assert_eq!(status(Verb::Delete, 7, &response(true, None)), answer(Status::Ok));
        assert_eq!(status(Verb::Delete, 7, &response(false, None)), answer(Status::NotFound));
        assert_eq!(status(Verb::Delete, 0, &response(true, None)), answer(Status::NotFound));
        assert_eq!(status(Verb::Delete, 0, &response(false, Some(8))), Outcome::Again(8));
        assert_eq!(status(Verb::Update, 7, &Err(Failure::Deadline)), answer(Status::Timeout));
        let broken = Err(Failure::Etcd(EtcdError::ConnectionBroken));
        assert_eq!(status(Verb::Update, 7, &broken), answer(Status::InternalError));
    }

    #[test]
    fn a_patch_starts_from_the_newest_revision_seen_and_gives_up_after_five_conflicts() {
        let mut storage = Storage::default();
        let patch = request(Verb::Patch, 1);
        assert_eq!(storage.expected(&patch), 0);
        assert_eq!(storage.outcome(&patch, 0, 0, &response(false, Some(8))), Outcome::Again(8));
        storage.outcome(&patch, 0, 0, &response(true, Some(5))); // An older answer, late.
        assert_eq!(storage.expected(&patch), 8);
        let sixth = storage.outcome(&patch, 8, CONFLICT_RETRIES, &response(false, Some(9)));
        assert!(matches!(sixth, Outcome::Answer(Status::Conflict, Some(_))));
    }

    #[test]
    fn it_remembers_so_many_keys_and_no_more() {
        let mut storage = Storage::default();
        for key in 0..SEEN_MAX as u32 + 10 {
            storage.outcome(&request(Verb::Get, key), 0, 0, &response(true, Some(3)));
        }
        assert_eq!(storage.seen.len(), SEEN_MAX);
        assert_eq!(storage.expected(&request(Verb::Patch, 9)), 0);
        assert_eq!(storage.expected(&request(Verb::Patch, 10)), 3);
    }
}
