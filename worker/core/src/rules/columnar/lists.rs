//! What holds of the items of lists, from what holds of each item.

use arrow_array::{Array, ListArray};
use arrow_buffer::{BooleanBuffer, NullBuffer};

use super::super::truth::Truth;
use super::Quantifier;

/// Gathers the truth of items to that of lists. An item that is null is unknown.
pub(super) fn gather(
    quantifier: Quantifier,
    lists: &ListArray,
    nulls: Option<&NullBuffer>,
    items: &Truth,
) -> Truth {
    let offsets = lists.offsets();
    let range = |row: usize| offsets[row] as usize..offsets[row + 1] as usize;
    let any = |bits: &BooleanBuffer, row: usize| range(row).any(|item| bits.value(item));
    let all = |bits: &BooleanBuffer, row: usize| range(row).all(|item| bits.value(item));
    let rows = |holds: &dyn Fn(usize) -> bool| BooleanBuffer::collect_bool(lists.len(), holds);
    let Truth { yes, no } = items;
    let judged = match quantifier {
        Quantifier::All => Truth { yes: rows(&|row| all(yes, row)), no: rows(&|row| any(no, row)) },
        Quantifier::Some => Truth { yes: rows(&|row| any(yes, row)), no: rows(&|row| all(no, row)) },
        Quantifier::One => {
            let known = |row: usize| range(row).all(|item| yes.value(item) || no.value(item));
            let one = |row: usize| range(row).filter(|item| yes.value(*item)).count() == 1;
            Truth { yes: rows(&|row| known(row) && one(row)), no: rows(&|row| known(row) && !one(row)) }
        }
    };
    match nulls {
        None => judged,
        Some(nulls) => Truth { yes: &judged.yes & nulls.inner(), no: &judged.no & nulls.inner() },
    }
}
