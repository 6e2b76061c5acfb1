//! The updates in place: the common case of an operation of the model, as an expression.
//!
//! A condition may be stricter than the model, never laxer: what it refuses goes through the model, what it lets pass must
//! be exactly what the model does to the same item.

use homing_domain::limits::MAILBOX_MAX_ENTRIES;
use homing_domain::mailbox::{Enqueue, Entry, EntryState, Route, Takeover};
use homing_domain::{ConnSeq, Seq};

use super::row;
use crate::expression::Expression;

/// Appends an entry that is new, for this user, and that there is room for. `None` with a collapse key: what it replaces
/// must be looked for.
pub(super) fn enqueue(request: &Enqueue) -> Option<Expression> {
    if request.collapse_key.is_some() {
        return None;
    }
    let entry = Entry {
        span: 1,
        message: request.message,
        state: EntryState::Live,
        enqueued_at: request.now,
        accepted_at: request.accepted_at,
        expires_at: request.expires_at,
        priority: request.priority,
        collapse_key: None,
        user: request.user,
        body: request.body.clone(),
        variant: request.variant,
    };
    let hash = row::short_hash(&request.message);
    let mut condition = String::from(
        "#a = :a AND attribute_not_exists(#x) AND size(#q) < :max \
         AND NOT contains(#h, :h) AND NOT contains(#t, :h) AND NOT contains(#r, :h)",
    );
    let mut update =
        Expression::update("SET #q = list_append(#q, :q), #h = list_append(#h, :hs), #hi = #hi + :one, #v = #v + :one");
    if let Some(user) = request.user {
        condition.push_str(" AND #u = :u");
        update = update.value("u", user);
    }
    let update = update
        .when(condition)
        .value("a", request.app.clone())
        .value("max", MAILBOX_MAX_ENTRIES)
        .value("q", vec![row::entry(&entry)])
        .value("h", hash)
        .value("hs", vec![hash])
        .value("one", 1_u64);
    Some(update)
}

/// Makes a gateway the owner whose connection number is larger than any before.
pub(super) fn take_over(takeover: &Takeover) -> Expression {
    let route = Route { gateway: takeover.gateway, conn_seq: takeover.conn_seq };
    Expression::update("SET #g = :g, #n = :n, #l = :l, #v = #v + :one")
        .when("#c = :c AND #n < :n AND attribute_not_exists(#x)")
        .value("g", row::gateway(&route))
        .value("n", takeover.conn_seq)
        .value("c", takeover.credential_generation)
        .value("l", takeover.now)
        .value("one", 1_u64)
}

/// Gives the device up as its owner.
pub(super) fn detach(conn_seq: ConnSeq, sent: Seq) -> Expression {
    Expression::update("SET #s = :s, #v = #v + :one REMOVE #g")
        .when("#n = :n AND attribute_not_exists(#x)")
        .value("n", conn_seq)
        .value("s", sent)
        .value("one", 1_u64)
}
