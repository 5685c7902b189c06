//! The bytes of a file after decompression, whatever it is compressed with.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::BytesMut;
use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

use super::progress::Progress;

/// Bytes of a file's head by which it is known again.
const HEAD_BYTES: u64 = 4096;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            // A skippable frame may come first.
            [b, 0x2a, 0x4d, 0x18, ..] if b & 0xf0 == 0x50 => Self::Zstd,
            _ => Self::None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "plain",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// See the module.
pub(super) struct RawBytes {
    reader: Box<dyn Read + Send>,
    pub(super) compression: Compression,
    /// Bytes read as they lie on the disk.
    read: Arc<AtomicU64>,
}

impl RawBytes {
    /// Opens a file at a number of bytes after decompression. A plain file is sought; others are read up to there.
    pub(super) fn open(mut file: File, at: u64, progress: Progress) -> io::Result<Self> {
        let mut head = [0; 4];
        let known = file.read_at(&mut head, 0)?;
        let compression = Compression::of(&head[..known]);
        let read = Arc::new(AtomicU64::new(0));
        if compression == Compression::None && at > 0 {
            file.seek(SeekFrom::Start(at))?;
            progress.advance(at);
            read.store(at, Ordering::Relaxed);
        }
        let mut reader = decompress(compression, Counted { inner: file, read: Arc::clone(&read), progress })?;
        if compression != Compression::None && at > 0 {
            io::copy(&mut (&mut reader).take(at), &mut io::sink())?;
        }
        Ok(Self { reader, compression, read })
    }

    /// Reads what comes from a stream, from its beginning.
    pub(super) fn of_stream(mut stream: impl Read + Send + 'static) -> io::Result<Self> {
        let mut head = Vec::new();
        stream.by_ref().take(4).read_to_end(&mut head)?;
        let compression = Compression::of(&head);
        let (read, progress) = (Arc::default(), Progress::default());
        let inner = io::Cursor::new(head).chain(stream);
        let reader = decompress(compression, Counted { inner, read: Arc::clone(&read), progress })?;
        Ok(Self { reader, compression, read })
    }

    /// Bytes read so far as they lie on the disk.
    pub(super) fn read_on_disk(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Reads into a buffer, behind its first `read` bytes, up to a length or to the end of the file, and ends it there;
    /// whether that is the end of the file.
    pub(super) fn fill(&mut self, buffer: &mut BytesMut, read: usize, length: usize) -> io::Result<bool> {
        let mut at = read;
        buffer.resize(length.max(at), 0);
        let outcome = loop {
            if at == buffer.len() {
                break Ok(false);
            }
            match self.reader.read(&mut buffer[at..]) {
                Ok(0) => break Ok(true),
                Ok(read) => at += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        // What was read before an error counts.
        buffer.truncate(at);
        outcome
    }
}

fn decompress(
    compression: Compression,
    bytes: impl Read + Send + 'static,
) -> io::Result<Box<dyn Read + Send>> {
    Ok(match compression {
        Compression::None => Box::new(bytes),
        Compression::Gzip => {
            Box::new(Pieces::of(MultiGzDecoder::new(BufReader::with_capacity(128 * 1024, bytes))))
        }
        Compression::Zstd => Box::new(Pieces::of(zstd::stream::read::Decoder::new(bytes)?)),
    })
}

/// Asks a decoder for the same pieces, however it is asked itself. A decoder that finds damage drops the piece that it was
/// asked for: so what stands before the damage does not depend on the size of chunks, and little of it is missing.
struct Pieces<R>(BufReader<R>);

impl<R: Read> Pieces<R> {
    fn of(decoder: R) -> Self {
        Self(BufReader::with_capacity(16 * 1024, decoder))
    }
}

impl<R: Read> Read for Pieces<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A BufReader's own `read` hands large buffers on.
        let read = self.0.fill_buf()?.read(buffer)?;
        self.0.consume(read);
        Ok(read)
    }
}

/// A file or stream that counts what is read of it.
struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
    progress: Progress,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        self.progress.advance(read as u64);
        Ok(read)
    }
}

/// SHA-256 in hex of a file's first bytes, at most so many; and how many those are.
pub(super) fn head_hash(path: &Path, bytes: Option<u32>) -> io::Result<(u32, String)> {
    let mut head = Vec::new();
    File::open(path)?.take(bytes.map_or(HEAD_BYTES, u64::from)).read_to_end(&mut head)?;
    Ok((head.len() as u32, hex::encode(Sha256::digest(&head))))
}
