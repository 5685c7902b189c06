//! True, false or unknown, for many rows at once (Kleene's strong logic of three values).

use arrow_buffer::{BooleanBuffer, NullBuffer};

/// A truth value a row: where neither bit is set it is unknown.
#[derive(Clone, Debug)]
pub(super) struct Truth {
    pub(super) yes: BooleanBuffer,
    pub(super) no: BooleanBuffer,
}

impl Truth {
    /// The same on every row.
    pub(super) fn all(value: bool, rows: usize) -> Self {
        let (set, unset) = (BooleanBuffer::new_set(rows), BooleanBuffer::new_unset(rows));
        if value { Self { yes: set, no: unset } } else { Self { yes: unset, no: set } }
    }

    /// Unknown on every row.
    pub(super) fn unknown(rows: usize) -> Self {
        Self { yes: BooleanBuffer::new_unset(rows), no: BooleanBuffer::new_unset(rows) }
    }

    /// What a bit a row says, and unknown where a null is.
    pub(super) fn of(values: BooleanBuffer, nulls: Option<&NullBuffer>) -> Self {
        match nulls {
            None => Self { no: !&values, yes: values },
            Some(nulls) => Self { yes: &values & nulls.inner(), no: &!&values & nulls.inner() },
        }
    }

    pub(super) fn not(self) -> Self {
        Self { yes: self.no, no: self.yes }
    }

    pub(super) fn and(&self, other: &Self) -> Self {
        Self { yes: &self.yes & &other.yes, no: &self.no | &other.no }
    }

    pub(super) fn or(&self, other: &Self) -> Self {
        Self { yes: &self.yes | &other.yes, no: &self.no & &other.no }
    }

    /// One where this is true, the other where it is false.
    pub(super) fn choose(&self, one: &Self, other: &Self) -> Self {
        let pick = |one: &BooleanBuffer, other: &BooleanBuffer| &(&self.yes & one) | &(&self.no & other);
        Self { yes: pick(&one.yes, &other.yes), no: pick(&one.no, &other.no) }
    }

    /// Whether both say the same where both are known.
    pub(super) fn same(&self, other: &Self) -> Self {
        let yes = &(&self.yes & &other.yes) | &(&self.no & &other.no);
        Self { no: &(&self.yes & &other.no) | &(&self.no & &other.yes), yes }
    }
}
