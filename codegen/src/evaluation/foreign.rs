//! Whether rows are a model's at all, by what the model itself keeps: the means and standard deviations of its training
//! rows, and the latent that its rows should have.

use std::fmt;

use crate::data::Table;
use crate::deploy::Ready;
use crate::metrics::median;
use crate::model::{Layer, Model};

/// Standard deviations between the middle of the rows and that of the model's rows, all features together. A sensor that was moved stays below
/// it, though single features may lie twice as far; another unit does not.
const FAR: f64 = 10.0;
/// The same of a single feature.
const FEATURE_FAR: f64 = 40.0;
/// The same in the latent, whose scale is lost far out: a threshold there would tell nothing from anything.
const LATENT_FAR: f64 = 100.0;

/// Why rows cannot be the model's.
#[derive(Clone, Debug, PartialEq)]
pub enum Foreign {
    /// Features are elsewhere; this one is farthest.
    Feature(Deviation),
    /// Most rows lie where the model puts none: so many standard deviations from the middle, in the latent.
    Latent(f64),
    /// The model gives most rows no density.
    Impossible,
}

impl Foreign {
    /// What speaks against the rows being the model's; `None` where nothing does.
    #[must_use]
    pub fn found(ready: &Ready<'_>, table: &Table) -> Option<Self> {
        let deviations = deviations(ready.model, table);
        let worst = (deviations.iter()).max_by(|a, b| a.distance().total_cmp(&b.distance()));
        let squares = deviations
            .iter()
            .map(|own| own.distance().powi(2))
            .sum::<f64>();
        let together = (squares / deviations.len().max(1) as f64).sqrt();
        if let Some(worst) = worst.filter(|own| together > FAR || own.distance() > FEATURE_FAR) {
            return Some(Self::Feature(worst.clone()));
        }
        let dim = table.dim().max(1) as f64;
        let distances = ready
            .score(&table.values)
            .into_iter()
            .map(|score| match score {
                Ok(score) if score.log_prob.is_finite() => {
                    (f64::from(score.z_norm_sq) / dim).sqrt()
                }
                _ => f64::INFINITY,
            });
        let middle = median(distances.collect())?;
        if !middle.is_finite() {
            return Some(Self::Impossible);
        }
        (middle > LATENT_FAR).then_some(Self::Latent(middle))
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Feature(own) => write!(
                out,
                "the middle of `{}` is {:.4}, {:.0} standard deviations from the rows that the model was trained on ({:.4} with a \
                 deviation of {:.4})",
                own.name,
                own.median,
                own.distance(),
                own.mean,
                own.spread
            ),
            Self::Latent(deviations) => write!(
                out,
                "half of them lie {deviations:.0} standard deviations or more from the middle of the model's own"
            ),
            Self::Impossible => out.write_str("the model gives half of them the density 0"),
        }
    }
}

/// A feature beside the rows that the model was trained on.
#[derive(Clone, Debug, PartialEq)]
pub struct Deviation {
    /// Its name.
    pub name: String,
    /// The median of the rows.
    pub median: f64,
    /// Mean of the rows that the model was trained on.
    pub mean: f64,
    /// Their standard deviation.
    pub spread: f64,
}

impl Deviation {
    /// In standard deviations.
    #[must_use]
    pub fn distance(&self) -> f64 {
        (self.median - self.mean).abs() / self.spread
    }
}

/// All features; none for a model that does not begin by standardising.
fn deviations(model: &Model, table: &Table) -> Vec<Deviation> {
    let spec = &model.header.spec;
    let Some(Layer::Standardize) = spec.layers.first() else {
        return Vec::new();
    };
    let channels = spec.shape.0[0];
    let places = spec.dim() / channels.max(1);
    let figures = (0..table.dim()).filter_map(|at| {
        let cells = table.iter().map(|row| f64::from(row[at]));
        let channel = at / places.max(1);
        Some(Deviation {
            name: table.columns[at].clone(),
            median: median(cells.collect())?,
            mean: f64::from(*model.params.get(channel)?),
            spread: 1.0 / f64::from(*model.params.get(channels + channel)?).abs(),
        })
    });
    figures.collect()
}
