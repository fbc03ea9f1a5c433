//! Which settings go with given columns.

use super::given::Given;
use super::recipe::{MixChoice, NormChoice};
use super::settings::{Kind, Settings};
use crate::precision::Precision;

/// The settings for tables whose first features are given.
///
/// # Errors
/// A sentence that names a setting that takes no given features.
pub fn with_given(settings: Settings, given: Given) -> Result<Settings, String> {
    if given.columns == 0 {
        return Ok(settings);
    }
    let reason = if !matches!(settings.kind, Kind::Vector { .. }) {
        "--given is for rows of readings, not for maps: leave it out, or choose --architecture vector"
    } else if settings.counts.is_some() {
        "--given is for measured values: leave it out, or --levels"
    } else if settings.mix == MixChoice::Linear || settings.whiten {
        "a matrix would mix given columns with others: leave out --given, or --mix and --whiten"
    } else if settings.precision != Precision::F32 {
        "the integer engine takes no given columns: leave out --given, or --precision"
    } else if settings.batch_norm != NormChoice::None {
        "batch norm takes no given columns: leave out --given or --batch-norm"
    } else {
        return Ok(Settings { given, ..settings });
    };
    Err(reason.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Table;
    use crate::fit::recipe::Recipe;
    use crate::model::ShapeName;

    #[test]
    fn settings_that_take_no_given_columns_are_named() {
        let given = Given::of(&Table {
            columns: vec!["a".into(), "b".into()],
            given: 1,
            rows: 2,
            values: vec![0.0, 1.0, 2.0, 3.0],
            ..Table::default()
        });
        let with = |config: &str| {
            let recipe: Recipe = toml::from_str(config).unwrap();
            let settings = Settings::new(&recipe, 100, ShapeName::vector(2)).unwrap();
            with_given(settings, given.clone())
        };
        for (config, option) in [
            ("levels = 4", "--levels"),
            ("whiten = true", "--whiten"),
            ("batch-norm = \"running\"", "--batch-norm"),
            ("precision = \"i8\"", "--precision"),
        ] {
            let error = with(config).unwrap_err();
            assert!(error.contains(option), "{error}");
        }
        let settings = with("couplings = 2").unwrap();
        let spec = settings.spec(ShapeName::vector(2)).unwrap();
        assert_eq!((spec.given, spec.layers.len()), (1, 3));
        let layers = spec.layers();
        assert_eq!(spec.flow_spec(&layers).validate(), Ok(()));
    }
}
