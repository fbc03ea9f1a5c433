//! Checks of a model, wherever it comes from.

use nvpico::integer::UNITS;
use nvpico::{Flow, FlowSpec};

use super::{FORMAT, Layer, Model, ModelSpec, ShapeName};

impl Model {
    /// Checks everything a loaded or imported model must hold.
    ///
    /// # Errors
    /// A message that says what is wrong.
    pub fn validate(&self) -> Result<(), String> {
        let header = &self.header;
        if header.format != FORMAT {
            return Err(format!(
                "the model has format {}, this program reads format {FORMAT}",
                header.format
            ));
        }
        if header.columns.len() != header.spec.dim() {
            return Err(format!(
                "{} column names for {} features",
                header.columns.len(),
                header.spec.dim()
            ));
        }
        if let Some(shape) = header.sample_shape {
            let values = shape.iter().try_fold(1_usize, |a, &b| a.checked_mul(b));
            if values != Some(header.spec.dim())
                || header.spec.is_map() && header.spec.shape.0 != shape
            {
                return Err(format!(
                    "samples of {} for a structure that takes {}",
                    ShapeName(shape),
                    header.spec.shape
                ));
            }
        }
        let layers = header.spec.layers();
        let spec = header.spec.flow_spec(&layers);
        spec.validate().map_err(|e| e.to_string())?;
        if self.params.len() != spec.param_len() {
            return Err(format!(
                "{} values for the {} parameters of its structure",
                self.params.len(),
                spec.param_len()
            ));
        }
        Flow::new(spec, &self.params).map_err(|e| e.to_string())?;
        if let Some(at) = self.params.iter().position(|p| !p.is_finite()) {
            return Err(format!("parameter {at} is {}", self.params[at]));
        }
        check_scales(&header.spec, &spec, &self.params)?;
        if self.calibration.iter().any(|c| c.is_nan()) || !self.calibration.is_sorted() {
            return Err("the calibration rows are not ascending numbers".into());
        }
        if let Some(parts) = &self.integer {
            let good = parts.ranges.iter().all(|r| r.is_finite() && *r >= 0.0);
            if !good || parts.units.len() != header.spec.dim() {
                return Err("its units or ranges for integers are damaged".into());
            }
            if let Some(unit) = parts.units.iter().find(|unit| !UNITS.contains(unit)) {
                return Err(format!(
                    "a unit of 2^{unit}: a count takes one of 2^{} to 2^{}",
                    UNITS.start(),
                    UNITS.end()
                ));
            }
        }
        let is_range = |[low, high]: &[f32; 2]| low.is_finite() && high.is_finite() && low <= high;
        if header.seen.as_ref().is_some_and(|seen| {
            seen.ranges.len() != header.spec.shape.0[0] || !seen.ranges.iter().all(is_range)
        }) {
            return Err("the ranges of the values it was trained on are damaged".into());
        }
        if header.calibration.is_some_and(|c| !c.threshold.is_finite()) {
            return Err("the threshold is not a finite number".into());
        }
        Ok(())
    }
}

/// Scales must be invertible: finite, not zero, variances positive.
fn check_scales(model: &ModelSpec, spec: &FlowSpec<'_>, params: &[f32]) -> Result<(), String> {
    let mut params = params;
    for (index, (layer, own)) in model.layers.iter().zip(spec.layers).enumerate() {
        let shape = spec.shape_at(index);
        let (own, rest) = params.split_at(own.param_len(shape));
        params = rest;
        let Some((values, what)) = layer.scales(shape.channels, own) else {
            continue;
        };
        let norm = matches!(layer, Layer::BatchNorm { .. });
        for (feature, &value) in values.iter().enumerate() {
            if value.abs() < f32::MIN_POSITIVE && !norm || norm && value < 0.0 {
                return Err(format!(
                    "layer {index}: the {what} of feature {feature} is {value:?}"
                ));
            }
        }
    }
    Ok(())
}
