//! The first word of a layer, or of a base, gives its kind. For a coupling, flags are added.

/// Standardisation.
pub const STANDARDIZE: i32 = 0;
/// Affine layer.
pub const AFFINE: i32 = 1;
/// Permutation of channels.
pub const PERMUTATION: i32 = 2;
/// Space to depth: positions to channels.
pub const SQUEEZE: i32 = 3;
/// Inverse of a squeeze.
pub const UNSQUEEZE: i32 = 4;
/// Sends half of the values to the base density.
pub const FACTOR_OUT: i32 = 5;
/// Logit transform of counts.
pub const LOGIT: i32 = 6;
/// Coupling with a stack of convolutions.
pub const CONVOLUTION: i32 = 7;
/// Coupling with fully connected networks.
pub const COUPLING: i32 = 8;
/// Coupling with the paper's residual network.
pub const RESIDUAL: i32 = 9;
/// Invertible matrix.
pub const LINEAR: i32 = 10;

/// Base density: a mixture with one bandwidth.
pub const SHARED_MIXTURE: i32 = 11;
/// Base density: a mixture with a triangle a component.
pub const FULL_MIXTURE: i32 = 12;
/// Second density, of kernels: a mixture with one bandwidth follows.
pub const KERNELS: i32 = 13;

/// Mask for the layer kind, without the flags.
pub const KIND: i32 = 0xff;

/// Coupling flag: `x * exp(s) + t`.
pub const AFFINE_COUPLING: i32 = 1 << 8;
/// Coupling flag: `(x + t) * exp(s)`.
pub const SHIFT_FIRST: i32 = 1 << 9;
/// Coupling flag: log-scales are bounded by a hyperbolic tangent.
pub const TANH: i32 = 1 << 10;
/// Coupling flag: separate networks for log-scales and shifts.
pub const TWO_NETS: i32 = 1 << 11;
/// Coupling flag: networks of residual blocks.
pub const BLOCKS: i32 = 1 << 12;
/// Coupling flag: log-scales are bounded by an arc tangent.
pub const ATAN: i32 = 1 << 13;
/// Coupling flag: log-scales are the logarithm of a sigmoid plus floor; negated with [`INVERSE`].
pub const SIGMOID: i32 = 1 << 14;
/// See [`SIGMOID`].
pub const INVERSE: i32 = 1 << 15;

/// Mask for the flags of the log-scale map.
pub const MAP: i32 = TANH | ATAN | SIGMOID;

/// Squeeze kind: [`Squeeze::Cells`](crate::spec::Squeeze::Cells).
pub const CELLS: i32 = 0;
/// Squeeze kind: [`Squeeze::CellsAlternate`](crate::spec::Squeeze::CellsAlternate).
pub const CELLS_ALTERNATE: i32 = 1;
/// Squeeze kind: [`Squeeze::Pairs`](crate::spec::Squeeze::Pairs).
pub const PAIRS: i32 = 2;

/// Fills the second half of the last word where the number of kept values is odd.
pub const NO_INDEX: i32 = 0xffff;
