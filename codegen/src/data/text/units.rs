//! Lines of units below the names of columns.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Units, kinds of values and formats, as loggers write them below names; in lower case.
const UNITS: &str = "c f k degc degf deg_c deg_f celsius fahrenheit kelvin bar mbar barg bara pa kpa mpa hpa psi psia psig mmhg inhg atm torr \
    rpm u/min r/min 1/min min-1 1/s s-1 hz khz mhz s sec ms us ns min h hr hours d v mv uv kv a ma ua ka w kw mw mva va kva var kvar \
    wh kwh mwh j kj mj ohm kohm mohm f uf nf pf h mh t mt g mg kg ug lb n kn mn nm knm m mm cm km um nm in ft m/s km/h mph \
    m/s2 m/s^2 mm/s rad rad/s deg deg/s l l/min l/h l/s m3 m3/h m^3/h m3/s m^3/s gpm cfm kg/h kg/s kg/m3 t/h %rh rh % ppm ppb \
    db dba dbm lx lux lm cd ph us/cm ms/cm mg/l ug/m3 w/m2 w/m^2 ntu ts rn yyyy-mm-dd hh:mm:ss date time datetime unit units \
    none avg smp max min std tot sample average float int integer real bool string double - n/a";

/// Whether most cells that say something are units, or all are drawn lines.
pub(super) fn are_units(cells: &[String]) -> bool {
    let filled = || cells.iter().filter(|cell| !cell.is_empty());
    let drawn =
        |cell: &String| cell.len() > 1 && cell.bytes().all(|byte| matches!(byte, b'-' | b'='));
    let units = filled().filter(|cell| is_unit(cell) || drawn(cell)).count();
    2 * units > filled().count()
}

static KNOWN: LazyLock<HashSet<&str>> = LazyLock::new(|| UNITS.split_whitespace().collect());

/// Whether a text is a well-known unit.
pub(super) fn is_unit(cell: &str) -> bool {
    let bracketed = [('[', ']'), ('(', ')')]
        .iter()
        .any(|(open, close)| cell.starts_with(*open) && cell.ends_with(*close));
    let plain: String = cell
        .to_lowercase()
        .chars()
        .map(|c| {
            if c == '\u{b5}' || c == '\u{3bc}' {
                'u'
            } else {
                c
            }
        })
        .collect();
    let plain = plain
        .replace('\u{b0}', "")
        .replace('\u{b3}', "3")
        .replace('\u{b2}', "2")
        .replace('\u{3c9}', "ohm");
    bracketed || KNOWN.contains(&*plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_told_from_names() {
        let are =
            |cells: &[&str]| are_units(&cells.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert!(are(&["\u{b0}C", "bar", "1/min"]));
        assert!(are(&["[degC]", "(bar)", ""]));
        assert!(are(&["TS", "RN", "degC", "bar", "1/min"]));
        assert!(are(&["----", "----"]));
        assert!(are(&["\u{b5}A", "m\u{b3}/h"]));
        assert!(!are(&["temp", "press", "rpm"]));
        assert!(!are(&["", ""]));
    }
}
