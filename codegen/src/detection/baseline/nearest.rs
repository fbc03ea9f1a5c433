//! The distance to the k-th nearest training row, found by looking at all of them.

#[derive(Clone, Debug)]
pub(super) struct Nearest {
    rows: Vec<f64>,
    dim: usize,
    neighbours: usize,
}

impl Nearest {
    pub fn new(rows: Vec<f64>, dim: usize, neighbours: usize) -> Self {
        Self {
            rows,
            dim,
            neighbours,
        }
    }

    pub fn distance(&self, row: &[f64]) -> f64 {
        // The smallest squares so far, the largest of them last.
        let mut nearest = vec![f64::INFINITY; self.neighbours];
        for other in self.rows.chunks_exact(self.dim) {
            let distance: f64 = row.iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum();
            let last = self.neighbours - 1;
            if distance < nearest[last] {
                let at = nearest.partition_point(|own| *own <= distance);
                nearest[at..].rotate_right(1);
                nearest[at] = distance;
            }
        }
        nearest[self.neighbours - 1].sqrt()
    }

    pub fn values(&self) -> usize {
        self.rows.len()
    }

    pub fn neighbours(&self) -> usize {
        self.neighbours
    }
}
