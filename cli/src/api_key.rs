//! `transect api-key`: a key for a sender, of which only the hash is kept.

use std::process::ExitCode;

use anyhow::Context;
use transect_worker::gateway::NewSender;

use crate::args::ApiKeyArgs;
use crate::output;

pub(crate) fn run(args: &ApiKeyArgs) -> anyhow::Result<ExitCode> {
    let ApiKeyArgs { name, folder, studies, sources, events_per_second } = args;
    let sender = NewSender {
        name: name.clone(),
        studies: studies.clone(),
        sources: sources.clone(),
        events_per_second: *events_per_second,
    };
    let (key, path) = sender.create(folder).context("make an API key")?;
    output::line(&key)?;
    output::note(&format!(
        "give this key to {name}; it can't be shown again. What it hashes to is in {}: `transect up --api-keys {}` reads \
         it, or a Secret made of the folder: kubectl create secret generic senders --from-file {}",
        path.display(),
        folder.display(),
        folder.display()
    ));
    Ok(ExitCode::SUCCESS)
}
