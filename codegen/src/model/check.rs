//! Checks of a model, wherever it comes from.

use nvpico::integer::UNITS;
use nvpico::spec::{BaseSpec, Spread};
use nvpico::{Flow, FlowSpec};

use super::{BaseName, FORMAT, Layer, Model, ModelSpec, ShapeName};

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
        let mut history = header.provenance.history.iter();
        if !history.all(|epoch| epoch.train.is_finite() && epoch.held_out.is_finite()) {
            return Err("the history of its training is damaged".into());
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
        self.validate_samples()?;
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
        check_densities(&spec, &self.params)?;
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
        if let Some(typical) = &header.typical {
            let is_row = |row: &Vec<f32>| {
                row.len() == header.spec.dim() && row.iter().all(|value| value.is_finite())
            };
            let mut rows = typical.readings.iter().chain([&typical.scales]);
            if !rows.all(is_row) || typical.scales.iter().any(|scale| *scale < 0.0) {
                return Err("its typical readings are damaged".into());
            }
        }
        if let Some(own) = &header.adaptation {
            own.validate(header.spec.dim())?;
        }
        self.validate_decision()
    }

    /// Checks that the features are those of its samples.
    fn validate_samples(&self) -> Result<(), String> {
        let Some(samples) = &self.header.samples else {
            return if self.windows.is_empty() {
                Ok(())
            } else {
                Err("windows of samples in a model of rows of features".into())
            };
        };
        samples
            .validate()
            .map_err(|error| format!("its features of samples: {error}"))?;
        if samples.names() != self.header.columns {
            return Err("its features are not those of its samples".into());
        }
        let values = samples.window * samples.channels.len();
        if !self.windows.len().is_multiple_of(values) || self.windows.iter().any(|x| !x.is_finite())
        {
            return Err("its windows of samples are damaged".into());
        }
        Ok(())
    }

    /// Checks the threshold against the rows that it comes from.
    fn validate_decision(&self) -> Result<(), String> {
        let Some(calibration) = &self.header.calibration else {
            return if self.header.alarm.is_some() {
                Err("an alarm in a model without calibration".into())
            } else {
                Ok(())
            };
        };
        if let Some(alarm) = &self.header.alarm {
            alarm.validate(self.header.spec.dim())?;
            let components = match self.header.spec.base {
                BaseName::Mixture { components, .. } => components,
                BaseName::Normal => 0,
            };
            if !alarm.dwell.is_empty() && alarm.dwell.len() != components {
                return Err("the limits of its states are damaged".into());
            }
        }
        let threshold = calibration.threshold;
        if !threshold.is_finite() {
            return Err("the threshold is not a finite number".into());
        }
        let rates = [
            calibration.false_alarm_rate,
            calibration.asked_false_alarm_rate,
            calibration.interval.low,
            calibration.interval.high,
        ];
        if let Some(rate) = rates.iter().find(|rate| !(0.0..=1.0).contains(*rate)) {
            return Err(format!(
                "a false-alarm rate of {rate}, which is not from 0 to 1"
            ));
        }
        let rows = calibration.rows;
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
        let among = calibration.threshold_among(&self.calibration);
        let good = among.is_some_and(|among| {
            // The rank may be off by one where its rounding is a matter of the last bit.
            let from = self.calibration.partition_point(|&own| own < among);
            let to = self.calibration.partition_point(|&own| own <= among);
            let near = &self.calibration[from.saturating_sub(1)..rows.min(to + 1)];
            let own = |row: &f32| threshold.total_cmp(&row.max(f32::MIN)).is_eq();
            near.iter().any(own)
        });
        if good {
            return Ok(());
        }
        Err(format!(
            "the threshold of {threshold} nats contradicts its calibration rows: by them it would be {}",
            among.map_or_else(|| "none".to_owned(), |among| among.to_string())
        ))
    }
}

/// Numbers that would make far rows likely if they were not above 0: the slope of kernels, and what a bandwidth is given by.
fn check_densities(spec: &FlowSpec<'_>, params: &[f32]) -> Result<(), String> {
    let kernels = spec
        .kernels
        .map_or(0, |own| own.param_len(spec.dim(), spec.given()));
    let (flow, kernels) = params.split_at(params.len() - kernels);
    let base = &flow[flow.len() - spec.base_param_len()..];
    let shared = matches!(spec.base, BaseSpec::Mixture(own) if own.spread == Spread::Shared);
    for (number, what) in [
        (base.first().filter(|_| shared), "the base's 1 / (2 h^2)"),
        (kernels.first(), "the slope of the kernels"),
        (kernels.get(2), "the kernels' 1 / (2 h^2)"),
    ] {
        if let Some(number) = number.filter(|number| **number <= 0.0) {
            return Err(format!("{what} is {number}: it must be above 0"));
        }
    }
    Ok(())
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
