//! From normal rows to a calibrated model.
//!
//! [`recipe`] holds what was asked for, [`settings`] resolves it, [`architecture`] turns it into layers, [`split`] says which
//! rows do what, [`training`] trains and calibrates, folds score rows by models that did not see them, [`fine_tune`] trains on through the rounding of integers, and [`search`] tries architectures within a
//! chip's budget. [`gaussian`] is the baseline that a flow has to beat; whitening makes a first matrix of the rows.

pub mod architecture;
mod density;
pub mod fine_tune;
mod fitted;
mod folds;
mod front;
pub mod gaussian;
pub mod given;
pub mod groups;
mod history;
pub mod recipe;
pub mod search;
pub mod settings;
pub mod split;
pub mod training;
mod whitening;
mod with_given;
