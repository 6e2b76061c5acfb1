//! The environment variables of a function, read in one place.

use homing_credentials::{FleetSecret, decode_32};
use homing_domain::limits::QUEUE_DELAY_MAX;
use homing_store_aws::AwsSettings;

/// The environment cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// A variable that this function needs is missing.
    #[error("the environment variable {0} is missing")]
    Missing(&'static str),
    /// A variable has a value that cannot be. Its value is not told: it may be a secret.
    #[error("the environment variable {name} {problem}")]
    Invalid {
        /// Which.
        name: &'static str,
        /// What is wrong.
        problem: &'static str,
    },
}

/// What the template tells a function.
#[derive(Clone, Debug)]
pub(crate) struct Environment {
    /// Names of resources.
    pub(crate) aws: AwsSettings,
    /// Which entry of the function this is: the template's `Handler`.
    pub(crate) handler: String,
    /// The function's name: a dimension of its metrics.
    pub(crate) function: String,
    /// What is logged, in the syntax of tracing's filters.
    pub(crate) log_filter: String,
    /// Requests per second of an app without a quota of its own, in each process of the function.
    pub(crate) app_quota_per_second: Option<u32>,
    /// From it derive the keys of devices. Only functions that check devices have it.
    pub(crate) fleet_secret: Option<FleetSecret>,
    /// Where vendors reach the API, without a slash at its end.
    pub(crate) public_url: Option<String>,
    /// For trying out: where vendors are, if not in production. What it says is the function's to read.
    pub(crate) vendors_origins: Option<String>,
    /// Where alerts are mailed, and their sender. Only the function that mails has it.
    pub(crate) mail: Option<Mail>,
}

/// Where mail is handed in.
#[derive(Clone)]
pub(crate) struct Mail {
    /// `smtp://user:password@host:port` or `smtps://…`.
    pub(crate) url: String,
    /// The sender.
    pub(crate) from: String,
}

impl std::fmt::Debug for Mail {
    /// The URL holds a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail").field("from", &self.from).finish_non_exhaustive()
    }
}

impl Environment {
    /// From the process's variables.
    #[expect(clippy::disallowed_methods, reason = "this is the one place where a function reads its environment")]
    pub(crate) fn of_process() -> Result<Self, EnvironmentError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, EnvironmentError> {
        let get = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let fleet_secret = match get("HOMING_FLEET_SECRET") {
            None => None,
            Some(text) => Some(decode_32(text.trim()).map(FleetSecret::new).map_err(|_| {
                EnvironmentError::Invalid { name: "HOMING_FLEET_SECRET", problem: "must be 32 bytes in base64url" }
            })?),
        };
        let app_quota_per_second = match get("HOMING_APP_QUOTA_PER_SECOND") {
            None => None,
            Some(text) => Some(text.parse().ok().filter(|quota| *quota > 0).ok_or(EnvironmentError::Invalid {
                name: "HOMING_APP_QUOTA_PER_SECOND",
                problem: "must be a whole number above 0",
            })?),
        };
        let timer_in_queue_max = match get("HOMING_TIMER_IN_QUEUE_SECONDS") {
            None => None,
            Some(text) => {
                let seconds = text.parse::<u64>().ok().filter(|seconds| seconds * 1_000 <= QUEUE_DELAY_MAX);
                Some(
                    1_000
                        * seconds.ok_or(EnvironmentError::Invalid {
                            name: "HOMING_TIMER_IN_QUEUE_SECONDS",
                            problem: "must be a whole number from 0 to 900",
                        })?,
                )
            }
        };
        let mail = match (get("HOMING_MAIL_SMTP_URL"), get("HOMING_MAIL_FROM")) {
            (Some(url), Some(from)) => Some(Mail { url, from }),
            (None, None) => None,
            (Some(_), None) => return Err(EnvironmentError::Missing("HOMING_MAIL_FROM")),
            (None, Some(_)) => return Err(EnvironmentError::Missing("HOMING_MAIL_SMTP_URL")),
        };
        Ok(Self {
            aws: AwsSettings { timer_in_queue_max, ..AwsSettings::from_lookup(&lookup) },
            handler: get("_HANDLER").unwrap_or_default(),
            function: get("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|| "function".to_owned()),
            log_filter: get("HOMING_LOG_FILTER").unwrap_or_else(|| "info".to_owned()),
            app_quota_per_second,
            fleet_secret,
            mail,
            vendors_origins: get("HOMING_VENDORS_ORIGINS"),
            public_url: get("HOMING_PUBLIC_URL").map(|url| url.trim_end_matches('/').to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_value_is_named_and_not_told() {
        let wrong = |name: &'static str, value: &'static str| {
            Environment::from_lookup(|asked| (asked == name).then(|| value.to_owned())).unwrap_err().to_string()
        };
        let error = wrong("HOMING_FLEET_SECRET", "hunter2");
        assert_eq!(error, "the environment variable HOMING_FLEET_SECRET must be 32 bytes in base64url");
        assert!(wrong("HOMING_APP_QUOTA_PER_SECOND", "0").contains("HOMING_APP_QUOTA_PER_SECOND"));
        assert!(wrong("HOMING_MAIL_SMTP_URL", "smtp://ops:hunter2@mail").ends_with("HOMING_MAIL_FROM is missing"));
        assert!(wrong("HOMING_TIMER_IN_QUEUE_SECONDS", "901").contains("HOMING_TIMER_IN_QUEUE_SECONDS"));
    }

    #[test]
    fn nothing_set_is_fine_for_a_function_that_needs_nothing() {
        let environment = Environment::from_lookup(|_| None).unwrap();
        assert!(environment.fleet_secret.is_none());
        assert_eq!(environment.aws, AwsSettings::default());
    }
}
