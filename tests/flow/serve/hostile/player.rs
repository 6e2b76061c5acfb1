//! A vendor that means harm: what it does hangs on the token that it is asked for, and it counts what is read of its answer.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// What this side of a connection may hold in the kernel, so that what was written is about what was read.
const SEND_BUFFER_BYTES: u32 = 16 * 1_024;
/// Longest request that is looked at.
const REQUEST_MAX_BYTES: usize = 64 * 1_024;
/// An endless answer ends after so much, if nobody ended it before.
pub(super) const ENDLESS_BYTES: usize = 64 * 1_024 * 1_024;
/// Nobody waits for what comes after it.
const PIECE_BYTES: usize = 16 * 1_024;

/// What it does to whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trick {
    /// A body without an end, and one that says it has a length that nothing has.
    EndlessBody,
    HugeLength,
    /// Headers without an end.
    EndlessHeaders,
    /// A million times the same small text, packed.
    Bomb,
    /// JSON that is none, of another shape, and nested deep.
    Malformed,
    OtherShape,
    Deep,
    /// A page.
    Page,
    /// Elsewhere, to another server.
    MovedForGood,
    MovedForNow,
    /// A body that begins and never goes on, and one that breaks off.
    Stalled,
    BrokenOff,
    /// No HTTP at all.
    Gibberish,
    /// More says that it waits than anybody can.
    WaitForever,
}

impl Trick {
    pub(super) const ALL: [Self; 14] = [
        Self::EndlessBody,
        Self::HugeLength,
        Self::EndlessHeaders,
        Self::Bomb,
        Self::Malformed,
        Self::OtherShape,
        Self::Deep,
        Self::Page,
        Self::MovedForGood,
        Self::MovedForNow,
        Self::Stalled,
        Self::BrokenOff,
        Self::Gibberish,
        Self::WaitForever,
    ];

    /// The token of the device that it is played to.
    pub(super) fn token(self) -> String {
        format!("trick-{self:?}-")
    }

    /// What is answered, with what goes on without an end after it.
    fn answer(self, elsewhere: SocketAddr) -> (Vec<u8>, After) {
        let whole = |status: &str, headers: &str, body: &[u8]| {
            let length = body.len();
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n");
            ([head.as_bytes(), body].concat(), After::Close)
        };
        let begun = |headers: &str, after| (format!("HTTP/1.1 200 OK\r\n{headers}\r\n").into_bytes(), after);
        let json = "content-type: application/json\r\n";
        let moved = format!("location: http://{elsewhere}/v3/message/regid\r\n");
        match self {
            Self::EndlessBody => begun("transfer-encoding: chunked\r\n", After::Endless(chunk)),
            Self::HugeLength => begun("content-length: 9000000000000000000\r\n", After::Endless(spaces)),
            Self::EndlessHeaders => (b"HTTP/1.1 200 OK\r\n".to_vec(), After::Endless(header)),
            Self::Bomb => whole("200 OK", &format!("{json}content-encoding: gzip\r\n"), &BOMB.repeat(1_000)),
            Self::Malformed => whole("200 OK", json, b"{\"code\":0,\"data\":"),
            Self::OtherShape => whole("200 OK", json, b"[{\"code\":{\"code\":[0]}}]"),
            Self::Deep => whole("200 OK", json, &b"{\"a\":".repeat(100_000)),
            Self::Page => whole("200 OK", "content-type: text/html\r\n", b"<html><body>Welcome to the hotel's network"),
            Self::MovedForGood => whole("301 Moved Permanently", &moved, b""),
            Self::MovedForNow => whole("307 Temporary Redirect", &moved, b""),
            Self::Stalled => begun("content-length: 100\r\n", After::Stall),
            Self::BrokenOff => {
                ([&begun("content-length: 100\r\n", After::Close).0[..], b"{\"code\""].concat(), After::Close)
            }
            Self::Gibberish => (b"\x16\x03\x01 220 mail.example.com ESMTP\r\n\r\n".to_vec(), After::Close),
            Self::WaitForever => whole("503 Service Unavailable", "retry-after: 99999999999999999999\r\n", b""),
        }
    }
}

/// 32 bytes of a stream that unpacks to very many more.
const BOMB: [u8; 32] = [
    0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3, 0xed, 0xc1, 1, 1, 0, 0, 0, 0x80, 0x90, 0xfe, 0xaf, 0xee, 8, 0x0a, 0, 0, 0, 0,
    0, 0, 0, 0,
];

/// What follows an answer's beginning.
#[derive(Clone, Copy)]
enum After {
    Close,
    /// Until the other side ends it.
    Stall,
    Endless(fn() -> Vec<u8>),
}

fn chunk() -> Vec<u8> {
    format!("{PIECE_BYTES:x}\r\n{}\r\n", " ".repeat(PIECE_BYTES)).into_bytes()
}

fn spaces() -> Vec<u8> {
    vec![b' '; PIECE_BYTES]
}

fn header() -> Vec<u8> {
    format!("x-filler: {}\r\n", "x".repeat(1_000)).into_bytes()
}

/// What was asked, and what was read of the answer.
#[derive(Clone, Debug)]
pub(super) struct Played {
    /// Headers and body, in small letters.
    pub(super) request: String,
    /// `None` = it was asked for something else than a push for a trick's token.
    pub(super) trick: Option<Trick>,
    /// Bytes of the answer that this side got rid of.
    pub(super) written: usize,
}

/// The vendor, until it is dropped.
pub(super) struct Player {
    pub(super) address: SocketAddr,
    played: Arc<Mutex<Vec<Played>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Player {
    /// Redirects lead to `elsewhere`; to what it does not know as a trick it answers with a redirect too.
    pub(super) fn start(elsewhere: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_send_buffer_size(SEND_BUFFER_BYTES).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(64).unwrap();
        let (address, played) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let task = tokio::spawn(accept(listener, elsewhere, Arc::clone(&played)));
        Self { address, played, task }
    }

    pub(super) fn played(&self) -> Vec<Played> {
        self.played.lock().unwrap().clone()
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, elsewhere: SocketAddr, played: Arc<Mutex<Vec<Played>>>) {
    let mut conversations = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let played = Arc::clone(&played);
        conversations.spawn(async move {
            let told = play(stream, elsewhere).await;
            played.lock().unwrap().extend(told);
        });
    }
}

/// One request on each connection.
async fn play(mut stream: TcpStream, elsewhere: SocketAddr) -> Option<Played> {
    let request = read_request(&mut stream).await?;
    let trick = Trick::ALL.into_iter().find(|trick| request.contains(&trick.token().to_ascii_lowercase()));
    let (beginning, after) = trick.unwrap_or(Trick::MovedForNow).answer(elsewhere);
    let mut written = 0;
    if stream.write_all(&beginning).await.is_ok() {
        written += beginning.len();
        match after {
            After::Close => drop(stream.shutdown().await),
            After::Stall => drop(stream.read_to_end(&mut Vec::new()).await),
            After::Endless(piece) => {
                let piece = piece();
                while written < ENDLESS_BYTES && stream.write_all(&piece).await.is_ok() {
                    written += piece.len();
                }
            }
        }
    }
    Some(Played { request, trick, written })
}

/// Headers and body, up to the declared length.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    while bytes.len() < REQUEST_MAX_BYTES {
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.trim().parse().unwrap()) {
                return Some(text);
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    None
}
