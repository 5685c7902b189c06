//! How a column is encoded, by a sample of its values: with a dictionary where that pays, whole numbers else as
//! differences.

use std::collections::HashSet;
use std::hash::Hash;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use parquet::basic::Encoding;

/// Values of a column that are looked at, in blocks that are spread over it.
const SAMPLE_VALUES: usize = 1024;
/// Values of a block: as many differences share one width in Parquet.
const BLOCK_VALUES: usize = 32;

/// Whether a dictionary pays, and how values are encoded without one. A dictionary costs a hash a value, which is
/// lost where most values differ. Whole numbers are cheaper as differences, and about as small unless few values lie
/// far apart, as codes do. Times in order are differences too, which are mostly nothing if they repeat. One value that
/// is all there is has a dictionary, since it is then written at once for all rows.
pub(super) fn choose(leaf: &ArrayRef) -> (bool, Option<Encoding>) {
    let Some(values) = whole_numbers(leaf) else { return (repeats(leaf), None) };
    let dictionary = match dictionary_bits(&values) {
        0 => true,
        bits => !rises(leaf) && difference_bits(&values) > 2 * bits,
    };
    (dictionary, (!dictionary).then_some(Encoding::DELTA_BINARY_PACKED))
}

/// Places of a column that are looked at.
fn sample(leaf: &ArrayRef) -> impl Iterator<Item = usize> {
    let step = (leaf.len() * BLOCK_VALUES / SAMPLE_VALUES).max(BLOCK_VALUES);
    let block = move |start: usize| start..(start + BLOCK_VALUES).min(leaf.len());
    (0..leaf.len()).step_by(step).flat_map(block).filter(|&at| leaf.is_valid(at))
}

/// The sample of whole numbers; None if the column holds something else.
fn whole_numbers(leaf: &ArrayRef) -> Option<Vec<i64>> {
    let data = leaf.to_data();
    let buffer = data.buffers().first();
    let values = match leaf.data_type() {
        DataType::Int32 | DataType::UInt32 | DataType::Date32 => {
            let values = &buffer?.typed_data::<i32>()[data.offset()..];
            sample(leaf).map(|at| values[at].into()).collect()
        }
        DataType::Int64 | DataType::UInt64 | DataType::Timestamp(_, _) => {
            let values = &buffer?.typed_data::<i64>()[data.offset()..];
            sample(leaf).map(|at| values[at]).collect()
        }
        _ => return None,
    };
    Some(values)
}

/// Bits a value as differences, on average: those of a block's widest, beyond its smallest.
fn difference_bits(values: &[i64]) -> u32 {
    let width = |block: &[i64]| {
        let differences = || block.windows(2).map(|pair| i128::from(pair[1]) - i128::from(pair[0]));
        let spread = differences().max().unwrap_or(0) - differences().min().unwrap_or(0);
        i128::BITS - spread.leading_zeros()
    };
    let blocks = values.chunks(BLOCK_VALUES);
    let count = u32::try_from(blocks.len()).unwrap_or(u32::MAX).max(1);
    blocks.map(width).sum::<u32>().div_ceil(count)
}

/// Bits of a value's place in a dictionary; those of the value itself where most differ.
fn dictionary_bits(values: &[i64]) -> u32 {
    let distinct = values.iter().collect::<HashSet<_>>().len();
    if distinct * 2 > values.len() {
        return u64::BITS;
    }
    usize::BITS - distinct.saturating_sub(1).leading_zeros()
}

/// Whether these are times that never fall and do rise.
fn rises(leaf: &ArrayRef) -> bool {
    let Some(times) = leaf.as_primitive_opt::<TimestampMicrosecondType>() else { return false };
    let values = times.values();
    times.null_count() == 0 && values.is_sorted() && values.first() < values.last()
}

