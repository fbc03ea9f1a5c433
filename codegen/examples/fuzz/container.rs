//! `.safetensors` files taken apart and put together, and the checksum of a model file.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use nvpico_codegen::model::hex;

use crate::bytes::Chance;

/// Puts the checksum of the bytes into a model file, if it has a place for one.
pub fn renew_checksum(bytes: &mut [u8]) {
    const BEFORE: &[u8] = br#"\"checksum\":\""#;
    let found = bytes.windows(BEFORE.len()).position(|own| own == BEFORE);
    let Some(place) = found.and_then(|at| bytes.get_mut(at + BEFORE.len()..at + BEFORE.len() + 64))
    else {
        return;
    };
    place.fill(b'0');
    let at = found.unwrap_or_default() + BEFORE.len();
    let digest = Sha256::digest(&*bytes);
    let digits = hex(&digest);
    bytes[at..at + 64].copy_from_slice(digits.as_bytes());
}

/// A `.safetensors` file in parts.
pub struct Container {
    header: Map<String, Value>,
    pub data: Vec<u8>,
}

impl Container {
    pub fn open(bytes: &[u8]) -> Option<Self> {
        let length = u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?) as usize;
        let header = serde_json::from_slice(bytes.get(8..8 + length)?).ok()?;
        Some(Self {
            header,
            data: bytes[8 + length..].to_vec(),
        })
    }

    pub fn close(&self) -> Vec<u8> {
        let header = serde_json::to_vec(&self.header).expect("plain data");
        let length = (header.len() as u64).to_le_bytes();
        [&length[..], &header, &self.data].concat()
    }

    /// Changes a text of the metadata.
    pub fn change(&mut self, name: &str, to: impl FnOnce(&str) -> String) {
        let text = self
            .header
            .get_mut("__metadata__")
            .and_then(|own| own.get_mut(name));
        if let Some(Value::String(text)) = text {
            *text = to(text);
        }
    }

    /// Another name, shape or type of a tensor.
    pub fn rename(&mut self, chance: &mut Chance) {
        let keys: Vec<String> = self.header.keys().cloned().collect();
        let (key, other) = (chance.of(&keys).clone(), chance.of(&keys).clone());
        match chance.below(4) {
            0 => {
                self.header.remove(&key);
            }
            1 => {
                if let Some(value) = self.header.remove(&key) {
                    self.header.insert(other, value);
                }
            }
            2 => {
                let shapes = [
                    json!([]),
                    json!([0]),
                    json!([1, 3]),
                    json!([3, 1]),
                    json!([12]),
                ];
                if let Some(shape) = self
                    .header
                    .get_mut(&key)
                    .and_then(|own| own.get_mut("shape"))
                {
                    *shape = chance.of(&shapes).clone();
                }
            }
            _ => {
                if let Some(dtype) = self
                    .header
                    .get_mut(&key)
                    .and_then(|own| own.get_mut("dtype"))
                {
                    *dtype = json!(chance.of(&["F64", "I64", "BOOL", "F16", "U8"]));
                }
            }
        }
    }
}
