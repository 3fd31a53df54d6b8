//! How a request for one object becomes calls of etcd, and their results its answer. Source: kubernetes apiserver
//! pkg/storage/etcd3/store.go, pkg/registry/generic/registry/store.go and pkg/endpoints/handlers.
//!
//! Left out: admission but for what belongs to it here (creationTimestamp, generateName), finalizers, and a PUT that
//! changes nothing (the real one is not written).

use super::rpc::{Body, Request, Status, Verb};
use crate::client::etcd::Failure;
use crate::engine::{LocalTime, Rng, Span};
use crate::etcd::rpc::{EtcdError, Key, KeyValue, Op, Response, Revision, Value};
use crate::object::{Change, Object};
use alloc::sync::Arc;

/// The deadline of a read; then 504. Flag: --request-timeout. Sourced: apiserver
/// pkg/server/config.go#NewConfig.RequestTimeout.
pub const READ_TIMEOUT: Span = Span::from_secs(60);
/// The deadline of a write; then 504. Sourced: apiserver pkg/endpoints/handlers/rest.go#requestTimeoutUpperBound.
pub const WRITE_TIMEOUT: Span = Span::from_secs(34);
/// Names drawn for one Create with generateName. Unit: names. Sourced: apiserver
/// pkg/registry/generic/registry/store.go#maxNameGenerationCreateAttempts.
pub const NAME_ATTEMPTS: u8 = 8;

/// How long a request may take.
pub const fn timeout(verb: Verb) -> Span {
    if verb.mutates() { WRITE_TIMEOUT } else { READ_TIMEOUT }
}

/// What is to be done next for a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A call of etcd.
    Call(Op),
    /// It is answered.
    Answer(Status, Option<KeyValue>),
}

/// How far a request for one object has come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Plan {
    /// Its object: with generateName, the name drawn last.
    key: Key,
    /// Whether a Txn is under way, not a read.
    writing: bool,
    /// The revision that its Txn expects.
    expected: Revision,
    /// How many compares failed, of a Create.
    conflicts: u8,
    /// The object that a Delete removes.
    removed: Option<KeyValue>,
}

impl Plan {
    /// The first step for a request, from the object as the watch cache has it.
    pub fn begin(request: &Request, cached: Option<&KeyValue>, now: LocalTime, rng: &mut Rng) -> (Self, Step) {
        let key = request.key;
        let mut plan = Self { key, writing: false, expected: 0, conflicts: 0, removed: None };
        let step = match (request.verb, &request.body) {
            (Verb::Create, Body::Value(value)) => plan.create(key, value, now, rng),
            (Verb::Update, Body::Value(value)) => plan.write(request.expected(), Some(value.clone())),
            (Verb::Patch, _) if cached.is_some() => plan.modify(request, cached, false, now),
            // A Delete reads the object by quorum before it decides: registry/store.go#Store.Delete.
            _ => plan.read(),
        };
        (plan, step)
    }
    /// What the result of the last call means.
    pub fn next(
        &mut self,
        request: &Request,
        result: Result<Response, Failure>,
        now: LocalTime,
        rng: &mut Rng,
    ) -> Step {
        let response = match result {
            Ok(response) => response,
            Err(failure) => return Step::Answer(status_of(failure), None),
        };
        if !self.writing {
            return match request.verb {
                Verb::Patch | Verb::Delete => self.modify(request, response.kv.as_ref(), true, now),
                _ if response.kv.is_none() => Step::Answer(Status::NotFound, None),
                _ => Step::Answer(Status::Ok, response.kv),
            };
        }
        if response.succeeded {
            let created = request.verb == Verb::Create || request.verb == Verb::Patch && self.expected == 0;
            let status = if created { Status::Created } else { Status::Ok };
            return Step::Answer(status, response.kv.or_else(|| self.removed.take()));
        }
        self.conflicts = self.conflicts.saturating_add(1);
        match (request.verb, &request.body) {
            (Verb::Create, Body::Value(value)) if generated(request) && self.conflicts < NAME_ATTEMPTS => {
                self.create(request.key, value, now, rng)
            }
            (Verb::Update, _) if response.kv.is_none() => Step::Answer(Status::NotFound, None),
            // store.go#GuaranteedUpdate and conditionalDelete try until the request's deadline.
            (Verb::Patch | Verb::Delete, _) => self.modify(request, response.kv.as_ref(), true, now),
            _ => Step::Answer(Status::Conflict, response.kv),
        }
    }

