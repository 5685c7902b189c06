//! Compresses encoded row groups with one zstd context for all columns of all files. The Parquet writer makes two
//! contexts for every column of every file instead, which costs more than all compressing where files are small.

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, PageType, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ColumnChunkMetaDataBuilder, RowGroupMetaData};
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::file::writer::{SerializedPageWriter, SerializedRowGroupWriter, TrackedWrite};
use zstd::bulk::Compressor;

use super::repeated::repeat;

/// Fast, and what Parquet writers use by default.
const LEVEL: i32 = 1;

/// Columns of at most so many bytes are left as they are: it takes longer to set the compressor up than to write them,
/// and they would become larger. Those of one value are the most: a day of a source has a dozen of them.
const PLAIN_BYTES_MAX: i64 = 256;

/// A zstd context.
pub(in crate::sink) struct Packer {
    zstd: Compressor<'static>,
    compression: Compression,
}

impl Packer {
    /// A context of our level.
    pub(in crate::sink) fn new() -> Result<Self, ParquetError> {
        let compression = Compression::ZSTD(ZstdLevel::try_new(LEVEL)?);
        Ok(Self { zstd: Compressor::new(LEVEL)?, compression })
    }

    /// Appends columns, given uncompressed as the bytes that `columns` describes, to a row group.
    pub(super) fn append<W: Write + Send>(
        &mut self,
        to: &mut SerializedRowGroupWriter<'_, W>,
        plain: Bytes,
        columns: &RowGroupMetaData,
    ) -> Result<(), ParquetError> {
        let plain = Arc::new(plain);
        let rows = usize::try_from(columns.num_rows())?;
        for column in columns.columns() {
            let pages = SerializedPageReader::new(Arc::clone(&plain), column, rows, None)?;
            let mut packed = TrackedWrite::new(Vec::new());
            let close =
                self.pack(pages, column.clone().into_builder(), self.compression(column), rows, &mut packed)?;
            to.append_column(&Bytes::from(packed.into_inner()?), close)?;
        }
        Ok(())
    }

    /// Appends a column of one row, given as for `append`, as one that has that row so many times; false if it must be
    /// encoded row by row.
    pub(super) fn append_repeated<W: Write + Send>(
        &mut self,
        to: &mut SerializedRowGroupWriter<'_, W>,
        plain: Bytes,
        columns: &RowGroupMetaData,
        rows: usize,
    ) -> Result<bool, ParquetError> {
        let [column] = columns.columns() else { return Ok(false) };
        let compression = self.compression(column);
        let mut pages = Vec::new();
        for page in SerializedPageReader::new(Arc::new(plain), column, 1, None)? {
            let Some(page) = repeat(page?, rows, column.column_descr().max_def_level()) else {
                return Ok(false);
            };
            pages.push(Ok(page));
        }
        if compression != Compression::UNCOMPRESSED || pages.len() != 2 {
            return Ok(false);
        }
        let mut packed = TrackedWrite::new(Vec::new());
        // What else it says of sizes is that of one row.
        let about = column
            .clone()
            .into_builder()
            .set_num_values(i64::try_from(rows)?)
            .set_unencoded_byte_array_data_bytes(None)
            .set_definition_level_histogram(None);
        let mut close = self.pack(pages.into_iter(), about, compression, rows, &mut packed)?;
        let bytes = i64::try_from(close.bytes_written)?;
        close.metadata = close.metadata.into_builder().set_total_uncompressed_size(bytes).build()?;
        to.append_column(&Bytes::from(packed.into_inner()?), close)?;
        Ok(true)
    }

    fn compression(&self, column: &ColumnChunkMetaData) -> Compression {
        match column.compressed_size() {
            ..=PLAIN_BYTES_MAX => Compression::UNCOMPRESSED,
            _ => self.compression,
        }
    }

    /// Compresses the pages of a column. Offsets in what it returns are places in `packed`.
    fn pack(
        &mut self,
        pages: impl Iterator<Item = Result<Page, ParquetError>>,
        about: ColumnChunkMetaDataBuilder,
        compression: Compression,
        rows: usize,
        packed: &mut TrackedWrite<Vec<u8>>,
    ) -> Result<ColumnCloseResult, ParquetError> {
        let (mut dictionary, mut data, mut bytes_written) = (None, None, 0);
        let mut writer = SerializedPageWriter::new(packed);
        for page in pages {
            let page = writer.write_page(self.pack_page(page?, compression)?)?;
            bytes_written += page.bytes_written;
            let offset = i64::try_from(page.offset)?;
            let first = if page.page_type == PageType::DICTIONARY_PAGE { &mut dictionary } else { &mut data };
            first.get_or_insert(offset);
        }
        let metadata = about
            .set_compression(compression)
            .set_total_compressed_size(i64::try_from(bytes_written)?)
            .set_dictionary_page_offset(dictionary)
            .set_data_page_offset(data.unwrap_or_default())
            .build()?;
        Ok(ColumnCloseResult {
            bytes_written,
            rows_written: rows as u64,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        })
    }

    /// Pages of the first version are compressed whole, levels too; we write no others.
    fn pack_page(
        &mut self,
        mut page: Page,
        compression: Compression,
    ) -> Result<CompressedPage, ParquetError> {
        let bytes = match &mut page {
            Page::DataPage { buf, .. } | Page::DictionaryPage { buf, .. } => buf,
            Page::DataPageV2 { .. } => {
                return Err(ParquetError::NYI("packing data pages of version 2".to_owned()));
            }
        };
        let uncompressed = bytes.len();
        if compression != Compression::UNCOMPRESSED {
            *bytes = self.zstd.compress(bytes)?.into();
        }
        Ok(CompressedPage::new(page, uncompressed))
    }
}
