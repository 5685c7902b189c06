//! Quantiles and distinct counts by Apache DataSketches: exact while there are few values, then a sketch.

use datasketches::common::SearchCriteria;
use datasketches::hll::{HllSketch, HllType, HllUnion};
use datasketches::kll::{KllFloat, KllSketch};
use serde::{Deserialize, Serialize};

/// Values kept as they are before a sketch takes over; a small group then costs little and is exact.
const EXACT_MAX: usize = 200;
const KLL_K: u16 = 200;
const HLL_LG_K: u8 = 12;

/// Normalised rank error of a quantile, single-sided, with 99 % confidence: KLL with k = 200 (Karnin, Lang and Liberty
/// 2016; the constant is DataSketches' own). Groups of up to 200 values are exact.
pub const QUANTILE_RANK_ERROR: f64 = 0.0133;

/// Relative standard error of a distinct count: HLL with 4096 registers, 1.04/√4096. Groups of up to 200 different
/// values are exact.
pub const DISTINCT_RELATIVE_ERROR: f64 = 0.01625;

/// Bytes that are no sketch.
#[derive(Clone, Copy, Debug)]
pub(super) struct SketchError;

impl<E: std::error::Error> From<E> for SketchError {
    fn from(_: E) -> Self {
        Self
    }
}

/// The values of which a quantile is asked.
#[derive(Clone, Debug)]
pub(super) enum Quantile {
    Exact(Vec<f64>),
    Sketch(Box<KllSketch<KllFloat<f64>>>),
}

impl Quantile {
    pub(super) fn add(&mut self, value: f64) {
        match self {
            Self::Exact(values) if values.len() < EXACT_MAX => values.push(value),
            Self::Exact(_) => {
                if let Ok(sketch) = self.sketch() {
                    *self = Self::Sketch(sketch);
                    self.add(value);
                }
            }
            Self::Sketch(sketch) => {
                // JSON has no NaN, which alone is refused.
                if let Ok(value) = KllFloat::<f64>::new(value) {
                    sketch.update(value);
                }
            }
        }
    }

    fn sketch(&self) -> Result<Box<KllSketch<KllFloat<f64>>>, SketchError> {
        match self {
            Self::Exact(values) => {
                let mut sketch = KllSketch::new(KLL_K)?;
                for value in values {
                    sketch.update(KllFloat::<f64>::new(*value)?);
                }
                Ok(Box::new(sketch))
            }
            Self::Sketch(sketch) => Ok(sketch.clone()),
        }
    }

    pub(super) fn merge(&mut self, other: &Self) -> Result<(), SketchError> {
        match other {
            Self::Exact(values) => values.iter().for_each(|value| self.add(*value)),
            Self::Sketch(other) => {
                let mut sketch = self.sketch()?;
                sketch.merge(other)?;
                *self = Self::Sketch(sketch);
            }
        }
        Ok(())
    }

    /// The least value of which at least the share `q` of all is no greater; None without values.
    pub(super) fn value(&self, q: f64) -> Option<f64> {
        match self {
            Self::Exact(values) => {
                let mut sorted = values.clone();
                sorted.sort_unstable_by(f64::total_cmp);
                let rank = (q * sorted.len() as f64).ceil() as usize;
                sorted.get(rank.saturating_sub(1).min(sorted.len().saturating_sub(1))).copied()
            }
            Self::Sketch(sketch) => {
                let value = sketch.quantile(q, SearchCriteria::Inclusive).ok().flatten();
                value.map(KllFloat::into_inner)
            }
        }
    }
}

/// The hashes of which the different ones are counted.
#[derive(Clone, Debug)]
pub(super) enum Distinct {
    /// Sorted.
    Exact(Vec<u64>),
    Sketch(Box<HllSketch>),
}

impl Distinct {
    pub(super) fn add(&mut self, hash: u64) {
        match self {
            Self::Exact(hashes) => {
                let Err(at) = hashes.binary_search(&hash) else { return };
                if hashes.len() < EXACT_MAX {
                    hashes.insert(at, hash);
                } else if let Ok(mut sketch) = self.sketch() {
                    sketch.update(hash);
                    *self = Self::Sketch(sketch);
                }
            }
            Self::Sketch(sketch) => sketch.update(hash),
        }
    }

