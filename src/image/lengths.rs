//! Lengths of an integer model and its workspace in words, and which layers the integer engine supports.

use super::fields::{ConvolutionHeader, DenseHeader, KeptRecord, Record, ResidualHeader};
use super::op;
use super::sections::Section;
use super::sizes::{activation_words, place_words, sum_words, window_inputs};
use super::width::Width;
use crate::spec::{
    Conditioner, ConvolutionSpec, CouplingSpec, Feature, FlowSpec, Kernel, ResidualConvolutionSpec,
    ResidualForm, ScaleMap, Shape, SpecError, add, max, mul,
};

/// Words of the largest window in a coupling's stack of convolutions.
pub(super) const fn stack_window(spec: &CouplingSpec<'_>, shape: Shape) -> usize {
    let (mut window, mut index) = (0, 0);
    while let Some(section) = spec.section(shape, index) {
        if let Section::Layer(layer) = section {
            window = max(window, activation_words(layer.inputs));
        }
        index += 1;
    }
    window
}

/// Scratch of a coupling's stack of convolutions in words: a window, the rows of each layer's input that its
/// window covers, and the sums of the last layer.
const fn stack_scratch(spec: &CouplingSpec<'_>, net: &ConvolutionSpec<'_>, shape: Shape) -> usize {
    let mut place = place_words(spec.net_inputs(shape), true);
    let mut rings: usize = 0;
    let mut hidden = net.hidden;
    while let [layer, rest @ ..] = hidden {
        rings = add(rings, mul(rows(layer.kernel, shape), place));
        place = place_words(layer.filters, false);
        hidden = rest;
    }
    rings = add(rings, mul(rows(net.last, shape), place));
    let sums = sum_words(spec.net_outputs(shape));
    add(add(stack_window(spec, shape), rings), sums)
}

/// Number of places in the rows that a window covers.
const fn rows(kernel: Kernel, shape: Shape) -> usize {
    let rows = if kernel.height < shape.height {
        kernel.height
    } else {
        shape.height
    };
    mul(rows, shape.width)
}

/// Lengths of a coupling's residual network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResidualLengths {
    /// Words of the largest window.
    pub window: usize,
    /// Words of scratch, including the window.
    pub scratch: usize,
}

/// Lengths of a coupling's residual network. Each kept channel gives two activations, one per sign.
#[must_use]
pub const fn residual_lengths(
    spec: &CouplingSpec<'_>,
    net: &ResidualConvolutionSpec,
    shape: Shape,
) -> ResidualLengths {
    let inputs = spec.net_inputs(shape);
    let (channels, place) = (sum_words(net.filters), activation_words(net.filters));
    let row = rows(net.kernel, shape);
    let first = window_inputs(net.kernel, inputs);
    let point = window_inputs(Kernel::POINT, place);
    let (mut window, mut rings) = (max(first, point), mul(row, inputs));
    if net.blocks > 0 {
        window = max(window, window_inputs(net.kernel, place));
        rings = max(rings, mul(row, mul(2, place)));
    }
    let window = activation_words(window);
    let sums = max(
        channels,
        sum_words(mul(2, spec.mask.transformed(shape.channels))),
    );
    let maps = mul(mul(shape.pixels(), channels), 2);
    ResidualLengths {
        window,
        scratch: add(add(maps, rings), add(window, sums)),
    }
}

/// Words at the front and at the back of a network's scratch. Layers write alternately to the back and to the
/// front, where the input is. For residual blocks the back holds values, sums, and two sets of activations.
#[must_use]
pub const fn net_scratch(conditioner: &Conditioner<'_>, inputs: usize) -> [usize; 2] {
    let net = match conditioner {
        Conditioner::Dense(net) => net,
        Conditioner::ResidualDense(net) => {
            return [activation_words(inputs), mul(3, sum_words(net.width))];
        }
        // These run row by row, with their own scratch.
        Conditioner::Convolution(_) | Conditioner::ResidualConvolution(_) => return [0, 0],
    };
    let (mut front, mut back) = (activation_words(inputs), 0);
    let mut at_back = true;
    let mut hidden = net.hidden;
    while let [width, rest @ ..] = hidden {
        let words = activation_words(*width);
        if at_back && words > back {
            back = words;
        } else if !at_back && words > front {
            front = words;
        }
        at_back = !at_back;
        hidden = rest;
    }
    [front, back]
}

