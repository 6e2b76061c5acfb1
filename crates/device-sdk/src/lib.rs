//! The device's side of Homing: connects, keeps the link alive, and hands messages to an app, each of them once, in
//! order, and safe before the sender hears that it was delivered.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use homing_device_sdk::{Device, Event, FileState, Identity, Route, Transports, Trust};
//!
//! # let identity: Identity = unimplemented!();
//! let (device, mut inbox) = Device::builder(identity, Route::new("push.example.com", 7443))
//!     .transports(Transports::new(Trust::Platform)?)
//!     .start(FileState::open("device.log")?)
//!     .await?;
//! while let Some(delivery) = inbox.next().await {
//!     if let Event::Message(message) = delivery.event() {
//!         // Show it; then:
//!         device.displayed(message.id).await?;
//!     }
//!     delivery.done().await;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A message is written to the state store, together with the cursor, before it is acknowledged; it is forgotten there
//! only after [`Delivery::done`]. So an app that is killed in between gets it again, with the same id, at its next start:
//! at least once to the app, exactly once from the network.
//!
//! The protocol itself is `homing_link::client`; here are its driver, the transports, and the store.
//!
//! **Must not know**: HTTP (registration is the app's), what a payload means, the server's crates.

mod agent;
mod builder;
mod clock;
mod device;
mod identity;
mod inbox;
mod router;
mod state;
mod status;
mod transports;
mod web_push;

pub use builder::{Builder, StartError};
pub use device::{Device, DeviceError, UpError};
pub use homing_link::Transport;
pub use homing_link::client::{
    Backoff, Cursor, Failed, Learned, Lesson, Loss, Message, Networks, Power, SeenIds, Stop, Upload,
};
pub use homing_wire::{PayloadEncoding, SkipReason};
pub use identity::{Identity, Route};
pub use inbox::{Delivery, Inbox};
pub use router::Router;
pub use state::{
    Change, Durability, Event, FileState, Item, MemoryState, State, StateError, StateStore, UNFINISHED_MAX, Winner,
};
pub use status::{Status, Why};
pub use transports::{Preference, Transports, TransportsError, Trust};
pub use web_push::{WEB_PUSH_KEYS_BYTES, WebPushError, WebPushKeys, WebPushMessage};
