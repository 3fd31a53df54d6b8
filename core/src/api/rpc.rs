//! What the API server and its clients say to each other over HTTP/2.

use crate::engine::Span;
use crate::object::{Change, Key, KeyValue, Kind, NodeId, Revision, Value};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Verb {
    /// GET of one object.
    Get,
    /// POST.
    Create,
    /// PUT with the resourceVersion it expects: 409 if the object moved on.
    Update,
    /// PATCH: the server reads, changes and retries on conflict.
    Patch,
    /// DELETE.
    Delete,
    /// GET /livez.
    Livez,
    /// GET /readyz.
    Readyz,
    /// GET of all objects of a kind.
    List,
    /// GET with watch=true.
    Watch,
}

impl Verb {
    /// The verb's name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get | Self::Livez | Self::Readyz => "GET",
            Self::Create => "POST",
            Self::Update => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::List => "LIST",
            Self::Watch => "WATCH",
        }
    }
    /// Whether it changes something.
    pub const fn mutates(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Patch | Self::Delete)
    }
}

/// The priority level that a request falls into: apiserver pkg/apis/flowcontrol/bootstrap/default.go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Level {
    /// Probes and the like: never queued.
    Exempt,
    /// Lease calls of kube-controller-manager and kube-scheduler.
    LeaderElection,
    /// Kubelets and kube-proxies, all but their heartbeats.
    System,
    /// Kubelets' Leases and node status.
    NodeHigh,
    /// kube-controller-manager and kube-scheduler.
    WorkloadHigh,
    /// Other service accounts.
    WorkloadLow,
    /// Everybody else.
    GlobalDefault,
}

impl Level {
    /// Every level, in order. Code: a list.
    pub const ALL: [Self; 7] = [
        Self::Exempt,
        Self::LeaderElection,
        Self::System,
        Self::NodeHigh,
        Self::WorkloadHigh,
        Self::WorkloadLow,
        Self::GlobalDefault,
    ];
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exempt => "exempt",
            Self::LeaderElection => "leader-election",
            Self::System => "system",
            Self::NodeHigh => "node-high",
            Self::WorkloadHigh => "workload-high",
            Self::WorkloadLow => "workload-low",
            Self::GlobalDefault => "global-default",
        }
    }
}

/// The resourceVersion parameter of a GET, LIST or WATCH.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Version {
    /// Not given: as new as it gets.
    #[default]
    Unset,
    /// 0: whatever is at hand.
    Any,
    /// Not older than this; a WATCH: everything after it.
    NotOlderThan(Revision),
}

/// A field selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Selector {
    /// Everything.
    #[default]
    All,
    /// spec.nodeName=: the pods of one node.
    OnNode(NodeId),
    /// metadata.name=: one object.
    Name(Key),
}

/// What a request carries.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub enum Body {
    /// Nothing.
    #[default]
    None,
    /// A whole object: Create, Update.
    Value(Value),
    /// A patch.
    Change(Change),
    /// Delete: gracePeriodSeconds, and the uid it must still have (0: any).
    Delete {
        /// None: the object's own.
        grace_s: Option<u32>,
        /// The precondition.
        uid: Revision,
    },
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// Its number on this connection.
    pub id: u32,
    /// What is asked.
    pub verb: Verb,
    /// Of which object; List and Watch: its kind is what counts.
    ///
    /// Create with [`Request::GENERATE_NAME`] as the number: the server draws one.
    pub key: Key,
    /// Get, List, Watch: the resourceVersion asked for. Update: the one expected, as `NotOlderThan`.
    pub version: Version,
    /// List and Watch: which objects.
    pub selector: Selector,
    /// List: at most so many objects; 0: all.
    pub limit: u32,
    /// What it carries.
    pub body: Body,
    /// Its priority level: who asks for what decides, and here the client says so.
    pub level: Level,
}

impl Request {
    /// As a key's number: generateName. Code: a mark.
    pub const GENERATE_NAME: u32 = Key::MAX_NUMBER;

    /// A request for one object.
    pub const fn new(verb: Verb, key: Key, level: Level) -> Self {
        let (version, selector, limit, body) = (Version::Unset, Selector::All, 0, Body::None);
        Self { id: 0, verb, key, version, selector, limit, body, level }
    }
    /// GET of one object, as new as it gets.
    pub const fn get(key: Key, level: Level) -> Self {
        Self::new(Verb::Get, key, level)
    }
    /// LIST of a kind.
    pub fn list(kind: Kind, version: Version, selector: Selector, level: Level) -> Self {
        Self { version, selector, ..Self::new(Verb::List, kind.first(), level) }
    }
    /// WATCH of a kind, everything after `after`.
    pub fn watch(kind: Kind, after: Revision, selector: Selector, level: Level) -> Self {
        Self { version: Version::NotOlderThan(after), selector, ..Self::new(Verb::Watch, kind.first(), level) }
    }
    /// POST.
    pub fn create(key: Key, value: Value, level: Level) -> Self {
        Self { body: Body::Value(value), ..Self::new(Verb::Create, key, level) }
    }
    /// PUT, if it is still at `expected`.
    pub fn update(key: Key, expected: Revision, value: Value, level: Level) -> Self {
        let version = Version::NotOlderThan(expected);
        Self { version, body: Body::Value(value), ..Self::new(Verb::Update, key, level) }
    }
    /// PATCH.
    pub fn patch(key: Key, change: Change, level: Level) -> Self {
        Self { body: Body::Change(change), ..Self::new(Verb::Patch, key, level) }
    }
    /// DELETE.
    pub fn delete(key: Key, grace_s: Option<u32>, uid: Revision, level: Level) -> Self {
        Self { body: Body::Delete { grace_s, uid }, ..Self::new(Verb::Delete, key, level) }
    }
    /// The version an Update expects.
    pub const fn expected(&self) -> Revision {
        if let Version::NotOlderThan(revision) = self.version { revision } else { 0 }
    }
    /// What a request weighs without its body. Chosen: compressed headers.
    const HEAD_BYTES: u32 = 180;
    /// What the body of a DELETE weighs. Chosen: its options.
    const DELETE_BYTES: u32 = 60;

