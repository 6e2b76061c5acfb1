//! Why transactions are cancelled, and what comes of it.

use serde_json::json;

use super::*;
use crate::item::{Table, key};
use crate::script::{Reply, Script};

const CALL: Call = Call { operation: "write both", table: Table::Directory };

fn cancelled(codes: &[&str]) -> Reply {
    let reasons: Vec<_> = codes.iter().map(|code| json!({ "Code": code })).collect();
    Reply::Refused("TransactionCanceledException", json!({ "CancellationReasons": reasons }))
}

async fn write_both(store: &AwsStore) -> Result<Transacted> {
    let writes = |attempt: u32| {
        let second = format!("b{attempt}");
        vec![
            Write::Put(key(*b"a"), Expression::absent()),
            Write::Update(key(second), Expression::update("REMOVE #x")),
            Write::Delete(key(*b"c"), Expression::none()),
        ]
    };
    store.transact(CALL, writes).await
}

#[tokio::test]
async fn others_in_the_way_are_waited_out_and_other_items_tried() {
    let (store, script) = Script::store([
        cancelled(&["None", "TransactionConflict", "None"]),
        // What a conflict hides is not to be believed yet.
        cancelled(&["ConditionalCheckFailed", "TransactionConflict", "None"]),
        cancelled(&["None", "ThrottlingError", "None"]),
        Reply::Done(json!({})),
    ]);
    assert_eq!(write_both(&store).await.unwrap(), Transacted::Done);
    let sent = script.sent();
    assert_eq!(sent.len(), 4);
    let second = |n: usize| sent[n].body["TransactItems"][1]["Update"]["Key"]["pk"]["B"].clone();
    assert_ne!(second(0), second(1));
    assert_eq!(sent[0].body["ReturnConsumedCapacity"], "TOTAL");
}

#[tokio::test]
async fn refused_conditions_come_back_with_their_items() {
    let reasons = json!([{ "Code": "ConditionalCheckFailed", "Item": { "pk": { "S": "x" } } }, { "Code": "None" }]);
    let reply = Reply::Refused("TransactionCanceledException", json!({ "CancellationReasons": reasons }));
    let (store, _) = Script::store([reply]);
    let Transacted::Refused(refusals) = write_both(&store).await.unwrap() else { panic!("it was cancelled") };
    assert!(matches!(&refusals[..], [Refusal::Condition(Some(item)), Refusal::Held] if item.len() == 1));
}

#[tokio::test]
async fn what_cannot_succeed_is_broken_and_what_lasts_is_a_retry() {
    let (store, script) = Script::store([cancelled(&["ValidationError", "TransactionConflict"])]);
    assert_eq!(write_both(&store).await.unwrap_err().fault, Fault::Broken);
    assert_eq!(script.sent().len(), 1);
    let (store, script) = Script::store((0..40).map(|_| cancelled(&["TransactionConflict"])));
    assert_eq!(write_both(&store).await.unwrap_err().fault, Fault::Retry);
    assert_eq!(script.sent().len(), CONFLICT_MAX_ATTEMPTS as usize);
}
