//! Times as numbers: since 1970 in seconds to nanoseconds, days of a spreadsheet, dates in digits, and the parts of a
//! date. A time is no reading: the rows to score come later than all rows of the training.

use super::Series;
use super::counter::Steps;
use super::label::words;

/// Names of a time.
const TIMES: [&str; 18] = [
    "time",
    "timestamp",
    "datetime",
    "date",
    "epoch",
    "ts",
    "unixtime",
    "utc",
    "clock",
    "uptime",
    "elapsed",
    "zeit",
    "datum",
    "uhrzeit",
    "heure",
    "horodatage",
    "tiempo",
    "fecha",
];
/// Words for a length of time that is measured.
const MEASURED: [&str; 18] = [
    "const",
    "constant",
    "rise",
    "fall",
    "response",
    "delay",
    "dead",
    "settling",
    "lag",
    "cycle",
    "decay",
    "dwell",
    "idle",
    "hold",
    "transit",
    "travel",
    "reaction",
    "reverberation",
];
/// Of the steps of a time this share does not fall.
const FORWARD: f64 = 0.95;
/// Steps of a time that fall, for one that rises: a reading falls as often as it rises.
const FALLS: f64 = 0.1;
/// The fewest steps that rise, of a column that is a time by its name; and of a part of a date.
const LEAST_RISES: usize = 5;
/// Times in no order lie within so many years.
const YEARS: f64 = 5.0;
/// From 2000 to 2050, in seconds since 1970.
const SECONDS: (f64, f64) = (946_684_800.0, 2_524_608_000.0);
/// The same in days since 1900, as spreadsheets count.
const DAYS: (f64, f64) = (36_526.0, 54_789.0);

/// Seconds, and what they are called, of one unit of a number that is a time of our days.
pub(super) fn unit(series: &Series<'_>) -> Option<(f64, &'static str)> {
    let (low, high) = series.range();
    let within = |(from, to): (f64, f64), unit: f64| low >= from / unit && high <= to / unit;
    for (seconds, name) in [
        (1.0, "seconds"),
        (1e-3, "milliseconds"),
        (1e-6, "microseconds"),
        (1e-9, "nanoseconds"),
    ] {
        if within(SECONDS, seconds) {
            return Some((seconds, name));
        }
    }
    within(DAYS, 1.0).then_some((86_400.0, "days"))
}

/// Why a column is a time, if it is one.
pub(super) fn time(name: &str, series: &Series<'_>) -> Option<String> {
    let steps = Steps::of(series);
    if steps.count == 0 {
        return None;
    }
    let words = words(name);
    let is = |list: &[&str]| words.iter().any(|word| list.contains(&&**word));
    let named = is(&TIMES) && !is(&MEASURED);
    let forward = steps.share(steps.count - steps.falls) >= FORWARD
        && steps.rises > 0
        && steps.falls as f64 <= FALLS * steps.rises as f64;
    let unit = unit(series);
    // A few days of a spreadsheet are numbers as any other; seconds since 1970 are not.
    let certain = unit.is_some_and(|(seconds, _)| seconds < 86_400.0);
    if let Some((seconds, unit)) = unit
        && (named && (certain || forward || is(&["date", "datum"]))
            || forward && certain && steps.count >= 9)
    {
        let since = if seconds < 86_400.0 { "1970" } else { "1900" };
        return Some(format!("a time, in {unit} since {since}"));
    }
    let (low, high) = series.range();
    let whole = series.whole();
    // In no order, but so many digits are no reading's: they lie within some years.
    if let Some((seconds, unit)) = unit
        && seconds < 1.0
        && whole
        && high - low < YEARS * 31_557_600.0 / seconds
    {
        return Some(format!("a time, in {unit} since 1970"));
    }
    if whole && low >= 20_000_101.0 && high <= 20_501_231.0 && series.distinct().all(is_date) {
        return Some("a date, written as a number such as 20260301".into());
    }
    if whole && low >= 20_000_101_000_000.0 && high <= 20_501_231_235_959.0 {
        return Some("a time, written as a number such as 20260301100000".into());
    }
    (named && forward && steps.count >= 9 && steps.rises >= LEAST_RISES)
        .then(|| "a time, by its name and because it rises".into())
}

/// Year, month and day in eight digits.
fn is_date(number: f64) -> bool {
    let (month, day) = ((number / 100.0).floor() % 100.0, number % 100.0);
    (1.0..=12.0).contains(&month) && (1.0..=31.0).contains(&day)
}

