//! The options of all protocols, and what is printed and written of a run.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use serde::Serialize;

use super::super::{progress_bar, train};
use super::page::Page;
use super::tables;
use crate::detection::baseline::Baseline;
use crate::detection::blame::{Shares, together};
use crate::detection::kept::{Finished, Kept, program};
use crate::detection::scoring::Scoring;
use crate::detection::summary::Summary;
use crate::detection::{Source, run as detect};
use crate::fit::recipe::Recipe;
use crate::limits::{self, argument};
use crate::output::{self, print_json, say, show};
use crate::precision::Precision;
use crate::report::plot;

/// Protocols whose rows are in the order of their recording.
const IN_ORDER: [&str; 2] = ["skab", "asd"];

/// What to score on the sets, and what to write of it.
#[derive(Debug, Clone, Args)]
pub(super) struct DetectionOptions {
    /// How many seeds, from 0 on, or a list of them such as 3,7; of split, training and the other detectors
    #[arg(long, value_name = "N", default_value = "1", value_parser = seeds)]
    seeds: Seeds,
    /// Sets to score; all by default. The number before a name and what follows a slash may be left out
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    sets: Vec<String>,
    /// Precisions to score the trained model in
    #[arg(long, value_enum, value_name = "PRECISIONS", value_delimiter = ',', default_values = ["f32", "i8"])]
    precision: Vec<Precision>,
    /// Detectors to compare with: gaussian, gmm-4, gmm-16, 1-nn, 5-nn, forest; none [default: all]
    #[arg(long, value_name = "NAMES", value_parser = baselines)]
    baselines: Option<Baselines>,
    /// TOML file with the settings of the training, as for train --config; its seed gives way to --seeds
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Replace each row by the mean of N rows up to it; for skab and asd, whose rows are in order
    #[arg(long, value_name = "N", default_value = "1", value_parser = argument(limits::at_least_one))]
    mean_of: usize,
    /// File that keeps each finished set; a run with the same file goes on where it ended
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// Picture of the AUROC of each set (SVG)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// All figures as CSV, a line for each set, seed and detector
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Page to write the tables into, between its marks
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
    /// Print JSON: all runs, sets and detectors
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone)]
struct Seeds(Vec<u64>);

#[derive(Debug, Clone)]
struct Baselines(Vec<Baseline>);

impl DetectionOptions {
    pub(super) fn seeds(&self) -> &[u64] {
        &self.seeds.0
    }

    pub(super) fn precisions(&self) -> &[Precision] {
        &self.precision
    }

    pub(super) fn sets(&self) -> &[String] {
        &self.sets
    }

    pub(super) const fn mean_of(&self) -> usize {
        self.mean_of
    }

    pub(super) const fn json(&self) -> bool {
        self.json
    }

    /// The settings of the training; the seed is that of each run.
    pub(super) fn recipe(&self) -> anyhow::Result<Recipe> {
        let recipe = match &self.config {
            Some(path) => train::read_config(path)?,
            None => Recipe::default(),
        };
        Ok(Recipe {
            seed: None,
            ..recipe
        })
    }
}

fn seeds(text: &str) -> Result<Seeds, String> {
    let number = |text: &str| -> Result<u64, String> {
        let number = text.trim().parse();
        limits::seed(number.map_err(|error: std::num::ParseIntError| error.to_string())?)
    };
    let mut all = match text.split_once(',') {
        Some(_) => text.split(',').map(number).collect::<Result<_, _>>()?,
        None => (0..number(text)?).collect::<Vec<_>>(),
    };
    all.sort_unstable();
    all.dedup();
    if all.is_empty() {
        return Err("at least 1 seed is needed".into());
    }
    Ok(Seeds(all))
}

