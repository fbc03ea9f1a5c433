//! Samples become windows: none has samples of both sides of a hole.

use embedded_hal::delay::DelayNs;
use nvpico::detector::{
    AlarmSpec, BlameSpec, Chart, Decision, Monitor, Quantile, QuantileTable, Recorder,
};
use nvpico::features::Features;
use nvpico::spec::Shape;
use nvpico::spec::features::{Feature, FeatureSpec};
use nvpico::{Flow, FlowSpec, LayerSpec};
use nvpico_app::{
    Acquire, AsTrained, Clock, Event, FloatWindows, Log, Model as Judged, Source, Watch,
    detect_windows,
};
use nvpico_drivers::lis3dh::{Error, I2cBus, LOW, Lis3dh};

use super::SETTINGS;
use super::model::Model;

const WINDOW: usize = 40;
const SAMPLES: FeatureSpec<'static> =
    FeatureSpec::new(3, WINDOW, 20, 400.0, &[Feature::PeakToPeak]);
const SPEC: FlowSpec<'static> = FlowSpec::new(Shape::vector(3), &[LayerSpec::Standardize]);
const READINGS: usize = 1_600;
/// It does not matter here.
const ALARM: AlarmSpec<'static> = AlarmSpec::new(
    QuantileTable::new(
        &[
            Quantile::new(-4 << 16, 1 << 16),
            Quantile::new(-3 << 16, 1 << 16),
            Quantile::new(-2 << 16, 1 << 16),
        ],
        2,
        1 << 20,
    ),
    &[Chart::new(0, 64 << 8, 9 << 16)],
    100,
);

/// The accelerometer, and a chip that is kept busy now and then.
struct Busy {
    model: Model,
    driver: Lis3dh<I2cBus<Model>>,
    readings: usize,
}

impl Source<3> for Busy {
    const PERIOD_MS: u32 = 0;
    type Value = f32;
    type Fault = Error;

    fn read(&mut self, clock: &mut impl DelayNs) -> Option<Result<[f32; 3], Error>> {
        self.readings += 1;
        if self.readings.is_multiple_of(500) {
            self.model.pass_us(150_000);
        }
        let counts = self.driver.read(clock);
        let reading = counts.map(|counts| counts.acceleration(SETTINGS.range));
        (self.readings <= READINGS).then_some(reading)
    }
}

impl Clock for Model {}

#[derive(Default)]
struct Told {
    faults: Vec<Error>,
    decisions: Vec<Decision>,
}

impl Log<f32, Error, 3> for &mut Told {
    fn log(&mut self, event: Event<'_, f32, Error, 3>) {
        match event {
            Event::Fault(fault) => self.faults.push(fault),
            Event::Scored { decision, .. } => self.decisions.extend(decision),
            _ => {}
        }
    }
}

#[test]
fn no_window_mixes_two_sides_of_a_hole() {
    // Numbered samples: a window without a hole has a span of one count less than it has samples, and that is all that is normal.
    let span = 0.039;
    let params = [span, span, 0.0, 1e4, 1e4, 1.0, 0.0];
    let flow = Flow::new(SPEC, &params).expect("a standardisation alone");
    let criterion = flow.anomalous_below(-4.0);
    let mut monitor = Monitor::<f32, 3, 0>::new(criterion, ALARM, &[], &[]).expect("it fits");
    let features = Features::new(SAMPLES, &[]).expect("no spectrum");
    let mut state = [0.0; SAMPLES.state_len()];
    let mut windows = FloatWindows {
        extractor: features.extractor(&mut state).expect("its length"),
        hop: SAMPLES.hop,
        row: |features| features.try_into().ok(),
    };
    let model = Model::new();
    let source = Busy {
        model: model.clone(),
        driver: Lis3dh::on_i2c(model.clone(), LOW, SETTINGS),
        readings: 0,
    };
    let mut told = Told::default();
    let nothing = BlameSpec {
        threshold: 0.0,
        ranges: &[],
        given: 0,
        typical: &[],
        scales: &[],
    };
    detect_windows(
        &mut Acquire::new(source, model, &mut told),
        &mut windows,
        &mut Watch {
            model: Judged {
                density: &flow,
                blame: &nothing,
                workspace: &mut [0.0; SPEC.workspace_len()],
            },
            adapt: AsTrained,
            monitor: &mut monitor,
            recorder: &mut Recorder::new(0),
            units: &[0; 3],
        },
    );
    assert_eq!(told.faults, [Error::Overrun; 3]);
    let count = |decision| {
        told.decisions
            .iter()
            .filter(|own| **own == decision)
            .count()
    };
    let (normal, invalid) = (count(Decision::Normal), count(Decision::Invalid));
    assert_eq!(
        normal + invalid,
        told.decisions.len(),
        "{:?}",
        told.decisions
    );
    assert!(
        normal > 65 && (3..=6).contains(&invalid),
        "{normal} {invalid}"
    );
}
