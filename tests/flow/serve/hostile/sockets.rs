//! Requests as no client library would make them.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// An answer takes milliseconds; a machine under load may take a thousand times that.
const PATIENCE: Duration = Duration::from_secs(30);
/// What the sender's side of a connection may hold in the kernel, so that what was written is about what was read.
const SEND_BUFFER_BYTES: u32 = 16 * 1_024;
/// What endless senders send at a time.
const PIECE_BYTES: usize = 16 * 1_024;

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Status line and headers, in small letters.
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    /// Status and the stable code of a problem; panics if it is none in the form of all others.
    pub(super) fn problem(&self) -> (u16, String) {
        assert!(self.head.contains("content-type: application/problem+json"), "{self:?}");
        let body: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(body["status"], self.status);
        (self.status, body["code"].as_str().unwrap().to_owned())
    }

    pub(super) fn retry_after(&self) -> Option<u64> {
        let value = self.head.lines().find_map(|line| line.strip_prefix("retry-after: "))?;
        Some(value.trim().parse().unwrap())
    }
}

pub(super) async fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(SEND_BUFFER_BYTES).unwrap();
    socket.connect(address).await.unwrap()
}

/// The head of a POST; further headers with `\r\n` after each.
fn head(path: &str, headers: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n")
}

/// A whole request.
pub(super) async fn post(address: SocketAddr, path: &str, headers: &str, body: &[u8]) -> Answer {
    let headers = format!("content-length: {}\r\n{headers}", body.len());
    start(address, path, &headers, body).await.answer().await
}

/// A request of which only this much of its body comes, for now.
pub(super) struct Stalled(TcpStream);

pub(super) async fn start(address: SocketAddr, path: &str, headers: &str, part: &[u8]) -> Stalled {
    let mut stream = connect(address).await;
    stream.write_all(&[head(path, headers).as_bytes(), part].concat()).await.unwrap();
    Stalled(stream)
}

impl Stalled {
    /// What is answered to it, without another byte.
    pub(super) async fn answer(mut self) -> Answer {
        read(&mut self.0).await
    }
}

/// A body without a length that ends only with the connection, or after so many bytes. Answers how many were written.
pub(super) async fn post_endless(address: SocketAddr, path: &str, up_to: usize) -> (Answer, usize) {
    let (mut reader, mut writer) = connect(address).await.into_split();
    let chunk = format!("{PIECE_BYTES:x}\r\n{}\r\n", " ".repeat(PIECE_BYTES));
    let sending = async move {
        let mut written = 0;
        let head = head(path, "transfer-encoding: chunked\r\n");
        writer.write_all(head.as_bytes()).await.unwrap();
        while written < up_to && writer.write_all(chunk.as_bytes()).await.is_ok() {
            written += PIECE_BYTES;
        }
        written
    };
    let (answer, written) = tokio::join!(read(&mut reader), sending);
    (answer, written)
}

/// Reads until the other side ends; one that ends roughly has answered too.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Answer {
    let mut bytes = Vec::new();
    let reading = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes));
    let _rough_end = reading.await.expect("answered in time");
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").expect("there is an answer");
    let head = head.to_ascii_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: body.to_owned() }
}
