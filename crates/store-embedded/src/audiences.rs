//! Uploaded lists. Their members are rows of their own, deleted by the sweep some time after the list.

use homing_domain::limits::HISTORY_KEPT_FOR;
use homing_domain::{AppId, AudienceId, Member, MemberKey, UnixMillis, UploadedAudience};
use homing_ports::{Audiences, Created, Result};

use crate::EmbeddedStore;
use crate::committer::View;
use crate::error::{StoreError, StoreResult};
use crate::rows::{self, MemberRow};
use crate::sweep::Aged;
use crate::table::{Key, Table};

/// Bytes of a member inside a key.
const MEMBER_BYTES: usize = 16;

fn key(id: &AudienceId) -> Key {
    Key::of(Table::Audiences).audience(id)
}

fn by_app(app: &AppId, id: &AudienceId) -> Key {
    Key::of(Table::AudiencesByApp).app(app).audience(id)
}

pub(crate) fn members_of(id: &AudienceId) -> Key {
    Key::of(Table::AudienceMembers).audience(id)
}

/// Where its age stands, so that the sweep deletes it when its time is over.
fn age(audience: &UploadedAudience) -> Key {
    Aged::Audience(audience.id).key(audience.expires_at.minus(HISTORY_KEPT_FOR))
}

fn member(key: &[u8], value: bytes::Bytes) -> StoreResult<Member> {
    let damaged = StoreError::Damaged { table: Table::AudienceMembers, what: "a key without a member" };
    let bytes = key.len().checked_sub(MEMBER_BYTES).and_then(|at| key.get(at..)?.try_into().ok()).ok_or(damaged)?;
    let row: MemberRow = rows::decode(Table::AudienceMembers, value)?;
    let damaged = |_| StoreError::Damaged { table: Table::AudienceMembers, what: "user" };
    let user = row.user.map(|user| user.parse().map_err(damaged)).transpose()?;
    Ok(Member { key: MemberKey(bytes), user })
}

fn delete(view: &mut View<'_>, id: &AudienceId) -> StoreResult<Option<UploadedAudience>> {
    let stored = view.noun::<UploadedAudience>(&key(id))?;
    if let Some(stored) = &stored {
        view.delete(key(id));
        view.delete(by_app(&stored.app, id));
    }
    Ok(stored)
}

impl EmbeddedStore {
    /// Deletes a list but not its members, and answers how many rows that were.
    pub(crate) async fn forget_audience(&self, operation: &'static str, id: AudienceId) -> Result<u64> {
        self.commit(operation, move |view| Ok(delete(view, &id)?.map_or(0, |_| 2))).await
    }

    fn is_over(&self, audience: &UploadedAudience) -> bool {
        audience.expires_at <= self.shared.clock.now()
    }
}

impl Audiences for EmbeddedStore {
    async fn create_audience(&self, audience: UploadedAudience) -> Result<Created> {
        self.commit("create the uploaded list", move |view| {
            if view.contains(&key(&audience.id))? {
                return Ok(Created::Exists);
            }
            view.put_noun(key(&audience.id), &audience);
            view.put_mark(by_app(&audience.app, &audience.id));
            view.put_mark(age(&audience));
            Ok(Created::New)
        })
        .await
    }

    async fn audience(&self, id: AudienceId) -> Result<Option<UploadedAudience>> {
        let stored = self.engine().noun::<UploadedAudience>(&key(&id));
        let stored = stored.map_err(|error| error.in_port("read the uploaded list"))?;
        Ok(stored.filter(|audience| !self.is_over(audience)))
    }

    async fn audiences_of_app(
        &self,
        app: &AppId,
        after: Option<AudienceId>,
        limit: usize,
    ) -> Result<Vec<UploadedAudience>> {
        let prefix = Key::of(Table::AudiencesByApp).app(app);
        let start = after.map(|after| by_app(app, &after).next());
        let now = self.shared.clock.now();
        self.read_pages("list the uploaded lists of the app", move |engine| {
            let mut audiences = Vec::new();
            for row in engine.scan(&prefix, start) {
                if audiences.len() >= limit {
                    break;
                }
                let (index_key, _) = row?;
                let at = prefix.bytes.len();
                let id = index_key.get(at..).and_then(AudienceId::from_slice);
                let id = id.ok_or(StoreError::Damaged { table: prefix.table, what: "a key without a list" })?;
                let stored = engine.noun::<UploadedAudience>(&key(&id))?;
                audiences.extend(stored.filter(|audience| audience.expires_at > now));
            }
            Ok(audiences)
        })
        .await
    }

    async fn add_members(&self, id: AudienceId, members: Vec<Member>) -> Result<()> {
        self.commit("add members to the uploaded list", move |view| {
            if !view.contains(&key(&id))? {
                return Ok(());
            }
            for member in members {
                let row = MemberRow { user: member.user.map(|user| user.as_str().to_owned()) };
                view.put_row(members_of(&id).member(member.key), &row);
            }
            Ok(())
        })
        .await
    }

    async fn finish_audience(&self, id: AudienceId) -> Result<Option<UploadedAudience>> {
        const OPERATION: &str = "finish the uploaded list";
        match self.audience(id).await? {
            Some(audience) if audience.members.is_none() => {}
            finished => return Ok(finished),
        }
        let count = self
            .read_pages(OPERATION, move |engine| {
                engine.scan(&members_of(&id), None).try_fold(0_u64, |count, row| row.map(|_| count + 1))
            })
            .await?;
        self.commit(OPERATION, move |view| {
            let Some(mut audience) = view.noun::<UploadedAudience>(&key(&id))? else {
                return Ok(None);
            };
            audience.members.get_or_insert(count);
            view.put_noun(key(&id), &audience);
            Ok(Some(audience))
        })
        .await
    }

    async fn members(
        &self,
        id: AudienceId,
        segment: u8,
        after: Option<MemberKey>,
        limit: usize,
    ) -> Result<Vec<Member>> {
        let prefix = members_of(&id);
        // A segment is the top six bits of the key's first byte: four neighbouring first bytes.
        let first = prefix.clone().byte(segment << 2).bytes;
        let end = prefix.clone().byte((segment << 2) | 0b11).after_all();
        let start = after.map_or_else(|| first.clone(), |after| prefix.clone().member(after).next().max(first.clone()));
        self.read_pages("list the members of the uploaded list", move |engine| {
            let rows = engine.scan(&prefix, Some(start)).take(limit);
            let in_segment = rows.take_while(|row| row.as_ref().map_or(true, |(key, _)| key[..] < end[..]));
            in_segment.map(|row| row.and_then(|(key, value)| member(&key, value))).collect()
        })
        .await
    }

    async fn are_members(&self, id: AudienceId, keys: Vec<MemberKey>) -> Result<Vec<bool>> {
        self.read_pages("look for members of the uploaded list", move |engine| {
            keys.into_iter().map(|key| Ok(engine.get(&members_of(&id).member(key))?.is_some())).collect()
        })
        .await
    }

    async fn delete_audience(&self, id: AudienceId) -> Result<()> {
        self.commit("delete the uploaded list", move |view| {
            if let Some(stored) = delete(view, &id)? {
                view.delete(age(&stored));
                // Its members are gone with the next sweep.
                view.put_mark(Aged::Audience(id).key(UnixMillis::default()));
            }
            Ok(())
        })
        .await
    }
}
