//! A thermal array of 8 x 8 pixels that looks down on a room, as an AMG8833 (Grid-EYE) does, one frame a second.
//!
//! Up to three warm bodies walk through the picture, stand still now and then, and leave it. The room's temperature
//! drifts, one side of the picture is a little warmer than the other, each pixel has its own small error, and the
//! sensor gives steps of 0.25 degrees. So neighbouring pixels tell much of each other, in ways that depend on where the
//! bodies are. A hot spot is told from a body by its form before it is hotter than any body, and a pixel that died at the
//! room's temperature only when a body passes over it.
//!
//! ```
//! use nvpico_codegen::simulate::thermal::{SHAPE, ThermalArray, ThermalFault};
//!
//! let mut array = ThermalArray::new(7);
//! let normal = array.record_normal(100);
//! assert_eq!(normal.values.len(), 100 * SHAPE.iter().product::<usize>());
//! let recording = array.record_faults(1000);
//! assert!(recording.fault.contains(&Some(ThermalFault::HotSpot)));
//! ```

use std::io;
use std::path::Path;

use crate::data;
use crate::random::Source;

/// Channels, height and width of a frame.
pub const SHAPE: [usize; 3] = [1, SIDE, SIDE];
/// Pixels of a frame.
pub const PIXELS: usize = SIDE * SIDE;
/// What the values are in.
pub const UNIT: &str = "°C";
/// What the sensor tells apart, and the ends of its range, in degrees.
pub const RESOLUTION: f64 = 0.25;
const LOWEST: f64 = 0.0;
const HIGHEST: f64 = 80.0;

const SIDE: usize = 8;
/// Standard deviation of a pixel from frame to frame, in degrees.
const NOISE: f64 = 0.2;
/// Mean of the room, how far it drifts (standard deviation), and in how many seconds it forgets.
const ROOM: f64 = 22.0;
const DRIFT: f64 = 1.0;
const DRIFT_SECONDS: f64 = 400.0;
/// Standard deviation of a pixel's fixed errors: in degrees, and relative to what lies between scene and housing.
const OFFSET: f64 = 0.25;
const GAIN: f64 = 0.02;
/// Temperature of the sensor's housing, at which a pixel's gain does not matter.
const HOUSING: f64 = 25.0;
/// Warm bodies that can be in the picture at once.
const BODIES: usize = 3;
/// How far from the picture's edge a body appears and vanishes, in pixels: out of sight.
const MARGIN: f64 = 3.5;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ThermalFault {
    /// A spot of a pixel or two heats up to 15 to 40 degrees above its surroundings: a component fails.
    HotSpot,
    /// One pixel gives the same value always: the lowest, the highest, or what it last saw.
    DeadPixel,
}

impl ThermalFault {
    /// All kinds.
    pub const ALL: [Self; 2] = [Self::HotSpot, Self::DeadPixel];

    /// Its name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HotSpot => "hot_spot",
            Self::DeadPixel => "dead_pixel",
        }
    }
}

/// What the array saw.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ThermalRecording {
    /// Frames, one after another, each row by row: degrees Celsius.
    pub values: Vec<f32>,
    /// The fault that was present in each frame.
    pub fault: Vec<Option<ThermalFault>>,
    /// The pixel that it is in, or the nearest to a spot's middle, counted row by row.
    pub pixel: Vec<Option<usize>>,
}

impl ThermalRecording {
    /// Number of frames.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.fault.len()
    }

    /// One frame.
    ///
    /// # Panics
    /// If there are fewer.
    #[must_use]
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * PIXELS..(index + 1) * PIXELS]
    }

    /// True for frames with a fault.
    #[must_use]
    pub fn label(&self) -> Vec<bool> {
        self.fault.iter().map(Option::is_some).collect()
    }

    /// Writes the frames as a `.npy` array, N x 1 x 8 x 8, without labels: to train on.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_npy(&self, path: &Path) -> io::Result<()> {
        data::write_npy(path, &SHAPE, &self.values)
    }

    /// Writes the frames and their labels as a `.npz` archive: `X` (N x 1 x 8 x 8), `y`, and `kind`, the fault's name.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_npz(&self, path: &Path) -> io::Result<()> {
        let name = |fault: &Option<ThermalFault>| fault.map_or("", ThermalFault::name);
        let kinds: Vec<&str> = self.fault.iter().map(name).collect();
        data::write_npz(path, &SHAPE, &self.values, &self.label(), &kinds)
    }

    fn push(&mut self, frame: &[f64; PIXELS], fault: Option<&Fault>) {
        self.values.extend(frame.map(|value| value as f32));
        self.fault.push(fault.map(|fault| fault.kind));
        self.pixel.push(fault.map(|fault| fault.pixel));
    }
}

