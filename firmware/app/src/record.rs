//! Gathers readings, to train a model on.

use crate::acquire::{Acquire, Clock, Event, Log, Source};

/// So many faults in a row end a recording: three seconds without a sensor.
const FAULTS_TO_GIVE_UP: u32 = 30;

/// Where rows go.
pub trait Store<V, const N: usize> {
    /// Takes the names of the columns; false when it cannot take anything.
    fn header(&mut self, columns: &[&str; N]) -> bool;
    /// Takes a row; false when it cannot.
    fn row(&mut self, reading: &[V; N]) -> bool;
}

/// Records `rows` readings, or all that the source has; false when the sensors or the store failed before. Readings
/// that a sensor could not give are left out.
pub fn record<S, C, L, const N: usize>(
    acquire: &mut Acquire<S, C, L, N>,
    columns: &[&str; N],
    store: &mut impl Store<S::Value, N>,
    rows: usize,
) -> bool
where
    S: Source<N>,
    C: Clock,
    L: Log<S::Value, S::Fault, N>,
{
    let mut recorded = 0;
    let mut faults_in_a_row = 0;
    if !store.header(columns) {
        acquire.log.log(Event::StoreFailed { rows: 0 });
        return false;
    }
    while recorded < rows {
        match acquire.next() {
            None => break,
            Some(Err(_)) => {
                faults_in_a_row += 1;
                if faults_in_a_row >= FAULTS_TO_GIVE_UP {
                    acquire.log.log(Event::NoReadings { rows: recorded });
                    return false;
                }
            }
            Some(Ok(reading)) => {
                faults_in_a_row = 0;
                if !store.row(&reading) {
                    acquire.log.log(Event::StoreFailed { rows: recorded });
                    return false;
                }
                recorded += 1;
            }
        }
    }
    acquire.log.log(Event::Recorded { rows: recorded });
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_parts::{Room, Told, acquire};
    use std::vec::Vec;

    fn room(most: usize) -> Room {
        Room {
            rows: Vec::new(),
            most,
        }
    }

    #[test]
    fn rows_are_recorded_and_faults_left_out() {
        let mut acquire = acquire(&[Ok(1.0), Err('a'), Ok(2.0), Ok(3.0)]);
        let mut store = room(9);
        assert!(record(&mut acquire, &["x", "y"], &mut store, 2));
        assert_eq!(store.rows, [1.0, 2.0]);
        assert_eq!(acquire.log.told.last(), Some(&Told::Recorded(2)));
    }

    #[test]
    fn a_source_that_ends_ends_the_recording() {
        let mut acquire = acquire(&[Ok(1.0)]);
        assert!(record(&mut acquire, &["x", "y"], &mut room(9), 600));
        assert_eq!(acquire.log.told, [Told::Recorded(1)]);
    }

    #[test]
    fn thirty_faults_in_a_row_are_the_end_but_not_thirty_in_all() {
        let mut script = [Err('a'); 60];
        script[29] = Ok(1.0);
        script[59] = Ok(2.0);
        assert!(record(&mut acquire(&script), &["x", "y"], &mut room(9), 2));
        script[29] = Err('a');
        let mut acquire = acquire(&script);
        assert!(!record(&mut acquire, &["x", "y"], &mut room(9), 2));
        assert_eq!(acquire.log.told.last(), Some(&Told::NoReadings(0)));
    }

    #[test]
    fn a_full_store_is_a_failure() {
        let mut acquire = acquire(&[Ok(1.0), Ok(2.0)]);
        assert!(!record(&mut acquire, &["x", "y"], &mut room(1), 2));
        assert_eq!(acquire.log.told, [Told::StoreFailed(1)]);
    }
}
