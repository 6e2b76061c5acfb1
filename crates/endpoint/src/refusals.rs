//! The refusals that operations share, for their OpenAPI documents.

use std::collections::BTreeMap;

use homing_contract::http::v1::ProblemView;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema as _};

type Responses = BTreeMap<String, RefOr<Response>>;

/// What any operation with credentials may answer.
#[derive(Clone, Copy, Debug)]
pub struct Refusals;

/// What an operation with a body may answer beside.
#[derive(Clone, Copy, Debug)]
pub struct BodyRefusals;

/// What an operation on one named thing may answer beside.
#[derive(Clone, Copy, Debug)]
pub struct NotFound;

impl IntoResponses for Refusals {
    fn responses() -> Responses {
        problems(&[
            ("400", "The path, the query or a header cannot be read."),
            ("401", "No credentials, or none that are valid."),
            ("403", "These credentials are for something else."),
            ("429", "The app is over its quota; `Retry-After` says when to come back."),
            ("503", "Overload, or the store does not answer; `Retry-After` says when to come back."),
        ])
    }
}

impl IntoResponses for BodyRefusals {
    fn responses() -> Responses {
        problems(&[
            ("400", "The body is not JSON, or the path, the query or a header cannot be read."),
            ("413", "The body is larger than 64 KiB."),
            ("415", "The body is not sent as JSON."),
            ("422", "The body breaks rules; `violations` names them."),
        ])
    }
}

impl IntoResponses for NotFound {
    fn responses() -> Responses {
        problems(&[("404", "There is no such thing, or it is another app's.")])
    }
}

fn problems(all: &[(&str, &str)]) -> Responses {
    let schema = || Some(RefOr::Ref(Ref::from_schema_name(ProblemView::name())));
    let response = |about: &str| {
        let content = ContentBuilder::new().schema(schema()).build();
        ResponseBuilder::new().description(about).content("application/problem+json", content).build()
    };
    all.iter().map(|(status, about)| ((*status).to_owned(), RefOr::T(response(about)))).collect()
}
