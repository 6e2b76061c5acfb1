//! What every client command needs: the server, the profile, and which key to use.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::arguments::{AdminArguments, KeyArguments, ServerArguments};
use crate::client::{ApiClient, AppKeys, Profile};

/// Where a server that runs in this directory leaves its certificate.
const LOCAL_CERTIFICATE: &str = "data/dev-cert.pem";

/// A command's surroundings.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) api: ApiClient,
    pub(super) profile: Profile,
    pub(super) json: bool,
    profile_path: PathBuf,
    ca: Option<PathBuf>,
}

impl Surroundings {
    pub(crate) fn new(server: &ServerArguments) -> Result<Self> {
        let local = Path::new(LOCAL_CERTIFICATE);
        let ca = server.ca.clone().or_else(|| local.exists().then(|| local.to_owned()));
        let api = ApiClient::new(&server.server, ca.as_deref())?;
        let profile = Profile::load(&server.profile)
            .with_context(|| format!("the profile {} cannot be read", server.profile.display()))?;
        Ok(Self { api, profile, json: server.json, profile_path: server.profile.clone(), ca })
    }

    /// The certificate that device links trust, if it is not the system's business.
    pub(crate) fn ca(&self) -> Option<&Path> {
        self.ca.as_deref()
    }

    pub(super) fn save(&self) -> Result<()> {
        self.profile
            .save(&self.profile_path)
            .with_context(|| format!("the profile {} cannot be written", self.profile_path.display()))
    }

    /// The keys of the app that is named, else of the one used last.
    pub(crate) fn keys(&self, wanted: &KeyArguments) -> Result<(String, AppKeys)> {
        let Some(app) = wanted.app.clone().or_else(|| self.profile.app.clone()) else {
            bail!("which app? Name it with --app, or create one: homing app create demo --admin-token hma_…");
        };
        match self.profile.apps.get(&app) {
            Some(keys) => Ok((app, keys.clone())),
            None => bail!("the profile {} has no keys of the app {app}", self.profile_path.display()),
        }
    }

    /// The server key: the one given, else the profile's.
    pub(super) fn server_key(&self, wanted: &KeyArguments) -> Result<String> {
        match &wanted.token {
            Some(token) => Ok(token.clone()),
            None => Ok(self.keys(wanted)?.1.server_key),
        }
    }
}

/// The operator's token.
pub(super) fn admin_token(admin: &AdminArguments) -> Result<&str> {
    admin.admin_token.as_deref().context(
        "this needs the operator's token, which the server printed at its first start: \
         give it with --admin-token or HOMING_ADMIN_TOKEN",
    )
}
