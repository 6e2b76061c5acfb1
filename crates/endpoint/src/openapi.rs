//! What the OpenAPI document says before any function adds its paths.

use homing_contract::http::Violation;
use homing_contract::http::v1::ProblemView;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};

const ABOUT: &str = "Push messages to devices wherever they roam.\n\n\
    Bodies are JSON in snake_case, times are RFC 3339 in UTC. Unknown fields of requests are refused; answers may grow, so \
    ignore what you do not know. Errors are `application/problem+json` (RFC 9457) with a stable `code` and the JSON pointer \
    of what is wrong. A POST that creates something takes an `Idempotency-Key`: sent again with the same key and body it \
    gives the same answer and does nothing twice. 429 and 503 come with `Retry-After`.";

pub(crate) fn base_document() -> OpenApi {
    let bearer = |about: &str| {
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(about)).build())
    };
    let components = ComponentsBuilder::new()
        .schema_from::<ProblemView>()
        .schema_from::<Violation>()
        .security_scheme("server_key", bearer("A server key of one app (`hms_…`): for your servers."))
        .security_scheme("client_key", bearer("The client key of one app (`hmc_…`): may only register a device."))
        .security_scheme("device_secret", bearer("A device's secret, from its registration."))
        .security_scheme("admin_token", bearer("The operator's token (`hma_…`)."));
    let tag = |name: &str, about: &str| TagBuilder::new().name(name).description(Some(about)).build();
    let license = LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build();
    OpenApiBuilder::new()
        .info(InfoBuilder::new().title("Homing").version("1").description(Some(ABOUT)).license(Some(license)).build())
        .components(Some(components.build()))
        .tags(Some([
            tag("messages", "Send messages, steer them, and see what becomes of them."),
            tag("audiences", "Lists that are uploaded once and sent to by name."),
            tag("devices", "Register devices, bind them to users, label them."),
            tag("operators", "Apps, keys, settings, gateways."),
        ]))
        .build()
}
