//! The numbers of one field.

use serde_json::Number;

/// Numbers by which people say that a value is missing.
const CODES: [f64; 9] = [-9.0, -99.0, -999.0, -9999.0, -99_999.0, 99.0, 999.0, 9999.0, 99_999.0];

/// The numbers of one field.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub(super) count: u64,
    /// Those written without a point or an exponent.
    pub(super) integers: u64,
    all: Option<Range>,
    /// Those that are no codes.
    plain: Option<Range>,
    codes: [u64; CODES.len()],
}

/// Least and greatest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Range {
    fn widen(range: &mut Option<Self>, value: f64) {
        let Self { min, max } = range.unwrap_or(Self { min: value, max: value });
        *range = Some(Self { min: min.min(value), max: max.max(value) });
    }
}

impl Numbers {
    pub(super) fn take(&mut self, number: &Number) {
        let Some(value) = number.as_f64() else { return };
        self.count += 1;
        self.integers += u64::from(number.is_i64() || number.is_u64());
        Range::widen(&mut self.all, value);
        match CODES.iter().position(|code| *code == value) {
            Some(code) => self.codes[code] += 1,
            None => Range::widen(&mut self.plain, value),
        }
    }

    pub(super) fn are_integers(&self) -> bool {
        self.integers == self.count
    }

    pub(super) fn range(&self) -> Option<Range> {
        self.all
    }

    /// The codes that stand apart from all other values, and how often each came: farther from them than they from one
    /// another, or negative where no other is.
    pub(super) fn codes(&self) -> impl Iterator<Item = (f64, u64)> {
        let plain = self.plain;
        CODES.into_iter().zip(self.codes).filter(move |(code, count)| {
            plain.is_some_and(|Range { min, max }| {
                let away = if *code < min { min - code } else { code - max };
                *count > 0 && away > 0.0 && (away > max - min || *code < 0.0 && min >= 0.0)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[f64], codes: &[(f64, u64)]) {
        let mut numbers = Numbers::default();
        values.iter().filter_map(|value| Number::from_f64(*value)).for_each(|number| numbers.take(&number));
        assert_eq!(numbers.codes().collect::<Vec<_>>(), codes, "{values:?}");
    }

    #[test]
    fn a_code_stands_apart_from_all_other_values() {
        check(&[1.0, -999.0, 2.0, -999.0], &[(-999.0, 2)]);
        check(&[0.0, 500.0, -9.0], &[(-9.0, 1)]);
        check(&[-20.0, 40.0, -99.0, 9999.0], &[(-99.0, 1), (9999.0, 1)]);
        check(&[-20.0, 40.0, -9.0, 99.0], &[]);
        check(&[90.0, 120.0, 99.0], &[]);
        check(&[-999.0], &[]);
    }
}
