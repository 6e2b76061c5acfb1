//! Tells apps' owners of certificates that are about to expire, once for each threshold.
//!
//! A check reads every channel's setting; meant to run once a day. What was told is noted in the setting after the telling, so a
//! check that died repeats its letters rather than losing them, and a check that could tell nobody is made up for by the next.

use bytes::Bytes;
use homing_credentials::{FleetSecret, alert_key, sign_alert};
use homing_domain::{App, AppId, Channel, ChannelConfig, Millis, UnixMillis};
use homing_ports::{Apps, Call, Error, Letter, Mail, Outbound, Replaced, Result, VendorChannels};
use homing_telemetry::CertificateExpiring;
use serde::Serialize;

#[cfg(test)]
mod tests;

/// Days left at which an owner is told: a month to order the next, two weeks, the last week, and when it is too late.
const THRESHOLDS_DAYS: [u16; 4] = [0, 7, 14, 30];
/// From here on it is urgent.
const ALERT_DAYS: u16 = 7;
/// Settings read in one call.
const PAGE: usize = 100;
/// A webhook answers within this.
const WEBHOOK_TIMEOUT: Millis = 10_000;
/// Bytes of a webhook's answer that are read: its status says all.
const WEBHOOK_ANSWER_MAX: usize = 16 * 1_024;
/// Tries to note what was told: whoever changes the channel meanwhile wins, and does so rarely.
const TRIES_MAX: usize = 8;

/// What the check needs from the world.
pub trait CertificatePorts: Apps + VendorChannels {}

impl<P: Apps + VendorChannels> CertificatePorts for P {}

/// How owners are told.
#[derive(Debug)]
pub struct Ways<'a, M, O> {
    /// Mail; `None` = no mail server is configured.
    pub mail: Option<&'a M>,
    /// Webhooks.
    pub outbound: &'a O,
    /// What webhooks are signed with derives from it.
    pub fleet: &'a FleetSecret,
}

/// What a check did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CertificatesChecked {
    /// Credentials that say when they expire.
    pub expiring: usize,
    /// Of these, owners of so many were told just now.
    pub told: usize,
    /// Of so many somebody was to be told, and nobody could be.
    pub untold: usize,
}

/// Looks at every certificate, and tells the owners of those that are past a threshold of which they were not told.
///
/// # Errors
/// A port call failed; the next check finds what this one missed.
pub async fn check_certificates<P, M, O>(
    ports: &P,
    ways: &Ways<'_, M, O>,
    now: UnixMillis,
) -> Result<CertificatesChecked>
where
    P: CertificatePorts,
    M: Mail,
    O: Outbound,
{
    let mut checked = CertificatesChecked::default();
    let mut after = None;
    loop {
        let page = ports.channel_configs(after, PAGE).await?;
        for config in &page {
            check(ports, ways, config, now, &mut checked).await?;
        }
        match page.last().filter(|_| page.len() == PAGE) {
            Some(last) => after = Some((last.app.clone(), last.channel)),
            None => return Ok(checked),
        }
    }
}

async fn check<P, M, O>(
    ports: &P,
    ways: &Ways<'_, M, O>,
    config: &ChannelConfig,
    now: UnixMillis,
    checked: &mut CertificatesChecked,
) -> Result<()>
where
    P: CertificatePorts,
    M: Mail,
    O: Outbound,
{
    let Some(credential) = &config.credential else { return Ok(()) };
    let (Some(days_left), Some(expires_at)) = (credential.days_left(now), credential.expires_at) else { return Ok(()) };
    checked.expiring += 1;
    let Some(threshold) = due_threshold(days_left, credential.warned_days) else { return Ok(()) };
    // Of an app that is gone nobody is to be told.
    let Some(app) = ports.app(&config.app).await? else { return Ok(()) };
    let alert = Alert { app: &app.id, channel: config.channel, expires_at, days_left };
    let (told, failed) = tell(ways, &app, &alert).await;
    CertificateExpiring { app: &app.id, channel: config.channel, days_left, told, failed }.emit();
    if told == 0 {
        checked.untold += 1;
        return Ok(());
    }
    checked.told += 1;
    note(ports, config, threshold).await
}

/// The tightest threshold that is reached and was not told of.
fn due_threshold(days_left: u16, warned: Option<u16>) -> Option<u16> {
    let reached = THRESHOLDS_DAYS.into_iter().find(|threshold| days_left <= *threshold)?;
    warned.is_none_or(|warned| reached < warned).then_some(reached)
}

