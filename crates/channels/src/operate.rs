//! Walks an operation from the first request to its answers, over whatever carries requests.

use std::future::Future;

use homing_domain::UnixMillis;

use crate::access::{Access, Authorization};
use crate::exchange::{EncodeError, Next, Operation, Request, Response, Surroundings};
use crate::outcome::{Answers, Class, Outcome};
use crate::vendor::Vendor;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CarryError {
    /// The vendor never got it: no connection, refused before it was read.
    #[error("it was not sent: {0}")]
    Unsent(String),
    /// The vendor may have got it, and may have done what it says.
    #[error("no answer came: {0}")]
    Unknown(String),
}

/// Brings requests to vendors' servers.
pub trait Carrier: Sync {
    /// Brings one, within a time limit of its own. Follows no redirect.
    fn carry(&self, request: Request) -> impl Future<Output = Result<Response, CarryError>> + Send;
}

/// Where access is kept for all who send for the same app and channel, so that it is asked for once.
pub trait Accesses: Sync {
    /// Access that is good now; `None` where none is needed. With `stale` the vendor has just refused that one: another is
    /// wanted, and whoever comes first asks for it.
    fn access(&self, stale: Option<&Access>) -> impl Future<Output = Result<Option<Access>, Failure>> + Send;
}

/// Why an operation has no answers of its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It was not even asked.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// There is no answer.
    #[error(transparent)]
    Carry(#[from] CarryError),
    /// There is no access, so nothing was pushed: what the vendor's answer means, or that there is none
    /// ([`Class::Retry`]).
    #[error("no access: {}", .0.code)]
    NoAccess(Box<Answers>),
}

/// Gets access anew, from the vendor or by signing.
///
/// # Errors
/// [`Failure`], never [`Failure::Carry`]: a lost answer did no harm here.
pub async fn fetch_access(
    vendor: &dyn Vendor,
    around: &Surroundings<'_>,
    carrier: &impl Carrier,
    now: impl Fn() -> UnixMillis + Send,
) -> Result<Option<Access>, Failure> {
    match vendor.authorize(around)? {
        Authorization::Static => Ok(None),
        Authorization::Signed(access) => Ok(Some(access)),
        Authorization::Ask(request) => {
            let nothing = |error: CarryError| {
                Failure::NoAccess(Box::new(Answers::all(&Outcome::of(Class::Retry, error.to_string()), 0)))
            };
            let response = carrier.carry(request).await.map_err(nothing)?;
            vendor.read_access(&response, now()).map(Some).map_err(Failure::NoAccess)
        }
    }
}

/// Carries an operation out. When the vendor refuses the access, it is tried once more with a fresh one.
///
/// # Errors
/// [`Failure`]: see there what is known to have happened. After the first request of several a lost answer is
/// [`CarryError::Unknown`] even if it was not sent.
pub async fn operate(
    vendor: &dyn Vendor,
    around: &Surroundings<'_>,
    operation: &Operation,
    carrier: &impl Carrier,
    accesses: &impl Accesses,
    now: impl Fn() -> UnixMillis + Send + Sync,
) -> Result<Answers, Failure> {
    let access = accesses.access(None).await?;
    let answers = once(vendor, around, operation, carrier, access.as_ref(), &now).await?;
    if !answers.refresh_access {
        return Ok(answers);
    }
    let fresh = accesses.access(access.as_ref()).await?;
    once(vendor, around, operation, carrier, fresh.as_ref(), &now).await
}

async fn once(
    vendor: &dyn Vendor,
    around: &Surroundings<'_>,
    operation: &Operation,
    carrier: &impl Carrier,
    access: Option<&Access>,
    now: &(impl Fn() -> UnixMillis + Send + Sync),
) -> Result<Answers, Failure> {
    let around = Surroundings { access, now: now(), ..*around };
    let mut exchange = vendor.begin(&around, operation)?;
    loop {
        let response = carrier.carry(exchange.request()).await?;
        match exchange.take(&response, now()) {
            Next::Ask(next) => exchange = next,
            Next::Done(answers) => return Ok(answers),
        }
    }
}
