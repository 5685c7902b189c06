//! The last revision of each window and group.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;

use arrow_array::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;

use super::{AGGREGATES, Aggregate, Columns, GROUPS, Series, is_summable, values};

/// Start and end of a window, and the number of its group.
type Key = (i64, i64, u32);

/// What a window's greatest revision says.
#[derive(Clone, Copy, Debug)]
struct Row {
    revision: i64,
    is_final: bool,
    is_replaced: bool,
    values: [Option<f64>; AGGREGATES],
}

/// See the module.
#[derive(Default)]
pub(super) struct Last {
    numbers: HashMap<String, u32>,
    names: Vec<String>,
    rows: HashMap<Key, Row>,
}

impl Last {
    /// Takes in a file.
    pub(super) fn read(
        &mut self,
        file: File,
        metadata: ArrowReaderMetadata,
        columns: &Columns,
    ) -> Result<(), ParquetError> {
        let wanted = |name: &str| {
            ["window_start", "window_end", "revision", "final", "replaced_by"].contains(&name)
                || columns.groups.iter().any(|group| group == name)
                || columns.aggregates.iter().any(|(aggregate, _)| aggregate == name)
        };
        let roots = metadata.schema().fields().iter().enumerate();
        let roots = roots.filter(|(_, field)| wanted(field.name())).map(|(at, _)| at);
        let mask = ProjectionMask::roots(metadata.parquet_schema(), roots);
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
        for batch in builder.with_projection(mask).build()? {
            self.add(&batch?, columns)?;
        }
        Ok(())
    }

    fn add(&mut self, batch: &RecordBatch, columns: &Columns) -> Result<(), ParquetError> {
        let (starts, ends) = (values::times(batch, "window_start")?, values::times(batch, "window_end")?);
        let (revisions, finals) = (values::integers(batch, "revision")?, values::truths(batch, "final")?);
        let replaced = values::is_set(batch, "replaced_by");
        let mut groups = Vec::with_capacity(batch.num_rows());
        values::for_each_joined(batch, &columns.groups, |group| groups.push(self.number(group)))?;
        let numbers: Vec<_> =
            columns.aggregates.iter().map(|(name, _)| values::numbers(batch, name)).collect();
        for (at, group) in groups.into_iter().enumerate() {
            let key = (starts[at], ends[at], group);
            let value = |aggregate: usize| numbers.get(aggregate).and_then(|numbers| numbers[at]);
            let row = Row {
                revision: revisions[at],
                is_final: finals[at],
                is_replaced: replaced[at],
                values: std::array::from_fn(value),
            };
            let known = self.rows.entry(key).or_insert(row);
            if (row.revision, row.is_final) > (known.revision, known.is_final) {
                *known = row;
            }
        }
        Ok(())
    }

    fn number(&mut self, group: &str) -> u32 {
        if let Some(number) = self.numbers.get(group) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.names.push(group.to_owned());
        self.numbers.insert(group.to_owned(), number);
        number
    }

    /// Windows, and those that may still be issued again.
    pub(super) fn count(&self) -> (u64, u64) {
        let there = self.rows.values().filter(|row| !row.is_replaced);
        let open = there.clone().filter(|row| !row.is_final).count();
        (there.count() as u64, open as u64)
    }

    pub(super) fn groups(&self) -> usize {
        self.names.len()
    }

    /// The aggregates' values over time.
    pub(super) fn into_aggregates(self, columns: &Columns) -> Vec<Aggregate> {
        let Columns { aggregates, sessions, .. } = columns;
        let mut rows: Vec<(Key, Row)> = self.rows.into_iter().filter(|(_, row)| !row.is_replaced).collect();
        rows.sort_unstable_by_key(|(key, _)| *key);
        // By events where they are counted, else by windows. None where all sessions were replaced.
        let counts = aggregates.first().is_some_and(|(_, function)| function == "Count");
        let mut sizes: Vec<Option<f64>> = vec![None; self.names.len()];
        for ((.., group), row) in &rows {
            *sizes[*group as usize].get_or_insert(0.0) +=
                if counts { row.values[0].unwrap_or(0.0) } else { 1.0 };
        }
        let size = |group: &u32| sizes[*group as usize];
        let mut groups: Vec<u32> = (0..).take(sizes.len()).filter(|group| size(group).is_some()).collect();
        groups.sort_by(|a, b| {
            let by_size = size(b).unwrap_or(0.0).total_cmp(&size(a).unwrap_or(0.0));
            by_size.then_with(|| self.names[*a as usize].cmp(&self.names[*b as usize]))
        });
        // One more is shown rather than summed up alone.
        let shown = if groups.len() <= GROUPS + 1 { groups.len() } else { GROUPS };
        let place: HashMap<u32, usize> = groups[..shown].iter().copied().zip(0..).collect();
        let aggregate = |(at, (name, function)): (usize, &(String, String))| {
            let mut series: Vec<Series> = groups[..shown]
                .iter()
                .map(|group| Series { group: self.names[*group as usize].clone(), points: Vec::new() })
                .collect();
            let mut others: BTreeMap<i64, f64> = BTreeMap::new();
            for ((start, _, group), row) in &rows {
                let Some(value) = row.values[at] else { continue };
                match place.get(group) {
                    Some(place) => series[*place].points.push((*start, value)),
                    None => *others.entry(*start).or_default() += value,
                }
            }
            let others = (shown < groups.len() && !sessions && is_summable(function))
                .then(|| Series { group: String::new(), points: others.into_iter().collect() });
            Aggregate { name: name.clone(), function: function.clone(), series, others }
        };
        aggregates.iter().enumerate().map(aggregate).collect()
    }
}
