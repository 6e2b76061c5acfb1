//! The versions of an app that its figures tell apart: one item with a set of names, which grows to its limit and no further.
//!
//! | attribute | what |
//! |---|---|
//! | `pk` | 17 zeros, and the app: longer than any message's partition |
//! | `sk` | `v` |
//! | `versions` | the names |

use std::collections::HashSet;

use homing_domain::limits::VERSION_LABELS_MAX;
use homing_domain::{AppId, VersionLabel};
use homing_ports::Result;

use super::call;
use crate::AwsStore;
use crate::expression::Expression;
use crate::item::{Item, sorted_key};
use crate::one_item::Written;

const VERSIONS: u8 = b'v';

fn key(app: &AppId) -> Item {
    sorted_key([&[0; 17], app.as_str().as_bytes()].concat(), [VERSIONS])
}

impl AwsStore {
    /// Puts a version on its app's list while there is room.
    pub(super) async fn label_version(&self, app: &AppId, version: VersionLabel) -> Result<VersionLabel> {
        let name = version.as_str().as_bytes();
        let add = Expression::update("ADD #versions :one")
            .when("attribute_not_exists(#versions) OR contains(#versions, :name) OR size(#versions) < :max")
            .value("one", HashSet::from([name.to_vec()]))
            .value("name", bytes::Bytes::copy_from_slice(name))
            .value("max", VERSION_LABELS_MAX);
        Ok(match self.update(call("name the version"), key(app), add).await? {
            Written::Done(_) => version,
            Written::Refused(_) => VersionLabel::OTHER,
        })
    }
}