/// Whether values occur twice and more on average.
fn repeats(leaf: &ArrayRef) -> bool {
    match leaf.data_type() {
        DataType::Utf8 => mostly_same(sample(leaf).map(|at| leaf.as_string::<i32>().value(at))),
        DataType::LargeUtf8 => mostly_same(sample(leaf).map(|at| leaf.as_string::<i64>().value(at))),
        DataType::Utf8View => mostly_same(sample(leaf).map(|at| leaf.as_string_view().value(at))),
        DataType::Binary => mostly_same(sample(leaf).map(|at| leaf.as_binary::<i32>().value(at))),
        other => {
            let (Some(width), data) = (other.primitive_width(), leaf.to_data()) else {
                // Dictionaries repeat by their making; what is left has no dictionary or is rare.
                return true;
            };
            let values = data.buffers().first().map_or(&[][..], |buffer| buffer.as_slice());
            let value = |at| values.get((data.offset() + at) * width..)?.get(..width);
            mostly_same(sample(leaf).filter_map(value))
        }
    }
}

fn mostly_same<T: Eq + Hash>(values: impl Iterator<Item = T>) -> bool {
    let mut seen = 0;
    let distinct: HashSet<T> = values.inspect(|_| seen += 1).collect();
    distinct.len() * 2 <= seen
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Int32Array, Int64Array, StringArray, TimestampMicrosecondArray};

    use super::*;

    const DELTA: (bool, Option<Encoding>) = (false, Some(Encoding::DELTA_BINARY_PACKED));
    const DICTIONARY: (bool, Option<Encoding>) = (true, None);
    const PLAIN: (bool, Option<Encoding>) = (false, None);

    fn whole(value: impl Fn(i64) -> i64) -> ArrayRef {
        Arc::new((0..5000).map(value).collect::<Int64Array>())
    }

    /// Numbers that look like chance.
    fn mixed(at: i64) -> i64 {
        (at.wrapping_mul(0x5851_F42D_4C95_7F2D) >> 33).rem_euclid(1 << 20)
    }

    #[test]
    fn whole_numbers_are_differences_unless_few_lie_far_apart() {
        for (name, column, expected) in [
            ("a counter", whole(|at| at), DELTA),
            ("one value", whole(|_| 7), DICTIONARY),
            ("yes or no", whole(|at| mixed(at) % 2), DELTA),
            ("minutes late", whole(|at| mixed(at) % 200 - 20), DELTA),
            ("anything", whole(|at| mixed(at) * mixed(at + 1)), DELTA),
            ("the extremes", whole(|at| if at % 2 == 0 { i64::MIN } else { i64::MAX }), DICTIONARY),
            ("codes", whole(|at| mixed(mixed(at) % 9)), DICTIONARY),
            ("nothing", Arc::new(Int64Array::new_null(100)), DICTIONARY),
            ("no row", Arc::new(Int64Array::new_null(0)), DICTIONARY),
            ("narrow", Arc::new((0..100).collect::<Int32Array>()), DELTA),
        ] {
            assert_eq!(choose(&column), expected, "{name}");
        }
        let gaps: Int64Array = (0..5000).map(|at| (at % 3 != 0).then_some(at)).collect();
        assert_eq!(choose(&(Arc::new(gaps) as ArrayRef)), DELTA, "with nulls");
        let codes = whole(|at| mixed(mixed(at) % 9));
        assert_eq!(choose(&codes.slice(1000, 3000)), DICTIONARY, "a slice");
    }

    #[test]
    fn times_in_order_are_differences_and_others_like_numbers() {
        let times = |micros: &dyn Fn(i64) -> i64| -> ArrayRef {
            Arc::new(TimestampMicrosecondArray::from_iter_values((0..5000).map(micros)))
        };
        assert_eq!(choose(&times(&|at| at / 9 * 3_600_000_000)), DELTA);
        assert_eq!(choose(&times(&|at| mixed(at) % 9 * 3_600_000_000)), DICTIONARY);
    }

    #[test]
    fn texts_have_a_dictionary_if_they_repeat() {
        let texts = |of: &dyn Fn(i64) -> i64| -> ArrayRef {
            Arc::new((0..5000).map(|at| Some(format!("t{}", of(at)))).collect::<StringArray>())
        };
        assert_eq!(choose(&texts(&|at| at)), PLAIN);
        assert_eq!(choose(&texts(&|at| mixed(at) % 9)), DICTIONARY);
    }
}
