//! Version 1 of the public API, under `/v1`.

mod amend;
mod app;
mod audience;
mod channel;
mod channel_limits;
mod content;
mod control;
mod dead_letter;
mod device;
mod gateway;
mod heartbeat;
mod message;
mod notification;
mod options;
mod presence;
mod problem;
mod push;
mod receipt;
mod schedule;
mod statistics;
mod text;
mod time;
mod trace;
mod upload;
mod upstream;
mod web_push;

pub use amend::MessagePatch;
pub use app::{
    AlertKeyView, AlertsView, AppCreated, AppList, AppPatch, AppView, CreateApp, EventsRequest, EventsView,
    KEY_GRACE_DEFAULT_SECONDS, KEY_GRACE_MAX_SECONDS, KeyRotated, NewApp, RotateKeys, ServerKeyView, UpstreamRouteView,
    UpstreamTo,
};
pub use audience::{AudienceRequest, ExcludeRequest};
pub use channel::{
    ChannelList, ChannelPolicyRequest, ChannelPolicyView, ChannelSet, ChannelView, CheckedView, CredentialUpload,
    CredentialView,
};
pub use control::{ControlView, FlowName, ProgressView, RateRequest, RecallAccepted};
pub use dead_letter::{
    DEAD_LETTER_BODY_MAX_BYTES, DeadLetterList, DeadLetterView, REDRIVE_MAX_IDS, RedriveRequest, Redriven, ToRedrive,
};
pub use device::{
    BindUser, DeviceChange, DeviceIds, DevicePatch, DeviceView, DevicesChanged, PlatformName, QuietHoursView,
    RegisterDevice, RegisteredDevice, SetTags, VendorAddress, VendorView,
};
pub use gateway::{Backoff, Drain, GatewayAddress, GatewayList, GatewayView, RouteView};
pub use heartbeat::{HeartbeatView, IntervalView};
pub use message::{AudienceView, BalanceView, MessageList, MessageSummary, MessageView, OptionsView, StageName};
pub use notification::{Action, Notification};
pub use options::{DeliveryName, OptionsRequest, PriorityName, QuietHoursName};
pub use presence::{DevicePresence, PresenceView, UserPresence};
pub use problem::ProblemView;
pub use push::{PushAccepted, PushRequest, PushValidated, ValidPush};
pub use receipt::{FactName, ReceiptRequest, ReceiptsAccepted, ReceiptsRequest};
pub use schedule::{ScheduleRequest, lives_from};
pub use statistics::{
    FiguresView, FunnelView, GranularityName, MessageStatistics, PeriodView, StatisticsQuery, StatisticsSpan,
    StatisticsView,
};
pub use time::{from_timestamp, to_timestamp};
pub use trace::{Stop, TraceView};
pub use upload::{
    INVALID_LINES_SHOWN, InvalidLine, MemberKindName, Uploaded, UploadedAudienceList, UploadedAudienceView,
};
pub use upstream::{PayloadEncoding, UpstreamList, UpstreamView};
pub use web_push::{SubscribeWebPush, WebPushSubscribed};