/// What is told.
#[derive(Clone, Copy, Debug)]
struct Alert<'a> {
    app: &'a AppId,
    channel: Channel,
    expires_at: UnixMillis,
    days_left: u16,
}

/// What a webhook is told.
#[derive(Serialize)]
struct AlertBody<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    app: &'a str,
    channel: &'static str,
    /// RFC 3339.
    expires_at: String,
    days_left: u16,
}

impl Alert<'_> {
    fn expires_at(&self) -> String {
        homing_contract::http::v1::to_timestamp(self.expires_at).to_string()
    }

    fn letter(&self, to: &str) -> Letter {
        let Self { app, channel, days_left, .. } = self;
        let when = match days_left {
            0 => "has expired".to_owned(),
            1 => "expires within a day".to_owned(),
            days => format!("expires in {days} days"),
        };
        let urgency = if *days_left <= ALERT_DAYS { "ALERT: " } else { "" };
        let text = format!(
            "The {channel} certificate of the app {app} {when} ({at}).\n\n\
             From then on nothing goes by {channel} for this app. Replace it in time; there is no pause:\n\n  \
             homing channel set {app} {channel} --file NEW.json\n",
            at = self.expires_at(),
        );
        Letter {
            to: to.to_owned(),
            subject: format!("{urgency}Homing: the {channel} certificate of {app} {when}"),
            text,
        }
    }

    fn body(&self) -> Bytes {
        let body = AlertBody {
            kind: "certificate_expiring",
            app: self.app.as_str(),
            channel: self.channel.name(),
            expires_at: self.expires_at(),
            days_left: self.days_left,
        };
        serde_json::to_vec(&body).unwrap_or_default().into()
    }
}

/// Tells everybody whom the app names. Answers how many were told, and how many could not be.
async fn tell<M: Mail, O: Outbound>(ways: &Ways<'_, M, O>, app: &App, alert: &Alert<'_>) -> (usize, usize) {
    let (mut told, mut failed) = (0, 0);
    for email in &app.alerts.emails {
        let sent = match ways.mail {
            Some(mail) => mail.mail(alert.letter(email)).await.map_err(|error| error.to_string()),
            None => Err("no mail server is configured".to_owned()),
        };
        count(sent, "a letter", app, (&mut told, &mut failed));
    }
    if let Some(url) = &app.alerts.webhook_url {
        count(post(ways, url, alert).await, "an alert", app, (&mut told, &mut failed));
    }
    (told, failed)
}

fn count(sent: std::result::Result<(), String>, what: &str, app: &App, (told, failed): (&mut usize, &mut usize)) {
    match sent {
        Ok(()) => *told += 1,
        Err(why) => {
            *failed += 1;
            tracing::warn!(app = %app.id, %why, "{what} could not be sent");
        }
    }
}

async fn post<M: Mail, O: Outbound>(
    ways: &Ways<'_, M, O>,
    url: &str,
    alert: &Alert<'_>,
) -> std::result::Result<(), String> {
    let body = alert.body();
    let signature = sign_alert(&alert_key(ways.fleet, alert.app.as_str()), &body);
    let request = http::Request::post(url)
        .header(http::header::CONTENT_TYPE, "application/json")
        .header("homing-signature", signature)
        .body(body)
        .map_err(|error| error.to_string())?;
    let timeout = WEBHOOK_TIMEOUT;
    let call = Call { request, identity: None, is_foreign: true, timeout, answer_max: WEBHOOK_ANSWER_MAX };
    let answer = ways.outbound.call(call).await.map_err(|error| error.to_string())?;
    if answer.status().is_success() { Ok(()) } else { Err(format!("it was answered with {}", answer.status())) }
}

/// Notes what was told of a credential, unless it was replaced meanwhile.
async fn note<P: VendorChannels>(ports: &P, told: &ChannelConfig, threshold: u16) -> std::result::Result<(), Error> {
    let mut config = told.clone();
    for _ in 0..TRIES_MAX {
        let is_same = |config: &ChannelConfig| {
            let (now, then) = (config.credential.as_ref(), told.credential.as_ref());
            now.zip(then).is_some_and(|(now, then)| now.sealed == then.sealed)
        };
        if !is_same(&config) {
            return Ok(());
        }
        if let Some(credential) = &mut config.credential {
            credential.warned_days = Some(threshold);
        }
        config.revision += 1;
        if ports.replace_channel_config(config).await? == Replaced::Done {
            return Ok(());
        }
        match ports.channel_config(&told.app, told.channel).await? {
            Some(by_now) => config = by_now,
            None => return Ok(()),
        }
    }
    Ok(())
}
