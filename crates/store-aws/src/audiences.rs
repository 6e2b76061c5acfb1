//! Uploaded lists: an item for the list, and one for each member in the partition of its segment.
//!
//! | operation | requests | WRU | RRU |
//! |---|---|---|---|
//! | create_audience | 1 | 1 + 1 (`by_segment`) | |
//! | audience | 1 | | 1 |
//! | audiences_of_app | 1 per MiB | | 0.5 per 4 KiB |
//! | add_members | 1 + n/25 | n | 1 |
//! | finish_audience | 2 + 64 or more | 1 + 1 | 2 + 1 per 4 KiB of members |
//! | members | 1 per MiB | | 1 per 4 KiB: for 40 members |
//! | are_members | 1 per 100 | | 1 each |
//! | delete_audience | 1 | 1 + 1 | |
//!
//! A million members are a million WRU to upload (most of what they cost), 40,000 requests, 25,000 RRU to count and as many
//! to send to; they are about 100 MB until DynamoDB deletes them by their time, which costs nothing. Packing members
//! together would save little: they come in no order, so each write would be billed its whole pack.
//!
//! A segment takes 1,000 WRU a second, all 64 of a list what the table takes.

mod row;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};

use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, Select};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use homing_domain::limits::FANOUT_SEGMENTS;
use homing_domain::{AppId, AudienceId, Member, MemberKey, UploadedAudience};
use homing_ports::{Audiences, Created, Result};

use crate::AwsStore;
use crate::batch::Freshness;
use crate::directory::{audience_key, audiences_partition, call, member_key, members_partition};
use crate::error::in_port;
use crate::expression::Expression;
use crate::item::binary;
use crate::listing::CONCURRENT_REQUESTS;
use crate::one_item::{Call, Query, Written};
use crate::schema::DEVICES_BY_SEGMENT;

fn in_segment(id: &AudienceId, segment: u8, after: Option<MemberKey>) -> Expression {
    let expression = match after {
        Some(after) => Expression::key("#pk = :segment AND #sk > :after").value("after", after.0),
        None => Expression::key("#pk = :segment"),
    };
    expression.value("segment", binary(members_partition(id, segment)))
}

/// Sets how many members a list has, unless that is known.
fn finish(members: u64) -> Expression {
    Expression::update("SET #mb = :members")
        .when("attribute_exists(#pk) AND attribute_not_exists(#mb)")
        .value("members", members)
}

impl Audiences for AwsStore {
    async fn create_audience(&self, audience: UploadedAudience) -> Result<Created> {
        match self.put(call("create the uploaded list"), row::write(&audience), Expression::absent()).await? {
            Written::Done(_) => Ok(Created::New),
            Written::Refused(_) => Ok(Created::Exists),
        }
    }

    async fn audience(&self, id: AudienceId) -> Result<Option<UploadedAudience>> {
        self.uploaded(call("read the uploaded list"), &id).await
    }

    async fn audiences_of_app(
        &self,
        app: &AppId,
        after: Option<AudienceId>,
        limit: usize,
    ) -> Result<Vec<UploadedAudience>> {
        let call = call("list the uploaded lists of the app");
        let expression = match after {
            Some(after) => Expression::key("#sp = :app AND #ss > :after").value("after", after),
            None => Expression::key("#sp = :app"),
        };
        let expression = expression.value("app", binary(audiences_partition(app)));
        let query = Query { index: Some(DEVICES_BY_SEGMENT.name), is_consistent: false, ..Query::of(expression) };
        call.read_all(self.list(call, query, limit).await?, row::read)
    }

    async fn add_members(&self, id: AudienceId, members: Vec<Member>) -> Result<()> {
        let call = call("add members to the uploaded list");
        // Members die with their list.
        let Some(audience) = self.uploaded(call, &id).await? else { return Ok(()) };
        // One request must not name one member twice.
        let members: BTreeMap<_, _> = members.into_iter().map(|member| (member.key, member)).collect();
        let items = members.values().map(|member| row::write_member(&audience, member)).collect();
        self.put_all(call, items).await
    }

    async fn finish_audience(&self, id: AudienceId) -> Result<Option<UploadedAudience>> {
        let call = call("finish the uploaded list");
        match self.uploaded(call, &id).await? {
            Some(audience) if audience.members.is_none() => {}
            finished => return Ok(finished),
        }
        let counts: Vec<u64> = stream::iter(0..FANOUT_SEGMENTS)
            .map(|segment| self.count_members(call, &id, segment))
            .buffer_unordered(CONCURRENT_REQUESTS)
            .try_collect()
            .await?;
        let members = counts.iter().sum();
        match self.update(call, audience_key(&id), finish(members)).await? {
            Written::Done(Some(before)) => {
                let audience = call.read(row::read(before))?;
                Ok(Some(UploadedAudience { members: Some(members), ..audience }))
            }
            Written::Refused(Some(stored)) => call.read(row::read(stored)).map(Some),
            Written::Done(None) | Written::Refused(None) => Ok(None),
        }
    }

    async fn members(
        &self,
        id: AudienceId,
        segment: u8,
        after: Option<MemberKey>,
        limit: usize,
    ) -> Result<Vec<Member>> {
        let call = call("list the members of the uploaded list");
        let items = self.list(call, Query::of(in_segment(&id, segment, after)), limit).await?;
        call.read_all(items, row::read_member)
    }

    async fn are_members(&self, id: AudienceId, keys: Vec<MemberKey>) -> Result<Vec<bool>> {
        let call = call("look for members of the uploaded list");
        let distinct: HashSet<_> = keys.iter().copied().collect();
        let asked = distinct.into_iter().map(|key| member_key(&id, key)).collect();
        let found = call.read_all(self.rows(call, asked, Freshness::Current).await?, row::read_member)?;
        let found: HashSet<_> = found.into_iter().map(|member| member.key).collect();
        Ok(keys.iter().map(|key| found.contains(key)).collect())
    }

    async fn delete_audience(&self, id: AudienceId) -> Result<()> {
        self.delete_item(call("delete the uploaded list"), audience_key(&id), Expression::none()).await.map(|_| ())
    }
}

impl AwsStore {
    async fn uploaded(&self, call: Call, id: &AudienceId) -> Result<Option<UploadedAudience>> {
        self.get(call, audience_key(id)).await?.map(|item| call.read(row::read(item))).transpose()
    }

    /// How many members a segment has. They are counted by DynamoDB and not sent.
    async fn count_members(&self, call: Call, id: &AudienceId, segment: u8) -> Result<u64> {
        let (mut count, mut start) = (0, None);
        loop {
            let parts = in_segment(id, segment, None).into_parts();
            let page = self
                .db()
                .query()
                .table_name(self.table_name(call)?)
                .set_key_condition_expression(parts.key)
                .set_expression_attribute_names(parts.names)
                .set_expression_attribute_values(parts.values)
                .select(Select::Count)
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await
                .map_err(|error| in_port(call.operation, error))?;
            count += u64::try_from(page.count).unwrap_or_default();
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(count);
            }
        }
    }
}
