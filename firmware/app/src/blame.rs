//! Which values are to blame for an alarm, told to the log in the unit of the sensors.

use nvpico::Density;
use nvpico::detector::{Blamed, Number, blame};

use crate::acquire::{Event, Log};
use crate::adapt::Adapt;
use crate::watch::Model;

/// Values that the log is told of at most.
pub const MOST_BLAMED: usize = 3;

/// A value of a model in the unit of the sensors.
pub trait InUnit: Copy {
    /// A count of `2^unit` in that unit; floats have no unit.
    fn in_unit(self, unit: i32) -> f32;
}

impl InUnit for f32 {
    fn in_unit(self, _unit: i32) -> f32 {
        self
    }
}

impl InUnit for i32 {
    #[allow(clippy::cast_precision_loss, reason = "for people to read")]
    fn in_unit(self, unit: i32) -> f32 {
        let exponent = unit.saturating_add(127).clamp(1, 254);
        self as f32 * f32::from_bits(exponent.cast_unsigned() << 23)
    }
}

/// Finds the values of a reading that are to blame and tells the log of each, the first one first. It takes hundreds of scores: call it when
/// an alarm was raised. A reading has a number, the values that the sensors gave, and where they were moved to; `units` are those of a
/// model in integers. Nothing is told where the specification is not the model's.
pub fn tell_blamed<V, F, D, const N: usize, const DIM: usize>(
    log: &mut impl Log<V, F, N>,
    model: &mut Model<'_, D>,
    (number, reading, moved): (u32, &[D::Value; DIM], &[D::Value; DIM]),
    units: &[i32; DIM],
    adapt: &impl Adapt<D::Value, DIM>,
) where
    D: Density<Value: Number + Default + InUnit>,
{
    let mut places = [Blamed::default(); MOST_BLAMED];
    let Model {
        density,
        blame: spec,
        workspace,
    } = model;
    let Ok(blamed) = blame(*density, spec, moved, &mut places, workspace) else {
        return;
    };
    for found in blamed {
        let at = usize::from(found.index);
        let unit = units.get(at).copied().unwrap_or_default();
        let value = reading.get(at).map_or(0.0, |value| value.in_unit(unit));
        log.log(Event::Blamed {
            number,
            index: found.index,
            value,
            normal: adapt.back(found.index, found.normal.in_unit(unit), unit),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapt::AsTrained;
    use crate::test_parts::{Kept, Told};
    use nvpico::detector::BlameSpec;
    use nvpico::spec::Shape;
    use nvpico::{Flow, FlowSpec, LayerSpec};

    #[test]
    fn the_log_is_told_of_the_value_that_is_wrong() {
        const SPEC: FlowSpec<'static> = FlowSpec::new(Shape::vector(2), &[LayerSpec::Standardize]);
        // A standard normal distribution about (20, 0).
        static PARAMS: [f32; SPEC.param_len()] = [20.0, 0.0, 1.0, 1.0, 0.0];
        let flow = Flow::new(SPEC, &PARAMS).expect("a standardisation alone");
        let spec = BlameSpec {
            threshold: -4.0,
            ranges: &[[0.0, 40.0], [-9.0, 9.0]],
            given: 0,
            typical: &[20.0, 0.0],
            scales: &[1.0, 1.0],
        };
        let mut log = Kept::default();
        let mut workspace = [0.0; SPEC.workspace_len() + 2];
        let reading = [30.0, 0.0];
        let mut model = Model {
            density: &flow,
            blame: &spec,
            workspace: &mut workspace,
        };
        let what = (7, &reading, &reading);
        tell_blamed(&mut log, &mut model, what, &[0; 2], &AsTrained);
        let [Told::Blamed(7, 0, value, normal)] = log.told[..] else {
            panic!("{:?}", log.told);
        };
        // -1.84 - z^2 / 2 = -4
        assert!(
            (value - 30.0).abs() < 1e-6 && (normal - 22.08).abs() < 0.02,
            "{normal}"
        );
        model.workspace = &mut [];
        tell_blamed(&mut log, &mut model, what, &[0; 2], &AsTrained);
        assert_eq!(log.told.len(), 1);
    }

    #[test]
    fn counts_are_told_in_their_unit() {
        let near = |a: f32, b: f32| (a - b).abs() < 1e-6;
        assert!(near(384.in_unit(-8), 1.5) && near((-5).in_unit(2), -20.0));
        assert!(near(2.5_f32.in_unit(7), 2.5));
    }
}
