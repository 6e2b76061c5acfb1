//! A mail server on loopback that keeps every letter: as much of RFC 5321 as a client needs.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Letters kept: the demonstration expects a handful.
const LETTERS_MAX: usize = 100;

/// Letters as they came, headers and all.
pub(super) struct Letterbox {
    pub(super) address: SocketAddr,
    letters: Arc<Mutex<Vec<String>>>,
}

impl Letterbox {
    pub(super) async fn open() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, letters) = (listener.local_addr()?, Arc::<Mutex<Vec<String>>>::default());
        let kept = Arc::clone(&letters);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let kept = Arc::clone(&kept);
                // A client that breaks off has sent no letter.
                tokio::spawn(async move { converse(stream, &kept).await });
            }
        });
        Ok(Self { address, letters })
    }

    /// The letters so far.
    pub(super) fn letters(&self) -> Vec<String> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn converse(stream: TcpStream, kept: &Mutex<Vec<String>>) -> Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 demo.example ESMTP\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let verb: String = line.chars().take(4).collect::<String>().to_ascii_uppercase();
        let answer: &[u8] = match verb.as_str() {
            "EHLO" => b"250-demo.example\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                let mut letter = String::new();
                while let Some(line) = lines.next_line().await? {
                    if line == "." {
                        break;
                    }
                    // A line that begins with a dot has one more on its way.
                    letter.push_str(line.strip_prefix('.').unwrap_or(&line));
                    letter.push('\n');
                }
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                if kept.len() < LETTERS_MAX {
                    kept.push(letter);
                }
                b"250 kept\r\n"
            }
            "QUIT" => {
                write.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            "HELO" | "MAIL" | "RCPT" | "RSET" | "NOOP" => b"250 ok\r\n",
            _ => b"502 no\r\n",
        };
        write.write_all(answer).await?;
    }
    Ok(())
}
