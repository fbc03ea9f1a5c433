//! Scores by the batch against scores by the chip's code.

use nvpico::{FlowSpec, Score, ScoreError, batch};

/// Bits of all parts of a score.
pub fn score_bits(score: &Result<Score, ScoreError>) -> Result<[u32; 3], ScoreError> {
    score.map(|score| [score.log_prob, score.z_norm_sq, score.log_det].map(f32::to_bits))
}

/// Every row's score by the batch against the same row's by the chip's code.
pub fn assert_same_scores(spec: FlowSpec<'_>, params: &[f32], rows: &[f32]) {
    let flow = super::flow(spec, params);
    let together = batch::score(&flow, rows);
    assert_eq!(together.len(), rows.len() / spec.dim());
    let mut workspace = vec![0.0; spec.workspace_len()];
    for (row, score) in rows.chunks_exact(spec.dim()).zip(&together) {
        let alone = flow.score(row, &mut workspace);
        assert_eq!(
            score_bits(score),
            score_bits(&alone),
            "{row:?} through {spec:?}"
        );
    }
}
