//! What the names of fields hint at. A hint decides nothing by itself: it picks among fields whose values allow it.

/// The words of a name in small letters: `participantId`, `participant_id` and `Participant ID` have the same.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for char in name.chars() {
        let begins = before.is_lowercase() && char.is_uppercase() || !before.is_alphanumeric();
        if char.is_alphanumeric() {
            if begins || words.is_empty() {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(char.to_lowercase());
            }
        }
        before = char;
    }
    words
}

fn any(words: &[String], known: &[&str]) -> bool {
    words.iter().any(|word| known.contains(&word.as_str()))
}

/// How much a name sounds like that of an event's id: 2 is enough.
pub(super) fn id(name: &str) -> u32 {
    let words = words(name);
    let ends = |known: &[&str]| words.last().is_some_and(|word| known.contains(&word.as_str()));
    match words.as_slice() {
        [one] if ["id", "uuid", "guid"].contains(&one.as_str()) => 4,
        _ if any(&words, KEYS) => 0,
        _ if any(
            &words,
            &["event", "record", "observation", "reading", "message", "submission", "response"],
        ) && ends(&["id", "uuid", "guid", "key", "number", "no"]) =>
        {
            3
        }
        _ if ends(&["id", "uuid", "guid", "eventid"]) => 2,
        _ => 0,
    }
}

/// How much a name sounds like that of an event's time: 1 is a hint, 0 none, less one of another time.
pub(super) fn time(name: &str) -> i32 {
    let words = words(name);
    let other =
        ["updated", "modified", "created", "received", "uploaded", "published", "ingested", "end", "stop"];
    if any(&words, &other) {
        return -1;
    }
    let joined = words.concat();
    if ["time", "timestamp", "datetime", "eventtime", "when"].contains(&joined.as_str()) {
        return 3;
    }
    if any(&words, &["observed", "measured", "recorded", "collected", "occurred", "sampled"]) {
        return 2;
    }
    let hints = ["time", "timestamp", "datetime", "date", "ts", "epoch", "at", "utc", "when", "day", "ms"];
    i32::from(any(&words, &hints) || joined.contains("time") || joined.contains("date"))
}

/// What stays in order: who or what is observed.
const KEYS: &[&str] = &[
    "participant",
    "patient",
    "subject",
    "person",
    "respondent",
    "household",
    "user",
    "member",
    "animal",
    "individual",
    "tag",
    "station",
    "sensor",
    "device",
    "site",
    "node",
    "probe",
    "logger",
    "plot",
    "instrument",
    "well",
    "buoy",
    "network",
    "net",
    "source",
    "vehicle",
    "ship",
    "trap",
    "camera",
    "home",
];

/// Whether a name sounds like that of who or what is observed.
pub(super) fn is_key(name: &str) -> bool {
    any(&words(name), KEYS)
}

/// Whether a name sounds like that of a region.
pub(super) fn is_region(name: &str) -> bool {
    let known = ["region", "country", "state", "province", "county", "district", "canton", "municipality"];
    matches!(words(name).as_slice(), [one] if known.contains(&one.as_str()))
}

/// What may be done to a field whose name or format looks personal.
pub(super) fn privacy(name: &str, format: Option<&str>) -> Option<&'static str> {
    let words = words(name);
    let is = |known: &[&str]| any(&words, known);
    let both = |one: &[&str], other: &[&str]| is(one) && is(other);
    Some(match format {
        Some("email") => "treatment: Drop",
        Some("ipv4") => "treatment: Drop",
        _ if is(&[
            "email",
            "mail",
            "phone",
            "mobile",
            "telephone",
            "tel",
            "fax",
            "address",
            "street",
            "surname",
        ]) || is(&[
            "firstname",
            "lastname",
            "fullname",
            "username",
            "ssn",
            "nhs",
            "passport",
            "iban",
            "ip",
        ]) || both(&["first", "last", "full", "given", "family", "middle", "maiden"], &["name"]) =>
        {
            "treatment: Drop"
        }
        _ if is(&["birth", "dob", "birthday", "birthdate", "dateofbirth"]) => {
            "treatment: Generalise, generalise: {timeUnit: Year}"
        }
        _ if is(&["postcode", "zip", "zipcode", "plz"]) => {
            "treatment: Generalise, generalise: {keepFirst: 3}"
        }
        _ if is(&["lat", "lon", "lng", "latitude", "longitude"]) => {
            "treatment: Generalise, generalise: {step: 0.1}"
        }
        _ if is(&[
            "participant",
            "patient",
            "subject",
            "person",
            "respondent",
            "user",
            "individual",
            "imei",
            "mac",
        ]) =>
        {
            "treatment: Pseudonymise"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_at_case_and_signs() {
        for name in ["participantId", "participant_id", "Participant ID", "participant.id"] {
            assert_eq!(words(name), ["participant", "id"], "{name}");
        }
        assert_eq!(words("PM25"), ["pm25"]);
        assert!(words("--").is_empty());
    }

    #[test]
    fn names_hint_at_roles() {
        assert!(id("id") > id("event_id") && id("event_id") > id("sampleId"));
        assert_eq!((id("station_id"), id("video"), id("fluid")), (0, 0, 0));
        assert!(time("time") > time("observed_at") && time("observed_at") > time("date"));
        assert_eq!((time("updated_at"), time("mag")), (-1, 0));
        assert!(is_key("Station Name") && is_region("country") && !is_region("region_code"));
        assert!(privacy("lastName", None).is_some() && privacy("contact", Some("email")).is_some());
        assert!(privacy("name", None).is_none() && privacy("plot", None).is_none());
    }
}