impl CouplingSpec<'_> {
    /// Number of words of a coupling, without its op.
    pub(super) const fn word_len<W: Width>(&self, shape: Shape) -> usize {
        let inputs = self.net_inputs(shape);
        let head = match self.conditioner {
            Conditioner::Dense(_) | Conditioner::ResidualDense(_) => {
                add(DenseHeader::WORDS, activation_words(inputs))
            }
            Conditioner::Convolution(_) => add(ConvolutionHeader::WORDS, place_words(inputs, true)),
            Conditioner::ResidualConvolution(_) => {
                add(ResidualHeader::WORDS, mul(inputs, KeptRecord::WORDS))
            }
        };
        let records = mul(self.mask.transformed(shape.channels), Record::WORDS);
        add(add(head, records), self.network_words::<W>(shape))
    }

    /// Words of scratch of a coupling's networks.
    pub(super) const fn integer_scratch(&self, shape: Shape) -> usize {
        match &self.conditioner {
            Conditioner::Dense(_) | Conditioner::ResidualDense(_) => {
                let [front, back] = net_scratch(&self.conditioner, self.net_inputs(shape));
                let sums = mul(sum_words(self.net_outputs(shape)), self.net_count());
                add(sums, add(front, back))
            }
            Conditioner::Convolution(net) => stack_scratch(self, net, shape),
            Conditioner::ResidualConvolution(net) => residual_lengths(self, net, shape).scratch,
        }
    }

    /// Whether the integer engine runs this coupling.
    pub(super) const fn has_integers(&self) -> bool {
        // Sigmoid and floor have two bits before the point together.
        let map = match self.transform.scale_map() {
            Some(ScaleMap::Sigmoid { floor, .. }) => floor < 0.9,
            _ => true,
        };
        let net = match &self.conditioner {
            Conditioner::Dense(_) | Conditioner::ResidualDense(_) | Conditioner::Convolution(_) => {
                true
            }
            Conditioner::ResidualConvolution(net) => matches!(net.form, ResidualForm::Deployed),
        };
        map && net
    }
}

impl FlowSpec<'_> {
    /// Number of words of an [`IntegerFlow`](crate::integer::IntegerFlow) with this structure.
    #[must_use]
    pub const fn word_len<W: Width>(&self) -> usize {
        let mut total: usize = 0;
        let mut walk = self.walk();
        while let Some((layer, shape)) = walk.next() {
            total = total.saturating_add(layer.word_len::<W>(shape));
        }
        if let Some(kernels) = self.second() {
            total = add(total, kernels.word_len::<W>(self.dim()));
        }
        add(total, self.base.word_len::<W>(self.dim()))
    }

    /// Workspace length of an integer score, in words: the sample, and the largest scratch of any layer or the base.
    #[must_use]
    pub const fn integer_workspace_len(&self) -> usize {
        let mut most = self.base.integer_scratch(self.dim());
        if let Some(kernels) = self.second()
            && kernels.integer_scratch(self.dim()) > most
        {
            most = kernels.integer_scratch(self.dim());
        }
        let mut walk = self.walk();
        while let Some((layer, shape)) = walk.next() {
            let scratch = layer.integer_scratch(shape);
            if scratch > most {
                most = scratch;
            }
        }
        self.dim().saturating_add(most)
    }

    /// Checks what [`validate`](Self::validate) checks, and that the integer engine supports every layer.
    ///
    /// # Errors
    /// The first [`SpecError`] found.
    pub const fn validate_integer(&self) -> Result<(), SpecError> {
        if let Err(error) = self.validate() {
            return Err(error);
        }
        // Indices have 16 bits, and the highest value means no index.
        if self.dim() >= op::NO_INDEX as usize {
            return Err(SpecError::Overflow);
        }
        if self.given() > 0 {
            return Err(SpecError::GivenIntegers);
        }
        let mut walk = self.walk();
        let mut index = 0;
        while let Some((layer, _)) = walk.next() {
            if layer.is_residual() && !cfg!(feature = "extra-layers") {
                return Err(SpecError::missing(index, Feature::ExtraLayers));
            }
            if !layer.has_integers() {
                return Err(SpecError::NoIntegers { layer: index });
            }
            index += 1;
        }
        Ok(())
    }
}
