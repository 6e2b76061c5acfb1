//! Every port on DynamoDB, SQS, EventBridge and EventBridge Scheduler.
//!
//! **Must not know**: the stages, the gateway, HTTP and its public shapes.
