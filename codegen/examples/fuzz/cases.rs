//! What is damaged, and what it is given to. Each kind returns whether the damaged file was read; what is read must hold.

use std::fs;
use std::path::{Path, PathBuf};

use nvpico_codegen::data::{self, Features, Layout, ReadOptions, Table};
use nvpico_codegen::export::{self, ExportOptions};
use nvpico_codegen::fit::recipe::Recipe;
use nvpico_codegen::fit::settings::Settings;
use nvpico_codegen::import::{self, Scaler};
use nvpico_codegen::model::{Model, ShapeName};
use nvpico_codegen::precision::Precision;
use nvpico_codegen::{deploy, inspection};

use crate::bytes::{Chance, damage, damage_text};
use crate::container::{Container, renew_checksum};
use crate::seeds::{self, Weights};

/// In the order of [`Case::all`].
pub const KINDS: [&str; 5] = ["models", "tables", "arrays", "imports", "settings"];

/// Parameters of a model that is also scored and exported: larger ones take too long.
const MOST_PARAMETERS: usize = 20_000;

pub struct Case {
    chance: Chance,
    folder: PathBuf,
    what: What,
}

enum What {
    Models(Vec<Vec<u8>>),
    Tables(Vec<Vec<u8>>),
    Arrays(Vec<Vec<u8>>),
    Imports(Vec<Weights>),
    Settings(Vec<String>),
}

impl Case {
    pub fn all(seed: u64, folder: &Path) -> Vec<Self> {
        let whats = [
            What::Models(seeds::models()),
            What::Tables(seeds::tables()),
            What::Arrays(seeds::arrays(folder)),
            What::Imports(seeds::weights()),
            What::Settings(seeds::settings()),
        ];
        let case = |(at, what): (u64, What)| Self {
            chance: Chance::new(seed.wrapping_mul(31).wrapping_add(at)),
            folder: folder.to_owned(),
            what,
        };
        (0..).zip(whats).map(case).collect()
    }

    /// Damages a file and reads it; the file stays in the folder until the next one of its kind.
    pub fn run(&mut self) -> bool {
        let Self {
            chance,
            folder,
            what,
        } = self;
        match what {
            What::Models(seeds) => model(chance.of(seeds).clone(), chance, folder),
            What::Tables(seeds) => {
                let bytes = chance.of(seeds).clone();
                let path = folder.join("table.csv");
                table(bytes, &path, chance)
            }
            What::Arrays(seeds) => {
                let bytes = chance.of(seeds).clone();
                let path = folder.join("array.npz");
                table(bytes, &path, chance)
            }
            What::Imports(seeds) => weights(chance.of(seeds).clone(), chance, folder),
            What::Settings(seeds) => {
                let seed: &String = chance.of(seeds);
                settings(seed, chance, folder)
            }
        }
    }
}

/// Most damaged files are refused by their checksum, so that most are given a new one.
fn model(bytes: Vec<u8>, chance: &mut Chance, folder: &Path) -> bool {
    let mut bytes = bytes;
    if chance.one_in(3) {
        damage(&mut bytes, chance);
    } else if let Some(mut parts) = Container::open(&bytes) {
        if chance.one_in(2) {
            damage(&mut parts.data, chance);
        } else {
            parts.change("nvpico", |text| damage_text(text, chance));
        }
        bytes = parts.close();
    }
    if !chance.one_in(8) {
        renew_checksum(&mut bytes);
    }
    fs::write(folder.join("model.safetensors"), &bytes).expect("written");
    let Ok(model) = Model::from_bytes(&bytes) else {
        return false;
    };
    let again = Model::from_bytes(&model.to_bytes()).expect("what was read can be written");
    assert_eq!(again.to_bytes(), model.to_bytes());
    if model.validate_integers().is_err() {
        return true;
    }
    let _ = inspection::inspect(&model);
    if model.params.len() > MOST_PARAMETERS || model.header.spec.dim() > 1000 {
        return true;
    }
    let dim = model.header.spec.dim();
    let rows: Vec<f32> = (0..4 * dim)
        .map(|_| match chance.below(12) {
            0 => f32::MAX,
            1 => f32::NAN,
            2 => -1e30,
            _ => f32::from_bits(chance.word() as u32 & 0x83ff_ffff | 0x3800_0000),
        })
        .collect();
    for precision in Precision::ALL {
        let Ok(ready) = model.ready(Some(precision)) else {
            continue;
        };
        for score in ready.score(&rows).into_iter().flatten() {
            assert!(!score.log_prob.is_nan(), "a log-density that is no number");
        }
        let _ = export::module(&ready, &ExportOptions { vectors: 2 });
    }
    let _ = deploy::sample(&model, 2, 1.0, 1);
    true
}

