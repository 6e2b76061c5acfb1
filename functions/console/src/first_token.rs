//! The operator's first token.

use homing_credentials::ApiKey;
use homing_ports::{Entropy, Replaced, Result, Settings};

/// Makes the operator's token when the installation has none. Only its digest is stored, so it is told now or never.
///
/// # Errors
/// A port call failed; then the token may be stored and nobody knows it.
pub async fn first_token(ports: &impl Settings, entropy: &impl Entropy) -> Result<Option<ApiKey>> {
    loop {
        let mut settings = ports.settings().await?;
        if settings.admin_token.is_some() {
            return Ok(None);
        }
        let token = ApiKey::admin(entropy.random_32());
        settings.admin_token = Some(token.digest());
        settings.revision += 1;
        if ports.replace_settings(settings).await? == Replaced::Done {
            return Ok(Some(token));
        }
    }
}
