//! What the height of a chart means.

use super::HEIGHT;

/// From the least to the greatest value that is drawn, both round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::report) struct Scale {
    least: f64,
    greatest: f64,
}

impl Scale {
    /// For counts: from zero.
    pub(in crate::report) fn of_counts(greatest: u64) -> Self {
        let greatest = greatest.max(1) as f64;
        let step = match round_up(greatest / 2.0) {
            few if few < 10.0 => few.ceil(),
            step => step,
        };
        Self { least: 0.0, greatest: if greatest <= step { step } else { step * 2.0 } }
    }

    /// For any values: from zero if that is near.
    pub(in crate::report) fn of(values: impl Iterator<Item = f64>) -> Self {
        let (least, greatest) =
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, g), v| (l.min(v), g.max(v)));
        if least > greatest {
            return Self { least: 0.0, greatest: 1.0 };
        }
        let (least, greatest) = match () {
            () if least >= 0.0 && (least < greatest / 2.0 || least >= greatest) => (0.0, greatest),
            () if greatest <= 0.0 && (greatest > least / 2.0 || least >= greatest) => (least, 0.0),
            () => (least, greatest),
        };
        let room = if greatest > least { greatest - least } else { greatest.abs().max(1.0) };
        let step = round_up(room / 2.0);
        let least = (least / step).floor() * step;
        let steps = ((greatest - least) / step).ceil().max(1.0);
        Self { least, greatest: least + step * steps }
    }

    /// Where a value is drawn.
    pub(in crate::report) fn y(self, value: f64) -> f64 {
        (HEIGHT - (value - self.least) * HEIGHT / (self.greatest - self.least)).clamp(0.0, HEIGHT)
    }

    /// Values to be written beside, in so many equal parts.
    pub(super) fn marks(self, parts: u32) -> Vec<f64> {
        let part = (self.greatest - self.least) / f64::from(parts);
        (0..=parts).map(|n| self.least + part * f64::from(n)).collect()
    }
}

/// The next of some short numbers, times a power of ten.
fn round_up(value: f64) -> f64 {
    if !value.is_finite() || value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let step = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0]
        .into_iter()
        .find(|step| step * power >= value * (1.0 - 1e-9));
    step.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_round_and_hold_all() {
        let scales: [(&[f64], f64, f64); 7] = [
            (&[0.0, 17.0], 0.0, 20.0),
            (&[70.0, 81.0], 66.0, 84.0),
            (&[-3.0, 4.0], -4.0, 4.0),
            (&[-9.0, -1.0], -10.0, 0.0),
            (&[5.0], 0.0, 5.0),
            (&[0.0], 0.0, 0.5),
            (&[], 0.0, 1.0),
        ];
        for (values, least, greatest) in scales {
            assert_eq!(Scale::of(values.iter().copied()), Scale { least, greatest }, "{values:?}");
        }
        assert_eq!(Scale::of_counts(1).marks(1), [0.0, 1.0]);
        assert_eq!(Scale::of_counts(17).marks(2), [0.0, 10.0, 20.0]);
    }

    #[test]
    fn any_value_has_a_place() {
        let scale = Scale::of([f64::MIN, f64::MAX].into_iter());
        for value in [f64::MIN, 0.0, f64::MAX] {
            let y = scale.y(value);
            assert!(y.is_nan() || (0.0..=HEIGHT).contains(&y));
        }
    }
}