    fn read(&mut self) -> Step {
        self.writing = false;
        Step::Call(Op::Range { key: self.key, serializable: false })
    }
    fn write(&mut self, expected: Revision, value: Option<Value>) -> Step {
        (self.writing, self.expected) = (true, expected);
        Step::Call(Op::Txn { key: self.key, expected, value })
    }
    fn create(&mut self, key: Key, value: &Value, now: LocalTime, rng: &mut Rng) -> Step {
        self.key = key;
        if key.number() == Request::GENERATE_NAME {
            let number = rng.draw().below(u64::from(Request::GENERATE_NAME)) as u32;
            self.key = Key::new(key.kind(), key.group(), key.template(), number);
        }
        let mut value = value.clone();
        match &mut value.object {
            Object::Pod(pod) => Arc::make_mut(pod).created = now,
            Object::ReplicaSet(set) => Arc::make_mut(set).created = now,
            _ => {}
        }
        self.write(0, Some(value))
    }
    /// store.go#GuaranteedUpdate: from the object as it is (`fresh`) or as the cache has it. What the cached one does not
    /// allow is tried again with the real one.
    fn modify(&mut self, request: &Request, current: Option<&KeyValue>, fresh: bool, now: LocalTime) -> Step {
        let Some(kv) = current else {
            return match &request.body {
                Body::Change(Change::Apply(value)) => self.write(0, Some(value.clone())),
                _ => Step::Answer(Status::NotFound, None),
            };
        };
        match &request.body {
            Body::Change(Change::Apply(value)) => self.write(kv.mod_revision, Some(value.clone())),
            Body::Change(change) => {
                let mut object = kv.value.object.clone();
                if !change.apply(&mut object) {
                    return self.refuse(Status::Conflict, kv, fresh);
                }
                if object == kv.value.object {
                    return self.refuse(Status::Ok, kv, fresh); // Nothing to write.
                }
                self.write(kv.mod_revision, Some(sized(kv.value.bytes, object)))
            }
            Body::Delete { grace_s, uid } => self.delete(kv, *grace_s, *uid, fresh, now),
            Body::None | Body::Value(_) => self.delete(kv, None, 0, fresh, now),
        }
    }
    /// registry/store.go#Delete, and rest/delete.go#BeforeDelete: a pod that runs somewhere is only marked; its kubelet
    /// removes it.
    fn delete(&mut self, kv: &KeyValue, grace_s: Option<u32>, uid: Revision, fresh: bool, now: LocalTime) -> Step {
        if uid != 0 && uid != kv.create_revision {
            return self.refuse(Status::Conflict, kv, fresh);
        }
        if let Object::Pod(pod) = &kv.value.object {
            let grace = grace_s.unwrap_or(pod.grace_s);
            if grace > 0 && pod.node.is_some() && !pod.is_terminal() {
                if pod.deleted.is_some() && grace >= pod.grace_s {
                    return self.refuse(Status::Ok, kv, fresh); // It is marked already.
                }
                let mut pod = pod.clone();
                let marked = Arc::make_mut(&mut pod);
                (marked.deleted, marked.grace_s) = (marked.deleted.or(Some(now)), grace);
                return self.write(kv.mod_revision, Some(Object::Pod(pod).value()));
            }
        }
        self.removed = Some(kv.clone());
        self.write(kv.mod_revision, None)
    }
    /// An answer that needs no write: only the object as it really is may say so.
    fn refuse(&mut self, status: Status, kv: &KeyValue, fresh: bool) -> Step {
        if fresh { Step::Answer(status, Some(kv.clone())) } else { self.read() }
    }
}

/// A changed object as a value: of a writer's own format the writer knows the size.
fn sized(bytes: u32, object: Object) -> Value {
    if let Object::Words(_) = object { Value { bytes, object } } else { object.value() }
}
fn generated(request: &Request) -> bool {
    request.key.number() == Request::GENERATE_NAME
}

/// The status for a call of etcd that failed: pkg/storage/etcd3/errors.go translates compaction only; the client gets a
/// 500 with etcd's text for all else.
pub const fn status_of(failure: Failure) -> Status {
    match failure {
        Failure::Deadline => Status::Timeout,
        Failure::Etcd(EtcdError::Compacted) => Status::Gone,
        Failure::Etcd(_) => Status::InternalError,
    }
}
