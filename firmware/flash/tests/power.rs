//! The power is cut at every write and at every erase, and every word is damaged: what is read is the old state or the new one, whole.

mod chip;

use chip::{Chip, Cut, Nor};
use nvpico_app::{Keep, KeepError, kept_buffer};
use nvpico_flash::Flash;

const VALUES: usize = 3;
/// So many states that pages are erased again and again: a page has room for three.
const STATES: u32 = 18;

type Values = [[u32; 3]; VALUES];
type State = ([u32; 3], Values);

/// A state with this number in every word.
fn state(number: u32) -> State {
    let word = |at: u32| number.wrapping_mul(0x9E37_79B9).rotate_left(at) ^ at;
    let values = [0, 3, 6].map(|at| [word(at), word(at + 1), word(at + 2)]);
    ([1, 2, number], values)
}

fn flash<const PAGE: usize, const WORD: usize>(
    chip: Nor<PAGE, WORD>,
) -> Flash<Nor<PAGE, WORD>, { kept_buffer(VALUES) }> {
    let range = 0..chip.len();
    Flash::new(chip, range).expect("whole pages")
}

fn load(flash: &mut impl Keep) -> Result<Option<State>, KeepError> {
    let mut values = Values::default();
    let head = flash.load(&mut values)?;
    Ok(head.map(|head| (head, values)))
}

fn save(flash: &mut impl Keep, number: u32) -> Result<(), KeepError> {
    let (head, values) = state(number);
    flash.save(head, &values)
}

/// The chip after states 1 to `number`.
fn after<const PAGE: usize, const WORD: usize>(pages: u32, number: u32) -> Nor<PAGE, WORD> {
    let mut flash = flash(Nor::new(pages));
    for number in 1..=number {
        save(&mut flash, number).expect("a chip with power");
    }
    flash.free()
}

/// States that may be there: the one with this number or the one before; none before the first.
fn is_old_or_new(found: Option<&State>, number: u32) -> bool {
    found == Some(&state(number))
        || if number == 1 {
            found.is_none()
        } else {
            found == Some(&state(number - 1))
        }
}

#[test]
fn what_was_written_is_read_after_a_reset() {
    let mut chip = Chip::new(4);
    for number in 0..40_u32 {
        let mut booted = flash(chip);
        let expected = (number > 0).then(|| state(number));
        assert_eq!(load(&mut booted), Ok(expected));
        save(&mut booted, number + 1).unwrap();
        // Without a reset, too.
        assert_eq!(load(&mut booted), Ok(Some(state(number + 1))));
        chip = booted.free();
    }
    // Three to a page, of which one is moved along.
    assert_eq!(chip.erases(), [5, 4, 5, 4]);
}

#[test]
fn a_power_cut_at_any_write_or_erase_leaves_the_old_state_or_the_new_one() {
    assert!(cut_everywhere::<256, 4>(4) > 1_000);
    assert!(cut_everywhere::<256, 4>(6) > 1_000);
    // Words with check bits.
    assert!(cut_everywhere::<512, 16>(4) > 500);
}

/// The number of cuts.
fn cut_everywhere<const PAGE: usize, const WORD: usize>(pages: u32) -> usize {
    let mut cuts = 0;
    for number in 1..=STATES {
        let before = after::<PAGE, WORD>(pages, number - 1);
        for how in Cut::ALL {
            for at in 0.. {
                let mut cut = flash(before.clone().cut_at(at, how));
                if save(&mut cut, number).is_ok() {
                    break;
                }
                cuts += 1;
                let what = format!("{pages} pages, state {number}, {how:?} at {at}");
                check_after_a_cut(&cut.free().repower(), number, &what);
            }
        }
    }
    cuts
}

/// What is found on a chip whose power was cut while this state was written, also where it is cut again while it starts.
fn check_after_a_cut<const PAGE: usize, const WORD: usize>(
    chip: &Nor<PAGE, WORD>,
    number: u32,
    what: &str,
) {
    let mut booted = flash(chip.clone());
    let found = load(&mut booted).unwrap_or_else(|error| panic!("{what}: {error:?}"));
    assert!(is_old_or_new(found.as_ref(), number), "{what}: {found:?}");
    // It goes on from there.
    for next in number + 1..number + 6 {
        save(&mut booted, next).unwrap_or_else(|error| panic!("{what}: {error:?}"));
        assert_eq!(load(&mut booted), Ok(Some(state(next))), "{what}");
    }
    // Cut again at the start, and at the write after it.
    for at in 0.. {
        let mut again = flash(chip.clone().cut_at(at, Cut::Torn));
        let started = load(&mut again);
        let written = started.is_ok() && save(&mut again, number + 1).is_ok();
        let mut last = flash(again.free().repower());
        let found =
            load(&mut last).unwrap_or_else(|error| panic!("{what}, again at {at}: {error:?}"));
        let is_known = found == Some(state(number + 1)) || is_old_or_new(found.as_ref(), number);
        assert!(is_known, "{what}, again at {at}: {found:?}");
        assert!(
            !written || found == Some(state(number + 1)),
            "{what}, again at {at}"
        );
        if written {
            break;
        }
    }
}