    fn sketch(&self) -> Result<Box<HllSketch>, SketchError> {
        match self {
            Self::Exact(hashes) => {
                let mut sketch = HllSketch::new(HLL_LG_K, HllType::Hll8)?;
                hashes.iter().for_each(|hash| sketch.update(*hash));
                Ok(Box::new(sketch))
            }
            Self::Sketch(sketch) => Ok(sketch.clone()),
        }
    }

    pub(super) fn merge(&mut self, other: &Self) -> Result<(), SketchError> {
        match other {
            Self::Exact(hashes) => hashes.iter().for_each(|hash| self.add(*hash)),
            Self::Sketch(other) => {
                let mut union = HllUnion::new(HLL_LG_K)?;
                union.update(&*self.sketch()?);
                union.update(other);
                *self = Self::Sketch(Box::new(union.to_sketch(HllType::Hll8)));
            }
        }
        Ok(())
    }

    pub(super) fn count(&self) -> i64 {
        match self {
            Self::Exact(hashes) => hashes.len() as i64,
            Self::Sketch(sketch) => sketch.estimate().round() as i64,
        }
    }
}

/// How both are written into partials.
#[derive(Serialize, Deserialize)]
enum Written<T> {
    Exact(Vec<T>),
    Sketch(Vec<u8>),
}

impl Serialize for Quantile {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Exact(values) => Written::Exact(values.clone()),
            Self::Sketch(sketch) => Written::Sketch(sketch.serialize()),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Quantile {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Written::deserialize(deserializer)? {
            Written::Exact(values) => Self::Exact(values),
            Written::Sketch(bytes) => {
                Self::Sketch(Box::new(KllSketch::deserialize(&bytes).map_err(serde::de::Error::custom)?))
            }
        })
    }
}

impl Serialize for Distinct {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Exact(hashes) => Written::Exact(hashes.clone()),
            Self::Sketch(sketch) => Written::Sketch(sketch.serialize()),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Written::deserialize(deserializer)? {
            Written::Exact(hashes) => Self::Exact(hashes),
            Written::Sketch(bytes) => {
                Self::Sketch(Box::new(HllSketch::deserialize(&bytes).map_err(serde::de::Error::custom)?))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_exact_for_few_and_within_the_stated_error_for_many_however_merged() {
        let mut few = Quantile::Exact(Vec::new());
        (0..100).rev().for_each(|value| few.add(f64::from(value)));
        assert_eq!((few.value(0.95), few.value(0.0), few.value(1.0)), (Some(94.0), Some(0.0), Some(99.0)));
        let mut many = Quantile::Exact(Vec::new());
        for part in 0..10 {
            let mut piece = Quantile::Exact(Vec::new());
            (0..10_000).for_each(|i| piece.add(f64::from(i * 10 + part)));
            many.merge(&piece).unwrap();
        }
        let bytes = postcard::to_allocvec(&many).unwrap();
        let many: Quantile = postcard::from_bytes(&bytes).unwrap();
        for q in [0.01, 0.5, 0.95, 0.99] {
            let rank = many.value(q).unwrap() / 100_000.0;
            assert!((rank - q).abs() <= 2.0 * QUANTILE_RANK_ERROR, "{q}: {rank}");
        }
    }

    #[test]
    fn distinct_counts_are_exact_for_few_and_within_the_stated_error_for_many() {
        let mut few = Distinct::Exact(Vec::new());
        (0..1000u64).for_each(|i| few.add((i % 150).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        assert_eq!(few.count(), 150);
        let mut many = Distinct::Exact(Vec::new());
        for part in 0..4u64 {
            let mut piece = Distinct::Exact(Vec::new());
            (0..40_000u64).for_each(|i| piece.add((i + part * 20_000).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
            many.merge(&piece).unwrap();
        }
        let error = (many.count() as f64 / 100_000.0 - 1.0).abs();
        assert!(error <= 4.0 * DISTINCT_RELATIVE_ERROR, "{error}");
    }
}
