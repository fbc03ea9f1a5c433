//! Checks of a model, wherever it comes from.

use nvpico::integer::UNITS;
use nvpico::{Flow, FlowSpec};

use super::{Calibration, FORMAT, Layer, Model, ModelSpec, ShapeName};

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
        self.validate_decision()
    }

    /// Checks the threshold against the rows that it comes from.
    fn validate_decision(&self) -> Result<(), String> {
        let Some(calibration) = &self.header.calibration else {
            return Ok(());
        };
        let Calibration {
            threshold,
            false_alarm_rate: rate,
            rows,
            ..
        } = *calibration;
        if !threshold.is_finite() {
            return Err("the threshold is not a finite number".into());
        }
        if !(0.0..1.0).contains(&rate) {
            return Err(format!(
                "the false-alarm rate is {rate}, not at least 0 and below 1"
            ));
        }
        // Those in integers may be missing: then the model has no threshold there.
        let integers = self.integer.iter().flat_map(|parts| &parts.calibrations);
        let integers = integers.filter(|scores| !scores.is_empty());
        for scores in [&self.calibration].into_iter().chain(integers) {
            if scores.len() != rows {
                return Err(format!(
                    "{rows} calibration rows according to its header, {} scores of them",
                    scores.len()
                ));
            }
            if scores.iter().any(|score| score.is_nan()) || !scores.is_sorted() {
                return Err("the calibration rows are not ascending numbers".into());
            }
        }
        let below = self.calibration.partition_point(|&own| own < threshold);
        if below as f64 > rate * (rows + 1) as f64 {
            return Err(format!(
                "the threshold of {threshold} nats contradicts its calibration: {below} of {rows} rows lie below it, a rate of {rate} allows fewer"
            ));
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
