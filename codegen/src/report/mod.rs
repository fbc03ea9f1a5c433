//! What people look at: plots of evaluations, sheets of images, and the page of a report.

pub mod page;
pub mod plot;
