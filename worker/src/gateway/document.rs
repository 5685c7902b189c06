//! The OpenAPI document: what the routes say of themselves, with the names that this gateway knows.

use utoipa::openapi::path::Parameter;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi, RefOr, Schema};
use utoipa::{Modify, OpenApi as _};

use super::Gateway;

/// What the routes have in common.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Transect gateway", description = "Takes the events of a study in."),
    modifiers(&Keys)
)]
struct Document;

/// The two ways an API key may come.
struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        let header = ApiKey::Header(ApiKeyValue::new("X-API-Key"));
        components.add_security_scheme("header", SecurityScheme::ApiKey(header));
    }
}

/// To be filled by the routes.
pub(super) fn begin() -> OpenApi {
    Document::openapi()
}

/// Says which study, sources and event types there are.
pub(super) fn name(document: &mut OpenApi, gateway: &Gateway) {
    let sources = || gateway.sources.iter().map(|source| source.name.as_str()).collect::<Vec<_>>();
    let types = || gateway.types.iter().map(|event_type| &*event_type.name).collect::<Vec<_>>();
    let operations = document.paths.paths.values_mut().filter_map(|path| path.post.as_mut());
    for parameter in operations.flat_map(|operation| operation.parameters.iter_mut().flatten()) {
        let RefOr::T(parameter) = parameter else { continue };
        match parameter.name.as_str() {
            "study" => one_of(parameter, &[gateway.study.as_str()]),
            "source" => one_of(parameter, &sources()),
            "type" => one_of(parameter, &types()),
            _ => {}
        }
    }
}

fn one_of(parameter: &mut Parameter, names: &[&str]) {
    let schema = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names.iter().copied()));
    parameter.schema = Some(RefOr::T(Schema::Object(schema.build())));
}
