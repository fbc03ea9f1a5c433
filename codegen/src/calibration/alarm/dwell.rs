//! How long a machine stays in each state, by the components of normal readings.

use nvpico::detector::Dwell;

/// A normal machine may stay this many times as long in a state as the record shows, before that is called a fault.
const TIMES: i32 = 3;
/// A state that was visited less often has no limit: its longest visit says little.
const LEAST_VISITS: usize = 8;
/// With less than this of a reading left in its share, a state is visited anew.
const LEFT: f64 = 0.25;
/// No limit is below what seven readings in a row reach, and one above what a hundred reach is none.
const LEAST_LIMIT: f64 = 0.2;
const MOST_LIMIT: f64 = 0.96;
/// Components that have a limit: the engine numbers no more.
const MOST_COMPONENTS: usize = 255;

/// The largest share of each of `components` components that a normal machine may have, in the engine's steps, or none where a machine may
/// stay. `rows` are the components of normal readings in the order in which they were recorded, `begins` those that do not follow
/// the one before. Empty where none has a limit.
#[must_use]
pub fn dwell_limits(rows: &[Option<u8>], begins: &[usize], components: usize) -> Vec<u16> {
    let limits = found(rows, begins, components, LEAST_VISITS);
    let has_limit = |limit: &u16| *limit < Dwell::<1>::NO_LIMIT;
    if limits.iter().any(has_limit) {
        limits
    } else {
        Vec::new()
    }
}

/// Limits that allow what such a further record shows, too. Without limits before, those of the record.
#[must_use]
pub fn allow_dwell(
    before: &[u16],
    rows: &[Option<u8>],
    begins: &[usize],
    components: usize,
) -> Vec<u16> {
    if before.is_empty() {
        return dwell_limits(rows, begins, components);
    }
    // A state that a short record does not visit keeps its limit.
    let own = found(rows, begins, components, 0);
    let pairs = before.iter().enumerate();
    pairs
        .map(|(at, before)| own.get(at).map_or(*before, |own| *before.max(own)))
        .collect()
}

fn found(
    rows: &[Option<u8>],
    begins: &[usize],
    components: usize,
    least_visits: usize,
) -> Vec<u16> {
    if components > MOST_COMPONENTS {
        return Vec::new();
    }
    let mut dwell = Dwell::<MOST_COMPONENTS>::new();
    let mut most = vec![0_u16; components];
    let mut visits = vec![0_usize; components];
    // Of the engine itself: what one reading adds.
    let one = {
        let mut first = Dwell::<1>::new();
        first.note(&[u16::MAX], Some(0));
        f64::from(first.shares()[0])
    };
    for (at, row) in rows.iter().enumerate() {
        if begins.binary_search(&at).is_ok() {
            dwell.gap();
        }
        let own = row.map(usize::from).filter(|own| *own < components);
        if let Some(own) = own
            && f64::from(dwell.shares()[own]) < LEFT * one
        {
            visits[own] += 1;
        }
        dwell.note(&[u16::MAX; MOST_COMPONENTS], *row);
        if let Some(own) = own {
            most[own] = most[own].max(dwell.shares()[own]);
        }
    }
    let limits = most.iter().zip(visits).map(|(most, visits)| {
        // A visit of n readings reaches 1 - (31/32)^n.
        let left = 1.0 - f64::from(*most) / f64::from(u16::MAX);
        let limit = (1.0 - left.powi(TIMES)).max(LEAST_LIMIT);
        if visits < least_visits || limit > MOST_LIMIT {
            Dwell::<1>::NO_LIMIT
        } else {
            (limit * f64::from(u16::MAX)) as u16
        }
    });
    limits.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine that works in one of two states and passes through a third for `way` readings.
    fn record(cycles: usize, way: usize) -> Vec<Option<u8>> {
        let cycle = |at: usize| {
            let station = u8::from(at.is_multiple_of(2));
            let states = [vec![station; 150 + 40 * (at % 5)], vec![2; way]];
            states.concat().into_iter().map(Some)
        };
        (0..cycles).flat_map(cycle).collect()
    }

    #[test]
    fn a_way_has_a_limit_and_a_station_has_none() {
        let limits = dwell_limits(&record(20, 6), &[0], 4);
        assert_eq!(
            (limits[0], limits[1], limits[3]),
            (u16::MAX, u16::MAX, u16::MAX)
        );
        // Three times six readings.
        let reached = 1.0 - (31.0_f64 / 32.0).powi(18);
        let limit = f64::from(limits[2]) / 65_536.0;
        assert!((limit - reached).abs() < 0.01, "{limit} {reached}");
    }

    #[test]
    fn few_visits_and_long_ways_have_no_limit() {
        assert!(dwell_limits(&record(7, 6), &[0], 3).is_empty());
        assert!(dwell_limits(&record(20, 40), &[0], 3).is_empty());
        assert!(dwell_limits(&[], &[], 3).is_empty());
        assert!(dwell_limits(&record(20, 6), &[0], 300).is_empty());
    }

    #[test]
    fn a_visit_ends_with_its_stretch() {
        // Three readings of the way at the end of each stretch, and three at the beginning of the next: no visit is of six.
        let record = [vec![Some(1); 3], vec![Some(0); 150], vec![Some(1); 3]].concat();
        let begins: Vec<usize> = (0..30).map(|at| 156 * at).collect();
        let of = |begins: &[usize]| dwell_limits(&record.repeat(30), begins, 2)[1];
        assert!(of(&[0]) > of(&begins) + 10_000);
    }

    #[test]
    fn a_further_record_widens_limits_and_never_narrows_them() {
        let before = dwell_limits(&record(20, 6), &[0], 3);
        let after = |cycles, way| allow_dwell(&before, &record(cycles, way), &[0], 3)[2];
        // Two visits suffice to see that a way may take longer, and none are no reason to forget it.
        assert!(after(2, 9) > before[2]);
        assert_eq!((after(2, 3), after(0, 0)), (before[2], before[2]));
        assert_eq!(after(2, 60), u16::MAX);
        let first = allow_dwell(&[], &record(20, 6), &[0], 3);
        assert_eq!(first, before);
    }
}
