//! Uploaded lists: lines become members, chunk by chunk, as they arrive.

use homing_contract::http::v1::{INVALID_LINES_SHOWN, InvalidLine, Uploaded, UploadedAudienceView};
use homing_credentials::member_key;
use homing_domain::limits::UPLOAD_MAX_MEMBERS;
use homing_domain::{AudienceId, DeviceId, Member, MemberKey, MemberKind, UploadedAudience, UserId};
use homing_endpoint::{ApiLines, Line, Problem};
use homing_ports::{Audiences, Error};
use http::StatusCode;

/// Members added in one call of the port: one commit of a store on one machine, forty batches of DynamoDB.
const CHUNK: usize = 1_000;

/// Lines on their way into a list.
pub(crate) struct Upload<'a, P> {
    ports: &'a P,
    audience: AudienceId,
    kind: MemberKind,
    device_of_token: &'a (dyn Fn(&str) -> Option<DeviceId> + Sync),
    /// Whether lines are only checked.
    is_repeat: bool,
    chunk: Vec<Member>,
    report: Report,
}

/// What the lines were.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    lines: u64,
    invalid_lines: u64,
    invalid: Vec<InvalidLine>,
}

/// A list is not taken in whole.
#[derive(Debug)]
pub(crate) enum UploadError {
    /// It has more lines than a list may have.
    TooManyLines(u64),
    /// The body could not be read to its end.
    Body(Problem),
    /// A port call failed. What was added stays added; the same may be sent again.
    Port(Error),
}

impl<'a, P: Audiences> Upload<'a, P> {
    /// Into a list that is not finished; into a finished one nothing is written, so a repeat gets the answer of the first.
    pub(crate) fn new(
        ports: &'a P,
        audience: &UploadedAudience,
        device_of_token: &'a (dyn Fn(&str) -> Option<DeviceId> + Sync),
    ) -> Self {
        Self {
            ports,
            audience: audience.id,
            kind: audience.kind,
            device_of_token,
            is_repeat: audience.members.is_some(),
            chunk: Vec::new(),
            report: Report::default(),
        }
    }

    /// Reads all lines. Of too many, the rest is read and counted only, to say how many they are.
    pub(crate) async fn take(mut self, mut lines: ApiLines) -> Result<Report, UploadError> {
        while let Some(line) = lines.next().await.map_err(UploadError::Body)? {
            self.report.lines += 1;
            if self.report.lines <= UPLOAD_MAX_MEMBERS {
                self.line(line);
            }
            if self.chunk.len() >= CHUNK {
                self.flush().await?;
            }
        }
        if self.report.lines > UPLOAD_MAX_MEMBERS {
            return Err(UploadError::TooManyLines(self.report.lines));
        }
        self.flush().await?;
        Ok(self.report)
    }

    fn line(&mut self, line: Line) {
        let named = match line.text {
            Ok(text) => self.member(&text),
            Err(fault) => Err(("invalid_text", fault.to_string())),
        };
        match named {
            Ok(member) if !self.is_repeat => self.chunk.push(member),
            Ok(_) => {}
            Err((code, message)) => {
                self.report.invalid_lines += 1;
                if self.report.invalid.len() < INVALID_LINES_SHOWN {
                    self.report.invalid.push(InvalidLine { line: line.number, code: code.to_owned(), message });
                }
            }
        }
    }

    fn member(&self, name: &str) -> Result<Member, (&'static str, String)> {
        match self.kind {
            MemberKind::Users => {
                let user: UserId = name.parse().map_err(|error| ("invalid_user", format!("{error}")))?;
                Ok(Member { key: member_key(&user), user: Some(user) })
            }
            MemberKind::Devices => {
                let name = name.trim();
                let device = name.parse().ok().or_else(|| (self.device_of_token)(name));
                let wrong = "must be a device id (UUID) or a push token of this app";
                let device = device.ok_or_else(|| ("invalid_device", wrong.to_owned()))?;
                Ok(Member { key: MemberKey::of_device(&device), user: None })
            }
        }
    }

    async fn flush(&mut self) -> Result<(), UploadError> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let members = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        self.ports.add_members(self.audience, members).await.map_err(UploadError::Port)
    }
}

impl Report {
    /// The answer about a list as it stands now.
    pub(crate) fn into_view(self, audience: &UploadedAudience) -> Uploaded {
        let Self { lines, invalid_lines, invalid } = self;
        Uploaded { audience: UploadedAudienceView::from(audience), lines, invalid_lines, invalid }
    }
}

impl From<UploadError> for Problem {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::TooManyLines(lines) => too_many("lines", lines),
            UploadError::Body(problem) => problem,
            UploadError::Port(error) => error.into(),
        }
    }
}

/// A list is too long, and how long it is.
pub(crate) fn too_many(what: &str, count: u64) -> Problem {
    let detail = format!("the list has {count} {what}, at most {UPLOAD_MAX_MEMBERS} fit: split it into several lists");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "audience_too_large", detail)
}
