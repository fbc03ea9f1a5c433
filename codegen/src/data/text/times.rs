//! Dates and times of day, in the forms in which loggers and spreadsheets write them.

/// Seconds since 1970 or, without a date, since midnight; `None` where the cell is no time.
///
/// Dates are year, month, day with any sign between them; day, month, year with points or dashes; month, day, year with
/// slashes unless the first number is above 12; and with months by name. A zone is taken off, and where there is none the
/// time is as it stands.
pub(super) fn seconds(cell: &str) -> Option<f64> {
    // Almost every cell is told here.
    let bytes = cell.as_bytes();
    if bytes.len() < 4 || bytes.len() > 40 || !bytes.iter().any(u8::is_ascii_digit) {
        return None;
    }
    if !bytes
        .iter()
        .any(|byte| matches!(byte, b':' | b'-' | b'/' | b'.' | b'T' | b' '))
    {
        return None;
    }
    if let Some(seconds) = usual(bytes) {
        return Some(seconds);
    }
    let mut found = Found::default();
    let mut rest = cell;
    while let Some(token) = rest.split([' ', ',']).next() {
        // A decimal comma stands in a token of a time, as in 10:00:01,250.
        let fraction = token.contains(':')
            && rest[token.len()..].starts_with(',')
            && rest[token.len() + 1..].starts_with(|c: char| c.is_ascii_digit());
        let token = if fraction {
            rest.split(' ').next().unwrap_or(rest)
        } else {
            token
        };
        found.token(token)?;
        if token.len() == rest.len() {
            break;
        }
        rest = &rest[token.len() + 1..];
    }
    found.seconds()
}

/// 2026-03-01 10:00:01, perhaps with decimals or a T: what most files have, told at once.
fn usual(bytes: &[u8]) -> Option<f64> {
    let (head, fraction) = bytes.split_at_checked(19)?;
    let signs = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if signs.iter().any(|(at, sign)| head[*at] != *sign) || !matches!(head[10], b' ' | b'T') {
        return None;
    }
    let number = |from: usize, to: usize| {
        let digits = head[from..to].iter();
        digits.copied().try_fold(0u32, |number, digit| {
            digit
                .is_ascii_digit()
                .then(|| 10 * number + u32::from(digit - b'0'))
        })
    };
    let days = days(number(0, 4)?, number(5, 7)?, number(8, 10)?)?;
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let decimals = match fraction {
        [] => 0.0,
        [b'.', digits @ ..]
            if (1..=9).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit) =>
        {
            let add = |(number, unit): (u32, f64), digit: &u8| {
                (10 * number + u32::from(digit - b'0'), 10.0 * unit)
            };
            let (number, unit) = digits.iter().fold((0, 1.0), add);
            f64::from(number) / unit
        }
        _ => return None,
    };
    let right = hour < 25 && minute < 60 && second < 61;
    right.then(|| days as f64 * 86_400.0 + f64::from(3600 * hour + 60 * minute + second) + decimals)
}

#[derive(Default)]
struct Found {
    days: Option<i64>,
    time: Option<f64>,
    zone: f64,
    afternoon: Option<bool>,
    /// Parts of a date that stand by themselves, as in "Mar 1 2026".
    month: Option<u32>,
    numbers: Vec<u32>,
}

impl Found {
    fn token(&mut self, token: &str) -> Option<()> {
        if token.is_empty() {
            return Some(());
        }
        if let Some(days) = date(token) {
            return set(&mut self.days, days);
        }
        if let Some((day, time)) = token.split_once(['T', '_']) {
            let days = date(day).or_else(|| compact_date(day));
            if let Some(days) = days {
                set(&mut self.days, days)?;
                return self.clock(time, true);
            }
        }
        match token.to_ascii_lowercase().as_str() {
            "am" => return set(&mut self.afternoon, false),
            "pm" => return set(&mut self.afternoon, true),
            "z" | "utc" | "gmt" | "cet" | "cest" | "est" | "edt" | "pst" | "pdt" => return Some(()),
            word if word.len() >= 3
                && word.bytes().all(|b| b.is_ascii_alphabetic() || b == b'.') =>
            {
                if let Some(month) = month(word) {
                    return set(&mut self.month, month);
                }
                let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
                return days.contains(&&word[..3]).then_some(());
            }
            _ => {}
        }
        if let Ok(number) = token.trim_end_matches('.').parse() {
            self.numbers.push(number);
            return (self.numbers.len() <= 2).then_some(());
        }
        if let Some(zone) = zone(token) {
            self.zone = zone;
            return Some(());
        }
        self.clock(token, false)
    }

