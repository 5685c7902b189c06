//! The aggregates: what each keeps of the values, how two merge, and what comes out. A closed set, so an enum: each
//! function is a line in four matches, and adding one is a compile error until all four know it.

use serde::{Deserialize, Serialize};
use transect_config::Function;

use super::scalar::{Float, Scalar};
use super::sketch::{Distinct, Quantile, SketchError};

/// What an aggregate keeps of the values that it has seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum State {
    Count(u64),
    /// Sum of integers, exact.
    SumInt {
        count: u64,
        sum: i128,
    },
    Sum {
        count: u64,
        sum: Compensated,
    },
    Mean {
        count: u64,
        sum: Compensated,
    },
    Min(Scalar),
    Max(Scalar),
    StdDev(Moments),
    Quantile(Quantile),
    Distinct(Distinct),
    First(Placed),
    Last(Placed),
}

/// A sum of doubles with the error that rounding made (Neumaier 1974).
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Compensated {
    sum: f64,
    error: f64,
}

impl Compensated {
    #[inline]
    fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        self.error +=
            if self.sum.abs() >= value.abs() { (self.sum - sum) + value } else { (value - sum) + self.sum };
        self.sum = sum;
    }

    fn merge(&mut self, other: Self) {
        self.add(other.sum);
        self.error += other.error;
    }

    fn value(self) -> f64 {
        self.sum + self.error
    }
}

/// Count, mean and sum of squared distances from it (Welford 1962; merged by Chan, Golub and LeVeque 1983).
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    #[inline]
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let distance = value - self.mean;
        self.mean += distance / self.count;
        self.squares += distance * (value - self.mean);
    }

    fn merge(&mut self, other: Self) {
        let count = self.count + other.count;
        if count > 0.0 {
            let distance = other.mean - self.mean;
            self.mean += distance * other.count / count;
            self.squares += other.squares + distance * distance * self.count * other.count / count;
            self.count = count;
        }
    }
}

/// A value and where it stood: by event time, then by position in the log. None before the first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Placed(Option<(i64, u64, Scalar)>);

impl Placed {
    fn place(&self) -> Option<(i64, u64)> {
        self.0.as_ref().map(|(time, position, _)| (*time, *position))
    }

    /// The value.
    pub(super) fn value_mut(&mut self) -> Option<&mut Scalar> {
        self.0.as_mut().map(|(.., value)| value)
    }
}

impl State {
    pub(super) fn new(function: Function, integers: bool) -> Self {
        match function {
            Function::Count => Self::Count(0),
            Function::Sum if integers => Self::SumInt { count: 0, sum: 0 },
            Function::Sum => Self::Sum { count: 0, sum: Compensated::default() },
            Function::Mean => Self::Mean { count: 0, sum: Compensated::default() },
            Function::Min => Self::Min(Scalar::Null),
            Function::Max => Self::Max(Scalar::Null),
            Function::StdDev => Self::StdDev(Moments::default()),
            Function::Quantile { .. } => Self::Quantile(Quantile::Exact(Vec::new())),
            Function::Distinct => Self::Distinct(Distinct::Exact(Vec::new())),
            Function::First => Self::First(Placed::default()),
            Function::Last => Self::Last(Placed::default()),
        }
    }

    /// Takes a number in; for the functions that need nothing but numbers.
    #[inline]
    pub(super) fn add_number(&mut self, value: f64) {
        match self {
            Self::Sum { count, sum } | Self::Mean { count, sum } => {
                *count += 1;
                sum.add(value);
            }
            Self::StdDev(moments) => moments.add(value),
            Self::Quantile(quantile) => quantile.add(value),
            _ => {}
        }
    }

    #[inline]
    pub(super) fn add_integer(&mut self, value: i64) {
        match self {
            Self::SumInt { count, sum } => {
                *count += 1;
                *sum += i128::from(value);
            }
            _ => self.add_number(value as f64),
        }
    }

    #[inline]
    pub(super) fn count_one(&mut self) {
        if let Self::Count(count) = self {
            *count += 1;
        }
    }

    /// Takes any value in, with its event time and position.
    pub(super) fn add(&mut self, time: i64, position: u64, value: &Scalar) {
        match self {
            Self::Min(least) if *least == Scalar::Null || value < least => *least = value.clone(),
            Self::Max(greatest) if *greatest == Scalar::Null || value > greatest => *greatest = value.clone(),
            Self::Distinct(distinct) => distinct.add(value.stable_hash()),
            Self::First(first) if first.place().is_none_or(|place| (time, position) < place) => {
                first.0 = Some((time, position, value.clone()));
            }
            Self::Last(last) if last.place().is_none_or(|place| (time, position) > place) => {
                last.0 = Some((time, position, value.clone()));
            }
            _ => {}
        }
    }

