//! Asks vendors about credentials that nobody depends on yet.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use homing_channels::{
    Carrier, CarryError, CheckError, Checked, ClientIdentity, Credential, Origins, Request, Response, Surroundings,
    Vendor, check,
};
use homing_domain::{Millis, UnixMillis};
use homing_ports::{Call, CallError, CallIdentity, Outbound};

/// How long one answer of a vendor is waited for: three of them (access, a message to nobody, that again) fit into the 15
/// seconds that a request to this API may take.
const ANSWER_WITHIN: Millis = 4_000;
/// Bytes of an answer: access, or what became of one token.
const ANSWER_MAX_BYTES: usize = 64 * 1_024;

/// Who finds out whether a vendor takes a credential.
pub trait CheckCredentials: Send + Sync {
    /// Asks the vendor; nothing is brought to anybody. `random` is fresh.
    fn check<'a>(
        &'a self,
        vendor: &'static dyn Vendor,
        credential: &'a Credential,
        now: UnixMillis,
        random: [u8; 64],
    ) -> BoxFuture<'a, Result<Checked, CheckError>>;
}

/// Asks over what leaves the installation.
pub struct VendorDesk<O> {
    outbound: Arc<O>,
    origins: Origins,
}

impl<O> fmt::Debug for VendorDesk<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VendorDesk").field("origins", &self.origins).finish_non_exhaustive()
    }
}

impl<O: Outbound> VendorDesk<O> {
    /// `origins` says where vendors are.
    #[must_use]
    pub const fn new(outbound: Arc<O>, origins: Origins) -> Self {
        Self { outbound, origins }
    }
}

impl<O: Outbound> CheckCredentials for VendorDesk<O> {
    fn check<'a>(
        &'a self,
        vendor: &'static dyn Vendor,
        credential: &'a Credential,
        now: UnixMillis,
        random: [u8; 64],
    ) -> BoxFuture<'a, Result<Checked, CheckError>> {
        async move {
            let around =
                Surroundings { credential, access: None, origins: &self.origins, now, callback_url: None, random };
            check(vendor, &around, &DeskCarrier(&*self.outbound), || now).await
        }
        .boxed()
    }
}

struct DeskCarrier<'a, O>(&'a O);

impl<O: Outbound> Carrier for DeskCarrier<'_, O> {
    async fn carry(&self, request: Request) -> Result<Response, CarryError> {
        let call = Call {
            request: request.http,
            identity: request.identity.as_ref().map(identity),
            // The vendors' own servers, or where the installation's settings say that they are.
            is_foreign: false,
            timeout: ANSWER_WITHIN,
            answer_max: ANSWER_MAX_BYTES,
        };
        self.0.call(call).await.map_err(|error| match error {
            CallError::Unsent(why) => CarryError::Unsent(why),
            CallError::Unknown(why) => CarryError::Unknown(why),
        })
    }
}

fn identity(identity: &ClientIdentity) -> CallIdentity {
    CallIdentity {
        chain: identity.chain.iter().map(|certificate| Bytes::copy_from_slice(certificate)).collect(),
        key: Arc::from(identity.key.secret_der()),
    }
}
