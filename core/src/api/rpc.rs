//! What the API server and its clients say to each other over HTTP/2.

use crate::etcd::rpc::{Key, KeyValue, Revision, Value};

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Verb {
    /// GET without resourceVersion: a quorum read.
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
}

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// Its number on this connection.
    pub id: u32,
    /// What is asked.
    pub verb: Verb,
    /// Of which object.
    pub key: Key,
    /// The version expected, for [`Verb::Update`].
    pub resource_version: Revision,
    /// What to write.
    pub value: Value,
}

impl Request {
    /// What it weighs on the wire: about 180 bytes of compressed headers (chosen), and the body.
    pub const fn bytes(&self) -> u32 {
        180 + match self.verb {
            Verb::Create | Verb::Update | Verb::Patch => self.value.bytes,
            Verb::Get | Verb::Delete | Verb::Livez | Verb::Readyz => 0,
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
    /// 429.
    TooManyRequests = 429,
    /// 500 with etcd's text.
    InternalError = 500,
    /// 504: the request's own deadline passed.
    Timeout = 504,
    /// No answer at all within the client's own limit.
    ClientTimeout = 1,
    /// The connection broke or could not be made.
    ConnectionError = 2,
}

impl Status {
    /// Whether the request did what it should.
    pub const fn is_ok(self) -> bool {
        matches!(self, Self::Ok | Self::Created)
    }
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reply {
    /// The request's number.
    pub id: u32,
    /// What came of it.
    pub status: Status,
    /// The object as it is now.
    pub kv: Option<KeyValue>,
}

impl Reply {
    /// What it weighs on the wire: about 120 bytes of headers (chosen), and the object.
    pub fn bytes(&self) -> u32 {
        120 + self.kv.map_or(0, |kv| kv.value.bytes)
    }
}
