//! `transect unseal`: the archive of a pipeline with personal fields, for who has its keys.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use transect_worker::keys::Opener;
use transect_worker::sink::archive::sealed::{self, Opened};

use crate::args::UnsealArgs;
use crate::output;

pub(crate) fn run(args: &UnsealArgs) -> anyhow::Result<ExitCode> {
    let opener = Opener::open(&args.keys)?;
    let (mut erased, mut head) = (0, None);
    for file in &args.files {
        erased += unseal(file, &opener, &mut head).with_context(|| format!("unseal {}", file.display()))?;
    }
    if erased > 0 {
        output::note(&format!("{} events are of erased participants, and left out", output::count(erased)));
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a file's events to standard output, each batch's of a participant together; how many can't be opened any more.
/// `head` is what stands before them, which only the first file writes.
fn unseal(file: &Path, opener: &Opener, head: &mut Option<Vec<u8>>) -> anyhow::Result<u64> {
    let pieces = sealed::read(&fs::read(file)?).map_err(|error| anyhow!(error))?;
    let (mut out, mut erased) = (io::stdout().lock(), 0);
    for piece in pieces {
        let Opened::Events(events) = opener.piece(&piece).map_err(|error| anyhow!(error))? else {
            erased += piece.count;
            continue;
        };
        let own = sealed::head_of(&piece).map_err(|error| anyhow!(error))?;
        let body = sealed::body_of(&piece, events).map_err(|error| anyhow!(error))?;
        let written = match head {
            None => out.write_all(&own).and_then(|()| out.write_all(&body)),
            Some(head) if *head == own => out.write_all(&body),
            Some(_) => {
                bail!("its events are written otherwise than those of the files before; unseal it by itself")
            }
        };
        *head = Some(own);
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(erased),
            written => written.context("write to standard output")?,
        }
    }
    Ok(erased)
}
