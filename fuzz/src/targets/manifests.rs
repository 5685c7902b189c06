//! Manifests: each is a pipeline or has problems, each with its place.

use transect_core::versions::Versions;
use transect_crds::yaml::{load_text, read_object};
use transect_operator::local;
use transect_operator::resolve::{Overrides, check_schema, resolve};

/// A file of manifests, strictly read and resolved.
pub fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    // To YAML a carriage return alone ends a line.
    let lines = text.replace("\r\n", "\n").matches(['\n', '\r']).count() as u32 + 1;
    let loaded = load_text("m.yaml", text);
    let mut problems = loaded.problems.clone();
    for schema in &loaded.schemas {
        problems.extend(check_schema(schema, &loaded.config_maps, &loaded.pipelines));
    }
    for pipeline in &loaded.pipelines {
        let overrides = Overrides::new();
        problems.extend(local::unsupported(pipeline, &overrides));
        match resolve(&loaded.schemas, &loaded.config_maps, pipeline, &overrides) {
            Ok(resolved) => {
                for event_type in &resolved.config.event_types {
                    Versions::compile(event_type, &resolved.config.limits).unwrap();
                }
            }
            Err(more) => problems.extend(more),
        }
    }
    for problem in problems {
        assert!(!problem.message.is_empty() && problem.line <= lines, "{problem}");
    }
    let _ = read_object(text);
}
