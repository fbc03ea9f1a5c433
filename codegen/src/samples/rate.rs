//! Samples a second, as people write them.

use nvpico::spec::features::FeatureSpec;

/// Samples a second, such as `1kHz`, `200` or `0.5Hz`.
///
/// # Errors
/// Not a rate.
pub fn parse_rate(text: &str) -> Result<f32, String> {
    let (number, factor) = match text.trim() {
        own if own.ends_with("kHz") => (&own[..own.len() - 3], 1e3),
        own if own.ends_with("MHz") => (&own[..own.len() - 3], 1e6),
        own if own.ends_with("mHz") => (&own[..own.len() - 3], 1e-3),
        own => (own.strip_suffix("Hz").unwrap_or(own), 1.0),
    };
    let rate = number
        .trim()
        .parse::<f64>()
        .ok()
        .map(|number| number * factor);
    let range = f64::from(FeatureSpec::SLOWEST)..=f64::from(FeatureSpec::FASTEST);
    match rate.filter(|rate| range.contains(rate)) {
        Some(rate) => Ok(rate as f32),
        None => Err("a rate in samples a second is expected, such as 1kHz, 200 or 0.5Hz".into()),
    }
}
