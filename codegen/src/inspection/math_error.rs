//! What a model's elementary functions cost in accuracy.

use nvpico::Math;

/// Largest errors of a back end over `-20 ..= 20`, against f64.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct MathError {
    /// Of `exp`, relative.
    pub exp_relative: f64,
    /// Of `tanh`, absolute.
    pub tanh_absolute: f64,
}

/// Measures a back end.
#[must_use]
pub fn measure(math: Math) -> MathError {
    let mut error = MathError {
        exp_relative: 0.0,
        tanh_absolute: 0.0,
    };
    for step in -20_000_i16..=20_000 {
        let x = f32::from(step) / 1_000.0;
        let (exp, tanh) = (f64::from(x).exp(), f64::from(x).tanh());
        error.exp_relative = error
            .exp_relative
            .max((f64::from(math.exp(x)) / exp - 1.0).abs());
        error.tanh_absolute = error
            .tanh_absolute
            .max((f64::from(math.tanh(x)) - tanh).abs());
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libm_is_accurate_and_micromath_is_as_documented() {
        let libm = measure(Math::Libm);
        assert!(
            libm.exp_relative < 1.2e-7 && libm.tanh_absolute < 1.2e-7,
            "{libm:?}"
        );
        let micromath = measure(Math::Micromath);
        assert!(
            micromath.exp_relative < 3e-3 && micromath.exp_relative > 1e-3,
            "{micromath:?}"
        );
        assert!(micromath.tanh_absolute < 1.5e-3, "{micromath:?}");
    }
}
