//! What leaves the installation for others than devices: requests to vendors and businesses, and mail.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use homing_domain::Millis;

use crate::Result;

/// Certificate and key that a request is made with, in DER.
#[derive(Clone)]
pub struct CallIdentity {
    /// The own certificate first.
    pub chain: Vec<Bytes>,
    /// PKCS#8, PKCS#1 or SEC1.
    pub key: Arc<[u8]>,
}

impl fmt::Debug for CallIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallIdentity({} certificates)", self.chain.len())
    }
}

/// A request to somebody else's server.
#[derive(Clone, Debug)]
pub struct Call {
    /// With an absolute URL. Redirects are not followed.
    pub request: http::Request<Bytes>,
    /// The certificate to make it with.
    pub identity: Option<CallIdentity>,
    /// Whether the URL came from outside and may lead anywhere: then it must be `https`, and name no address of this network.
    pub is_foreign: bool,
    /// How long the answer is waited for, connecting included.
    pub timeout: Millis,
    /// Bytes of the answer's body that are read; a longer one is [`CallError::Unknown`].
    pub answer_max: usize,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The other side never got it.
    #[error("it was not sent: {0}")]
    Unsent(String),
    /// The other side may have got it.
    #[error("no answer came: {0}")]
    Unknown(String),
}

/// Makes requests.
pub trait Outbound: Send + Sync {
    /// Makes one.
    fn call(&self, call: Call) -> impl Future<Output = std::result::Result<http::Response<Bytes>, CallError>> + Send;
}

/// A letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// An address.
    pub to: String,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

/// Sends mail.
pub trait Mail: Send + Sync {
    /// Hands a letter to the mail server. Sent twice when the answer is lost.
    fn mail(&self, letter: Letter) -> impl Future<Output = Result<()>> + Send;
}
