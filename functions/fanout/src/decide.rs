//! What a message does with one device: which rendering it gets, when, or why it gets nothing. Decided once, with its page.

use homing_calendar::{instant_in, quiet_until};
use homing_domain::limits::HOLD_GRANULARITY;
use homing_domain::{Device, Message, Millis, QuietHoursPolicy, Reason, Schedule, Target, UnixMillis};

/// Whether [`decide`] looks at anything but the device's id.
pub(crate) fn needs_directory(message: &Message) -> bool {
    // What takes back a message goes where that one went, whatever the person wants to be spared.
    message.recalls.is_none()
        && (!message.options.silent
            || message.options.topic.is_some()
            || !message.localizations.is_empty()
            || matches!(message.schedule, Schedule::AtLocal(_)))
}

/// The target for a device that the directory knows.
pub(crate) fn decide(message: &Message, device: &Device, target: Target, now: UnixMillis) -> Target {
    if message.recalls.is_some() {
        return target;
    }
    let variant = message.variant_for(device.profile.locale.as_deref());
    match message.refusal_of(device).map_or_else(|| hold(message, device, now), Err) {
        Ok(hold) => Target { variant, hold, ..target },
        Err(reason) => Target { variant, refusal: Some(reason), ..target },
    }
}

/// Not before this moment; `None` = at once. What would come too late is held until it expires, so that it ends then.
fn hold(message: &Message, device: &Device, now: UnixMillis) -> Result<Option<UnixMillis>, Reason> {
    let zone = device.profile.timezone.as_deref();
    let mut at = now;
    if let Schedule::AtLocal(time) = &message.schedule {
        at = at.max(instant_in(time, zone));
    }
    let policy = message.options.quiet_hours;
    // What shows nothing disturbs nobody.
    let may_meet = !message.options.silent && policy != QuietHoursPolicy::Ignore;
    let hours = device.preferences.quiet_hours.as_ref().filter(|_| may_meet);
    if let Some(quiet_until) = hours.and_then(|hours| quiet_until(hours, zone, at)) {
        let is_now_or_never = message.options.ttl_seconds == 0 && quiet_until >= message.expires_at;
        if policy == QuietHoursPolicy::Drop || is_now_or_never {
            return Err(Reason::QuietHours);
        }
        at = round_up(quiet_until, HOLD_GRANULARITY);
    }
    let at = at.min(message.expires_at);
    Ok((at > now).then_some(at))
}

/// The first multiple of a grain that is not earlier.
pub(crate) fn round_up(at: UnixMillis, grain: Millis) -> UnixMillis {
    UnixMillis(at.0.div_ceil(grain) * grain)
}

#[cfg(test)]
mod tests;