/// The sensor and the room it looks at, in the middle of a day.
#[derive(Clone, Debug)]
pub struct ThermalArray {
    random: Source,
    /// Fixed errors of each pixel.
    offset: [f64; PIXELS],
    gain: [f64; PIXELS],
    /// Change of the floor's temperature along x and y, in degrees for a pixel.
    slope: (f64, f64),
    room: f64,
    bodies: [Option<Body>; BODIES],
}

impl ThermalArray {
    /// A sensor and a room; the seed decides the sensor's fixed errors and everything that happens.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut random = Source::new(seed);
        let mut array = Self {
            offset: std::array::from_fn(|_| random.normal(OFFSET)),
            gain: std::array::from_fn(|_| 1.0 + random.normal(GAIN)),
            slope: (random.normal(0.1), random.normal(0.1)),
            room: ROOM + random.normal(DRIFT),
            bodies: [const { None }; BODIES],
            random,
        };
        array.pass(60);
        array
    }

    /// Records `frames` seconds without a fault.
    pub fn record_normal(&mut self, frames: usize) -> ThermalRecording {
        let mut recording = ThermalRecording::default();
        for _ in 0..frames {
            let frame = self.frame(None);
            recording.push(&frame, None);
        }
        recording
    }

    /// Records `frames` seconds in which the faults come in turn, each for a minute or more at another place, with
    /// healthy spells between. A frame is labelled from the fault's first second, when a spot is hardly warm yet.
    pub fn record_faults(&mut self, frames: usize) -> ThermalRecording {
        // The same seed may have recorded normal frames: with this number drawn, what follows is another day.
        self.random.index(2);
        self.pass(600);
        let mut recording = ThermalRecording::default();
        for turn in 0.. {
            let healthy = 60 + self.random.index(90);
            for _ in 0..healthy.min(frames - recording.rows()) {
                let frame = self.frame(None);
                recording.push(&frame, None);
            }
            let kind = ThermalFault::ALL[turn % ThermalFault::ALL.len()];
            let mut fault = Fault::new(kind, &mut self.random);
            let broken = 60 + self.random.index(60);
            for _ in 0..broken.min(frames - recording.rows()) {
                fault.seconds += 1.0;
                let frame = self.frame(Some(&mut fault));
                recording.push(&frame, Some(&fault));
            }
            if recording.rows() == frames {
                break;
            }
        }
        recording
    }

    /// Lets seconds pass out of sight.
    fn pass(&mut self, seconds: usize) {
        for _ in 0..seconds {
            self.frame(None);
        }
    }

    /// The sensor's frame one second later.
    fn frame(&mut self, fault: Option<&mut Fault>) -> [f64; PIXELS] {
        let random = &mut self.random;
        let kept = 1.0 - 1.0 / DRIFT_SECONDS;
        self.room =
            ROOM + kept * (self.room - ROOM) + random.normal(DRIFT * libm::sqrt(1.0 - kept * kept));
        for body in &mut self.bodies {
            *body = match body.take() {
                Some(body) => body.step(random),
                // Each place is empty for a quarter of a minute on average.
                None => (random.uniform(0.0, 15.0) < 1.0).then(|| Body::enter(random)),
            };
        }
        let mut frame = std::array::from_fn(|pixel| {
            let (x, y) = place(pixel);
            let middle = (SIDE - 1) as f64 / 2.0;
            let floor = self.room + self.slope.0 * (x - middle) + self.slope.1 * (y - middle);
            let bodies = self.bodies.iter().flatten();
            // The nearest body hides the others.
            let warmth = bodies.map(|body| body.warmth_at(x, y)).fold(0.0, f64::max);
            let spot = fault.as_ref().map_or(0.0, |fault| fault.heat_at(x, y));
            let scene = floor + warmth + spot;
            HOUSING + self.gain[pixel] * (scene - HOUSING) + self.offset[pixel]
        });
        for value in &mut frame {
            let noisy = *value + random.normal(NOISE);
            *value = (RESOLUTION * libm::round(noisy / RESOLUTION)).clamp(LOWEST, HIGHEST);
        }
        if let Some(fault) = fault {
            fault.break_pixel(&mut frame);
        }
        frame
    }
}

/// Column and row of a pixel.
fn place(pixel: usize) -> (f64, f64) {
    ((pixel % SIDE) as f64, (pixel / SIDE) as f64)
}

