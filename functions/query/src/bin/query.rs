//! The Lambda function of query: wiring only.

use homing_function_host::Host;
use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let host = Host::start().await?;
    lambda_http::run(host.http(homing_query::router(host.edge()?))).await
}
