//! Flags that say when.

use clap::Args;

/// When a message is sent.
#[derive(Clone, Debug, Default, Args)]
pub struct ScheduleArguments {
    /// At this moment instead of now, as 2026-12-24T18:00:00+08:00
    #[arg(long, value_name = "TIME", group = "when")]
    pub at: Option<String>,
    /// At this time of each device's own clock, as 2026-12-24T18:00:00
    #[arg(long, value_name = "TIME", group = "when")]
    pub at_local: Option<String>,
    /// Again and again, as '0 9 * * MON-FRI', or with seconds first
    #[arg(long, value_name = "CRON", group = "when")]
    pub cron: Option<String>,
    /// The time zone of --cron, as Europe/Berlin [default: UTC]
    #[arg(long, value_name = "ZONE", requires = "cron")]
    pub timezone: Option<String>,
    /// Not later than this, with --cron
    #[arg(long, value_name = "TIME", requires = "cron")]
    pub until: Option<String>,
    /// So often, with --cron
    #[arg(long, value_name = "NUMBER", requires = "cron")]
    pub count: Option<u32>,
}
