//! What is large and never changes by itself: payload, audience, localizations, overrides.

use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use homing_domain::{Audience, Channel, DeviceId, Exclusion, Expression, Localization, UserId};

use crate::item::{Code, Damaged, Item, ItemReader, ItemWriter};

/// What an item holds of it.
pub(super) struct MessageBody {
    pub(super) audience: Audience,
    pub(super) exclude: Exclusion,
    pub(super) payload: Bytes,
    pub(super) localizations: Vec<Localization>,
    pub(super) overrides: Vec<(Channel, Bytes)>,
}

pub(super) fn write(message: &homing_domain::Message) -> Item {
    let item = ItemWriter::default().with("y", message.payload.clone());
    let item = match &message.audience {
        Audience::Devices(ids) => item.with("d", devices_to_bytes(ids)),
        Audience::Users(ids) => item.with("u", users_to_lines(ids)),
        Audience::Expression(expression) => item.with("ae", expression.as_str().to_owned()),
        Audience::Uploaded(id) => item.with("al", *id),
        Audience::RecipientsOf(id) => item.with("ao", *id),
        Audience::All => item,
    };
    let exclude = &message.exclude;
    let localizations = message.localizations.iter();
    let localizations: Vec<_> = localizations
        .flat_map(|localized| [Bytes::from(localized.language.clone()), localized.payload.clone()])
        .collect();
    let overrides = message.overrides.iter();
    let overrides: Vec<_> =
        overrides.flat_map(|(channel, fields)| [Bytes::from(vec![Code::code(*channel)]), fields.clone()]).collect();
    item.with_some("xd", (!exclude.devices.is_empty()).then(|| devices_to_bytes(&exclude.devices)))
        .with_some("xu", (!exclude.users.is_empty()).then(|| users_to_lines(&exclude.users)))
        .with_some("xe", exclude.expression.as_ref().map(|expression| expression.as_str().to_owned()))
        .with_some("xl", exclude.uploaded)
        .with_some("lz", (!localizations.is_empty()).then_some(localizations))
        .with_some("ov", (!overrides.is_empty()).then_some(overrides))
        .finish()
}

/// About how many bytes attributes take, names and numbers as DynamoDB bills them.
pub(super) fn size(attributes: &Item) -> usize {
    attributes.iter().map(|(name, value)| name.len() + bytes_of(value)).sum()
}

fn bytes_of(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::S(text) => text.len(),
        AttributeValue::L(values) => values.iter().map(|value| 1 + bytes_of(value)).sum(),
        AttributeValue::N(digits) => digits.len().div_ceil(2) + 1,
        AttributeValue::Ns(numbers) => numbers.iter().map(|digits| digits.len().div_ceil(2) + 2).sum(),
        _ => 1,
    }
}

pub(super) fn read(item: &mut ItemReader) -> Result<MessageBody, Damaged> {
    Ok(MessageBody {
        payload: item.take("y")?,
        audience: read_audience(item)?,
        exclude: Exclusion {
            devices: take_devices(item, "xd")?.unwrap_or_default(),
            users: take_users(item, "xu")?.unwrap_or_default(),
            expression: take_expression(item, "xe")?,
            uploaded: item.take_some("xl")?,
        },
        localizations: read_localizations(item)?,
        overrides: read_overrides(item)?,
    })
}

fn read_audience(item: &mut ItemReader) -> Result<Audience, Damaged> {
    if let Some(ids) = take_devices(item, "d")? {
        return Ok(Audience::Devices(ids));
    }
    if let Some(ids) = take_users(item, "u")? {
        return Ok(Audience::Users(ids));
    }
    if let Some(expression) = take_expression(item, "ae")? {
        return Ok(Audience::Expression(expression));
    }
    if let Some(id) = item.take_some("al")? {
        return Ok(Audience::Uploaded(id));
    }
    Ok(item.take_some("ao")?.map_or(Audience::All, Audience::RecipientsOf))
}

fn devices_to_bytes(ids: &[DeviceId]) -> Bytes {
    ids.iter().flat_map(|id| *id.as_bytes()).collect()
}

fn users_to_lines(ids: &[UserId]) -> String {
    let mut lines = String::new();
    for id in ids {
        lines.push_str(id.as_str());
        lines.push('\n');
    }
    lines
}

fn take_devices(item: &mut ItemReader, name: &'static str) -> Result<Option<Vec<DeviceId>>, Damaged> {
    let Some(ids) = item.take_some::<Bytes>(name)? else { return Ok(None) };
    let ids: Option<_> = ids.chunks(16).map(DeviceId::from_slice).collect();
    ids.map(Some).ok_or_else(|| item.damaged(name))
}

fn take_users(item: &mut ItemReader, name: &'static str) -> Result<Option<Vec<UserId>>, Damaged> {
    let Some(lines) = item.take_some::<String>(name)? else { return Ok(None) };
    let ids: Result<_, _> = lines.lines().map(str::parse::<UserId>).collect();
    ids.map(Some).map_err(|_| item.damaged(name))
}

fn take_expression(item: &mut ItemReader, name: &'static str) -> Result<Option<Expression>, Damaged> {
    let text = item.take_some::<String>(name)?;
    text.map(|text| text.parse()).transpose().map_err(|_| item.damaged(name))
}

fn read_localizations(item: &mut ItemReader) -> Result<Vec<Localization>, Damaged> {
    let pairs = item.take_some::<Vec<Bytes>>("lz")?.unwrap_or_default();
    let localization = |pair: &[Bytes]| {
        let [language, payload] = pair else { return None };
        let language = String::from_utf8(language.to_vec()).ok()?;
        Some(Localization { language, payload: payload.clone() })
    };
    pairs.chunks(2).map(localization).collect::<Option<_>>().ok_or_else(|| item.damaged("lz"))
}

fn read_overrides(item: &mut ItemReader) -> Result<Vec<(Channel, Bytes)>, Damaged> {
    let pairs = item.take_some::<Vec<Bytes>>("ov")?.unwrap_or_default();
    let channel_override = |pair: &[Bytes]| {
        let [channel, fields] = pair else { return None };
        Some((Channel::from_code(*channel.first()?)?, fields.clone()))
    };
    pairs.chunks(2).map(channel_override).collect::<Option<_>>().ok_or_else(|| item.damaged("ov"))
}
