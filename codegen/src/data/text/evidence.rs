//! What the cells of a column are, counted.

use super::numbers::{Form, Kind, Number, Pair, kind, may_be_hexadecimal, quantity};
use super::units::is_unit;

/// The largest share of cells of another kind in a column of hexadecimal numbers: 1 in this many.
const FOREIGN: usize = 10;
/// Different units that are counted in a column.
const MOST_UNITS: usize = 4;

/// Counts of a column's cells.
#[derive(Clone, Debug, Default)]
pub(super) struct Evidence {
    /// Cells that are not missing.
    pub(super) filled: usize,
    /// Numbers of every form.
    pub(super) numbers: usize,
    /// Dates and times of day.
    pub(super) times: usize,
    /// Those that are neither numbers, times nor words of a pair.
    pub(super) text: usize,
    /// Whole numbers other than 0.
    pub(super) whole: usize,
    /// Whole numbers of three digits: where those above have a point in thousands place, it is no decimal one.
    pub(super) hundreds: usize,
    /// Numbers with a decimal point for certain.
    pub(super) points: usize,
    pub(super) point_groups: usize,
    pub(super) point_thousands: usize,
    pub(super) commas: usize,
    pub(super) comma_groups: usize,
    pub(super) comma_thousands: usize,
    pub(super) percents: usize,
    /// Cells of hexadecimal digits, with a letter among them.
    pub(super) hexadecimal: usize,
    /// Those that have a decimal digit too, and so are no words.
    pub(super) hexadecimal_numbers: usize,
    /// Cells that a hexadecimal number may be, letters or not.
    pub(super) may_be_hexadecimal: usize,
    /// Numbers with a unit behind them, and how often each unit comes; of the units only the first ones.
    pub(super) quantities: usize,
    pub(super) units: Vec<(String, usize)>,
    /// 0 and 1.
    pub(super) zero_or_one: usize,
    /// How often each word of each pair stands there.
    pub(super) words: [[usize; 2]; 4],
}

impl Evidence {
    pub fn add(&mut self, cell: &str) {
        let kind = kind(cell);
        if kind == Kind::Missing {
            return;
        }
        self.filled += 1;
        match kind {
            Kind::Number(number) => {
                self.numbers += 1;
                self.zero_or_one += usize::from(matches!(cell, "0" | "1" | "0.0" | "1.0"));
                self.add_number(cell, number);
                self.may_be_hexadecimal += usize::from(may_be_hexadecimal(cell));
            }
            Kind::Quantity => self.add_quantity(cell),
            Kind::Time => self.times += 1,
            Kind::Hexadecimal => {
                self.add_quantity(cell);
                self.hexadecimal += 1;
                self.may_be_hexadecimal += 1;
                self.hexadecimal_numbers +=
                    usize::from(cell.bytes().any(|byte| byte.is_ascii_digit()));
            }
            Kind::Word(pair, value) => {
                self.words[pair as usize][usize::from(value)] += 1;
                self.may_be_hexadecimal += usize::from(may_be_hexadecimal(cell));
            }
            Kind::Text => self.text += 1,
            Kind::Missing => {}
        }
    }

    fn add_quantity(&mut self, cell: &str) {
        let Some((number, how, unit)) = quantity(cell) else {
            return;
        };
        self.quantities += 1;
        self.add_number(number, how);
        let known = self.units.iter_mut().find(|(own, _)| own == unit);
        if let Some((_, count)) = known {
            *count += 1;
        } else if self.units.len() < MOST_UNITS {
            self.units.push((unit.into(), 1));
        }
    }

    /// The unit of the column: the one that most of its cells have, or one of several that are well known, so that the others
    /// are an error rather than text.
    pub fn unit(&self) -> Option<&str> {
        let (unit, count) = self.units.iter().max_by_key(|(_, count)| *count)?;
        // `25C` is a hexadecimal number too.
        if self.hexadecimal > 0 {
            return (*count == self.filled).then_some(unit);
        }
        let known = || self.units.iter().all(|(unit, _)| is_unit(unit));
        let most = 2 * count > self.filled;
        let several = 2 * self.quantities > self.filled && self.units.len() < MOST_UNITS;
        (most || (several && known())).then_some(unit)
    }

    fn add_number(&mut self, cell: &str, number: Number) {
        self.percents += usize::from(number.percent);
        match number.form {
            Form::Whole => {
                self.whole += usize::from(cell.bytes().any(|byte| matches!(byte, b'1'..=b'9')));
                let digits = cell.trim().trim_start_matches(['-', '+']);
                self.hundreds += usize::from(digits.len() == 3 && !digits.starts_with('0'));
            }
            Form::Point | Form::Fortran => self.points += 1,
            Form::PointGroup => self.point_groups += 1,
            Form::PointThousands => self.point_thousands += 1,
            Form::PointThousandsComma => {
                self.point_thousands += 1;
                self.commas += 1;
            }
            Form::Comma | Form::MarkThousandsComma => self.commas += 1,
            Form::CommaGroup => self.comma_groups += 1,
            Form::CommaThousands => self.comma_thousands += 1,
            Form::MarkThousands | Form::Infinite => {}
        }
    }

    /// Whether at least half of the cells are numbers.
    pub fn is_numeric(&self) -> bool {
        let numbers = self.all_numbers();
        numbers > 0 && 2 * numbers >= self.filled
    }

    /// Whether every cell that says something is a number without a unit.
    pub fn has_numbers_alone(&self) -> bool {
        self.numbers == self.filled
    }

    /// Numbers, those with the unit of the column among them.
    fn all_numbers(&self) -> usize {
        let quantities = if self.unit().is_some() {
            self.quantities
        } else {
            0
        };
        self.numbers + quantities
    }

    /// Whether at least half of the cells are times.
    pub fn is_time(&self) -> bool {
        self.times > 0 && 2 * self.times >= self.filled
    }

    /// Whether at least half of the cells are something that a name is not.
    pub fn is_reading(&self) -> bool {
        // A single letter may be a name.
        let words: usize = self.words[..Pair::Letter as usize].iter().flatten().sum();
        let readings = self.all_numbers() + self.hexadecimal_numbers + words + self.times;
        readings > 0 && 2 * readings >= self.filled
    }

    pub fn is_hexadecimal(&self) -> bool {
        self.hexadecimal_numbers > 0
            && self.unit().is_none()
            && FOREIGN * (self.filled - self.may_be_hexadecimal) <= self.filled
    }

    /// The pair whose words are values here. `on` alone is a text; `true` alone is a value that does not change.
    pub fn pair(&self) -> Option<Pair> {
        let [truth, switch, answer, letter] = self.words;
        let only = |count: [usize; 2]| count[0] + count[1] + self.zero_or_one == self.filled;
        let both = |count: [usize; 2]| count[0] > 0 && count[1] > 0;
        if truth[0] + truth[1] > 0 && only(truth) {
            Some(Pair::Truth)
        } else if both(switch) && only(switch) {
            Some(Pair::Switch)
        } else if both(answer) && only(answer) {
            Some(Pair::Answer)
        } else if both(letter) && only(letter) {
            Some(Pair::Letter)
        } else {
            None
        }
    }
}
