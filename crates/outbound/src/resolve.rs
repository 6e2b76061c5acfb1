//! Names become addresses; for URLs from outside, public ones only.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower::Service;

use crate::address::is_public;

/// Asks the system, and leaves out what may not be connected to. The connector connects to what comes out here and asks nobody
/// else, so a name cannot change between the look and the connection.
#[derive(Clone, Debug)]
pub(crate) struct Resolver {
    system: GaiResolver,
    public_only: bool,
}

impl Resolver {
    pub(crate) fn new(public_only: bool) -> Self {
        Self { system: GaiResolver::new(), public_only }
    }
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.system.poll_ready(context)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let asked = self.system.call(name);
        let public_only = self.public_only;
        Box::pin(async move { allowed(asked.await?, public_only) })
    }
}

fn allowed(found: impl Iterator<Item = SocketAddr>, public_only: bool) -> io::Result<std::vec::IntoIter<SocketAddr>> {
    let allowed: Vec<SocketAddr> = found.filter(|address| !public_only || is_public(address.ip())).collect();
    if allowed.is_empty() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the name leads to no public address"));
    }
    Ok(allowed.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_both_kinds_of_addresses_leads_to_the_public_ones() {
        let both = ["10.0.0.1:0", "1.1.1.1:0", "[::1]:0"].map(|address| address.parse().unwrap());
        let left: Vec<SocketAddr> = allowed(both.into_iter(), true).unwrap().collect();
        assert_eq!(left, [both[1]]);
        assert_eq!(allowed(both.into_iter(), false).unwrap().len(), 3);
        let inside = allowed(both.into_iter().take(1), true).unwrap_err();
        assert_eq!(inside.kind(), io::ErrorKind::PermissionDenied);
    }
}