/// A warm body: an ellipse with soft edges.
#[derive(Clone, Debug)]
struct Body {
    x: f64,
    y: f64,
    /// Where it walks, in radians, and how fast, in pixels a second.
    heading: f64,
    speed: f64,
    /// Seconds that it goes on standing.
    pause: f64,
    /// Along and across its heading, in pixels (standard deviation), which way it faces, and its degrees above the room.
    length: f64,
    breadth: f64,
    facing: f64,
    warmth: f64,
}

impl Body {
    /// Enters from anywhere around the picture and heads for somewhere in it.
    fn enter(random: &mut Source) -> Self {
        let middle = (SIDE - 1) as f64 / 2.0;
        let far = middle + 0.9 * MARGIN;
        let along = random.uniform(-far, far);
        let (x, y) = [(along, -far), (along, far), (-far, along), (far, along)][random.index(4)];
        let aim = (random.uniform(-2.5, 2.5), random.uniform(-2.5, 2.5));
        let heading = libm::atan2(aim.1 - y, aim.0 - x);
        Self {
            x: middle + x,
            y: middle + y,
            heading,
            speed: random.uniform(0.35, 1.1),
            pause: 0.0,
            length: random.uniform(0.9, 1.3),
            breadth: random.uniform(1.1, 1.7),
            facing: heading,
            warmth: random.uniform(6.0, 12.0),
        }
    }

    /// One second later; none when it has left.
    fn step(mut self, random: &mut Source) -> Option<Self> {
        if self.pause > 0.0 {
            self.pause -= 1.0;
        } else {
            self.heading += random.normal(0.12);
            self.facing += 0.5 * (self.heading - self.facing);
            self.x += self.speed * libm::cos(self.heading);
            self.y += self.speed * libm::sin(self.heading);
            let inside = 0.0..=(SIDE - 1) as f64;
            let in_view = inside.contains(&self.x) && inside.contains(&self.y);
            if in_view && random.uniform(0.0, 1.0) < 0.04 {
                self.pause = random.uniform(3.0, 15.0);
            }
        }
        let near = -MARGIN..=(SIDE - 1) as f64 + MARGIN;
        (near.contains(&self.x) && near.contains(&self.y)).then_some(self)
    }

    /// Degrees above the floor.
    fn warmth_at(&self, x: f64, y: f64) -> f64 {
        let (sine, cosine) = (libm::sin(self.facing), libm::cos(self.facing));
        let (dx, dy) = (x - self.x, y - self.y);
        let along = (dx * cosine + dy * sine) / self.length;
        let across = (dy * cosine - dx * sine) / self.breadth;
        self.warmth * libm::exp(-0.5 * (along * along + across * across))
    }
}

/// A fault that is present.
#[derive(Clone, Debug)]
struct Fault {
    kind: ThermalFault,
    seconds: f64,
    /// The pixel, and how far from its middle a spot lies.
    pixel: usize,
    beside: (f64, f64),
    /// Of a spot: degrees that the pixel sees in the end, in how many seconds it gets two thirds there, and its width in pixels.
    heat: f64,
    onset: f64,
    width: f64,
    /// Of a dead pixel: its value; none for the one it has when it dies.
    stuck: Option<f64>,
}

impl Fault {
    fn new(kind: ThermalFault, random: &mut Source) -> Self {
        Self {
            kind,
            seconds: 0.0,
            pixel: random.index(PIXELS),
            beside: (random.uniform(-0.4, 0.4), random.uniform(-0.4, 0.4)),
            heat: random.uniform(15.0, 40.0),
            onset: random.uniform(8.0, 20.0),
            width: random.uniform(0.45, 0.55),
            stuck: [Some(LOWEST), Some(HIGHEST), None][random.index(3)],
        }
    }

    /// Degrees above the surroundings.
    fn heat_at(&self, x: f64, y: f64) -> f64 {
        if self.kind != ThermalFault::HotSpot {
            return 0.0;
        }
        let (column, row) = place(self.pixel);
        let square = |dx: f64, dy: f64| (dx * dx + dy * dy) / (self.width * self.width);
        let here = square(x - column - self.beside.0, y - row - self.beside.1);
        let middle = square(self.beside.0, self.beside.1);
        let grown = 1.0 - libm::exp(-self.seconds / self.onset);
        self.heat * grown * libm::exp(0.5 * (middle - here))
    }

    /// Changes what the sensor reports, not the scene.
    fn break_pixel(&mut self, frame: &mut [f64; PIXELS]) {
        if self.kind == ThermalFault::DeadPixel {
            let value = &mut frame[self.pixel];
            *value = *self.stuck.get_or_insert(*value);
        }
    }
}

#[cfg(test)]
#[path = "thermal_tests.rs"]
mod tests;
