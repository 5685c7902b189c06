//! Why an input can't be read on. Everything before the trouble has been handed out.

use std::io;

/// See the module. Each names the file.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The system refused.
    #[error(
        "{doing} the input {path}: {source}; what was read before is kept, and a new start goes on from there"
    )]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// Not a regular file.
    #[error("the input {path} is {what}; give a regular file")]
    NotAFile {
        /// The path.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// The compressed stream ends too early or is damaged.
    #[error(
        "the input {path} breaks off: its {format} stream is cut or damaged after byte {read} of {size} ({problem}); copy \
         it again and start again: the {events} events before the break are kept, and reading goes on after them"
    )]
    Broken {
        /// The file.
        path: String,
        /// gzip or zstd.
        format: &'static str,
        /// Bytes that could be read of it.
        read: u64,
        /// Its size.
        size: u64,
        /// What the decompressor said.
        problem: String,
        /// Events handed out of it by this run.
        events: u64,
    },
    /// What stands before the events can't be read.
    #[error("the input {path}, line {line}: its head can't be read: {problem}; nothing was read of the file")]
    Head {
        /// The file.
        path: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong and how to fix it.
        problem: String,
    },
    /// The blocks around the events are broken.
    #[error(
        "the input {path}, before event {next} (byte {byte}): {problem}; copy the file again and start again: what stands \
         before is kept"
    )]
    Container {
        /// The file.
        path: String,
        /// Where the block begins, from 0, after decompression.
        byte: u64,
        /// The number of its first event, from 1.
        next: u64,
        /// What is wrong.
        problem: String,
    },
    /// The JSON around the events is broken.
    #[error(
        "the input {path}, line {line} (byte {byte}): expected {expected}, found {found}; correct the file and start again: \
         what stands before is kept"
    )]
    Structure {
        /// The file.
        path: String,
        /// The line, from 1.
        line: u64,
        /// The byte, from 0, after decompression.
        byte: u64,
        /// What JSON asks for here.
        expected: &'static str,
        /// What stands here: a single byte or the end.
        found: String,
    },
    /// It is not the file that was read before.
    #[error(
        "the input {path} is not the file that was read before: {problem}; put the old file back, or give the new one a \
         name of its own"
    )]
    Replaced {
        /// The file.
        path: String,
        /// How that shows.
        problem: String,
    },
}