    /// A time of day, with a zone or a half of the day behind it; behind a date also without colons.
    fn clock(&mut self, token: &str, compact: bool) -> Option<()> {
        let lower = token.to_ascii_lowercase();
        let mut token = lower.as_str();
        for (ending, afternoon) in [("am", false), ("pm", true)] {
            if let Some(before) = token.strip_suffix(ending) {
                set(&mut self.afternoon, afternoon)?;
                token = before;
            }
        }
        token = token.trim_end_matches('z');
        if let Some(at) = token.rfind(['+', '-']) {
            self.zone = zone(&token[at..])?;
            token = &token[..at];
        }
        let time = if token.contains(':') {
            time(token)?
        } else if compact {
            compact_time(token)?
        } else {
            return None;
        };
        set(&mut self.time, time)
    }

    fn seconds(mut self) -> Option<f64> {
        if let Some(month) = self.month {
            let [first, second] = self.numbers[..] else {
                return None;
            };
            let (day, year) = if first > 31 {
                (second, first)
            } else {
                (first, second)
            };
            set(&mut self.days, days(full_year(year), month, day)?)?;
        } else if !self.numbers.is_empty() {
            return None;
        }
        let mut time = self.time;
        if let (Some(afternoon), Some(value)) = (self.afternoon, time.as_mut()) {
            let hour = (*value / 3600.0).floor();
            if !(1.0..13.0).contains(&hour) {
                return None;
            }
            *value += f64::from(u8::from(afternoon)) * 43_200.0
                - f64::from(u8::from(hour >= 12.0)) * 43_200.0;
        } else if self.afternoon.is_some() {
            return None;
        }
        match (self.days, time) {
            (None, None) => None,
            (days, time) => {
                Some(days.unwrap_or(0) as f64 * 86_400.0 + time.unwrap_or(0.0) - self.zone)
            }
        }
    }
}

/// Sets what stands in a cell once.
fn set<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

/// A date in one piece.
fn date(token: &str) -> Option<i64> {
    let sign = token.chars().find(|c| !c.is_ascii_alphanumeric())?;
    if !matches!(sign, '-' | '/' | '.') {
        return None;
    }
    let mut parts = token.split(sign);
    let [first, second, third] = [parts.next()?, parts.next()?, parts.next()?];
    // German dates without a year end with the sign; they say too little.
    if parts.next().is_some() {
        return None;
    }
    let number = |part: &str| -> Option<u32> {
        let plain = (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| part.parse().ok()).flatten()
    };
    let (a, c) = (number(first)?, number(third)?);
    if let Some(month) = month(&second.to_ascii_lowercase()) {
        return if first.len() == 4 {
            days(a, month, c)
        } else {
            days(full_year(c), month, a)
        };
    }
    let b = number(second)?;
    if first.len() == 4 {
        days(a, b, c)
    } else if !matches!(third.len(), 2 | 4) {
        None
    } else if sign == '/' && a <= 12 {
        days(full_year(c), a, b)
    } else if a > 31 {
        days(full_year(a), b, c)
    } else {
        days(full_year(c), b, a)
    }
}

/// 20260301.
fn compact_date(token: &str) -> Option<i64> {
    if token.len() != 8 || !token.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    days(
        token[..4].parse().ok()?,
        token[4..6].parse().ok()?,
        token[6..].parse().ok()?,
    )
}

/// 10:00, 10:00:01 or 10:00:01.250, also more than 24 hours.
fn time(token: &str) -> Option<f64> {
    let mut parts = token.split(':');
    let whole = |part: &str, most: usize| -> Option<f64> {
        let plain = (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| part.parse().ok()).flatten()
    };
    let hours = whole(parts.next()?, 5)?;
    let minutes = whole(parts.next()?, 2)?;
    let seconds = match parts.next() {
        None => 0.0,
        Some(part) => {
            let (before, after) = part.split_once(['.', ',']).unwrap_or((part, "0"));
            let fraction = after.bytes().all(|b| b.is_ascii_digit()) && !after.is_empty();
            whole(before, 2)?
                + fraction
                    .then(|| format!("0.{after}").parse::<f64>().ok())
                    .flatten()?
        }
    };
    // Milliseconds behind a fourth colon, as some loggers have them.
    let milliseconds = parts.next().map_or(Some(0.0), |part| whole(part, 3))?;
    let right = parts.next().is_none() && minutes < 60.0 && seconds < 61.0;
    right.then_some(hours * 3600.0 + minutes * 60.0 + seconds + milliseconds / 1000.0)
}

