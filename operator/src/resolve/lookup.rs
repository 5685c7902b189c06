//! Lookups: tables that rules read, as far as the manifests show them. Files are read by who runs the pipeline.

use std::path::{Path, PathBuf};

use transect_config::{LookupColumn, LookupConfig, LookupFormat, LookupPlace, LookupType};
use transect_core::lookup::Table;
use transect_crds::common::ConfigMapKeyRef;
use transect_crds::pipeline::{self as spec, Lookup};

use super::{Resolver, join, namespace};

impl Resolver<'_> {
    /// All tables. What is wrong with one does not keep rules from being checked against its columns.
    pub(super) fn lookups(&mut self) -> Vec<LookupConfig> {
        let lookups = &self.pipeline.value.spec.lookups;
        lookups.iter().enumerate().map(|(at, lookup)| self.lookup(at, lookup)).collect()
    }

    fn lookup(&mut self, at: usize, lookup: &Lookup) -> LookupConfig {
        let path = format!("spec.lookups[{at}]");
        if let Some(schema) = &lookup.schema {
            self.lists(&format!("{path}.schema"), schema);
        }
        let mut config = LookupConfig {
            name: lookup.name.clone(),
            key: column(&lookup.key),
            columns: lookup.columns.iter().map(column).collect(),
            format: format(lookup),
            place: LookupPlace::Text(String::new()),
        };
        if let Some(reference) = &lookup.config_map_key_ref {
            self.table_of_config_map(&path, reference, &mut config);
        } else if let Some(file) = &lookup.file {
            // Paths are seen from where the manifest lies.
            let folder = Path::new(self.pipeline.file()).parent().unwrap_or(Path::new(""));
            config.place = LookupPlace::File(folder.join(&file.path));
        } else if let Some(file) =
            lookup.object_store.as_ref().and_then(|store| store.url.strip_prefix("file://"))
        {
            config.place = LookupPlace::File(PathBuf::from(file));
        }
        config
    }

    fn table_of_config_map(&mut self, path: &str, reference: &ConfigMapKeyRef, config: &mut LookupConfig) {
        let path = format!("{path}.configMapKeyRef");
        let own = self.namespace();
        let map = self.config_maps.iter().find(|map| {
            map.value.metadata.name.as_ref() == Some(&reference.name)
                && namespace(map.value.metadata.namespace.as_deref()) == own
        });
        let Some(map) = map else {
            let message = format!("names the ConfigMap `{}`, which is not there", reference.name);
            let fix = format!("add it to the manifests, in the namespace `{own}`, or correct the name");
            return self.problem(&format!("{path}.name"), message, fix);
        };
        let data = map.value.data.iter().flatten();
        let Some((_, text)) = data.clone().find(|(key, _)| **key == reference.key) else {
            let message = format!(
                "names the key `{}`, which ConfigMap `{}` doesn't have",
                reference.key, reference.name
            );
            let fix = match join(data.map(|(key, _)| key.as_str())) {
                none if none.is_empty() => "add it to the ConfigMap's data".to_owned(),
                keys => format!("write one of {keys}"),
            };
            return self.problem(&format!("{path}.key"), message, fix);
        };
        if let Err(error) = Table::read(config, text.as_bytes()) {
            let message = format!("as the lookup `{}`, {}", config.name, error.told());
            self.problems.push(map.problem(&format!("data.{}", reference.key), message, error.fix));
        }
        config.place = LookupPlace::Text(text.clone());
    }
}

fn column(column: &spec::LookupColumn) -> LookupColumn {
    let kind = match column.kind.unwrap_or_default() {
        spec::LookupType::Text => LookupType::Text,
        spec::LookupType::Number => LookupType::Number,
        spec::LookupType::Boolean => LookupType::Boolean,
        spec::LookupType::Time => LookupType::Time,
    };
    LookupColumn { name: column.name.clone(), kind }
}

/// As the manifest says; else what the name of the file or key shows.
fn format(lookup: &Lookup) -> LookupFormat {
    let named = [
        lookup.config_map_key_ref.as_ref().map(|reference| &reference.key),
        lookup.file.as_ref().map(|file| &file.path),
        lookup.object_store.as_ref().map(|store| &store.url),
    ];
    let is_json = |name: &String| [".json", ".jsonl", ".ndjson"].iter().any(|end| name.ends_with(end));
    match lookup.format {
        Some(spec::LookupFormat::Csv) => LookupFormat::Csv,
        Some(spec::LookupFormat::Json) => LookupFormat::Json,
        None if named.into_iter().flatten().any(is_json) => LookupFormat::Json,
        None => LookupFormat::Csv,
    }
}
