//! The body of a message to a gateway: a first line that names the incarnation, then a line of JSON for each notice, in the
//! envelope of the queue contract. JSON never holds a bare line feed, so lines can be cut without being read.

use bytes::Bytes;
use homing_contract::queue::{self, DecodeError};
use homing_domain::Notice;

/// Bytes of one body, at most, unless a single notice is longer: what SQS bills as one request.
const BODY_MAX_BYTES: usize = 64 << 10;
/// Starts the first line.
const HEAD: &str = "incarnation ";

/// Why a body cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    /// It does not begin with an incarnation.
    #[error("no incarnation")]
    Head,
    /// A line is no notice.
    #[error(transparent)]
    Notice(#[from] DecodeError),
}

/// Bodies that hold the notices in their order.
pub(super) fn write(incarnation: u64, notices: &[Notice]) -> Vec<Bytes> {
    let head = format!("{HEAD}{incarnation}");
    let (mut bodies, mut body) = (Vec::new(), head.clone().into_bytes());
    for notice in notices {
        let line = queue::encode(notice);
        if body.len() > head.len() && body.len() + 1 + line.len() > BODY_MAX_BYTES {
            bodies.push(Bytes::from(std::mem::replace(&mut body, head.clone().into_bytes())));
        }
        body.push(b'\n');
        body.extend_from_slice(&line);
    }
    if body.len() > head.len() {
        bodies.push(Bytes::from(body));
    }
    bodies
}

/// Whom a body is for, and the notices in it.
pub(super) fn read(body: &str) -> Result<(u64, Vec<Notice>), Unreadable> {
    let mut lines = body.split('\n');
    let head = lines.next().and_then(|line| line.strip_prefix(HEAD)?.parse().ok()).ok_or(Unreadable::Head)?;
    let notices = lines.map(|line| queue::decode(line.as_bytes())).collect::<Result<_, _>>()?;
    Ok((head, notices))
}

#[cfg(test)]
mod tests {
    use homing_domain::DeviceId;

    use super::*;

    fn many(count: u64) -> Vec<Notice> {
        (0..count).map(|conn_seq| Notice::Reread { device: DeviceId::from_bytes([7; 16]), conn_seq }).collect()
    }

    #[test]
    fn notices_come_back_in_their_order_and_bodies_stay_small() {
        let notices = many(3_000);
        let bodies = write(u64::MAX, &notices);
        assert!(bodies.len() > 1 && bodies.iter().all(|body| body.len() <= BODY_MAX_BYTES));
        let mut back = Vec::new();
        for body in bodies {
            let (incarnation, mut told) = read(std::str::from_utf8(&body).unwrap()).unwrap();
            assert_eq!(incarnation, u64::MAX);
            back.append(&mut told);
        }
        assert_eq!(back, notices);
        assert_eq!(write(1, &[]), Vec::<Bytes>::new());
    }

    #[test]
    fn what_is_no_body_is_said_so() {
        assert!(matches!(read(""), Err(Unreadable::Head)));
        assert!(matches!(read("incarnation x"), Err(Unreadable::Head)));
        assert!(matches!(read("incarnation 1\n{}"), Err(Unreadable::Notice(_))));
    }
}
