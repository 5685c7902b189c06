//! Units of measure by their UCUM codes, and conversions between them.

use std::collections::HashMap;

use ucum::{Dimension, analyze};

/// So many units that events name are kept parsed; a field holds few different ones, unless it holds something else.
const KNOWN_MAX: usize = 64;

/// Why a unit can't be used, and how to fix it.
#[derive(Debug)]
pub(super) struct BadUnit {
    pub(super) message: String,
    pub(super) fix: String,
}

/// A unit whose values are base units by a factor and, for temperatures, an offset.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    code: Box<str>,
    dimension: Dimension,
    factor: f64,
    offset: f64,
}

impl Unit {
    /// The unit of a code.
    pub(super) fn parse(code: &str) -> Result<Self, BadUnit> {
        let bad = |message: String, fix: String| BadUnit { message, fix };
        let Ok(unit) = analyze(code) else {
            let fix = match likely(code) {
                Some(likely) => format!("did you mean `{likely}`?"),
                None => "write a case-sensitive UCUM code, such as `kg`, `ug/m3` or `[degF]`".to_owned(),
            };
            return Err(bad(format!("`{code}` is no UCUM unit"), fix));
        };
        // Of the special units those of temperature have an offset; the others are logarithms, or stand for themselves.
        if unit.is_special && unit.offset == 0.0 {
            let message = format!("`{code}` is a unit without a linear scale, which is not converted");
            return Err(bad(message, "convert such numbers before they are sent".to_owned()));
        }
        Ok(Self { code: code.into(), dimension: unit.dimension, factor: unit.factor, offset: unit.offset })
    }
}

/// From one unit to another: multiplied and shifted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conversion {
    scale: f64,
    shift: f64,
}

impl Conversion {
    pub(super) fn new(from: &Unit, to: &Unit) -> Result<Self, BadUnit> {
        if from.dimension != to.dimension {
            return Err(BadUnit {
                message: format!("`{}` and `{}` don't measure the same", from.code, to.code),
                fix: "write two units of one quantity, such as `[lb_av]` and `kg`".to_owned(),
            });
        }
        Ok(Self { scale: from.factor / to.factor, shift: (from.offset - to.offset) / to.factor })
    }

    /// The JSON text of a converted value; None beyond a double. Written to 15 significant digits, since doubles keep so
    /// many: 98.6 °F is 37 °C. Where units are shifted, the digits are those of what is added, of which little may be left.
    pub(super) fn of(&self, value: f64) -> Option<String> {
        let scaled = value * self.scale;
        let rounded: f64 = if self.shift == 0.0 {
            format!("{scaled:.14e}")
        } else {
            let places = 13 - scaled.abs().max(self.shift.abs()).log10().floor() as i32;
            format!("{:.*}", usize::try_from(places.clamp(0, 14)).ok()?, scaled + self.shift)
        }
        .parse()
        .ok()?;
        // Adding zero takes the sign off a zero.
        serde_json::Number::from_f64(rounded + 0.0).map(|number| number.to_string())
    }
}

/// The units that events name.
#[derive(Debug, Default)]
pub(super) struct Units {
    /// By step and code; None for what is none, or of another kind.
    known: HashMap<(usize, Box<str>), Option<Conversion>>,
}

impl Units {
    /// The conversion from a unit that an event names at a step.
    pub(super) fn conversion(&mut self, step: usize, code: &str, to: &Unit) -> Result<Conversion, String> {
        let known = match self.known.get(&(step, code.into())) {
            Some(known) => *known,
            None => {
                let known = Unit::parse(code).ok().and_then(|from| Conversion::new(&from, to).ok());
                if self.known.len() >= KNOWN_MAX {
                    self.known.clear();
                }
                self.known.insert((step, code.into()), known);
                known
            }
        };
        known.ok_or_else(|| {
            let found = crate::decode::violation::cut(code).into_owned();
            format!("expected a UCUM unit of the same kind as {} in fromField, found `{found}`", to.code)
        })
    }
}

