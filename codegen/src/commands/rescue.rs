//! Writes a trained model, if need be elsewhere.

use std::io::Write as _;
use std::path::PathBuf;

use crate::model::Model;
use crate::output::Target;

/// Writes the model; where that is no longer possible, it is kept in the temporary folder, which the error says.
pub(super) fn save_or_rescue(model: &Model, target: Target) -> anyhow::Result<()> {
    let bytes = model.to_bytes();
    let Err(error) = target.write(|file| file.write_all(&bytes)) else {
        return Ok(());
    };
    let rescue = || -> std::io::Result<PathBuf> {
        let (mut file, path) = tempfile::Builder::new()
            .prefix("nvpico-model-")
            .suffix(".safetensors")
            .tempfile()?
            .keep()?;
        file.write_all(&bytes)?;
        Ok(path)
    };
    let place = match rescue() {
        Ok(path) => format!("the trained model is in {}", path.display()),
        Err(_) => "the model could not be kept in the temporary folder either".to_owned(),
    };
    Err(anyhow::Error::new(error).context(place))
}
