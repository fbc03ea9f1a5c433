//! What outlasts a reset.

use super::*;

#[test]
fn what_was_kept_is_taken_up_within_the_limits() {
    let mut own = adapter(SPEC);
    own.commission();
    for _ in 0..9 {
        own.learn(&[12.0, -2.3, 3.0], false);
    }
    let kept: Vec<Kept<f32>> = own.traces().iter().map(Trace::kept).collect();
    let mut other = adapter(SPEC);
    other.restore(&kept).unwrap();
    assert_eq!(bits(&other), bits(&own));
    let wild = Kept {
        shift: 1e9,
        anchor: f32::MAX,
        spread: 1e9,
    };
    other.restore(&[wild; 3]).unwrap();
    assert!(within_limits(&other), "{:?}", other.traces());
}

#[test]
fn what_is_no_number_is_not_taken_up() {
    let mut own = adapter(SPEC);
    let trained = bits(&own);
    let good = own.traces()[0].kept();
    let bad = Kept {
        anchor: f32::NAN,
        ..good
    };
    own.learn(&[10.5, -2.0, 3.0], true);
    for kept in [&[good, bad, good][..], &[good; 2], &[good; 4], &[]] {
        assert_eq!(own.restore(kept), Err(AdaptError::Kept));
        assert_eq!(bits(&own), trained);
    }
}

#[test]
fn what_was_learned_comes_back_bit_for_bit() {
    for seed in 0..40 {
        let mut noise = Noise(seed);
        let mut own = adapter(SPEC);
        let mut counts = Adapter::new(COUNTS, [Trace::default(); 3]).unwrap();
        for step in 0..400 {
            if noise.next().is_multiple_of(97) {
                own.commission();
                counts.commission();
            }
            let x: [f32; 3] =
                core::array::from_fn(|at| SPEC.centre[at] + 3.0 * SPEC.spread[at] * noise.unit());
            own.learn(&x, true);
            counts.learn(&x.map(|value| (value * 100.0) as i32), true);
            if step % 16 == 0 {
                let words = own.traces().iter().map(|trace| trace.kept().to_words());
                let kept: Vec<_> = words.map(Kept::from_words).collect();
                let mut other = adapter(SPEC);
                other.restore(&kept).unwrap();
                assert_eq!(bits(&other), bits(&own), "seed {seed}, step {step}");
                let kept: Vec<_> = counts.traces().iter().map(Trace::kept).collect();
                let mut other = Adapter::new(COUNTS, [Trace::default(); 3]).unwrap();
                other.restore(&kept).unwrap();
                let again: Vec<_> = other.traces().iter().map(Trace::kept).collect();
                assert_eq!(again, kept, "seed {seed}, step {step}");
            }
        }
    }
}
