//! Matching a file's columns with those of a model.

use super::error::DataError;
use super::features::{Features, list, shape_words};
use super::find::position;
use super::frame::Frame;

/// Makes a file's columns those of a model: by name, or by position in a file without names that
/// has just as many.
pub(super) fn fit_to_model(
    frame: &mut Frame,
    model: &Features,
    exclude: &[String],
) -> Result<(), DataError> {
    let found = frame.features();
    if let (Some(own), Some(shape)) = (found.shape, model.shape)
        && own != shape
    {
        return Err(DataError::Shape {
            path: frame.path.clone(),
            found: shape_words(Some(own), found.dim()),
            owner: "the model".into(),
            expected: shape_words(Some(shape), model.dim()),
        });
    }
    let expected = &model.columns;
    let missing: Vec<String> = expected
        .iter()
        .filter(|name| !found.columns.contains(name))
        .cloned()
        .collect();
    if frame.named {
        if missing.is_empty() {
            return Ok(());
        }
        return Err(DataError::Model {
            path: frame.path.clone(),
            missing,
            expected: Box::new(model.clone()),
            found: Box::new(found),
        });
    }
    let all = frame.names();
    let mut left = found.columns;
    for name in exclude {
        let index = position(&frame.path, &all, false, name)?;
        left.retain(|name| *name != all[index]);
    }
    if left.len() == expected.len() {
        if model.shape.is_none() {
            frame.said.push(format!(
                "{}: no column names; its columns are taken by their position, as {}",
                frame.path.display(),
                list(expected)
            ));
        }
        let mut model_names = expected.iter();
        // A name that is no feature must not come to equal one.
        for column in &mut frame.columns {
            column.name = if left.contains(&column.name) {
                model_names.next().cloned().unwrap_or_default()
            } else {
                format!("{} (not used)", column.name)
            };
        }
        if let Some(labels) = &mut frame.labels {
            labels.name.push_str(" (not used)");
        }
        return Ok(());
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(DataError::Count {
        path: frame.path.clone(),
        expected: model.clone(),
        found: left.len(),
    })
}
