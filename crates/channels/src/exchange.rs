//! What is asked of a vendor, as requests and answers without a network.

use std::fmt;

use bytes::Bytes;
use homing_domain::UnixMillis;

use crate::access::Access;
use crate::content::Content;
use crate::credential::{ClientIdentity, Credential};
use crate::origins::Origins;
use crate::outcome::Answers;

/// A request to a vendor's server. Redirects are not followed.
#[derive(Clone)]
pub struct Request {
    /// The request, with an absolute URL.
    pub http: http::Request<Bytes>,
    /// The certificate to make it with.
    pub identity: Option<ClientIdentity>,
}

impl fmt::Debug for Request {
    /// Without headers and body, and without what stands in the path: they hold tokens, keys and what people are told.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.http.uri().host().unwrap_or_default();
        write!(f, "Request({} {host}, {} bytes)", self.http.method(), self.http.body().len())
    }
}

/// Its answer, its body already bounded.
pub type Response = http::Response<Bytes>;

/// One device's address at a vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The vendor's token; for Web Push the subscription as JSON (`{"endpoint", "keys": {"p256dh", "auth"}}`).
    pub text: String,
    /// Since when we know it.
    pub since: Option<UnixMillis>,
}

/// Whom a message is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipients {
    /// These devices: at least one, at most what [`crate::Vendor::limits`] says.
    Tokens(Vec<Token>),
    /// Those who set one of these names of ours at the vendor.
    Aliases(Vec<String>),
    /// Those who subscribed to it at the vendor.
    Topic(String),
    /// A broadcast channel of the vendor's.
    BroadcastChannel(String),
    /// Every device of the app.
    Everyone,
}

/// A message for somebody.
#[derive(Clone, Debug, PartialEq)]
pub struct Push {
    /// What.
    pub content: Content,
    /// For whom.
    pub to: Recipients,
    /// Whether the vendor's interface for one content to very many is to be used where it has one beside its usual.
    pub same_content: bool,
    /// Names this attempt's repeat too, where a vendor drops repeats: at most 32 ASCII characters.
    pub request_id: String,
    /// What receipts are asked for, where a vendor lets one choose. Empty = all that it has.
    pub receipts: Vec<crate::callback::CallbackEventKind>,
}

/// What is asked of a vendor.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "nearly every one is a push, and none is kept in numbers")]
pub enum Operation {
    /// Bring a message.
    Push(Push),
    /// Let these tokens hear a topic.
    Subscribe {
        /// Its name.
        topic: String,
        /// At most 1,000.
        tokens: Vec<String>,
    },
    /// Make a broadcast channel (APNs).
    CreateBroadcastChannel {
        /// 0 = keep nothing, 1 = keep the newest.
        message_storage_policy: u8,
    },
    /// Ask which tokens died (OPPO).
    FetchDeadTokens,
}

/// What an encoder is given beside the operation.
#[derive(Debug)]
pub struct Surroundings<'a> {
    /// What the app has from the vendor.
    pub credential: &'a Credential,
    /// What authorises the requests; none where the credential does by itself.
    pub access: Option<&'a Access>,
    /// Where the servers are.
    pub origins: &'a Origins,
    /// The present.
    pub now: UnixMillis,
    /// Where receipts are to be sent, for vendors that are told with each message.
    pub callback_url: Option<&'a str>,
    /// Random bytes, fresh for each operation: for keys and salts.
    pub random: [u8; 64],
}

/// An operation that cannot be put into a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The credential is another channel's, or access is missing: a fault of ours.
    #[error("{0}")]
    Misused(&'static str),
    /// The vendor has no such thing.
    #[error("this vendor has no {0}")]
    Unsupported(&'static str),
    /// The vendor would refuse it.
    #[error("{0}")]
    Refused(String),
}

/// A conversation with a vendor, as far as it has come: one request is to be answered.
pub trait Exchange: fmt::Debug + Send {
    /// What is to be sent now.
    fn request(&self) -> Request;

    /// Takes its answer in.
    fn take(self: Box<Self>, response: &Response, now: UnixMillis) -> Next;
}

/// What follows an answer.
#[derive(Debug)]
pub enum Next {
    /// Another request.
    Ask(Box<dyn Exchange>),
    /// It is over.
    Done(Answers),
}
