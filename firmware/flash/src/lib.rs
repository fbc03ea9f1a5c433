//! Keeps what recalibration learned in NOR flash, over resets and power cuts: a [`Keep`] on any driver of `embedded-storage`.
//!
//! `sequential-storage` appends each state to a page, with a check sum, and erases a page when the ones before it are full. Two such
//! storages take turns: what the one holds is not touched while the other is written, so that a power cut at any write or erase leaves the old
//! state or the new one, whatever is left of a page that was being erased.

#![no_std]
#![forbid(unsafe_code)]

mod blocking;

use core::ops::Range;

use embassy_futures::block_on;
use embedded_storage::nor_flash::NorFlash;
use nvpico_app::{KEPT_HEAD, Keep, KeepError, kept_bytes};
use sequential_storage::Error;
use sequential_storage::cache::{Cache, Uncached};
use sequential_storage::map::{MapConfig, MapStorage, SerializationError, Value};

use blocking::Blocking;

/// All states have this key.
const KEY: u8 = b'A';

/// Words in front of a state: its number. That with the highest number counts; even ones are in the first storage, odd ones in the second.
const NUMBER: usize = size_of::<u32>();

/// Places that are tried for a state.
const ATTEMPTS: u32 = 3;

type Map<'a, S> = MapStorage<u8, &'a mut Blocking<S>, Cache<Uncached, Uncached, Uncached, u8>>;

/// A state's number and its words.
type Numbered<'a> = (u32, &'a [[u8; 4]]);

/// A range of pages that holds the state. `BYTES` is [`nvpico_app::kept_buffer`] of the values of a reading.
pub struct Flash<S: NorFlash, const BYTES: usize> {
    driver: Blocking<S>,
    /// Of each storage.
    ranges: [Range<u32>; 2],
    buffer: Buffer<BYTES>,
    /// Number of the state that was found or written last; `None` before one was looked for.
    number: Option<u32>,
}

/// Some drivers write from whole words only.
#[repr(align(4))]
struct Buffer<const BYTES: usize>([u8; BYTES]);

impl<S: NorFlash, const BYTES: usize> Flash<S, BYTES> {
    /// In this range of addresses: at least four whole pages, which hold nothing else.
    ///
    /// # Errors
    /// [`KeepError::Range`].
    pub fn new(flash: S, range: Range<u32>) -> Result<Self, KeepError> {
        let is_inside = range.start < range.end && range.end as usize <= flash.capacity();
        let page = (S::ERASE_SIZE as u32).max(1);
        let half = range.end.saturating_sub(range.start) / (2 * page) * page;
        let ranges = [
            range.start..range.start.saturating_add(half),
            range.end.saturating_sub(half)..range.end,
        ];
        let fits = |range: &Range<u32>| {
            // The library takes their order for granted.
            range.start < range.end && MapConfig::<Blocking<S>>::try_new(range.clone()).is_ok()
        };
        if !is_inside || !ranges.iter().all(fits) {
            return Err(KeepError::Range);
        }
        Ok(Self {
            driver: Blocking(flash),
            ranges,
            buffer: Buffer([0; BYTES]),
            number: None,
        })
    }

    /// The driver.
    pub fn free(self) -> S {
        self.driver.0
    }

    /// The storage for states with this number, and the buffer.
    fn storage(&mut self, number: u32) -> Result<(Map<'_, S>, &mut [u8]), KeepError> {
        let [even, odd] = &self.ranges;
        let range = if number.is_multiple_of(2) { even } else { odd };
        let config = MapConfig::try_new(range.clone()).map_err(|_| KeepError::Range)?;
        let map = MapStorage::new(&mut self.driver, config, Cache::new_uncached());
        Ok((map, &mut self.buffer.0))
    }

