//! Identifiers: numbers that name a machine, a run or a part. A name alone does not tell: `Id` is a drain current too.

use super::Series;
use super::label::words;

/// Words for what a fleet has several of.
const THINGS: [&str; 22] = [
    "machine",
    "unit",
    "engine",
    "asset",
    "device",
    "equipment",
    "turbine",
    "vehicle",
    "truck",
    "robot",
    "pump",
    "motor",
    "bearing",
    "battery",
    "station",
    "node",
    "site",
    "plant",
    "sensor",
    "run",
    "maschine",
    "anlage",
];
/// Of these, those that name a machine without a further word.
const ALONE: usize = 8;
/// Words for a number that names.
const NUMBER: [&str; 7] = ["id", "ids", "no", "nr", "number", "num", "idx"];
/// Words for a number that names and nothing else.
const NAMING: [&str; 3] = ["uuid", "guid", "serial"];
/// Rows of one machine in a row, on the average.
const LONG: usize = 5;
/// Rows from which on numbers that never come twice are names.
const UNIQUE: usize = 20;

/// What a name says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    /// `machine_id`, `unit`.
    Machine,
    /// `batch_id`, `serial_number`, `uuid`.
    Identifier,
    /// `id`, which may be a current.
    Short,
    Other,
}

fn said_by(name: &str) -> Name {
    let words = words(name);
    let Some((last, before)) = words.split_last() else {
        return Name::Other;
    };
    let (last, is) = (&**last, |list: &[&str], word: &str| list.contains(&word));
    let thing = |word: &String| is(&THINGS, word);
    if before.is_empty() {
        return match last {
            "id" => Name::Short,
            _ if is(&THINGS[..ALONE], last) || is(&["maschine", "anlage"], last) => Name::Machine,
            _ if is(&NAMING, last) => Name::Identifier,
            // `machineid`, `unitnumber`.
            _ if NUMBER.iter().any(|number| {
                let thing = last.strip_suffix(number);
                thing.is_some_and(|thing| is(&THINGS, thing))
            }) =>
            {
                Name::Machine
            }
            _ => Name::Other,
        };
    }
    let numbers = is(&NUMBER, last);
    if numbers && before.iter().any(thing) {
        Name::Machine
    } else if last == "id" || is(&NAMING, last) || (numbers && before.iter().any(|w| w == "serial"))
    {
        Name::Identifier
    } else {
        Name::Other
    }
}

/// How whole numbers come.
struct Stretches {
    /// Stretches of one number.
    count: usize,
    distinct: usize,
    rows: usize,
}

impl Stretches {
    fn of(series: &Series<'_>) -> Self {
        let pairs = series.pairs().filter(|(a, b)| a != b).count();
        Self {
            count: pairs + series.starts.len() + 1,
            distinct: series.runs.len(),
            rows: series.readings(),
        }
    }

    /// Several numbers, each in one long stretch or a few: a quantity comes back to its values more often.
    fn few_and_long(&self) -> bool {
        self.distinct > 1 && self.count <= 2 * self.distinct && self.rows >= LONG * self.count
    }

    fn unique(&self) -> bool {
        self.rows >= UNIQUE && self.distinct == self.rows
    }
}

fn names(series: &Series<'_>) -> bool {
    series.whole() && series.range().0 >= 0.0
}

/// On and off, rather than the numbers of two machines.
fn is_switch(series: &Series<'_>) -> bool {
    series.distinct().eq([0.0, 1.0])
}

/// Whether a column of this name may name the machine of each row.
pub(in super::super) fn says(name: &str) -> bool {
    said_by(name) == Name::Machine
}

/// Why a column names the machine of each row, by its name and because its numbers come in long stretches.
pub(in super::super) fn machine(name: &str, series: &Series<'_>) -> Option<String> {
    let found =
        says(name) && names(series) && !is_switch(series) && Stretches::of(series).few_and_long();
    found.then(|| {
        let count = series.runs.len();
        format!("it names {count} machines, by its name and because each number stays for long")
    })
}

/// Why a column names a thing rather than measuring one, by its name and values.
pub(super) fn identifier(name: &str, series: &Series<'_>) -> Option<String> {
    let said = said_by(name);
    if said == Name::Other || !names(series) || is_switch(series) {
        return None;
    }
    let stretches = Stretches::of(series);
    let by_values = stretches.few_and_long() || stretches.unique();
    let one = series.runs.len() == 1;
    // Numbers of machines that take turns look like readings: there the name has to do.
    let bare = words(name).len() == 1;
    let found = match said {
        Name::Machine => by_values || one || !bare,
        Name::Identifier => by_values || one,
        Name::Short => by_values,
        Name::Other => false,
    };
    found.then(|| "an identifier, by its name and its whole numbers".into())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{noise, series};
    use super::*;

    #[test]
    fn identifiers_by_name_and_values() {
        let machines = [3.0, 3.0, 17.0, 4.0];
        assert!(identifier("machine_id", &series(&machines)).is_some());
        assert!(identifier("deviceId", &series(&machines)).is_some());
        assert_eq!(identifier("humid", &series(&machines)), None);
        assert_eq!(identifier("id", &series(&[0.5])), None);
        let unique: Vec<f64> = (0..60).map(|i| f64::from(i * 7_919 % 100_003)).collect();
        for name in ["id", "uuid", "serial_number", "batch_id", "Serial No"] {
            assert!(identifier(name, &series(&unique)).is_some(), "{name}");
        }
    }

    #[test]
    fn readings_with_such_names_are_none() {
        let current: Vec<f64> = noise(300)
            .iter()
            .map(|x| (120.0 + 8.0 * x).round())
            .collect();
        let slow: Vec<f64> = (0..300)
            .map(|i| (40.0 + 6.0 * (f64::from(i) / 30.0).sin()).round())
            .collect();
        for name in ["Id", "M1_Id", "serial_current", "unit", "engine"] {
            for values in [&current, &slow] {
                assert_eq!(identifier(name, &series(values)), None, "{name}");
                assert_eq!(machine(name, &series(values)), None, "{name}");
            }
        }
    }

    #[test]
    fn machines_of_a_fleet() {
        let fleet: Vec<f64> = (0..600).map(|i| f64::from(1 + i / 100)).collect();
        for name in [
            "machine_id",
            "unit",
            "Engine",
            "asset",
            "unit number",
            "machineID",
            "unitno",
        ] {
            let text = machine(name, &series(&fleet)).expect(name);
            assert!(text.contains("6 machines"), "{text}");
        }
        for name in ["speed", "set_unit_pressure", "pump"] {
            assert_eq!(machine(name, &series(&fleet)), None, "{name}");
        }
        let switch: Vec<f64> = (0..600).map(|i| f64::from(i / 300)).collect();
        assert_eq!(machine("engine", &series(&switch)), None);
        assert_eq!(identifier("machine_id", &series(&switch)), None);
    }
}
