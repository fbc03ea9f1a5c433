//! What integers cost in detection: AUROC in every precision over public labelled sets, in one table.
//!
//! ```sh
//! NVPICO_SHARED=../shared cargo run --release --package nvpico-codegen --example detection -- 3
//! ```
//!
//! `$NVPICO_SHARED/data` holds the sets; the number is that of the seeds. Of `ADBench`, one-class, half of the normal rows
//! train (at most 20,000), the others and all anomalies test (at most 60,000). Each file of SKAB has a model, trained
//! on its first 400 rows and tested on the others.

mod sets;

use std::env;
use std::path::Path;

use anyhow::Context as _;
use nvpico_codegen::data::{self, ReadOptions};
use nvpico_codegen::fit::recipe::{Recipe, SplitChoice};
use nvpico_codegen::fit::training;
use nvpico_codegen::metrics;
use nvpico_codegen::model::Model;
use nvpico_codegen::output::TextTable;
use nvpico_codegen::precision::Precision;
use sets::{Set, adbench, files, name, pick};

/// Rows of a SKAB file that train.
const FIRST: usize = 400;
const SEEDS: u64 = 1;

fn skab(path: &Path) -> anyhow::Result<Set> {
    let options = ReadOptions {
        label: Some("anomaly".into()),
        exclude: vec!["changepoint".into(), "datetime".into()],
        ..ReadOptions::default()
    };
    let table = data::read(&[path.to_owned()], &options)?;
    let labels = table.labels.clone().context("no labels")?;
    let rows: Vec<usize> = (0..table.rows).collect();
    let (training, tests) = rows.split_at(FIRST.min(rows.len()));
    let folder = path.parent().map(name).unwrap_or_default();
    Ok(Set {
        name: format!("{folder}/{}", name(path)),
        training: pick(&table, training),
        labels: labels[training.len()..].to_vec(),
        tests: pick(&table, tests).values,
    })
}

/// AUROC of a model in a precision.
fn auroc(model: &Model, precision: Precision, set: &Set) -> anyhow::Result<f64> {
    let log_probs = model.ready(Some(precision))?.log_probs(&set.tests);
    metrics::auroc(&metrics::scores(&log_probs), &set.labels).context("one class alone")
}

/// AUROC in floats, then changes: with weights of 16 bits, of 8, and of 8 fine-tuned.
fn measure(set: &Set, recipe: &Recipe) -> anyhow::Result<[f64; 4]> {
    let fit = |precision| -> anyhow::Result<Model> {
        let recipe = Recipe {
            precision: Some(precision),
            ..recipe.clone()
        };
        Ok(training::fit(&set.training, None, recipe, |_, _| true)?.model)
    };
    let (floats, tuned) = (fit(Precision::F32)?, fit(Precision::I8)?);
    let float = auroc(&floats, Precision::F32, set)?;
    Ok([
        float,
        auroc(&floats, Precision::I16, set)? - float,
        auroc(&floats, Precision::I8, set)? - float,
        auroc(&tuned, Precision::I8, set)? - float,
    ])
}

/// Measures sets, shows each and the means.
fn report(sets: &[Set], recipe: &Recipe, seed: u64) -> anyhow::Result<()> {
    let mut table = TextTable::new(&["set", "f32", "i16", "i8", "i8, fine-tuned"]);
    let mut all = Vec::new();
    for set in sets {
        eprintln!("{}", set.name);
        let recipe = Recipe {
            seed: Some(seed),
            ..recipe.clone()
        };
        let figures = measure(set, &recipe).with_context(|| set.name.clone())?;
        let [float, changes @ ..] = figures;
        let [i16, i8, tuned] = changes.map(|change| format!("{change:+.5}"));
        table.row([set.name.clone(), format!("{float:.5}"), i16, i8, tuned]);
        all.push(figures);
    }
    let column = |at: usize| all.iter().map(move |figures| figures[at]);
    let mean = |at: usize| column(at).sum::<f64>() / all.len() as f64;
    let [i16, i8, tuned] = [1, 2, 3].map(|at| format!("{:+.5}", mean(at)));
    table.row(["mean".into(), format!("{:.5}", mean(0)), i16, i8, tuned]);
    let [i16, i8, tuned] =
        [1, 2, 3].map(|at| format!("{:+.5}", column(at).fold(f64::INFINITY, f64::min)));
    table.row(["worst change".into(), String::new(), i16, i8, tuned]);
    println!("AUROC, seed {seed}; changes against f32\n{table}");
    Ok(())
}

fn main() -> anyhow::Result<()> {
    let shared = env::var("NVPICO_SHARED").unwrap_or_else(|_| "../shared".into());
    let folder = Path::new(&shared).join("data");
    if !folder.is_dir() {
        eprintln!(
            "skipped: {} does not exist; set NVPICO_SHARED to the folder that has data/adbench and data/skab",
            folder.display()
        );
        return Ok(());
    }
    let seeds = env::args().nth(1).map_or(Ok(SEEDS), |text| text.parse())?;
    for seed in 0..seeds {
        let sets = files(&folder.join("adbench"), "npz")?;
        let sets: Result<Vec<_>, _> = sets.iter().map(|path| adbench(path, seed)).collect();
        let recipe = Recipe {
            couplings: Some(8),
            hidden: Some(vec![64, 64]),
            ..Recipe::default()
        };
        report(&sets?, &recipe, seed)?;

        let mut sets = Vec::new();
        for group in ["valve1", "valve2", "other"] {
            for path in files(&folder.join("skab").join(group), "csv")? {
                sets.push(skab(&path)?);
            }
        }
        let recipe = Recipe {
            couplings: Some(4),
            hidden: Some(vec![32, 32]),
            clamp: Some(1.0),
            noise: Some(0.1),
            split: Some(SplitChoice::Last),
            ..Recipe::default()
        };
        report(&sets, &recipe, seed)?;
    }
    Ok(())
}
