//! What a sheet shows.

/// Tiles that belong together.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// What they are, as in "training rows".
    pub title: String,
    /// Rows of the sheet's shape, one after another.
    pub rows: Vec<f32>,
    /// Words under each tile, as in "-312 nats"; empty for none.
    pub captions: Vec<String>,
    /// The pixel to put a frame around in each tile, counted row by row; empty for none.
    pub marks: Vec<usize>,
}

/// What a sheet shows.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// Above all; empty for none.
    pub title: String,
    /// Channels, height and width of a row.
    pub shape: [usize; 3],
    /// What the values are in, as in "°C"; empty for none.
    pub unit: String,
    /// The values at the ends of the colours; chosen to show nearly all of them if not given.
    pub ends: Option<(f64, f64)>,
    /// The groups, from the top.
    pub groups: Vec<Group>,
}

impl Default for Sheet {
    fn default() -> Self {
        Self {
            title: String::new(),
            shape: [1, 1, 1],
            unit: String::new(),
            ends: None,
            groups: Vec::new(),
        }
    }
}