#[test]
fn a_word_that_is_damaged_leaves_a_state_that_was_written_or_none() {
    let chip: Chip = after(4, 5);
    for word in 0..chip.len() / 4 {
        for flipped in [1, 1 << 9, 1 << 31, 0xFF, u32::MAX] {
            let mut booted = flash(chip.clone().damaged(word, flipped));
            let what = format!("word {word}, {flipped:#x}");
            match load(&mut booted) {
                Ok(None) | Err(KeepError::Damaged | KeepError::Values) => {}
                Ok(Some(found)) => {
                    assert!(
                        (1..=5).any(|number| found == state(number)),
                        "{what}: {found:?}"
                    );
                }
                Err(other) => panic!("{what}: {other:?}"),
            }
            // And it can be written again.
            for number in 6..20 {
                save(&mut booted, number).unwrap_or_else(|error| panic!("{what}: {error:?}"));
                assert_eq!(load(&mut booted), Ok(Some(state(number))), "{what}");
            }
        }
    }
}

#[test]
fn random_words_are_no_state_and_are_written_over() {
    for seed in 0..300 {
        let mut booted = flash(Chip::random(4, seed));
        let found = load(&mut booted);
        assert!(
            matches!(
                found,
                Ok(None) | Err(KeepError::Damaged | KeepError::Values)
            ),
            "{seed}: {found:?}"
        );
        save(&mut booted, 1).unwrap_or_else(|error| panic!("{seed}: {error:?}"));
        assert_eq!(load(&mut booted), Ok(Some(state(1))), "{seed}");
    }
}

#[test]
fn a_state_of_other_values_is_refused_and_written_over() {
    let chip: Chip = after(4, 4);
    let range = 0..chip.len();
    // Fewer values than it has, in a buffer that it does not fit.
    let mut fewer = Flash::<_, 32>::new(chip.clone(), range.clone()).unwrap();
    assert_eq!(fewer.load(&mut [[0; 3]; 1]), Err(KeepError::Values));
    fewer.save([1, 2, 3], &[[7; 3]; 1]).unwrap();
    let mut found = [[0; 3]; 1];
    assert_eq!(fewer.load(&mut found), Ok(Some([1, 2, 3])));
    assert_eq!(found, [[7; 3]]);
    // More values.
    let mut more = Flash::<_, { kept_buffer(4) }>::new(chip, range).unwrap();
    assert_eq!(more.load(&mut [[0; 3]; 4]), Err(KeepError::Values));
    more.save([1, 2, 3], &[[7; 3]; 4]).unwrap();
    assert_eq!(more.load(&mut [[0; 3]; 4]), Ok(Some([1, 2, 3])));
}

#[test]
fn what_does_not_fit_is_said_before_anything_is_erased() {
    let chip = Chip::new(4);
    let range = 0..chip.len();
    let mut small = Flash::<_, 32>::new(chip.clone(), range.clone()).unwrap();
    assert_eq!(small.save([0; 3], &[[0; 3]; 3]), Err(KeepError::TooLarge));
    let mut large = Flash::<_, { kept_buffer(40) }>::new(chip.clone(), range).unwrap();
    assert_eq!(large.save([0; 3], &[[0; 3]; 40]), Err(KeepError::TooLarge));
    assert_eq!(large.free().erases(), [0; 4]);
    let page = chip.len() / 4;
    for range in [0..3 * page, 1..4 * page, 0..5 * page, 4 * page..0, 0..0] {
        let other = Flash::<_, 64>::new(chip.clone(), range.clone());
        assert_eq!(other.err(), Some(KeepError::Range), "{range:?}");
    }
}

/// Erases of each page in a year with a write an hour, which is the most: docs/adapt.md has them.
fn erases_of_a_year<const BYTES: usize>(values: usize) -> Vec<u32> {
    let mut flash = Flash::<_, BYTES>::new(Nor::<4096, 4>::new(4), 0..16384).unwrap();
    let values = vec![[0; 3]; values];
    for number in 1..=365 * 24 {
        flash.save([1, 2, number], &values).unwrap();
    }
    flash.free().erases().to_vec()
}

#[test]
fn pages_are_erased_in_turns_and_rarely() {
    for (erases, expected) in [
        (erases_of_a_year::<{ kept_buffer(4) }>(4), 42),
        (erases_of_a_year::<{ kept_buffer(8) }>(8), 70),
        (erases_of_a_year::<{ kept_buffer(32) }>(32), 273),
    ] {
        let mut counts = erases.iter();
        assert!(
            counts.all(|own| (expected..=expected + 1).contains(own)),
            "{erases:?}"
        );
    }
}
