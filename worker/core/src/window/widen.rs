//! Partials that were written before a column was widened by a newer schema version, as they would be written now. The
//! definition and so its digest is the same: windows that are open go on.

use jiff::Timestamp;

use super::aggregate::State;
use super::columns::Kind;
use super::definition::{Aggregate, WindowPlan};
use super::partials::Partials;
use super::scalar::{Float, Scalar};

impl WindowPlan {
    /// Makes values what their columns hold now.
    pub(super) fn widen(&self, partials: &mut Partials) {
        for group in &mut partials.groups {
            for (value, column) in group.iter_mut().zip(&self.groups) {
                value.widen(column.kind);
            }
        }
        for piece in &mut partials.pieces {
            for (state, Aggregate { column, .. }) in piece.states.iter_mut().zip(&self.aggregates) {
                if let Some(column) = column {
                    state.widen(column.kind);
                }
            }
        }
    }
}

impl Scalar {
    fn widen(&mut self, kind: Kind) {
        match (&*self, kind) {
            (Self::Int(value), Kind::Float) => *self = Self::Float(Float::new(*value as f64)),
            (Self::Time(micros), Kind::Text) => {
                let time = Timestamp::from_microsecond(*micros).unwrap_or_default();
                *self = Self::Text(time.to_string().into());
            }
            _ => {}
        }
    }
}

impl State {
    fn widen(&mut self, kind: Kind) {
        match self {
            Self::SumInt { .. } if kind == Kind::Float => *self = self.as_float_sum(),
            Self::Min(value) | Self::Max(value) => value.widen(kind),
            Self::First(placed) | Self::Last(placed) => {
                placed.value_mut().into_iter().for_each(|value| value.widen(kind))
            }
            _ => {}
        }
    }
}