    /// A sum of integers as one of doubles; any other state as it is.
    pub(super) fn as_float_sum(&self) -> Self {
        match self {
            Self::SumInt { count, sum } => {
                Self::Sum { count: *count, sum: Compensated { sum: *sum as f64, error: 0.0 } }
            }
            other => other.clone(),
        }
    }

    /// Takes another state of the same aggregate in.
    pub(super) fn merge(&mut self, other: &Self) -> Result<(), SketchError> {
        match (self, other) {
            (Self::Count(count), Self::Count(other)) => *count += other,
            (Self::SumInt { count, sum }, Self::SumInt { count: n, sum: other }) => {
                *count += n;
                *sum += other;
            }
            (Self::Sum { count, sum }, Self::Sum { count: n, sum: other })
            | (Self::Mean { count, sum }, Self::Mean { count: n, sum: other }) => {
                *count += n;
                sum.merge(*other);
            }
            (Self::StdDev(moments), Self::StdDev(other)) => moments.merge(*other),
            (Self::Quantile(quantile), Self::Quantile(other)) => quantile.merge(other)?,
            (Self::Distinct(distinct), Self::Distinct(other)) => distinct.merge(other)?,
            (state @ (Self::Min(_) | Self::Max(_)), Self::Min(value) | Self::Max(value))
                if *value != Scalar::Null =>
            {
                state.add(0, 0, value);
            }
            (Self::Min(_) | Self::Max(_), Self::Min(_) | Self::Max(_)) => {}
            (state @ (Self::First(_) | Self::Last(_)), Self::First(placed) | Self::Last(placed)) => {
                if let Some((time, position, value)) = &placed.0 {
                    state.add(*time, *position, value);
                }
            }
            // Partials carry the digest of their definition, so that this is damage that no checksum has seen.
            _ => return Err(SketchError),
        }
        Ok(())
    }

    /// What comes out. Over no values: a count of 0, else null.
    pub(super) fn value(&self, function: Function) -> Scalar {
        let float = |value: f64| Scalar::Float(Float::new(value));
        match self {
            Self::Count(count) => Scalar::Int(*count as i64),
            Self::SumInt { count: 0, .. } | Self::Sum { count: 0, .. } | Self::Mean { count: 0, .. } => {
                Scalar::Null
            }
            Self::SumInt { sum, .. } => i64::try_from(*sum).map_or(Scalar::Null, Scalar::Int),
            Self::Sum { sum, .. } => float(sum.value()),
            Self::Mean { count, sum } => float(sum.value() / *count as f64),
            Self::Min(value) | Self::Max(value) => value.clone(),
            Self::StdDev(moments) if moments.count < 2.0 => Scalar::Null,
            Self::StdDev(moments) => float((moments.squares / (moments.count - 1.0)).sqrt()),
            Self::Quantile(quantile) => {
                let q = if let Function::Quantile { q } = function { q } else { 0.5 };
                quantile.value(q).map_or(Scalar::Null, float)
            }
            Self::Distinct(distinct) => Scalar::Int(distinct.count()),
            Self::First(placed) | Self::Last(placed) => {
                placed.0.as_ref().map_or(Scalar::Null, |(.., v)| v.clone())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_lose_nothing_to_rounding_however_they_are_cut() {
        let values: Vec<f64> =
            (0..10_000).map(|i| if i % 2 == 0 { 1e16 } else { -1e16 + f64::from(i) }).collect();
        let exact: f64 = (0..10_000).filter(|i| i % 2 == 1).map(f64::from).sum();
        for cut in [1, 7, 100, 10_000] {
            let mut whole = State::new(Function::Sum, false);
            for part in values.chunks(cut) {
                let mut piece = State::new(Function::Sum, false);
                part.iter().for_each(|value| piece.add_number(*value));
                whole.merge(&piece).unwrap();
            }
            let Scalar::Float(sum) = whole.value(Function::Sum) else { panic!() };
            assert!((sum.value() / exact - 1.0).abs() < 1e-12, "{cut}: {} {exact}", sum.value());
        }
    }

    #[test]
    fn nothing_in_gives_null_or_zero() {
        for (function, value) in [
            (Function::Count, Scalar::Int(0)),
            (Function::Sum, Scalar::Null),
            (Function::Mean, Scalar::Null),
            (Function::Min, Scalar::Null),
            (Function::StdDev, Scalar::Null),
            (Function::Quantile { q: 0.5 }, Scalar::Null),
            (Function::Distinct, Scalar::Int(0)),
            (Function::First, Scalar::Null),
        ] {
            let mut state = State::new(function, false);
            state.merge(&State::new(function, false)).unwrap();
            assert_eq!(state.value(function), value, "{function:?}");
        }
    }
}
