//! Squeeze: cells of places become channels (paper section 3.6, figure 3). Log-determinant 0, no parameters.
//!
//! ```
//! use nvpico::layer::squeeze;
//! use nvpico::spec::{Shape, Squeeze};
//!
//! let mut x = [1.0_f32, 2.0, 5.0, 6.0, /* row 1 */ 3.0, 4.0, 7.0, 8.0];
//! let shape = Shape { channels: 1, height: 2, width: 4 };
//! squeeze::forward(Squeeze::Cells, shape, &mut x, &mut [0.0; 8]);
//! // Four channels of 1 x 2 places.
//! assert_eq!(x, [1.0, 5.0, 2.0, 6.0, 3.0, 7.0, 4.0, 8.0]);
//! ```

pub(crate) mod fixed;

use crate::spec::{Shape, Squeeze};

/// Squeezes x, of shape `input`; `scratch` holds at least as many values as `x`.
#[inline(always)]
pub fn forward<V: Copy>(squeeze: Squeeze, input: Shape, x: &mut [V], scratch: &mut [V]) {
    for (index, slot) in scratch.iter_mut().take(x.len()).enumerate() {
        if let Some(&value) = x.get(squeeze.source(input, index)) {
            *slot = value;
        }
    }
    for (x, &value) in x.iter_mut().zip(scratch.iter()) {
        *x = value;
    }
}

/// Unsqueezes y to shape `input`; `scratch` holds at least as many values as `y`. Also maps gradients
/// backwards.
#[inline(always)]
pub fn inverse<V: Copy>(squeeze: Squeeze, input: Shape, y: &mut [V], scratch: &mut [V]) {
    for (index, &value) in y.iter().enumerate() {
        if let Some(slot) = scratch.get_mut(squeeze.source(input, index)) {
            *slot = value;
        }
    }
    for (y, &value) in y.iter_mut().zip(scratch.iter()) {
        *y = value;
    }
}
