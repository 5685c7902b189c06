//! `multipleOf` in decimal, as it is written: 0.1 is a multiple of 0.01, which no double shows.

use serde_json::Value;

/// A decimal number: digits times a power of ten.
#[derive(Clone, Copy, Debug)]
struct Decimal {
    digits: i128,
    exponent: i32,
}

/// Whether every multiple of one number is a multiple of another; false where that can't be told.
pub(super) fn divides(divisor: &Value, multiple: &Value) -> bool {
    let (Some(divisor), Some(multiple)) = (decimal(divisor), decimal(multiple)) else { return false };
    let exponent = divisor.exponent.min(multiple.exponent);
    let scaled = |number: Decimal| {
        let power = u32::try_from(number.exponent - exponent).ok()?;
        10_i128.checked_pow(power)?.checked_mul(number.digits)
    };
    matches!((scaled(divisor), scaled(multiple)), (Some(divisor), Some(multiple)) if divisor > 0 && multiple % divisor == 0)
}

fn decimal(value: &Value) -> Option<Decimal> {
    let text = value.as_number()?.to_string();
    let (mantissa, power) = text.split_once(['e', 'E']).unwrap_or((&text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}").parse().ok()?;
    let exponent = power.parse::<i32>().ok()?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    Some(Decimal { digits, exponent })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::divides;

    #[test]
    fn multiples_are_those_of_the_decimals() {
        for (divisor, multiple, expected) in [
            (json!(1), json!(3), true),
            (json!(2), json!(3), false),
            (json!(0.01), json!(0.1), true),
            (json!(0.1), json!(0.01), false),
            (json!(0.5), json!(2), true),
            (json!(1e-7), json!(1), true),
            (json!(3), json!(1e20), false),
            (json!(1e-300), json!(1e300), false),
        ] {
            assert_eq!(divides(&divisor, &multiple), expected, "{multiple} by {divisor}");
        }
    }
}