fn baselines(text: &str) -> Result<Baselines, String> {
    let option = |baseline: &Baseline| baseline.name().to_lowercase().replace(' ', "-");
    if text == "none" {
        return Ok(Baselines(Vec::new()));
    }
    let find = |name: &str| {
        let found = Baseline::ALL.iter().find(|own| option(own) == name.trim());
        found.copied().ok_or_else(|| {
            let all: Vec<String> = Baseline::ALL.iter().map(option).collect();
            format!("{name:?} is none of {}, none", all.join(", "))
        })
    };
    text.split(',')
        .map(find)
        .collect::<Result<_, _>>()
        .map(Baselines)
}

/// All that `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    protocol: &'a str,
    program: String,
    settings: &'a Scoring,
    #[serde(flatten)]
    summary: &'a Summary,
    /// How well features are blamed, over all sets that say which are to blame.
    blame: Vec<Shares>,
    runs: &'a [Finished],
}

/// Scores the sets and prints what was asked for.
///
/// # Errors
/// Sets that cannot be read or trained on, files that cannot be written.
pub(super) fn run(
    protocol: &str,
    options: &DetectionOptions,
    sources: Vec<Source>,
) -> anyhow::Result<bool> {
    if options.mean_of > 1 && !IN_ORDER.contains(&protocol) {
        bail!(
            "--mean-of {}: rows of this protocol are in no order; it is for {}",
            options.mean_of,
            IN_ORDER.join(" and ")
        );
    }
    let sources = chosen(sources, &options.sets)?;
    // What cannot be read or written ends it before the work.
    let outputs = Outputs::open(protocol, options)?;
    let scoring = Scoring {
        recipe: options.recipe()?,
        precisions: options.precision.clone(),
        baselines: options
            .baselines
            .clone()
            .map_or(Baseline::ALL.to_vec(), |own| own.0),
        mean_of: options.mean_of,
    };
    let kept = Kept::open(options.resume.as_deref())?;
    let seeds = &options.seeds.0;
    let bar = progress_bar(
        (sources.len() * seeds.len()) as u64,
        "{bar:30} set {pos}/{len}  {eta} left",
    );
    let runs = detect::run(&sources, seeds, &scoring, kept, &|finished, known| {
        bar.suspend(|| {
            // Of a set they are the same with every seed.
            if seeds.first() == Some(&finished.seed) {
                let set = &finished.set;
                finished.notes.iter().for_each(|note| say!("{set}: {note}"));
            }
            say!("{}", line(finished, known));
        });
        bar.inc(1);
    });
    bar.finish_and_clear();
    let runs = runs?;
    let summary = Summary::of(&runs);
    let mut grids = tables::grids(&summary, seeds.len());
    grids.extend(tables::blame(&runs));
    if options.json {
        print_json(&Report {
            protocol,
            program: program(),
            settings: &scoring,
            summary: &summary,
            blame: together(runs.iter().flat_map(|run| &run.blame)),
            runs: &runs,
        })?;
    } else {
        let text: Vec<String> = grids.iter().map(tables::Grid::text).collect();
        show!("{}", text.join("\n"));
    }
    outputs.write(&runs, &summary, &grids)?;
    // A baseline may need more rows than a set has; the model itself may not.
    let models = scoring.precisions.len();
    let failed = |run: &&Finished| (run.scores.iter().take(models)).all(|own| own.failed.is_some());
    let without = runs.iter().filter(failed).count();
    if without > 0 {
        say!(
            "{without} of {} models could not be trained: see what is said of them above",
            runs.len()
        );
    }
    Ok(without == 0)
}

/// The files to write, known to be writable.
struct Outputs {
    csv: Option<Output>,
    picture: Option<Output>,
    page: Option<Page>,
}

struct Output {
    target: output::Target,
    path: PathBuf,
}

impl Outputs {
    fn open(protocol: &str, options: &DetectionOptions) -> anyhow::Result<Self> {
        let begin = format!(
            "<!-- bench {protocol}: written by nvpico bench with --page, up to the mark of the end -->"
        );
        let end = format!("<!-- bench {protocol}: end -->");
        let page = options.page.as_deref();
        let page = page.map(|page| Page::open(page, [&begin, &end]));
        let open = |path: &Option<PathBuf>| {
            let output = path.as_deref().map(|path| {
                let target = output::Target::open(path).with_context(|| cannot_write(path))?;
                let path = path.to_owned();
                Ok::<_, anyhow::Error>(Output { target, path })
            });
            output.transpose()
        };
        Ok(Self {
            csv: open(&options.csv)?,
            picture: open(&options.out)?,
            page: page.transpose()?,
        })
    }

