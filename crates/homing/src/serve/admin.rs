//! The operator's first token.

use homing_credentials::ApiKey;
use homing_ports::{Entropy, Replaced, Settings};

/// Makes the operator's token when the installation has none. Only its digest is stored, so it is told now or never.
pub(super) async fn first_token<P: Settings + Entropy>(ports: &P) -> homing_ports::Result<Option<ApiKey>> {
    loop {
        let mut settings = ports.settings().await?;
        if settings.admin_token.is_some() {
            return Ok(None);
        }
        let token = ApiKey::admin(ports.random_32());
        settings.admin_token = Some(token.digest());
        settings.revision += 1;
        if ports.replace_settings(settings).await? == Replaced::Done {
            return Ok(Some(token));
        }
    }
}
