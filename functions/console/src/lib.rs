//! What operators do: apps and their keys, what apps have from vendors, settings, gateways, dead letters.
//!
//! **Must not know**: other functions, messages, any adapter.

mod apps;
mod channels;
mod first_token;
mod http;
mod keys;
mod tell_gateways;
mod vendor_desk;

pub use apps::{AppChangeError, NewKeys, create_app, update_app};
pub use first_token::first_token;
pub use http::{router, router_with_vendors};
pub use keys::{first_key, rotate};
pub use vendor_desk::{CheckCredentials, VendorDesk};
