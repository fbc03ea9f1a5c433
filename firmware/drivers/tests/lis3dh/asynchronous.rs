//! The same driver on embedded-hal-async: by time, by the interrupt, and given up half-way.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use nvpico_drivers::lis3dh::asynchronous::Lis3dh;
use nvpico_drivers::lis3dh::{Error, LOW};

use super::model::{Interrupt, Model};
use super::{SETTINGS, number};

/// What a future gives within so many polls.
fn within<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..polls).find_map(|_| match future.as_mut().poll(&mut context) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    })
}

const LONG: usize = 10_000;

#[test]
fn samples_follow_each_other_by_time_and_by_interrupt() {
    for by_interrupt in [false, true] {
        let mut model = Model::new();
        let mut driver = Lis3dh::on_i2c(model.clone(), LOW, SETTINGS);
        let mut interrupt = Interrupt(model.clone());
        let mut last = None;
        for _ in 0..500 {
            let counts = if by_interrupt && last.is_some() {
                within(LONG, driver.read_at(&mut interrupt))
            } else {
                within(LONG, driver.read(&mut model))
            };
            let own = number(counts.expect("in time").expect("a sample"));
            assert!(last.is_none_or(|last| own == last + 1), "{own}");
            last = Some(own);
        }
        assert_eq!(driver.overruns(), 0);
    }
}

#[test]
fn who_gives_up_waiting_loses_nothing_and_who_gives_up_reading_is_told() {
    let mut model = Model::new();
    let mut driver = Lis3dh::on_i2c(model.clone(), LOW, SETTINGS);
    let mut interrupt = Interrupt(model.clone());
    let first = within(LONG, driver.read(&mut model)).expect("in time");
    let mut last = number(first.expect("a sample"));
    let mut given_up = 0;
    while given_up < 20 {
        match within(1, driver.read_at(&mut interrupt)) {
            Some(counts) => {
                last += 1;
                assert_eq!(counts.map(number), Ok(last));
            }
            None => given_up += 1,
        }
    }
    // Somewhere in the transactions of a batch.
    for hangs_in in 0..6 {
        model.with(|state| state.hangs_in = Some(hangs_in));
        let mut told = false;
        for _ in 0..40 {
            match within(2, driver.read(&mut model)) {
                Some(Ok(counts)) => {
                    let own = number(counts);
                    assert!(told || own == last + 1, "{hangs_in}: {own} behind {last}");
                    (last, told) = (own, false);
                }
                Some(Err(error)) => {
                    assert_eq!(error, Error::Cancelled);
                    told = true;
                }
                None => model.with(|state| state.hangs_in = None),
            }
        }
    }
}
