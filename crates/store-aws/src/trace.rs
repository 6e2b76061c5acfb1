//! The trace that the present work belongs to, so that what it sends carries it on.

use std::future::Future;

tokio::task_local! {
    static HEADER: String;
}

/// Runs `work` under an AWS X-Ray trace header: every queue item that it sends carries it (`AWSTraceHeader`).
pub fn with_trace<F: Future>(header: String, work: F) -> impl Future<Output = F::Output> {
    HEADER.scope(header, work)
}

/// The header of the present work, if it has one. Work that was spawned as a task of its own has none.
pub(crate) fn current() -> Option<String> {
    HEADER.try_with(Clone::clone).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_holds_for_the_work_and_no_longer() {
        assert_eq!(with_trace("Root=1-x".into(), async { current() }).await.as_deref(), Some("Root=1-x"));
        assert_eq!(current(), None);
    }
}
