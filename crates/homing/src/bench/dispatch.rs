//! How fast vendors are asked, what one push costs the server, and whether a vendor that is in trouble holds up the others.
//!
//! Each vendor is a process of its own that speaks TLS and offers HTTP/2, as the real ones are hosts of their own; its log says
//! when it took a push, to a millisecond. Nothing is sent back: receipts would be another measurement.

mod beside;
mod field;
mod log;
mod throughput;

use anyhow::{Result, bail};

use super::report::Report;
use crate::arguments::BenchArguments;
use field::Field;

/// Measures.
pub(super) async fn measure(arguments: &BenchArguments, report: &mut Report) -> Result<()> {
    if arguments.server.is_some() {
        bail!("dispatch needs a server of its own: it is told where the vendors are when it starts");
    }
    let mut field = Field::prepare(arguments).await?;
    throughput::measure(&mut field, arguments, report).await?;
    beside::measure(&mut field, arguments, report).await?;
    field.clear().await
}
