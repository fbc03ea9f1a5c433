//! The same model on the desktop, on the readings that the chip logs: what evidence the chip has gathered, which its log does not
//! say, and whether both find the same bits.

use nvpico::detector::AlarmMemory;

use crate::calibration::ChartLimits;
use crate::deploy::Ready;
use crate::precision::Precision;

/// Evidence for an alarm after a reading.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// How rare the reading is, in bits; `None` where it is not judged.
    pub rarity: Option<f32>,
    /// How far the average of each chart has come to its limit: at 1 there is an alarm.
    pub shares: Vec<f32>,
}

/// The model, and what its alarm remembers.
pub struct Twin<'m> {
    ready: Ready<'m>,
    charts: Vec<ChartLimits>,
    memory: AlarmMemory,
    /// Number of the reading that is next.
    next: u32,
    /// Log-densities that were compared, and those of them that were not the chip's.
    pub compared: u64,
    /// Of these.
    pub differing: u64,
}

/// Readings of the chip that gave no number are told by the next one's number; of more than this many only the last ones count.
const MOST_MISSED: u32 = 100;

impl<'m> Twin<'m> {
    /// Of a model with an alarm; without one there is no evidence.
    #[must_use]
    pub fn new(ready: Ready<'m>) -> Self {
        let alarm = ready.model.header.alarm.as_ref();
        Self {
            charts: alarm.map_or_else(Vec::new, |alarm| alarm.charts.clone()),
            ready,
            memory: AlarmMemory::new(),
            next: 0,
            compared: 0,
            differing: 0,
        }
    }

    /// Readings over which each chart averages.
    #[must_use]
    pub fn spans(&self) -> Vec<u32> {
        self.charts.iter().map(|chart| 1 << chart.shift).collect()
    }

    /// Takes a reading with the log-density that the chip found.
    pub fn note(&mut self, number: u32, values: &[f32], log_density: f32) -> Evidence {
        let missed = number.wrapping_sub(self.next).min(MOST_MISSED);
        for _ in 0..missed {
            let nothing = vec![f32::NAN.to_bits(); values.len()];
            self.take(&nothing);
        }
        self.next = number.wrapping_add(1);
        if values.len() != self.ready.model.header.columns.len() {
            return Evidence::default();
        }
        let (words, bits) = self.ready.bits(values);
        if let Some(Some([own, ..])) = bits.first() {
            let own = match self.ready.precision() {
                Precision::F32 => f32::from_bits(*own),
                Precision::I16 | Precision::I8 => own.cast_signed() as f32 / 65_536.0,
            };
            self.compared += 1;
            self.differing += u64::from(own.to_bits() != log_density.to_bits());
        }
        self.take(&words).unwrap_or_default()
    }

    fn take(&mut self, words: &[u32]) -> Option<Evidence> {
        let (row, memory, _) = self.ready.alarm_after(self.memory, words)?;
        self.memory = memory;
        let averages = memory.to_words().zip(&self.charts);
        Some(Evidence {
            rarity: row.rarity.map(|rarity| rarity as f32 / 256.0),
            shares: averages
                .map(|(average, chart)| share(average.cast_signed(), chart))
                .collect(),
        })
    }
}

/// How far an average has come to the limit on its side.
fn share(average: i32, chart: &ChartLimits) -> f32 {
    let limit = match chart.lower {
        Some(lower) if average < 0 => lower,
        _ if average < 0 => return 0.0,
        _ => chart.upper,
    };
    average as f32 / limit as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_that_of_the_limit_on_its_side() {
        let chart = ChartLimits {
            shift: 3,
            most: 4096,
            upper: 400,
            lower: Some(-100),
        };
        let near = |average, expected: f32| (share(average, &chart) - expected).abs() < 1e-6;
        assert!(near(200, 0.5) && near(-50, 0.5) && near(0, 0.0) && near(800, 2.0));
        let one_sided = ChartLimits {
            lower: None,
            ..chart
        };
        assert!(share(-50, &one_sided).abs() < 1e-6);
    }
}