/// 100001 or 100001.250.
fn compact_time(token: &str) -> Option<f64> {
    let (whole, fraction) = token.split_once('.').unwrap_or((token, "0"));
    if !matches!(whole.len(), 4 | 6)
        || !whole
            .bytes()
            .chain(fraction.bytes())
            .all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let part = |from: usize| whole.get(from..from + 2).unwrap_or("00");
    time(&format!("{}:{}:{}.{fraction}", part(0), part(2), part(4)))
}

/// +01:00, -0530, +01, in seconds.
fn zone(token: &str) -> Option<f64> {
    let digits = token.strip_prefix(['+', '-'])?;
    let (hours, minutes) = match (digits.len(), digits.split_once(':')) {
        (_, Some((hours, minutes))) if hours.len() == 2 && minutes.len() == 2 => (hours, minutes),
        (4, None) => digits.split_at_checked(2)?,
        (2, None) => (digits, "0"),
        _ => return None,
    };
    let seconds = 3600 * hours.parse::<u32>().ok()? + 60 * minutes.parse::<u32>().ok()?;
    Some(if token.starts_with('-') {
        -f64::from(seconds)
    } else {
        f64::from(seconds)
    })
}

fn month(word: &str) -> Option<u32> {
    let names = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    let place = names.iter().position(|name| word.get(..3) == Some(name))?;
    let full = word.len() <= 9 && word.bytes().all(|b| b.is_ascii_alphabetic() || b == b'.');
    full.then_some(place as u32 + 1)
}

fn full_year(year: u32) -> u32 {
    match year {
        0..70 => 2000 + year,
        70..100 => 1900 + year,
        _ => year,
    }
}

/// Days from 1970-01-01 to a day of the Gregorian calendar.
fn days(year: u32, month: u32, day: u32) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || year > 9999 {
        return None;
    }
    // Years that begin in March have their leap day at the end.
    let year = i64::from(year) - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((i64::from(month) + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_forms_give_the_same_second() {
        let expected = Some(1_772_359_201.0); // 2026-03-01 10:00:01
        for cell in [
            "2026-03-01 10:00:01",
            "2026-03-01T10:00:01",
            "2026-03-01T10:00:01Z",
            "2026-03-01T11:00:01+01:00",
            "2026-03-01T04:30:01-0530",
            "2026-03-01 10:00:01 UTC",
            "2026/03/01 10:00:01.000",
            "2026-03-01 10:00:01,000",
            "01.03.2026 10:00:01",
            "1.3.26 10:00:01",
            "03/01/2026 10:00:01 AM",
            "3/1/2026 10:00:01am",
            "01-Mar-2026 10:00:01",
            "Mar 1, 2026 10:00:01",
            "1 March 2026 10:00:01",
            "Sun Mar  1 10:00:01 2026",
            "20260301T100001Z",
            "20260301T100001.000",
            "2026-03-01_10:00:01",
            "2026-03-01 10:00:01:000",
        ] {
            assert_eq!(seconds(cell), expected, "{cell}");
        }
        assert_eq!(seconds("1970-01-01"), Some(0.0));
        assert_eq!(seconds("2000-02-29"), Some(951_782_400.0));
        assert_eq!(seconds("13/01/1970"), Some(12.0 * 86_400.0));
    }

    #[test]
    fn times_of_day_and_durations() {
        assert_eq!(seconds("10:00:01.250"), Some(36_001.25));
        assert_eq!(seconds("10:00:01,250"), Some(36_001.25));
        assert_eq!(seconds("10:00"), Some(36_000.0));
        assert_eq!(seconds("100:15:30"), Some(360_930.0));
        assert_eq!(seconds("12:00:00 PM"), Some(43_200.0));
        assert_eq!(seconds("12:30 AM"), Some(1800.0));
        assert_eq!(seconds("1:00 pm"), Some(46_800.0));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for cell in [
            "",
            "20.13",
            "1.007,5",
            "-1.5e-3",
            "192.168.0.1",
            "1.2.3",
            "13:60",
            "2026-13-01",
            "10-20",
            "pump 3",
            "a:b",
            "1-2-3",
            "3/4 pump",
            "12",
            "1 007",
            "05-T-7",
            "10:00 20:00",
            "2026",
            "T10",
            "12 am",
            "1/2",
            "2026-05",
            "1000-12",
            "-10:00",
            "\u{e9}:\u{e9}12",
        ] {
            assert_eq!(seconds(cell), None, "{cell}");
        }
    }
}
