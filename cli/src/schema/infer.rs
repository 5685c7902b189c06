//! `transect schema infer`: a first StudySchema from samples, with comments on what a person must decide.

use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use transect_config::{InputFormat, Limits};
use transect_core::infer::{Asked, Draft, Inference};

use super::input;
use crate::args::{SampleFormat, SchemaInferArgs};
use crate::output;

/// The greatest length of a name in a manifest.
const NAME_CHARS_MAX: usize = 40;

pub(crate) fn run(args: &SchemaInferArgs) -> anyhow::Result<ExitCode> {
    let name = match &args.name {
        Some(name) => name.clone(),
        None => args.files.first().map_or_else(|| "event".to_owned(), |path| name_of(path)),
    };
    for (flag, name) in [("--name", &name), ("--study", &args.study)] {
        if !is_name(name) {
            bail!(
                "{flag} {name:?} is no name; write small letters, digits and dashes, of which the first is a letter and \
                 the last no dash, {NAME_CHARS_MAX} at most"
            );
        }
    }
    let limits = Limits::default();
    let mut inference = Inference::new(args.rows, &limits)?;
    let mut files = Vec::new();
    for path in &args.files {
        if inference.is_full() {
            break;
        }
        let mut input = input::open(path, args.format.map(written_as), limits)?;
        while !inference.is_full()
            && let Some(batch) = input.next_batch()?
        {
            inference.take(batch);
        }
        files.push(path.display().to_string());
    }
    if inference.events() == inference.unread().count {
        let first = inference.unread().first.clone().unwrap_or_default();
        match inference.events() {
            0 => bail!("there are no events in {}; give files that hold some", files.join(", ")),
            n => bail!(
                "none of the {n} events can be read; the first: {first}; say with --format how they are written"
            ),
        }
    }
    let asked = Asked { name: &name, study: &args.study, files: &files };
    let Draft { manifest, has_time } = inference.draft(&asked);
    output::line(manifest.trim_end())?;
    if !has_time {
        output::note(
            "no field of all events reads as a time; name the event time in spec.event.time before you go on",
        );
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn written_as(format: SampleFormat) -> InputFormat {
    match format {
        SampleFormat::Json => InputFormat::Json,
        SampleFormat::Csv => InputFormat::Csv,
        SampleFormat::CloudEvents => InputFormat::CloudEvents,
        SampleFormat::Avro => InputFormat::Avro,
    }
}

/// A name from that of a file: `Air Readings_2025.csv.gz` is `air-readings-2025`.
fn name_of(path: &Path) -> String {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = file.split('.').find(|part| !part.is_empty()).unwrap_or_default();
    let mut name = String::new();
    for char in stem.chars().map(|char| char.to_ascii_lowercase()) {
        match char {
            'a'..='z' => name.push(char),
            '0'..='9' if !name.is_empty() => name.push(char),
            _ if !name.is_empty() && !name.ends_with('-') => name.push('-'),
            _ => {}
        }
    }
    name.truncate(NAME_CHARS_MAX);
    let name = name.trim_end_matches('-');
    if name.is_empty() { "event".to_owned() } else { name.to_owned() }
}

fn is_name(name: &str) -> bool {
    let inside = |char: char| matches!(char, 'a'..='z' | '0'..='9' | '-');
    name.starts_with(|char: char| char.is_ascii_lowercase())
        && name.chars().all(inside)
        && !name.ends_with('-')
        && name.len() <= NAME_CHARS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gives_its_name() {
        for (file, name) in [
            ("data/Air Readings_2025.csv.gz", "air-readings-2025"),
            ("-", "event"),
            ("2025.csv", "event"),
            (".hidden.json", "hidden"),
            ("é.json", "event"),
        ] {
            assert_eq!(name_of(Path::new(file)), name, "{file}");
            assert!(is_name(name));
        }
        for name in ["", "A", "1a", "a-", "a_b", &"a".repeat(41)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