    /// What it weighs on the wire: its headers and the body.
    pub fn bytes(&self) -> u32 {
        Self::HEAD_BYTES
            + match &self.body {
                Body::None => 0,
                Body::Value(value) => value.bytes,
                Body::Change(change) => change.bytes(),
                Body::Delete { .. } => Self::DELETE_BYTES,
            }
    }
}

/// An HTTP status with its reason, as a client of Kubernetes sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Status {
    /// 200.
    Ok = 200,
    /// 201.
    Created = 201,
    /// 404.
    NotFound = 404,
    /// 409: the object exists, or moved on.
    Conflict = 409,
    /// 410: the resourceVersion is too old.
    Gone = 410,
    /// 429.
    TooManyRequests = 429,
    /// 500 with etcd's text.
    InternalError = 500,
    /// 503: the server is shutting down.
    Unavailable = 503,
    /// 504: the request's own deadline passed, or a resourceVersion that is too large did not come.
    Timeout = 504,
    /// No answer at all within the client's own limit.
    ClientTimeout = 1,
    /// The connection broke or could not be made.
    ConnectionError = 2,
    /// Nobody listens there: the connection was refused.
    ConnectionRefused = 3,
}

impl Status {
    /// Whether the request did what it should.
    pub const fn is_ok(self) -> bool {
        matches!(self, Self::Ok | Self::Created)
    }
}

/// The objects of a LIST.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct List {
    /// Its own resourceVersion.
    pub revision: Revision,
    /// The objects, in order.
    pub items: Vec<KeyValue>,
    /// Whether the limit left some out.
    pub more: bool,
}

/// An answer. To a WATCH, Ok means that it stands and [`WatchEvents`] follow; anything else that it does not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reply {
    /// The request's number.
    pub id: u32,
    /// What came of it.
    pub status: Status,
    /// The object as it is now.
    pub kv: Option<KeyValue>,
    /// The objects of a LIST.
    pub list: Option<Arc<List>>,
    /// Retry-After.
    pub retry_after: Option<Span>,
}

impl Reply {
    /// An answer without an object.
    pub const fn new(id: u32, status: Status) -> Self {
        Self { id, status, kv: None, list: None, retry_after: None }
    }
    /// What an answer weighs without its objects. Chosen: compressed headers.
    const HEAD_BYTES: u32 = 120;

    /// What it weighs on the wire: its headers and the objects.
    pub fn bytes(&self) -> u32 {
        let items = self.list.as_deref().map_or(&[][..], |list| &list.items);
        items.iter().chain(&self.kv).map(|kv| kv.value.bytes).fold(Self::HEAD_BYTES, u32::saturating_add)
    }
}

/// What happened to an object, for those who watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum EventType {
    /// ADDED: it is there now, or fits the selector now.
    Added,
    /// MODIFIED.
    Modified,
    /// DELETED: it is gone, or fits no more.
    Deleted,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WatchEvent {
    /// What happened.
    pub event: EventType,
    /// The object; of a deleted one, as it was, with the revision of its deletion.
    pub kv: KeyValue,
}

/// What a WATCH tells: events in the order of revisions, a bookmark, its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WatchEvents {
    /// The request's number.
    pub id: u32,
    /// The changes.
    pub events: Arc<[WatchEvent]>,
    /// BOOKMARK: everything up to this revision has been sent.
    pub bookmark: Option<Revision>,
    /// The watch is over: Ok at its time limit and when the cache was lost, Gone after a compaction.
    pub end: Option<Status>,
}

impl WatchEvents {
    /// What a bookmark weighs. Chosen: an object with nothing but its version.
    const BOOKMARK_BYTES: u32 = 100;
    /// What the end of a watch weighs. Chosen: a Status.
    const END_BYTES: u32 = 60;
    /// What an event adds to its object. Chosen: its type and the frame.
    const EVENT_BYTES: u32 = 60;
    /// What anything told weighs at least. Chosen: a frame.
    const LEAST_BYTES: u32 = 20;

    /// What it weighs on the wire.
    pub fn bytes(&self) -> u32 {
        let (bookmark, end) = (u32::from(self.bookmark.is_some()), u32::from(self.end.is_some()));
        let extra = (Self::BOOKMARK_BYTES * bookmark + Self::END_BYTES * end).max(Self::LEAST_BYTES);
        self.events.iter().map(|event| Self::EVENT_BYTES + event.kv.value.bytes).fold(extra, u32::saturating_add)
    }
}
