//! The work of convolutional networks: the blocks of places that the chip's kernel takes at a time, and the runs of
//! memory that their windows read.

use nvpico::kernel::convolution::Columns;
use nvpico::kernel::dense;
use nvpico::spec::network::{Op, Slot};
use nvpico::spec::{CouplingSpec, Kernel, Shape};

use super::work::{STRIDE, Work};

/// The widest panel.
const WIDEST: usize = 16;
/// The part of a place that is made alone.
const ONE_PLACE: &str = "1 place";

/// The network of a coupling: a stack of convolutions, or the paper's residual network in its deployed form.
pub(super) fn network(work: &mut Work, coupling: &CouplingSpec<'_>, shape: Shape) {
    let network = coupling.network(shape);
    let (mask, places) = (coupling.mask, shape.pixels());
    work.add("read value", places * network.inputs);
    let wanted = |y| {
        mask.parity()
            .map_or(Columns::ALL, |parity| Columns::of_parity(y, parity ^ 1))
    };
    let mut kept = mask.parity();
    // What a residual network does value by value beside its convolutions.
    let mut values = 0;
    for stage in network.stages() {
        // Only the map itself has zeros on a checkerboard.
        let kept = kept.take();
        match stage.op {
            Op::Convolution(own) => {
                let rows = ConvolvedRows {
                    shape,
                    kernel: own.kernel,
                    inputs: own.inputs,
                    outputs: own.outputs,
                    kept,
                    activated: own.activation.is_some(),
                };
                if stage.to == Slot::Output {
                    rows.count(work, wanted);
                } else {
                    rows.count(work, |_| Columns::ALL);
                }
                if stage.adds {
                    values += own.outputs;
                }
            }
            Op::Norm(norm) => values += norm.channels,
            Op::Activation(_, channels) => values += channels,
            Op::BothSigns(channels) => values += 2 * channels,
        }
    }
    work.add("value of a residual network", places * values);
}

/// A convolution over a map, row by row.
struct ConvolvedRows {
    shape: Shape,
    kernel: Kernel,
    inputs: usize,
    outputs: usize,
    /// Of a checkerboard at its input, the parity of `y + x` where it is not zero.
    kept: Option<usize>,
    activated: bool,
}

impl ConvolvedRows {
    fn count(&self, work: &mut Work, columns: impl Fn(usize) -> Columns) {
        for y in 0..self.shape.height {
            work.add("convolved row", 1);
            for width in dense::panels(self.outputs) {
                self.panel(work, y, width, columns(y));
            }
        }
    }

    /// A row of one panel: as many places at a time as have whole windows.
    fn panel(&self, work: &mut Work, y: usize, width: usize, columns: Columns) {
        work.add("convolved row, panel", 1);
        let (classes, step) = match self.kept {
            Some(_) if columns.step == 1 => (2, 2),
            _ => (1, columns.step),
        };
        for class in 0..classes {
            let mut column = columns.start + class;
            while column < self.shape.width {
                let places = self.places(column, step);
                let (tile, times, places) = match (width, places) {
                    (WIDEST, 4) => ("4 outputs, 4 places", 4, 4),
                    (WIDEST, 2) => ("8 outputs, 2 places", 2, 2),
                    (8, 4) => ("4 outputs, 4 places", 2, 4),
                    (4, 4) => ("4 outputs, 4 places", 1, 4),
                    (2, 4) => ("2 outputs, 4 places", 1, 4),
                    (1, 4) => ("1 output, 4 places", 1, 4),
                    (2, _) => ("2 outputs, 1 place", 1, 1),
                    _ => (ONE_PLACE, 1, 1),
                };
                let block = Block {
                    tile,
                    times,
                    places,
                    width,
                };
                self.block(work, &block, y, column);
                column += step * places;
            }
        }
    }

    fn block(&self, work: &mut Work, block: &Block, y: usize, column: usize) {
        if block.tile == ONE_PLACE {
            self.one_place(work, block.width, y, column);
        } else {
            work.add(block.tile, block.times);
            for len in self.runs(y, column) {
                work.add("run", block.times);
                work.add("run, place", block.times * block.places);
                let part = |kind: &str| format!("{}, {kind}", block.tile);
                work.add(&part("stride"), block.times * (len / STRIDE));
                work.add(&part("input"), block.times * (len % STRIDE));
            }
        }
        if self.activated {
            work.add("ReLU", block.width * block.places);
        }
    }

    /// One place, near an edge as a rule: by the kernel of dense layers, run by run.
    fn one_place(&self, work: &mut Work, width: usize, y: usize, column: usize) {
        work.add(ONE_PLACE, 1);
        for len in self.runs(y, column) {
            work.add("1 place, run", 1);
            let product = match width {
                ..4 => "1 place, product of a narrow panel",
                4 => "1 place, product of a panel of 4",
                _ => "1 place, product",
            };
            work.add(product, width * len);
        }
    }

    /// How many places from `column` on, `step` apart, have their whole windows within the row: 4, 2, or else 1.
    fn places(&self, column: usize, step: usize) -> usize {
        let (width, left) = (self.shape.width, self.kernel.width / 2);
        if column < left || column + step + left >= width {
            1
        } else if column + 3 * step + left < width {
            4
        } else {
            2
        }
    }

    /// Inputs of each run of memory that the window around a place reads.
    fn runs(&self, y: usize, column: usize) -> Vec<usize> {
        let (above, left) = (self.kernel.height / 2, self.kernel.width / 2);
        let rows = y.saturating_sub(above)..(y + above + 1).min(self.shape.height);
        let columns = column.saturating_sub(left)..(column + left + 1).min(self.shape.width);
        rows.flat_map(|row| match self.kept {
            None => vec![columns.len() * self.inputs],
            Some(parity) => columns
                .clone()
                .filter(|x| (row + x) % 2 == parity)
                .map(|_| self.inputs)
                .collect(),
        })
        .collect()
    }
}

/// Some places of a panel, the sums of which are held together.
struct Block {
    tile: &'static str,
    /// How often the kernel runs for all of the panel's outputs.
    times: usize,
    places: usize,
    width: usize,
}
