//! Where a subscription says that messages go. Whoever registers a device writes it: it is an address of their choice, to which
//! a server of ours will send.

use std::net::IpAddr;

use homing_domain::Channel;
use http::Uri;

use crate::json_answer::uri;
use crate::{EncodeError, Origins};

/// Where a request goes, and for whom it is signed.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) target: Uri,
    /// The service's origin: scheme, host, and the port if it is not the usual (RFC 8292 section 2).
    pub(super) audience: String,
}

/// Takes names only, by https only. That a name resolves to no private address, who connects must see to.
pub(super) fn endpoint(text: &str, origins: &Origins) -> Result<Endpoint, EncodeError> {
    let refused = |why: &str| EncodeError::Refused(format!("the subscription's endpoint {why}"));
    let endpoint: Uri = text.parse().map_err(|_| refused("is no URL"))?;
    if endpoint.scheme_str() != Some("https") {
        return Err(refused("is not an https URL"));
    }
    let authority = endpoint.authority().ok_or_else(|| refused("has no host"))?;
    if authority.as_str().contains('@') {
        return Err(refused("names a user"));
    }
    if !is_public_name(authority.host()) {
        return Err(refused("must name a host of the internet, not an address"));
    }
    let host = authority.host().to_ascii_lowercase();
    let audience = match authority.port_u16() {
        None | Some(443) => format!("https://{host}"),
        Some(port) => format!("https://{host}:{port}"),
    };
    let target = match origins.redirects(Channel::WebPush) {
        Some(base_url) => uri(base_url, endpoint.path_and_query().map_or("/", |path| path.as_str()))?,
        None => endpoint,
    };
    Ok(Endpoint { target, audience })
}

/// A name with a top-level domain. Resolvers read `127.1`, `0x7f.1` and `2130706433` as addresses too: what ends in a number
/// is none (WHATWG URL, "ends in a number checker").
fn is_public_name(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let Some((_, last)) = host.rsplit_once('.') else { return false };
    let number = last.is_empty()
        || last.bytes().all(|byte| byte.is_ascii_digit())
        || last.get(..2).is_some_and(|prefix| prefix.eq_ignore_ascii_case("0x"));
    !number && host.parse::<IpAddr>().is_err() && !host.starts_with('[')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_the_internet_are_asked() {
        let ok = endpoint("https://Push.Example.net:8443/a?b=c", &Origins::production()).unwrap();
        assert_eq!(ok.audience, "https://push.example.net:8443");
        assert_eq!(
            endpoint("https://push.example:443/", &Origins::production()).unwrap().audience,
            "https://push.example"
        );
        for wrong in [
            "http://push.example.net/a",
            "/a",
            "push.example.net",
            "ftp://push.example.net/",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://10.0.0.1./",
            "https://0x7f.0x1/",
            "https://2130706433/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://localhost/",
            "https://user@push.example.net/",
            "https://user:pass@push.example.net/",
            "https:///a",
            "https://push.example.net/ a",
        ] {
            assert!(endpoint(wrong, &Origins::production()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_redirected_channel_is_asked_elsewhere_and_signed_for_the_service() {
        let origins = Origins::production().with(Channel::WebPush, "http://127.0.0.1:7090/webpush/");
        let there = endpoint("https://push.example.net/a/b?c=d", &origins).unwrap();
        assert_eq!(there.target, "http://127.0.0.1:7090/webpush/a/b?c=d");
        assert_eq!(there.audience, "https://push.example.net");
    }
}
