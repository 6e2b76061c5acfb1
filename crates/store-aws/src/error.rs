//! From what AWS says to what the caller should do.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use homing_ports::{Error, Fault};

/// Codes of answers that may be another one next time. The SDK has tried again by then, a bounded number of times.
const TRANSIENT: [&str; 14] = [
    "InternalServerError",
    "InternalFailure",
    "InternalException",
    "LimitExceededException",
    "OverLimit",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "ServiceUnavailable",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// The port's error of a failed call. What nobody answered may have happened or not: that is a retry.
pub(crate) fn in_port<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let fault = fault_of(&error);
    // The SDK's own words say "service error" and keep the rest in the source.
    let words = match error.as_service_error() {
        Some(service) => {
            format!("{}: {}", service.code().unwrap_or("unknown"), service.message().unwrap_or("no message"))
        }
        None => chain(&error),
    };
    Error::with_source(fault, operation, words)
}

fn fault_of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Fault {
    let SdkError::ServiceError(service) = error else {
        // A request that cannot be built is a bug; everything else is the network's.
        return if matches!(error, SdkError::ConstructionFailure(_)) { Fault::Broken } else { Fault::Retry };
    };
    let is_transient = service.err().code().is_some_and(|code| TRANSIENT.contains(&code));
    if is_transient || service.raw().status().is_server_error() { Fault::Retry } else { Fault::Broken }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        words.push_str(": ");
        words.push_str(&inner.to_string());
        source = inner.source();
    }
    words
}
