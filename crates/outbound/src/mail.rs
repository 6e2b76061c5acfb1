//! Mail.

use std::fmt;
use std::time::Duration;

use homing_ports::{Error, Fault, Letter, Mail, Result};
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::AsyncSmtpTransportBuilder;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use crate::settings::{MailSettings, SetupError};

/// A command of the conversation is answered within this: RFC 5321 section 4.5.3.2 allows minutes, nobody waits that long.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
const OPERATION: &str = "hand a letter to the mail server";

/// Hands letters to an SMTP server.
#[derive(Clone)]
pub struct SmtpMail {
    /// A connection is made for each letter: they are few, and a server ends an idle one soon.
    server: AsyncSmtpTransportBuilder,
    from: Mailbox,
}

impl fmt::Debug for SmtpMail {
    /// The connection knows a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpMail").field("from", &self.from).finish_non_exhaustive()
    }
}

impl SmtpMail {
    /// Connects when the first letter is sent.
    ///
    /// # Errors
    /// [`SetupError`]: no such URL, or no such sender.
    pub fn new(settings: &MailSettings) -> std::result::Result<Self, SetupError> {
        let from = settings.from.parse().map_err(|error| SetupError::new("from", error))?;
        // lettre speaks no TLS over smtp:// unless it is asked to.
        let url = if settings.url.starts_with("smtp://") && !settings.url.contains("tls=") {
            let separator = if settings.url.contains('?') { '&' } else { '?' };
            format!("{}{separator}tls=opportunistic", settings.url)
        } else {
            settings.url.clone()
        };
        // What the parser says may quote the URL, and that holds a password.
        let server = AsyncSmtpTransport::<Tokio1Executor>::from_url(&url)
            .map_err(|_| SetupError::new("url", "must be smtp://host:port or smtps://user:password@host:port"))?;
        Ok(Self { server: server.timeout(Some(ANSWER_WITHIN)), from })
    }
}

impl Mail for SmtpMail {
    async fn mail(&self, letter: Letter) -> Result<()> {
        let to: Mailbox = letter.to.parse().map_err(|error| Error::with_source(Fault::Broken, OPERATION, error))?;
        // A line break would begin another header.
        let subject: String = letter.subject.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text)
            .map_err(|error| Error::with_source(Fault::Broken, OPERATION, error))?;
        let server: AsyncSmtpTransport<Tokio1Executor> = self.server.clone().build();
        let sent = server.send(message).await;
        sent.map(drop).map_err(|error| {
            // A 5xx answer says that the same letter will never be taken.
            let fault = if error.is_permanent() { Fault::Broken } else { Fault::Retry };
            Error::with_source(fault, OPERATION, error)
        })
    }
}

/// No mail server is configured: letters are dropped, and the log says so.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMail;

impl Mail for NoMail {
    async fn mail(&self, letter: Letter) -> Result<()> {
        tracing::warn!(subject = letter.subject, "no mail server is configured: a letter was dropped");
        Ok(())
    }
}

#[cfg(test)]
mod tests;
