//! Answers of vendors, and of whatever stands between us and them.

use std::iter;

use bytes::Bytes;
use homing_channels::{
    Answers, CODE_MAX_CHARS, Class, Content, Exchange, Next, Operation, Origins, Push, Recipients, Response,
    Surroundings, Token,
};

use crate::vendor_app::{App, NOW, app};

/// Stands between the answers of a script: in no JSON that a vendor writes.
const SEPARATOR: u8 = b'\n';
/// Stands behind the value of the headers.
const HEADER_END: u8 = b'\t';
/// Requests of the longest conversation, with room.
const REQUESTS_MAX: usize = 4;
/// The statuses that an answer's first byte names.
const STATUSES: [u16; 16] = [200, 200, 200, 200, 201, 204, 302, 400, 401, 403, 404, 410, 413, 429, 500, 503];
/// Devices of a push, by the names that seeds use.
const TOKENS: [&str; 3] = ["A", "B", "C"];

/// Every answer says something about each device, and no more than fits.
pub fn vendor_answer(data: &[u8]) {
    let Some(([channel, operation], script)) = data.split_first_chunk::<2>() else { return };
    let app = app(*channel);
    let mut answers = script.split(|byte| *byte == SEPARATOR).map(response).chain(iter::repeat_with(|| response(b"")));
    let first = answers.next().expect("it never ends");
    match app.vendor.read_access(&first, NOW) {
        Ok(access) => assert!(!access.token.is_empty() && access.renew_at >= access.since),
        Err(refused) => check(&refused, script.len(), 0),
    }

    let operation = operation_of(*operation);
    let Some(mut exchange) = begin(app, &operation) else { return };
    let targets = match &operation {
        Operation::Push(Push { to: Recipients::Tokens(tokens), .. }) => Some(tokens.len()),
        _ => None,
    };
    let mut answer = first;
    for _ in 0..REQUESTS_MAX {
        assert!(exchange.request().http.uri().scheme().is_some());
        match exchange.take(&answer, NOW) {
            Next::Ask(next) => exchange = next,
            Next::Done(answers) => {
                assert!(targets.is_none_or(|targets| answers.targets.len() == targets), "{operation:?}: {answers:?}");
                return check(&answers, script.len(), answers.targets.len());
            }
        }
        answer = answers.next().expect("it never ends");
    }
    panic!("the conversation does not end");
}

fn begin(app: &App, operation: &Operation) -> Option<Box<dyn Exchange>> {
    let around = Surroundings {
        credential: &app.credential,
        access: app.access.as_ref(),
        origins: &Origins::production(),
        now: NOW,
        callback_url: None,
        random: [7; 64],
    };
    app.vendor.begin(&around, operation).ok()
}

/// The first byte says which status; a capital letter, that the value of headers comes first.
fn response(part: &[u8]) -> Response {
    let (first, mut body) = part.split_first().map_or((0, part), |(first, body)| (*first, body));
    let mut response =
        http::Response::builder().status(STATUSES[usize::from(first.wrapping_sub(b'0')) % STATUSES.len()]);
    if first.is_ascii_uppercase() {
        let end = body.iter().position(|byte| *byte == HEADER_END).unwrap_or(body.len());
        for name in ["retry-after", "apns-id", "apns-channel-id", "location"] {
            response = response.header(
                name,
                http::HeaderValue::from_bytes(&body[..end]).unwrap_or(http::HeaderValue::from_static("")),
            );
        }
        body = body.get(end + 1..).unwrap_or_default();
    }
    response.body(Bytes::copy_from_slice(body)).expect("the headers were checked")
}

fn operation_of(byte: u8) -> Operation {
    let tokens = |texts: &[&str]| {
        Recipients::Tokens(texts.iter().map(|text| Token { text: (*text).to_owned(), since: Some(NOW) }).collect())
    };
    let subscription = r#"{"endpoint":"https://push.example/1","keys":{"auth":"BTBZMqHH6r4Tts7J_aSIgg","p256dh":"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"}}"#;
    let to = match byte.wrapping_sub(b'0') % 12 {
        0 => tokens(&TOKENS[..1]),
        1 | 2 => tokens(&TOKENS),
        3 => Recipients::Aliases(vec!["A".to_owned(), "B".to_owned()]),
        4 => Recipients::Topic("news".to_owned()),
        5 => Recipients::BroadcastChannel("AAAA".to_owned()),
        6 => Recipients::Everyone,
        7 => tokens(&[subscription]),
        8 => return Operation::Subscribe { topic: "news".to_owned(), tokens: vec!["A".to_owned(), "B".to_owned()] },
        9 => return Operation::CreateBroadcastChannel { message_storage_policy: 1 },
        10 => return Operation::FetchDeadTokens,
        _ => tokens(&["A", "B", "C", "A", "a,b", "a;b"]),
    };
    let content = Content {
        message_id: "0123456789abcdef0123456789abcdef".to_owned(),
        title: Some("title".to_owned()),
        body: Some("body".to_owned()),
        time_to_live: 60_000,
        ..Content::default()
    };
    let request_id = "r".to_owned();
    Operation::Push(Push {
        content,
        to,
        same_content: byte.wrapping_sub(b'0') % 12 == 2,
        request_id,
        receipts: Vec::new(),
    })
}

fn check(answers: &Answers, script: usize, targets: usize) {
    let codes = answers.targets.iter().map(|outcome| &outcome.code).chain([&answers.code]);
    assert!(codes.into_iter().all(|code| code.chars().count() <= CODE_MAX_CHARS), "{answers:?}");
    let cleaned = answers.targets.iter().filter(|outcome| outcome.cleans);
    assert!(cleaned.into_iter().all(|outcome| outcome.class == Class::InvalidToken), "{answers:?}");
    let texts =
        answers.vendor_ids.iter().chain(&answers.dead_tokens).chain(&answers.task_id).chain(&answers.channel_id);
    let kept: usize = texts.map(String::len).sum();
    assert!(kept <= 4 * script * targets.max(1) + 1_024, "{kept} bytes of {script}");
}