/// What people often write instead of a code.
fn likely(code: &str) -> Option<String> {
    let common = match code.to_lowercase().as_str() {
        "degc" | "°c" | "c" | "celsius" => "Cel",
        "degf" | "°f" | "f" | "fahrenheit" => "[degF]",
        "lb" | "lbs" | "pound" => "[lb_av]",
        "oz" => "[oz_av]",
        "ft" | "feet" => "[ft_i]",
        "in" | "inch" | "inches" => "[in_i]",
        "mi" | "mile" | "miles" => "[mi_i]",
        "mph" => "[mi_i]/h",
        "µg/m³" | "ug/m^3" | "µg/m3" | "μg/m³" | "μg/m3" => "ug/m3",
        "mg/dl" => "mg/dL",
        "mmhg" => "mm[Hg]",
        "sec" | "seconds" => "s",
        "hour" | "hours" => "h",
        "minutes" | "minute" => "min",
        _ => "",
    };
    if !common.is_empty() {
        return Some(common.to_owned());
    }
    let bracketed = format!("[{code}]");
    analyze(&bracketed).is_ok().then_some(bracketed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(value: f64, from: &str, to: &str) -> Option<String> {
        Conversion::new(&Unit::parse(from).unwrap(), &Unit::parse(to).unwrap()).ok()?.of(value)
    }

    #[test]
    fn converts_by_the_definitions() {
        for (value, from, to, expected) in [
            (98.6, "[degF]", "Cel", "37.0"),
            (-40.0, "[degF]", "Cel", "-40.0"),
            (37.0, "Cel", "[degF]", "98.6"),
            (0.0, "K", "Cel", "-273.15"),
            (32.0, "[degF]", "Cel", "0.0"),
            (212.0, "[degF]", "Cel", "100.0"),
            (33.0, "[degF]", "Cel", "0.555555555556"),
            (150.0, "[lb_av]", "kg", "68.0388555"),
            (6.0, "[ft_i]", "cm", "182.88"),
            // UCUM's metre of mercury is 133.3220 kPa.
            (120.0, "mm[Hg]", "kPa", "15.99864"),
            (35.0, "ug/m3", "mg/m3", "0.035"),
            (0.1, "1", "%", "10.0"),
            (-0.0, "kg", "g", "0.0"),
            (60.0, "[mi_i]/h", "km/h", "96.56064"),
            (1e-300, "kg", "g", "1e-297"),
        ] {
            assert_eq!(convert(value, from, to).as_deref(), Some(expected), "{value} {from} to {to}");
        }
        assert_eq!(convert(1e308, "kg", "g"), None);
    }

    #[test]
    fn refuses_what_can_not_be_converted() {
        for (code, fix) in [
            ("degF", "did you mean `[degF]`?"),
            ("lb_av", "did you mean `[lb_av]`?"),
            ("°C", "did you mean `Cel`?"),
            ("KG2x", "write a case-sensitive UCUM code, such as `kg`, `ug/m3` or `[degF]`"),
            ("[pH]", "convert such numbers before they are sent"),
            ("B[SPL]", "convert such numbers before they are sent"),
            ("[iU]", "convert such numbers before they are sent"),
            ("Cel/s", "convert such numbers before they are sent"),
        ] {
            assert_eq!(Unit::parse(code).unwrap_err().fix, fix, "{code}");
        }
        assert_eq!(convert(1.0, "kg", "m"), None);
    }

    #[test]
    fn what_events_name_is_bounded() {
        let (mut units, metre) = (Units::default(), Unit::parse("m").unwrap());
        for length in 0..1000 {
            assert!(units.conversion(0, &"x".repeat(length), &metre).is_err());
        }
        assert!(units.known.len() <= KNOWN_MAX);
        assert_eq!(units.conversion(0, "cm", &metre).unwrap().of(5.0).as_deref(), Some("0.05"));
    }
}