/// Why a column is a part of a date, by its name and values.
pub(super) fn calendar(name: &str, series: &Series<'_>) -> Option<String> {
    let (low, high) = series.range();
    if !series.whole() || low > high {
        return None;
    }
    let words = words(name);
    let within = |from: f64, to: f64| low >= from && high <= to;
    // Short names are those of readings too: `min`, `sec` and `mm` must go on as a clock does.
    let goes_on = |period: f64| {
        let (mut steps, mut forward, mut rises) = (0usize, 0usize, 0usize);
        for (a, b) in series.pairs() {
            let around = (b - a).rem_euclid(period);
            steps += 1;
            forward += usize::from(around <= period / 2.0);
            rises += usize::from(around > 0.0 && around <= period / 2.0);
        }
        let back = steps - forward;
        rises >= LEAST_RISES && back as f64 <= FALLS * rises as f64
    };
    let part = |word: &str| match word {
        "year" | "yr" | "yyyy" | "jahr" | "année" | "annee" | "año" => {
            within(1900.0, 2100.0) || within(0.0, 99.0)
        }
        "month" | "monat" | "mois" => within(1.0, 12.0),
        "mon" | "mm" => within(1.0, 12.0) && goes_on(12.0),
        "day" | "jour" | "día" => within(0.0, 31.0),
        "dd" | "dom" | "tag" => within(0.0, 31.0) && goes_on(31.0),
        "doy" | "yday" | "dayofyear" => within(0.0, 366.0),
        "weekday" | "dow" | "dayofweek" | "wday" => within(0.0, 7.0),
        "week" | "weekofyear" => within(0.0, 53.0),
        "hour" | "stunde" | "heure" | "hora" => within(0.0, 24.0),
        "hr" | "hh" => within(0.0, 24.0) && goes_on(24.0),
        "minute" | "min" | "second" | "sec" | "sekunde" => within(0.0, 59.0) && goes_on(60.0),
        _ => false,
    };
    // `day_of_week` and `hour_of_day` as well; `power_per_hour` and `min_temp` not.
    let found = match &words[..] {
        [only] => part(only),
        [first, of, ..] if of == "of" => part(first) || part(&words.concat()),
        _ => false,
    };
    found.then(|| "a part of the date or the time of day".into())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{noise, series};
    use super::*;

    fn judged(name: &str, values: &[f64]) -> Option<String> {
        time(name, &series(values))
    }

    #[test]
    fn times_since_1970_in_any_unit() {
        let at = |unit: f64| {
            // Ten rows a second, written in whole seconds.
            (0..200)
                .map(|i| ((1_767_225_600.0 + f64::from(i / 10)) * unit).floor())
                .collect::<Vec<_>>()
        };
        for (unit, word) in [
            (1.0, "in seconds"),
            (1e3, "milliseconds"),
            (1e6, "microseconds"),
            (1e9, "nanoseconds"),
        ] {
            assert!(judged("c0", &at(unit)).unwrap().contains(word));
        }
        // In no order, but named.
        let mut turned = at(1.0);
        turned.reverse();
        assert!(judged("Timestamp", &turned).is_some());
        assert_eq!(judged("c0", &turned), None);
        let mut milliseconds = at(1e3);
        milliseconds.reverse();
        assert!(judged("c0", &milliseconds).is_some());
        assert_eq!(judged("c0", &[1e12, 2.4e12, 1.1e12, 2e12]), None);
    }

    #[test]
    fn other_ways_to_write_a_time() {
        let days: Vec<f64> = (0..50)
            .map(|i| 46_000.0 + f64::from(i / 5) / 1440.0)
            .collect();
        assert!(judged("Date", &days).unwrap().contains("days since 1900"));
        let dates: Vec<f64> = (0..50).map(|i| f64::from(20_260_301 + i % 31)).collect();
        assert!(judged("c0", &dates).unwrap().contains("date"));
        let stamps: Vec<f64> = (0..50)
            .map(|i| 20_260_301_100_000.0 + f64::from(i % 60))
            .collect();
        assert!(judged("c0", &stamps).is_some());
        let slow: Vec<f64> = (0..100).map(|i| f64::from(i / 4) * 0.25).collect();
        assert!(judged("time [s]", &slow).is_some());
        assert_eq!(judged("level", &slow), None);
        assert_eq!(judged("response_time", &noise(100)), None);
        // A time that is measured: it creeps up with wear, and hardly changes.
        let measured: Vec<f64> = (noise(400).iter().enumerate())
            .map(|(i, x)| (50.0 + i as f64 / 100.0 + 0.15 * x).round())
            .collect();
        for name in ["rise_time", "Time_const", "closing time", "uptime"] {
            assert_eq!(judged(name, &measured), None, "{name}");
        }
        let clock: Vec<f64> = noise(100).iter().map(|x| 48_000.0 + 3.0 * x).collect();
        assert_eq!(judged("clock", &clock), None);
        let counts: Vec<f64> = noise(100)
            .iter()
            .map(|x| (45_000.0 + 500.0 * x).floor())
            .collect();
        assert_eq!(judged("counts", &counts), None);
    }

    #[test]
    fn parts_of_a_date() {
        let hours: Vec<f64> = (0..100).map(|i| f64::from(i % 24)).collect();
        assert!(calendar("Hour", &series(&hours)).is_some());
        assert!(calendar("hour_of_day", &series(&hours)).is_some());
        assert!(calendar("year", &series(&[2025.0, 2026.0])).is_some());
        assert!(calendar("day_of_week", &series(&[1.0, 6.0])).is_some());
        for name in ["flow", "power_per_hour", "min_temp"] {
            assert_eq!(calendar(name, &series(&hours)), None, "{name}");
        }
        assert_eq!(calendar("min", &series(&[0.5, 3.0])), None);
        let minutes: Vec<f64> = (0..200).map(|i| f64::from(i / 3 % 60)).collect();
        assert!(calendar("min", &series(&minutes)).is_some());
        // The lowest pressure, and millimetres of rain.
        let readings: Vec<f64> = noise(200).iter().map(|x| (6.0 + x).round()).collect();
        for name in ["min", "sec", "mm", "hh", "tag"] {
            assert_eq!(calendar(name, &series(&readings)), None, "{name}");
        }
        assert_eq!(calendar("month", &series(&[0.0, 250.0])), None);
    }
}
