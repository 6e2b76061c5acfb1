//! By which way devices are reached, as rows.

use homing_domain::DeliveryPolicy;

use super::Wrong;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DeliveryPolicyRow {
    /// One of the numbers below. Never changed, never given out again.
    #[prost(uint32, tag = "1")]
    policy: u32,
    /// Of policies that ask a vendor after a while: after which.
    #[prost(uint64, tag = "2")]
    fallback_after: u64,
}

const ONLINE_FIRST: u32 = 1;
const OWN_ONLY: u32 = 2;
const VENDOR_ONLY: u32 = 3;
const FALLBACK: u32 = 4;

/// None for the default, which is what earlier releases knew.
pub(super) fn delivery_policy_row(delivery: DeliveryPolicy) -> Option<DeliveryPolicyRow> {
    let (policy, fallback_after) = match delivery {
        DeliveryPolicy::OnlineFirst { fallback_after } => (ONLINE_FIRST, fallback_after),
        DeliveryPolicy::OwnOnly => (OWN_ONLY, 0),
        DeliveryPolicy::VendorOnly => (VENDOR_ONLY, 0),
        DeliveryPolicy::Fallback { fallback_after } => (FALLBACK, fallback_after),
    };
    (delivery != DeliveryPolicy::default()).then_some(DeliveryPolicyRow { policy, fallback_after })
}

pub(super) fn delivery_policy(row: Option<DeliveryPolicyRow>) -> Result<DeliveryPolicy, Wrong> {
    let Some(DeliveryPolicyRow { policy, fallback_after }) = row else { return Ok(DeliveryPolicy::default()) };
    match policy {
        ONLINE_FIRST => Ok(DeliveryPolicy::OnlineFirst { fallback_after }),
        OWN_ONLY => Ok(DeliveryPolicy::OwnOnly),
        VENDOR_ONLY => Ok(DeliveryPolicy::VendorOnly),
        FALLBACK => Ok(DeliveryPolicy::Fallback { fallback_after }),
        _ => Err("delivery policy"),
    }
}
