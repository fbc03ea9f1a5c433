//! The work of a model, counted without running it: how often each part of a kernel is entered and how far it goes.
//!
//! The counts follow the loops of the engine's kernels for one sample; the table of coefficients says what a count
//! costs on a core.

use nvpico::LayerSpec;
use nvpico::spec::{BaseSpec, Conditioner, Mask, Shape};

use super::activity::active_products;
use super::work::Work;
use super::{float, integer};
use crate::deploy::Deployed;
use crate::precision::Precision;

/// Values of a sample up to which the compiler unrolls loops over them.
const UNROLLED: usize = 400;

impl Work {
    /// The work of one score.
    #[must_use]
    pub fn of(deployed: &Deployed, precision: Precision) -> Self {
        let layers = deployed.spec.layers();
        let spec = deployed.spec.flow_spec(&layers);
        let mut work = Self::default();
        work.add("score", 1);
        work.add("value", spec.dim());
        for (index, layer) in spec.layers.iter().enumerate() {
            work.add("layer", 1);
            let shape = spec.shape_at(index);
            work.add_layer(layer, shape, precision);
        }
        if let BaseSpec::Mixture(mixture) = spec.base {
            // Not measured: an estimate says so.
            work.add("mixture, component", mixture.components);
            let products = spec.base.multiply_accumulates(spec.dim());
            work.add("mixture, product", products);
        }
        if let Some(kernels) = spec.kernels {
            work.add("mixture, component", kernels.count);
            let products = kernels.multiply_accumulates(spec.dim());
            work.add("mixture, product", products);
        }
        if precision != Precision::F32 {
            return work;
        }
        let active = active_products(deployed);
        if active > 0.0 {
            work.set("product with an input that is not zero", active);
        }
        work
    }

    /// Adds a layer's work.
    fn add_layer(&mut self, layer: &LayerSpec<'_>, shape: Shape, precision: Precision) {
        let (channels, values) = (shape.channels, shape.len());
        match layer {
            LayerSpec::Standardize | LayerSpec::Affine | LayerSpec::BatchNorm(_) => {
                self.add("fixed map, channel", channels);
                self.add("fixed map, value", values);
            }
            // Not measured: an estimate says so.
            LayerSpec::Linear => self.add("matrix, product", channels * values),
            LayerSpec::Permutation(_) => self.add("moved value", values),
            LayerSpec::Squeeze(_) | LayerSpec::Unsqueeze(_) => self.add("squeezed value", values),
            LayerSpec::Logit(_) => self.add("logit", values),
            LayerSpec::Coupling(spec) if precision == Precision::F32 => {
                float::coupling(self, spec, shape);
            }
            LayerSpec::Coupling(spec) => integer::coupling(self, spec, shape),
            LayerSpec::FactorOut => {}
        }
    }

    /// What takes flash beside parameters: the engine's code, and a model's structure.
    #[must_use]
    pub fn structure(deployed: &Deployed, precision: Precision) -> Self {
        let layers = deployed.spec.layers();
        let spec = deployed.spec.flow_spec(&layers);
        let mut work = Self::default();
        work.add("code", 1);
        if precision != Precision::F32 {
            // The words of a model also hold its structure.
            if spec.dim() <= UNROLLED {
                work.add("unrolled value", spec.dim());
            }
            return work;
        }
        if spec.dim() <= UNROLLED {
            work.add("unrolled value", spec.dim());
        }
        work.add("layer", spec.layers.len());
        for layer in spec.layers {
            let list = match layer {
                LayerSpec::Permutation(order) => order.len(),
                LayerSpec::Coupling(coupling) => {
                    let mask = match coupling.mask {
                        Mask::Indices(list) => list.len(),
                        _ => 0,
                    };
                    mask + match coupling.conditioner {
                        Conditioner::Dense(net) => net.hidden.len(),
                        Conditioner::Convolution(net) => 3 * net.hidden.len(),
                        Conditioner::ResidualDense(_) | Conditioner::ResidualConvolution(_) => 0,
                    }
                }
                _ => 0,
            };
            work.add("word of a list", list);
        }
        work
    }
}
