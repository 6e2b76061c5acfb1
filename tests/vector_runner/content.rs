//! A case's input becomes an operation.

use anyhow::{Context as _, Result, bail};
use homing_channels::{CallbackEventKind, Category, Click, Content, LiveActivity, Operation, Push, Recipients, Token};
use homing_domain::{Priority, UnixMillis};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::file::{Input, Target, Vectors};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Notification {
    msg_id: String,
    title: Option<String>,
    subtitle: Option<String>,
    body: Option<String>,
    image: Option<String>,
    badge: Option<u32>,
    sound: Option<String>,
    #[serde(default)]
    click: ClickWire,
    #[serde(default)]
    data: Map<String, Value>,
    #[serde(default)]
    ttl_s: u64,
    #[serde(default)]
    priority: PriorityWire,
    collapse_key: Option<String>,
    #[serde(default)]
    category: CategoryWire,
    #[serde(default)]
    silent: bool,
    #[serde(default)]
    receipts: Vec<ReceiptWire>,
}

#[derive(Default, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum ClickWire {
    #[default]
    OpenApp,
    Url {
        url: String,
    },
    Intent {
        intent: String,
    },
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PriorityWire {
    Low,
    #[default]
    Normal,
    High,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CategoryWire {
    #[default]
    Service,
    Marketing,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ReceiptWire {
    Delivered,
    Displayed,
    Opened,
    InvalidToken,
    Dropped,
}

/// What is asked of the vendor, and what its targets are called in the outcome.
pub(crate) struct Asked {
    pub(crate) operation: Operation,
    pub(crate) names: Vec<String>,
}

/// Reads a case's input. The credential exchange is none of these.
pub(crate) fn read(file: &Vectors, input: &Input) -> Result<Asked> {
    let nameless = |operation| Ok(Asked { operation, names: Vec::new() });
    if let Some(subscribe) = &input.subscribe {
        let (topic, tokens) = (subscribe.topic.clone(), subscribe.tokens.clone());
        return Ok(Asked { names: tokens.clone(), operation: Operation::Subscribe { topic, tokens } });
    }
    if let Some(create) = &input.create_channel {
        let message_storage_policy = create.message_storage_policy;
        return nameless(Operation::CreateBroadcastChannel { message_storage_policy });
    }
    if input.feedback {
        return nameless(Operation::FetchDeadTokens);
    }
    let (content, receipts) = content(file, input)?;
    let (to, names) = recipients(input)?;
    let request_id = "0123456789abcdef0123456789abcdef".to_owned();
    let push = Push { content, to, same_content: input.same_content, request_id, receipts };
    Ok(Asked { operation: Operation::Push(push), names })
}

fn content(file: &Vectors, input: &Input) -> Result<(Content, Vec<CallbackEventKind>)> {
    let live_activity = input.live_activity.as_ref().map(|live| LiveActivity {
        event: live.event.clone(),
        content_state: live.content_state.clone(),
        timestamp: live.timestamp,
        stale_date: live.stale_date,
        dismissal_date: live.dismissal_date,
    });
    let mut neutral = match &input.notification {
        Some(name) => file.notifications.get(name).with_context(|| format!("no notification {name:?}"))?.clone(),
        None if live_activity.is_some() => Map::from_iter([("msg_id".to_owned(), Value::from("m-live-activity"))]),
        None => bail!("the input says nothing to bring"),
    };
    neutral.extend(input.overriding.clone());
    let neutral = Notification::deserialize(Value::Object(neutral)).context("the notification")?;
    let receipts = neutral.receipts.iter().map(ReceiptWire::kind).collect();
    let content = Content {
        message_id: neutral.msg_id,
        title: neutral.title,
        subtitle: neutral.subtitle,
        body: neutral.body,
        image: neutral.image,
        badge: neutral.badge,
        sound: neutral.sound,
        click: match neutral.click {
            ClickWire::OpenApp => Click::OpenApp,
            ClickWire::Url { url } => Click::Url(url),
            ClickWire::Intent { intent } => Click::Intent(intent),
        },
        data: neutral.data,
        time_to_live: neutral.ttl_s * 1_000,
        priority: match neutral.priority {
            PriorityWire::Low => Priority::Low,
            PriorityWire::Normal => Priority::Normal,
            PriorityWire::High => Priority::High,
        },
        collapse_key: neutral.collapse_key,
        category: match neutral.category {
            CategoryWire::Service => Category::Service,
            CategoryWire::Marketing => Category::Marketing,
        },
        silent: neutral.silent,
        live_activity,
        overrides: Map::new(),
    };
    Ok((content, receipts))
}

impl ReceiptWire {
    const fn kind(&self) -> CallbackEventKind {
        match self {
            Self::Delivered => CallbackEventKind::Delivered,
            Self::Displayed => CallbackEventKind::Displayed,
            Self::Opened => CallbackEventKind::Opened,
            Self::InvalidToken => CallbackEventKind::InvalidToken,
            Self::Dropped => CallbackEventKind::Dropped,
        }
    }
}

fn recipients(input: &Input) -> Result<(Recipients, Vec<String>)> {
    let nameless = |recipients| (recipients, Vec::new());
    let all: Vec<(Recipients, Vec<String>)> = [
        (!input.targets.is_empty()).then(|| targets(&input.targets)).transpose()?,
        input.aliases.clone().map(|aliases| (Recipients::Aliases(aliases.clone()), aliases)),
        input.topic.clone().map(Recipients::Topic).map(nameless),
        input.channel_id.clone().map(Recipients::BroadcastChannel).map(nameless),
        input.broadcast.then_some(Recipients::Everyone).map(nameless),
    ]
    .into_iter()
    .flatten()
    .collect();
    let [one] =
        <[_; 1]>::try_from(all).map_err(|all| anyhow::anyhow!("{} kinds of recipients instead of one", all.len()))?;
    Ok(one)
}

fn targets(targets: &[Target]) -> Result<(Recipients, Vec<String>)> {
    let (mut tokens, mut names) = (Vec::new(), Vec::new());
    for target in targets {
        let since = target.token_updated_at.map(|at| UnixMillis(at.as_millisecond().unsigned_abs()));
        let (text, name) = match (&target.subscription, &target.token) {
            (Some(subscription), name) => {
                let endpoint =
                    subscription.get("endpoint").and_then(Value::as_str).context("a subscription without endpoint")?;
                (subscription.to_string(), name.clone().unwrap_or_else(|| endpoint.to_owned()))
            }
            (None, Some(token)) => (token.clone(), token.clone()),
            (None, None) => bail!("a target without a token"),
        };
        tokens.push(Token { text, since });
        names.push(name);
    }
    Ok((Recipients::Tokens(tokens), names))
}
