//! Output: files that appear complete or not at all, words on the terminal, aligned tables, numbers in JSON.
//!
//! ```
//! use nvpico_codegen::output::{TextTable, json_number};
//!
//! let mut table = TextTable::new(&["metric", "value"]);
//! table.row(["AUROC".into(), "0.912".into()]);
//! table.row(["F1".into(), "0.8".into()]);
//! assert_eq!(table.to_string(), "metric  value\nAUROC   0.912\nF1        0.8\n");
//!
//! assert_eq!(json_number(f64::NEG_INFINITY), f64::MIN);
//! ```

mod count;
mod file;
mod json;
mod share;
mod table;
mod temporary;
#[doc(hidden)]
pub mod terminal;

pub use count::with_commas;
pub use file::{Target, write_atomic, write_atomic_with};
pub use json::{
    json_f32, json_number, json_text, print_json, serialize_f32, serialize_f32_option,
    serialize_number, serialize_option,
};
pub use share::percent;
pub use table::TextTable;
pub(crate) use temporary::remove_all;
pub use temporary::{Folder, temporary_folder};
pub use terminal::printable;
pub(crate) use terminal::{say, show};
