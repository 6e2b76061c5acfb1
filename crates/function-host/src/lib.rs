//! What every Lambda function of Homing has around its stage: settings, ports, logs, metrics, batches of queue items.
//!
//! A function's main asks for a [`Host`], gives its routers to [`Host::http`] or its stage to [`Host::batch`], and hands the
//! result to the Lambda runtime. Nothing is decided here that a worker of the single binary would decide otherwise: what
//! becomes of an item is [`homing_ports::settle`]'s word in both.
//!
//! **Must not know**: any stage, the Lambda runtime's types (only the mains of the functions name those).

mod batch;
mod emf;
mod environment;
mod host;
mod http;
mod logs;
mod sqs_event;

pub use environment::EnvironmentError;
pub use host::{Host, HostError};
pub use sqs_event::{BatchItemFailure, BatchResponse, SqsEvent, SqsRecord};
