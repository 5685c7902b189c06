//! `transect erase`: a participant's right to be forgotten.

use std::process::ExitCode;

use anyhow::anyhow;
use transect_worker::erase::{Places, erase};

use crate::args::EraseArgs;
use crate::output;

pub(crate) fn run(args: &EraseArgs) -> anyhow::Result<ExitCode> {
    let state = args.state.clone().unwrap_or_else(|| args.out.join(".state"));
    let keys = args.keys.clone().unwrap_or_else(|| state.join("keys"));
    let found = erase(&Places { out: args.out.clone(), state, keys }, &args.participant)
        .map_err(|error| anyhow!(error))?;
    output::print(args.output, &found, || {
        let count = |n: u64| output::count(n);
        let rows = [
            ("key", if found.had_key { "destroyed".to_owned() } else { "there was none".to_owned() }),
            ("encrypted values in the table, opened before", count(found.values)),
            ("pieces of the archive, opened before", count(found.pieces)),
            ("refused events that named them, emptied", count(found.rejects)),
            ("other archived events that named them, removed", count(found.unclaimed)),
            ("of all this, still to be opened", count(found.still_open)),
        ];
        let table = output::table(["what", "found"], rows.map(|(what, found)| [what.to_owned(), found]));
        format!("{table}\n\nparticipant {} in audit and archive", found.participant)
    })?;
    if found.still_open > 0 {
        output::note("error: not everything could be erased; report this as a bug, and run it again");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
