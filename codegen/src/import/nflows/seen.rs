//! What tensors say, against the entries of the architecture.

use crate::import::architecture::{Architecture, unfit};

/// What the tensors say that the architecture may say as well.
pub(super) struct Seen {
    pub couplings: usize,
    pub blocks: Option<usize>,
    pub hidden: Option<usize>,
    /// Whether all couplings are.
    pub additive: bool,
    pub norms_within: bool,
    pub norms_between: bool,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            couplings: 0,
            blocks: None,
            hidden: None,
            additive: true,
            norms_within: false,
            norms_between: false,
        }
    }
}

impl Seen {
    /// Refuses an architecture that contradicts the tensors.
    pub fn agree(&self, architecture: &Architecture) -> Result<(), String> {
        if self.couplings == 0 {
            return Err("no tensor `_transform._transforms.0.identity_features`".into());
        }
        let counts = [
            ("num_layers", Some(self.couplings)),
            ("num_blocks_per_layer", self.blocks),
            ("hidden_features", self.hidden),
        ];
        for (name, found) in counts {
            if let (Some(value), Some(found)) = (architecture.entry(name), found)
                && value.as_u64() != Some(found as u64)
            {
                return Err(unfit(name, value, &format!("{found}, as the tensors say")));
            }
        }
        let flags = [
            ("use_volume_preserving", self.additive),
            ("batch_norm_within_layers", self.norms_within),
            ("batch_norm_between_layers", self.norms_between),
        ];
        for (name, found) in flags {
            if let Some(value) = architecture.entry(name)
                && value.as_bool() != Some(found)
            {
                return Err(unfit(name, value, &format!("{found}, as the tensors say")));
            }
        }
        Ok(())
    }
}