fn table(bytes: Vec<u8>, path: &Path, chance: &mut Chance) -> bool {
    let mut bytes = bytes;
    if bytes.starts_with(b"\x93NUMPY") && chance.one_in(2) {
        bytes = array_header(&bytes, chance);
    } else if !bytes.starts_with(b"PK") && !bytes.starts_with(b"\x93") && chance.one_in(2) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        bytes = damage_text(&text, chance).into_bytes();
    } else {
        damage(&mut bytes, chance);
    }
    fs::write(path, &bytes).expect("written");
    let options = ReadOptions {
        label: chance.one_in(3).then(|| "anomaly".to_owned()),
        skip_bad: chance.one_in(2).then_some(0.5),
        take_all: chance.one_in(3),
        window: chance.one_in(6).then_some(3),
        category: if chance.one_in(6) {
            vec!["state".into()]
        } else {
            Vec::new()
        },
        group: chance.one_in(8).then(|| "c".to_owned()),
        layout: chance.one_in(2).then(|| *chance.of(&Layout::ALL)),
        decimal_comma: chance.one_in(3),
        delimiter: (chance.one_in(4)).then(|| *chance.of(&[b',', b';', b'\t', b'"', b'0', 200])),
        columns: chance.one_in(4).then(|| vec!["a".into(), "b".into()]),
        ..ReadOptions::default()
    };
    let paths = [path.to_owned()];
    let wanted = Features::named(&["a", "b", "c"]);
    let read = [
        data::read(&paths, &options),
        data::read_for(&wanted, &paths, &options),
        data::read_for(&Features::map([1, 2, 2]), &paths, &options),
    ];
    let mut any = false;
    for table in read {
        match table {
            Ok(table) => {
                holds(&table);
                any = true;
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    any
}

/// Another shape or type in the header of an array.
fn array_header(bytes: &[u8], chance: &mut Chance) -> Vec<u8> {
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let text = String::from_utf8_lossy(&bytes[10..10 + length]).into_owned();
    let text = damage_text(&text, chance);
    let length = text.len().min(usize::from(u16::MAX));
    let mut out = bytes[..8].to_vec();
    out.extend((length as u16).to_le_bytes());
    out.extend(&text.as_bytes()[..length]);
    out.extend(&bytes[bytes.len().min(10 + length)..]);
    out
}

/// What every table promises.
fn holds(table: &Table) {
    assert_eq!(table.values.len(), table.rows * table.columns.len());
    assert_eq!(table.row_numbers.len(), table.rows);
    assert!(table.values.iter().all(|value| value.is_finite()));
    if let Some(labels) = &table.labels {
        assert_eq!(labels.len(), table.rows);
    }
}

fn weights(seed: Weights, chance: &mut Chance, folder: &Path) -> bool {
    let Weights {
        tensors: mut weights,
        mut vectors,
        plain,
    } = seed;
    for bytes in [&mut weights, &mut vectors] {
        if chance.one_in(3) {
            continue;
        }
        let Some(mut parts) = Container::open(bytes) else {
            continue;
        };
        match chance.below(4) {
            0 => damage(&mut parts.data, chance),
            1 => parts.change("architecture", |text| damage_text(text, chance)),
            2 => parts.rename(chance),
            _ => {
                damage(bytes, chance);
                continue;
            }
        }
        *bytes = parts.close();
    }
    let (path, check) = (folder.join("w.safetensors"), folder.join("v.safetensors"));
    fs::write(&path, &weights).expect("written");
    fs::write(&check, &vectors).expect("written");
    let imported = if plain {
        import::plain::import(&path).map(Into::into)
    } else {
        import::auto(&path, None)
    };
    let Ok(imported) = imported else {
        return false;
    };
    let _ = imported.check(&check);
    let dim = imported.model.header.spec.dim();
    let scaler = Scaler {
        mean: Some(vec![1e3; dim]),
        scale: Some(vec![0.5; dim]),
    };
    if let Ok(model) = imported.in_raw_units(&scaler, None) {
        let again = Model::from_bytes(&model.to_bytes()).expect("what was made can be read");
        assert_eq!(again.params.len(), model.params.len());
    }
    true
}

fn settings(seed: &str, chance: &mut Chance, folder: &Path) -> bool {
    let text = damage_text(seed, chance);
    fs::write(folder.join("settings.toml"), &text).expect("written");
    let Ok(recipe) = toml::from_str::<Recipe>(&text) else {
        return false;
    };
    if recipe.check().is_err() {
        return false;
    }
    for shape in [[5, 1, 1], [2, 1, 12], [1, 8, 8]] {
        let shape = ShapeName(shape);
        let Ok(settings) = Settings::new(&recipe, 1000, shape) else {
            continue;
        };
        if let Ok(spec) = settings.spec(shape) {
            let layers = spec.layers();
            let flow = spec.flow_spec(&layers);
            if flow.validate().is_ok() {
                let _ = (flow.param_len(), flow.multiply_accumulates());
            }
        }
        let text = toml::to_string(&settings).expect("plain data");
        assert!(toml::from_str::<Recipe>(&text).is_ok(), "{text}");
    }
    true
}
