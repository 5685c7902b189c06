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
    let mut erased = 0;
    for file in &args.files {
        erased += unseal(file, &opener).with_context(|| format!("unseal {}", file.display()))?;
    }
    if erased > 0 {
        output::note(&format!("{} events are of erased participants, and left out", output::count(erased)));
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a file's events to standard output, each batch's of a participant together; how many can't be opened any more.
fn unseal(file: &Path, opener: &Opener) -> anyhow::Result<u64> {
    let pieces = sealed::read(&fs::read(file)?).map_err(|error| anyhow!(error))?;
    let (mut out, mut erased, mut like) = (io::stdout().lock(), 0, None);
    for piece in pieces {
        let Opened::Events(events) = opener.piece(&piece).map_err(|error| anyhow!(error))? else {
            erased += piece.count;
            continue;
        };
        if piece.content_type == sealed::BINARY {
            bail!("it holds Avro data, which has no lines; read it as the Avro container that it is");
        }
        // What stands before the events of a file, such as a header line, once.
        if like.as_ref().is_some_and(|like| *like != (piece.content_type.clone(), piece.head.clone())) {
            bail!("it holds events of several formats; that is a bug in Transect");
        }
        if like.is_none() && !piece.head.is_empty() {
            out.write_all(&piece.head)?;
            out.write_all(b"\n")?;
        }
        like = Some((piece.content_type, piece.head));
        match out.write_all(&events) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(erased),
            written => written.context("write to standard output")?,
        }
    }
    Ok(erased)
}