    fn write(
        self,
        runs: &[Finished],
        summary: &Summary,
        grids: &[tables::Grid],
    ) -> anyhow::Result<()> {
        if let Some(csv) = self.csv {
            csv.write(&tables::csv(runs)?)?;
        }
        if let Some(picture) = self.picture {
            picture.write(&plot::detectors_on_sets(&tables::points(summary))?)?;
        }
        if let Some(page) = self.page {
            let text: Vec<String> = grids.iter().map(tables::Grid::markdown).collect();
            page.write(&text.join("\n"))?;
        }
        Ok(())
    }
}

impl Output {
    fn write(self, text: &str) -> anyhow::Result<()> {
        let Self { target, path } = self;
        target
            .write(|file| file.write_all(text.as_bytes()))
            .with_context(|| cannot_write(&path))?;
        say!("wrote {}", path.display());
        Ok(())
    }
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", path.display())
}

/// A finished set in a line.
fn line(finished: &Finished, known: bool) -> String {
    let scores = finished.scores.iter().map(|score| {
        let figure = tables::hundredths(score.auroc);
        match &score.failed {
            Some(reason) => format!("{} failed: {reason}", score.detector),
            None => format!("{} {figure}", score.detector),
        }
    });
    let scores: Vec<String> = scores.collect();
    format!(
        "{}, seed {}: {}{}",
        finished.set,
        finished.seed,
        scores.join(", "),
        if known { " (kept)" } else { "" }
    )
}

/// The sets that were asked for.
pub(super) fn chosen(sources: Vec<Source>, asked: &[String]) -> anyhow::Result<Vec<Source>> {
    for name in asked {
        if !sources.iter().any(|source| is_called(&source.name, name)) {
            let names: Vec<&str> = sources.iter().map(|source| &*source.name).collect();
            bail!(
                "--sets {name}: there is no such set; there are {}",
                names.join(", ")
            );
        }
    }
    let is_asked = |source: &Source| {
        asked.is_empty() || asked.iter().any(|name| is_called(&source.name, name))
    };
    Ok(sources.into_iter().filter(is_asked).collect())
}

/// Whether a set is called so: by its name, without the number before it, or by what stands before a slash or a space.
fn is_called(set: &str, name: &str) -> bool {
    let plain = set.trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = set.strip_prefix(name);
    set == name
        || plain.strip_prefix('_') == Some(name)
        || rest.is_some_and(|rest| rest.starts_with(['/', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_called_by_short_names() {
        for (set, name) in [
            ("14_glass", "glass"),
            ("14_glass", "14_glass"),
            ("valve1/3", "valve1"),
            ("valve1/3", "valve1/3"),
            ("fan-speeds 1 with speed", "fan-speeds"),
        ] {
            assert!(is_called(set, name), "{set} {name}");
        }
        for (set, name) in [
            ("2_annthyroid", "thyroid"),
            ("valve1/3", "valve"),
            ("a_b", "b"),
        ] {
            assert!(!is_called(set, name), "{set} {name}");
        }
    }

    #[test]
    fn seeds_are_a_number_or_a_list() {
        assert_eq!(seeds("3").unwrap().0, [0, 1, 2]);
        assert_eq!(seeds("7,3, 7").unwrap().0, [3, 7]);
        for wrong in ["0", "x", "1,", "-1"] {
            assert!(seeds(wrong).is_err(), "{wrong}");
        }
        assert_eq!(baselines("none").unwrap().0, []);
        let some = baselines("1-nn,gmm-16").unwrap().0;
        assert_eq!(some, [Baseline::Nearest(1), Baseline::Mixture(16)]);
        assert!(baselines("svm").unwrap_err().contains("gmm-4"));
    }
}
