//! The bit-banged master against a simulated device on simulated wires.

mod wires;

use embedded_hal::i2c::{I2c, NoAcknowledgeSource, Operation};
use embedded_hal_mock::eh1::delay::NoopDelay;
use nvpico_drivers::bitbang::{BitBang, BitBangError};
use wires::{Event, Wires};

use Event::{Byte, Start, Stop};

const WRITE: u8 = wires::ADDRESS << 1;
const READ: u8 = WRITE | 1;

fn master(wires: &Wires) -> BitBang<Wires, NoopDelay> {
    BitBang::new(wires.clone(), NoopDelay, 100_000)
}

#[test]
fn written_bytes_arrive_and_the_bus_is_released() {
    let wires = Wires::default();
    assert_eq!(
        master(&wires).write(wires::ADDRESS, &[2, 0xA5, 0x5A]),
        Ok(())
    );
    assert_eq!(wires.register(2), 0xA5);
    assert_eq!(wires.register(3), 0x5A);
    let bytes = [WRITE, 2, 0xA5, 0x5A].map(|byte| Byte(byte, true));
    assert_eq!(wires.events(), [&[Start], &bytes[..], &[Stop]].concat());
    assert!(wires.are_released());
}

#[test]
fn a_read_is_acknowledged_up_to_its_last_byte() {
    let wires = Wires::default();
    let mut values = [0; 3];
    assert_eq!(
        master(&wires).write_read(wires::ADDRESS, &[5], &mut values),
        Ok(())
    );
    assert_eq!(values, [0x55, 0x66, 0x77]);
    assert_eq!(
        wires.events(),
        [
            Start,
            Byte(WRITE, true),
            Byte(5, true),
            Start,
            Byte(READ, true),
            Byte(0x55, true),
            Byte(0x66, true),
            Byte(0x77, false),
            Stop
        ]
    );
    assert!(wires.are_released());
}

#[test]
fn neighbours_of_one_kind_are_one_transfer() {
    let wires = Wires::default();
    let (mut first, mut second) = ([0; 2], [0; 1]);
    let mut operations = [
        Operation::Write(&[4]),
        Operation::Write(&[0xEE]),
        Operation::Write(&[]),
        Operation::Read(&mut first),
        Operation::Read(&mut []),
        Operation::Read(&mut second),
        Operation::Read(&mut []),
        Operation::Write(&[4]),
    ];
    let result = master(&wires).transaction(wires::ADDRESS, &mut operations);
    assert_eq!(result, Ok(()));
    assert_eq!((first, second), ([0x55, 0x66], [0x77]));
    let starts = wires
        .events()
        .iter()
        .filter(|&&event| event == Start)
        .count();
    assert_eq!(starts, 3);
    assert!(wires.events().contains(&Byte(0x77, false)));
    assert!(wires.are_released());
}

#[test]
fn empty_transfers_end_well() {
    let wires = Wires::default();
    let mut master = master(&wires);
    assert_eq!(master.transaction(wires::ADDRESS, &mut []), Ok(()));
    assert_eq!(wires.events(), []);
    assert_eq!(master.write(wires::ADDRESS, &[]), Ok(()));
    assert_eq!(wires.events(), [Start, Byte(WRITE, true), Stop]);
    // The register holds zeros: its first bit keeps the data line low after the address.
    assert_eq!(master.write_read(wires::ADDRESS, &[0], &mut []), Ok(()));
    assert!(wires.are_released());
}

#[test]
fn a_missing_device_and_a_refused_byte_are_told_apart() {
    let wires = Wires::default();
    let mut master = master(&wires);
    assert_eq!(
        master.write(0x33, &[1]),
        Err(BitBangError::NoAcknowledge(NoAcknowledgeSource::Address))
    );
    assert_eq!(wires.events(), [Start, Byte(0x66, false), Stop]);
    assert!(wires.are_released());
    wires.refuse_after(2);
    assert_eq!(
        master.write(wires::ADDRESS, &[2, 1, 1, 1]),
        Err(BitBangError::NoAcknowledge(NoAcknowledgeSource::Data))
    );
    assert!(wires.are_released());
    assert_eq!(master.read(wires::ADDRESS, &mut [0]), Ok(()));
}

#[test]
fn a_device_may_stretch_the_clock_but_not_for_ever() {
    let wires = Wires::default();
    let mut master = master(&wires);
    wires.stretch(100);
    let mut values = [0; 2];
    assert_eq!(master.write_read(wires::ADDRESS, &[8], &mut values), Ok(()));
    assert_eq!(values, [0x88, 0x99]);
    wires.stretch(u32::MAX);
    assert_eq!(
        master.write(wires::ADDRESS, &[1]),
        Err(BitBangError::ClockHeld)
    );
    wires.stretch(0);
    assert!(wires.are_released());
    assert_eq!(master.write_read(wires::ADDRESS, &[8], &mut values), Ok(()));
}

#[test]
fn a_device_stuck_inside_a_byte_is_freed() {
    let wires = Wires::default();
    let mut master = master(&wires);
    wires.hold_data(5);
    assert_eq!(master.write(wires::ADDRESS, &[2, 7]), Ok(()));
    assert_eq!(wires.register(2), 7);
    wires.hold_data(u32::MAX);
    assert_eq!(
        master.write(wires::ADDRESS, &[2, 8]),
        Err(BitBangError::DataHeld)
    );
    wires.hold_data(0);
    assert_eq!(master.write(wires::ADDRESS, &[2, 9]), Ok(()));
}

#[test]
fn another_master_wins_and_is_left_alone() {
    let wires = Wires::default();
    let mut master = master(&wires);
    // Pulled low during the second bit of the address, which is a one.
    wires.intrude_at_bit(2);
    assert_eq!(
        master.write(wires::ADDRESS, &[1]),
        Err(BitBangError::ArbitrationLost)
    );
    assert_eq!(wires.events(), [Start], "no stop into the other's transfer");
    assert!(wires.are_released());
}