    /// The newest state of a storage: its number and what follows. What cannot be mended is erased: nothing could be written beside it.
    fn state(&mut self, storage: u32) -> Result<Option<Numbered<'_>>, KeepError> {
        let (mut map, buffer) = self.storage(storage)?;
        let found = block_on(map.fetch_item::<&[u8]>(buffer, &KEY));
        let length = match found {
            Ok(None) => return Ok(None),
            Ok(Some(bytes)) => bytes.len(),
            Err(Error::Storage { .. }) => return Err(KeepError::Memory),
            Err(error) => {
                block_on(map.erase_all()).map_err(|_| KeepError::Memory)?;
                return Err(match error {
                    Error::BufferTooSmall(_) => KeepError::Values,
                    _ => KeepError::Damaged,
                });
            }
        };
        // Behind the key.
        let bytes = self.buffer.0.get(size_of_val(&KEY)..).unwrap_or_default();
        let words = bytes.get(..length).unwrap_or_default().as_chunks().0;
        let state = words.split_first();
        Ok(state.map(|(number, words)| (u32::from_le_bytes(*number), words)))
    }

    /// Whether states of so many values fit the buffer, and two of them a page: one is moved along when a page is erased.
    fn has_room(values: usize) -> bool {
        let word = S::WRITE_SIZE.max(S::READ_SIZE).max(1);
        let bytes = size_of_val(&KEY) + NUMBER + kept_bytes(values);
        let bytes = bytes.next_multiple_of(word);
        let item = bytes + Map::<S>::item_overhead_size() as usize;
        bytes <= BYTES && 2 * (item + word) <= S::ERASE_SIZE
    }
}

impl<S: NorFlash, const BYTES: usize> Keep for Flash<S, BYTES> {
    fn load(&mut self, values: &mut [[u32; 3]]) -> Result<Option<[u32; KEPT_HEAD]>, KeepError> {
        let mut found = Ok(None);
        let mut highest = 0;
        for storage in 0..2 {
            match self.state(storage) {
                Ok(Some((number, words))) if number >= highest => {
                    highest = number;
                    let is_whole = size_of_val(words) == kept_bytes(values.len());
                    let mut words = words.iter().map(|word| u32::from_le_bytes(*word));
                    let mut next = || words.next().unwrap_or_default();
                    let head = [next(), next(), next()];
                    for value in values.iter_mut() {
                        *value = [next(), next(), next()];
                    }
                    found = if is_whole {
                        Ok(Some(head))
                    } else {
                        Err(KeepError::Values)
                    };
                }
                Err(KeepError::Memory) => return Err(KeepError::Memory),
                // Only if the other storage has nothing.
                Err(error) if highest == 0 => found = Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        self.number = Some(highest);
        found
    }

    fn save(&mut self, head: [u32; KEPT_HEAD], values: &[[u32; 3]]) -> Result<(), KeepError> {
        if !Self::has_room(values.len()) {
            return Err(KeepError::TooLarge);
        }
        if self.number.is_none() && self.load(&mut []) == Err(KeepError::Memory) {
            return Err(KeepError::Memory);
        }
        let number = self.number.unwrap_or_default().saturating_add(1);
        let state = State {
            number,
            head,
            values,
        };
        for _ in 0..ATTEMPTS {
            let (mut map, buffer) = self.storage(number)?;
            match block_on(map.store_item(buffer, &KEY, &state)) {
                Ok(()) => {}
                Err(Error::Storage { .. }) => return Err(KeepError::Memory),
                Err(_) => block_on(map.erase_all()).map_err(|_| KeepError::Memory)?,
            }
            // Where a bit is stuck it is not what was written, and the next place may be good.
            match self.state(number) {
                Ok(Some((found, _))) if found == number => {
                    self.number = Some(number);
                    return Ok(());
                }
                Err(KeepError::Memory) => return Err(KeepError::Memory),
                Ok(_) | Err(_) => {}
            }
        }
        Err(KeepError::Damaged)
    }
}

/// A state as it is written.
struct State<'a> {
    number: u32,
    head: [u32; KEPT_HEAD],
    values: &'a [[u32; 3]],
}

impl<'a> Value<'a> for State<'_> {
    fn serialize_into(&self, buffer: &mut [u8]) -> Result<usize, SerializationError> {
        let words = self.values.as_flattened();
        let words = [self.number]
            .into_iter()
            .chain(self.head)
            .chain(words.iter().copied());
        let mut length = 0;
        let mut places = buffer.as_chunks_mut().0.iter_mut();
        for word in words {
            let place = places.next().ok_or(SerializationError::BufferTooSmall)?;
            *place = word.to_le_bytes();
            length += place.len();
        }
        Ok(length)
    }

    /// States are read as bytes.
    fn deserialize_from(_buffer: &'a [u8]) -> Result<(Self, usize), SerializationError> {
        Err(SerializationError::InvalidFormat)
    }
}
