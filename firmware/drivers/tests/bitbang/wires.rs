//! Two open-drain wires with a device on them: sixteen registers, a pointer that advances, and faults on demand.

use std::cell::RefCell;
use std::rc::Rc;

use nvpico_drivers::bitbang::Lines;

pub const ADDRESS: u8 = 0x55;

/// What the wires carried: starts, stops, and bytes with whether they were acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Start,
    Stop,
    Byte(u8, bool),
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Idle,
    Address,
    Pointer,
    Write,
    Read,
}

/// A handle on the wires: the master has one, the test another.
#[derive(Clone, Default)]
pub struct Wires(Rc<RefCell<State>>);

#[allow(clippy::struct_excessive_bools)] // They are wires.
struct State {
    /// Released by the master.
    clock: bool,
    data: bool,
    /// Released by the device.
    device_data: bool,
    /// Pulled by another master.
    intruder: bool,
    intrude_at_bit: Option<u32>,
    /// Polls for which the device holds the clock after each fall, and those left.
    stretch: u32,
    stretch_left: u32,
    /// Clocks for which the device holds the data line.
    hold_data: u32,
    refuse_after: Option<usize>,
    registers: [u8; 16],
    pointer: u8,
    phase: Phase,
    /// Bits of the byte so far; 9 after the acknowledgement.
    bits: u32,
    byte: u8,
    acknowledged: bool,
    events: Vec<Event>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            clock: true,
            data: true,
            device_data: true,
            intruder: false,
            intrude_at_bit: None,
            stretch: 0,
            stretch_left: 0,
            hold_data: 0,
            refuse_after: None,
            registers: [
                0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD,
                0xEE, 0xFF,
            ],
            pointer: 0,
            phase: Phase::Idle,
            bits: 0,
            byte: 0,
            acknowledged: false,
            events: Vec::new(),
        }
    }
}

impl Wires {
    /// What happened so far.
    pub fn events(&self) -> Vec<Event> {
        self.0.borrow().events.clone()
    }

    pub fn register(&self, index: usize) -> u8 {
        self.0.borrow().registers[index]
    }

    pub fn are_released(&self) -> bool {
        let state = self.0.borrow();
        state.clock && state.data && state.device_data
    }

    pub fn stretch(&self, polls: u32) {
        let mut state = self.0.borrow_mut();
        state.stretch = polls;
        state.stretch_left = 0;
    }

    pub fn hold_data(&self, clocks: u32) {
        self.0.borrow_mut().hold_data = clocks;
    }

    pub fn refuse_after(&self, bytes: usize) {
        let mut state = self.0.borrow_mut();
        state.events.clear();
        state.refuse_after = Some(bytes);
    }

    pub fn intrude_at_bit(&self, bit: u32) {
        self.0.borrow_mut().intrude_at_bit = Some(bit);
    }
}

impl Lines for Wires {
    fn set_clock(&mut self, released: bool) {
        let mut state = self.0.borrow_mut();
        let before = state.clock;
        state.clock = released;
        match (before, released) {
            (false, true) => state.rise(),
            (true, false) => state.fall(),
            _ => {}
        }
    }

    fn set_data(&mut self, released: bool) {
        let mut state = self.0.borrow_mut();
        let before = state.data_wire();
        state.data = released;
        match (before, state.data_wire()) {
            (true, false) if state.clock => state.start(),
            (false, true) if state.clock => state.stop(),
            _ => {}
        }
    }

    fn clock(&mut self) -> bool {
        let mut state = self.0.borrow_mut();
        if state.clock && state.stretch_left > 0 {
            state.stretch_left -= 1;
            return false;
        }
        state.clock
    }

    fn data(&mut self) -> bool {
        self.0.borrow().data_wire()
    }
}

impl State {
    fn data_wire(&self) -> bool {
        self.data && self.device_data && !self.intruder && self.hold_data == 0
    }

    fn start(&mut self) {
        self.events.push(Event::Start);
        self.phase = Phase::Address;
        self.bits = 0;
        self.device_data = true;
    }

    fn stop(&mut self) {
        self.events.push(Event::Stop);
        self.phase = Phase::Idle;
    }

    fn rise(&mut self) {
        self.hold_data = self
            .hold_data
            .saturating_sub(u32::from(self.hold_data != u32::MAX));
        if self.phase == Phase::Idle {
            return;
        }
        self.intruder = self.intrude_at_bit == Some(self.bits);
        let wire = self.data_wire();
        if self.bits < 8 {
            self.byte = self.byte << 1 | u8::from(wire);
        } else {
            self.acknowledged = !wire;
            self.events.push(Event::Byte(self.byte, self.acknowledged));
        }
        self.bits += 1;
    }

    fn fall(&mut self) {
        self.stretch_left = self.stretch;
        if self.phase == Phase::Idle {
            return;
        }
        match self.bits {
            8 if self.phase != Phase::Read => self.device_data = !self.accepts(),
            8 => self.device_data = true,
            9 => self.next_byte(),
            _ => self.send_bit(),
        }
    }

    /// Whether the device acknowledges the byte it got.
    fn accepts(&self) -> bool {
        let bytes = self
            .events
            .iter()
            .filter(|event| matches!(event, Event::Byte(..)))
            .count();
        match self.phase {
            Phase::Address => self.byte >> 1 == ADDRESS,
            _ => self.refuse_after.is_none_or(|limit| bytes < limit),
        }
    }

    fn next_byte(&mut self) {
        self.device_data = true;
        self.bits = 0;
        let slot = usize::from(self.pointer % 16);
        self.phase = match self.phase {
            _ if !self.acknowledged => Phase::Idle,
            Phase::Address if self.byte & 1 == 1 => Phase::Read,
            Phase::Address => Phase::Pointer,
            Phase::Pointer => {
                self.pointer = self.byte;
                Phase::Write
            }
            Phase::Write => {
                self.registers[slot] = self.byte;
                self.pointer += 1;
                Phase::Write
            }
            Phase::Read => {
                self.pointer += 1;
                Phase::Read
            }
            Phase::Idle => Phase::Idle,
        };
        self.send_bit();
    }

    fn send_bit(&mut self) {
        if self.phase == Phase::Read {
            let value = self.registers[usize::from(self.pointer % 16)];
            self.device_data = value >> (7 - self.bits) & 1 == 1;
        }
    }
}
