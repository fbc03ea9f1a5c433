//! What the numbers of a column look like, judged over all of its cells, and read by that.
//!
//! `1,007` is 1007 beside 998 and 1.007 beside 0,998: a cell alone does not tell. Where the column and the file do not
//! tell either, the cell is a fault, never a guess.

use crate::data::error::Fault;
use crate::data::frame::{Column, finite};

use super::evidence::Evidence;
use super::numbers::{Form, Kind, Number, Pair, kind, may_be_hexadecimal, quantity, value};
use super::times;

/// What the signs of a whole file say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Signs {
    points: usize,
    commas: usize,
}

impl Signs {
    pub fn of(columns: &[Evidence]) -> Self {
        // A text may hold a number by chance.
        let numeric = || columns.iter().filter(|column| column.is_numeric());
        Self {
            points: numeric()
                .map(|column| column.points + column.comma_thousands)
                .sum(),
            commas: numeric().map(|column| column.commas).sum(),
        }
    }
}

/// How to read `1,007`, or `1.007`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Decimal,
    Thousands,
    /// Not to be told.
    Unclear,
}

/// How the numbers of a column are read.
#[derive(Clone, Debug)]
pub(super) struct Format {
    comma: Group,
    point: Group,
    /// Whether `--decimal-comma` was given.
    decimal_comma: bool,
    /// Whether every number has a percent sign.
    percent: bool,
    hexadecimal: bool,
    pair: Option<Pair>,
    /// What stands behind every number.
    unit: Option<String>,
    /// The first cell that was read in another way than as a plain number.
    example: Option<String>,
}

impl Format {
    pub fn of(column: &Evidence, file: Signs, decimal_comma: bool) -> Self {
        let has_points = column.points + column.comma_thousands > 0;
        let comma = if column.commas > 0 && column.comma_thousands > 0 {
            Group::Unclear
        } else if column.commas > 0 {
            Group::Decimal
        } else if has_points || (file.points > 0 && file.commas == 0) {
            Group::Thousands
        } else if file.commas > 0 && file.points == 0 {
            Group::Decimal
        } else {
            // Numbers above 999 have the sign and those below have none.
            match (column.whole > 0, decimal_comma) {
                (true, false) => Group::Thousands,
                (false, true) => Group::Decimal,
                (true, true) | (false, false) => Group::Unclear,
            }
        };
        // Points are decimal signs, but where commas are.
        let commas = column.commas
            + if comma == Group::Decimal {
                column.comma_groups
            } else {
                0
            };
        let certain = column.point_thousands > 0 && column.commas == 0;
        let thousands = commas > 0
            || column.point_thousands > 0
            || column.hundreds > 0
            || (file.commas > 0 && (file.points == 0 || decimal_comma))
            || (decimal_comma && file.points == 0);
        let point = match (has_points, thousands) {
            (true, _) if column.point_thousands > 0 => Group::Unclear,
            (true, _) | (false, false) => Group::Decimal,
            // Beside decimal commas, which are read when asked.
            (false, true) if decimal_comma || certain => Group::Thousands,
            (false, true) => Group::Unclear,
        };
        Self {
            comma,
            point,
            decimal_comma,
            percent: column.percents == column.numbers,
            hexadecimal: column.is_hexadecimal(),
            pair: column.pair(),
            unit: column.unit().map(str::to_owned),
            example: None,
        }
    }

    /// Adds a cell to its column.
    pub fn push(&mut self, column: &mut Column, cell: &str) {
        let kind = kind(cell);
        let read = self.read(cell, kind);
        match kind {
            Kind::Quantity | Kind::Hexadecimal if self.unit.is_some() && read.is_ok() => {
                self.example.get_or_insert_with(|| cell.into());
            }
            Kind::Time => {
                column.times += 1;
                column.seconds.resize(column.values.len(), f64::NAN);
                column.seconds.extend(times::seconds(cell));
            }
            Kind::Word(pair, _) if self.pair == Some(pair) => column.booleans += 1,
            Kind::Number(number) => {
                let group = match number.form {
                    Form::CommaGroup => self.comma,
                    Form::PointGroup => self.point,
                    _ => Group::Decimal,
                };
                let separated = number.form.has_thousands() || group != Group::Decimal;
                column.thousands += usize::from(separated);
                if separated || (number.percent && self.percent) {
                    self.example.get_or_insert_with(|| cell.into());
                }
            }
            _ => {}
        }
        if let Err(Fault::Hexadecimal(_)) = read {
            column.hexadecimal += 1;
        }
        column.push(read);
        if let Some(words) = &mut column.words
            && !words.push(cell)
        {
            column.words = None;
        }
    }

    fn read(&self, cell: &str, kind: Kind) -> Result<f64, Fault> {
        let text = || Fault::Text(cell.into());
        match kind {
            Kind::Missing => Err(Fault::Missing(cell.into())),
            Kind::Number(_) | Kind::Quantity | Kind::Hexadecimal if self.unit.is_some() => {
                self.read_quantity(cell)
            }
            _ if self.hexadecimal && may_be_hexadecimal(cell) => {
                Err(Fault::Hexadecimal(cell.into()))
            }
            Kind::Number(number) if number.percent && !self.percent => {
                Err(Fault::Percent(cell.into()))
            }
            Kind::Number(number) => self.read_number(cell, cell, number),
            Kind::Time => Err(Fault::Time(cell.into())),
            Kind::Word(pair, value) if self.pair == Some(pair) => Ok(f64::from(u8::from(value))),
            Kind::Quantity | Kind::Hexadecimal | Kind::Word(..) | Kind::Text => Err(text()),
        }
    }

    /// The value of a number, which is the cell or the beginning of it.
    fn read_number(&self, cell: &str, number: &str, how: Number) -> Result<f64, Fault> {
        let decimal = self.decimal(how.form).map_err(|fault| fault(cell.into()))?;
        let value = value(number, how.form, decimal).ok_or_else(|| Fault::Text(cell.into()))?;
        finite(value, || cell.into())
    }

    /// The value of a cell of a column with a unit.
    fn read_quantity(&self, cell: &str) -> Result<f64, Fault> {
        let unit = self.unit.as_deref().unwrap_or_default();
        match quantity(cell) {
            Some((number, how, own)) if own == unit => self.read_number(cell, number, how),
            _ => Err(Fault::Unit(cell.into(), unit.into())),
        }
    }

    /// The decimal sign of a number of this form, or what is wrong with it.
    fn decimal(&self, form: Form) -> Result<char, fn(String) -> Fault> {
        let comma = if self.decimal_comma {
            Ok(',')
        } else {
            Err(Fault::DecimalComma as fn(String) -> Fault)
        };
        match form {
            Form::Comma | Form::MarkThousandsComma | Form::PointThousandsComma => comma,
            Form::CommaThousands if self.comma == Group::Unclear => Err(Fault::Thousands),
            Form::Whole
            | Form::Point
            | Form::Fortran
            | Form::Infinite
            | Form::CommaThousands
            | Form::MarkThousands => Ok('.'),
            Form::CommaGroup => match self.comma {
                Group::Decimal => comma,
                Group::Thousands => Ok('.'),
                Group::Unclear => Err(Fault::Thousands),
            },
            Form::PointThousands => Ok(','),
            Form::PointGroup => match self.point {
                Group::Decimal => Ok('.'),
                Group::Thousands => Ok(','),
                Group::Unclear => Err(Fault::Thousands),
            },
        }
    }
}

impl Format {
    /// A sentence about what was done with the numbers of a column, if anything was.
    pub fn said(&self, column: &Column) -> Option<String> {
        let name = &column.name;
        let words = match (self.pair, &self.example) {
            (Some(Pair::Truth), _) => "true and false are read as 1 and 0".into(),
            (Some(Pair::Switch), _) => "on and off are read as 1 and 0".into(),
            (Some(Pair::Answer), _) => "yes and no are read as 1 and 0".into(),
            (Some(Pair::Letter), _) => "t and y are read as 1, f and n as 0".into(),
            (None, Some(example)) if column.thousands > 0 => {
                format!(
                    "{} cells have thousands separators, such as {example:?}",
                    column.thousands
                )
            }
            (None, Some(example)) if self.unit.is_some() => {
                let unit = self.unit.as_deref().unwrap_or_default();
                format!("numbers such as {example:?} are read in {unit:?}, without the unit")
            }
            (None, Some(example)) => {
                format!("percentages such as {example:?} are read without the sign")
            }
            (None, None) => return None,
        };
        Some(format!("column {name:?}: {words}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a column of these cells gives, in a file of the signs.
    fn read(cells: &[&str], points: usize, commas: usize, decimal_comma: bool) -> Column {
        let mut evidence = Evidence::default();
        for cell in cells {
            evidence.add(cell);
        }
        let mut format = Format::of(&evidence, Signs { points, commas }, decimal_comma);
        let mut column = Column::named("x".into());
        for cell in cells {
            format.push(&mut column, cell);
        }
        column
    }

    fn values(cells: &[&str], points: usize, commas: usize, decimal_comma: bool) -> Vec<f64> {
        let column = read(cells, points, commas, decimal_comma);
        assert_eq!(column.first_bad, None, "{cells:?}");
        column.values
    }

    fn fault(cells: &[&str], points: usize, commas: usize, decimal_comma: bool) -> Fault {
        read(cells, points, commas, decimal_comma)
            .first_bad
            .expect("a fault")
            .1
    }

    #[test]
    fn thousands_are_never_a_thousandth() {
        for decimal_comma in [false, true] {
            assert_eq!(
                values(&["998", "1,007"], 5, 0, decimal_comma),
                [998.0, 1007.0]
            );
            assert_eq!(
                values(&["998.5", "1,007.25"], 0, 0, decimal_comma),
                [998.5, 1007.25]
            );
            assert_eq!(values(&["1,007"], 5, 0, decimal_comma), [1007.0]);
            assert_eq!(
                values(&["998", "1'007", "2 000"], 0, 0, decimal_comma),
                [998.0, 1007.0, 2000.0]
            );
        }
        assert_eq!(values(&["998", "1,007"], 0, 0, false), [998.0, 1007.0]);
        assert_eq!(
            fault(&["998", "1,007"], 0, 0, true),
            Fault::Thousands("1,007".into())
        );
        assert_eq!(
            fault(&["1,007", "1,012"], 0, 0, false),
            Fault::Thousands("1,007".into())
        );
        assert_eq!(
            fault(&["1,5", "1,007.25"], 0, 1, true),
            Fault::Thousands("1,007.25".into())
        );
        assert_eq!(read(&["998", "1,007"], 5, 0, false).thousands, 1);
    }

    #[test]
    fn points_beside_whole_numbers_of_three_digits_are_no_decimal_points() {
        assert_eq!(values(&["998", "1.008"], 0, 0, true), [998.0, 1008.0]);
        assert_eq!(values(&["998", "1.008"], 4, 3, true), [998.0, 1008.0]);
        assert_eq!(values(&["1.008"], 4, 3, true), [1008.0]);
        assert_eq!(
            fault(&["998", "1.008"], 0, 0, false),
            Fault::Thousands("1.008".into())
        );
        assert_eq!(
            values(&["998", "1.008", "2.5"], 1, 0, false),
            [998.0, 1.008, 2.5]
        );
        assert_eq!(values(&["1", "1.008"], 1, 0, false), [1.0, 1.008]);
    }

    #[test]
    fn decimal_commas_are_read_when_asked() {
        assert_eq!(
            fault(&["20,5", "1,007"], 0, 2, false),
            Fault::DecimalComma("20,5".into())
        );
        assert_eq!(values(&["20,5", "1,007"], 0, 2, true), [20.5, 1.007]);
        assert_eq!(values(&["1,007", "1,012"], 0, 2, true), [1.007, 1.012]);
        assert_eq!(values(&["1,007", "1,012"], 0, 0, true), [1.007, 1.012]);
        assert_eq!(
            values(&["998,5", "1.007,5", "1.007"], 0, 2, true),
            [998.5, 1007.5, 1007.0]
        );
        assert_eq!(
            fault(&["1.007", "1.007,5"], 0, 1, false),
            Fault::Thousands("1.007".into())
        );
        assert_eq!(values(&["1.007", "1.012"], 0, 2, true), [1007.0, 1012.0]);
        assert_eq!(values(&["1.007", "1.012"], 3, 0, true), [1.007, 1.012]);
        assert_eq!(values(&["1.007", "1.012"], 0, 0, false), [1.007, 1.012]);
        assert_eq!(
            values(&["1.007.000", "2.000"], 0, 0, false),
            [1_007_000.0, 2000.0]
        );
    }

    #[test]
    fn a_column_of_hexadecimal_numbers_has_no_decimal_one() {
        let column = read(&["12D", "130", "1E5", "1FF", ""], 0, 0, false);
        assert_eq!((column.numbers, column.hexadecimal, column.bad), (0, 4, 5));
        // Grades and the like are words.
        let words = read(&["A", "B", "1.5"], 0, 0, false);
        assert_eq!((words.numbers, words.hexadecimal), (1, 0));
        assert_eq!(values(&["1E5", "130"], 0, 0, false), [1e5, 130.0]);
    }

    #[test]
    fn pairs_of_words_are_0_and_1() {
        assert_eq!(
            values(&["TRUE", "False", "1"], 0, 0, false),
            [1.0, 0.0, 1.0]
        );
        assert_eq!(values(&["true", "true"], 0, 0, false), [1.0, 1.0]);
        assert_eq!(values(&["on", "OFF"], 0, 0, false), [1.0, 0.0]);
        assert_eq!(values(&["no", "yes"], 0, 0, false), [0.0, 1.0]);
        for cells in [["on", "on"], ["on", "no"], ["true", "20.5"]] {
            assert!(
                matches!(fault(&cells, 0, 0, false), Fault::Text(_)),
                "{cells:?}"
            );
        }
        assert_eq!(read(&["TRUE", "FALSE"], 0, 0, false).booleans, 2);
    }

    #[test]
    fn percentages_fortran_and_times() {
        assert_eq!(values(&["45%", "3.5 %"], 0, 0, false), [45.0, 3.5]);
        assert_eq!(
            fault(&["45%", "0.45"], 0, 0, false),
            Fault::Percent("45%".into())
        );
        assert_eq!(
            values(&["1.5D+03", "2.0d-1", "1.5-103"], 0, 0, false),
            [1500.0, 0.2, 1.5e-103]
        );
        assert_eq!(
            fault(&["1e400"], 0, 0, false),
            Fault::Infinite("1e400".into())
        );
        let column = read(&["x", "10:00:01.250", "19.99"], 0, 0, true);
        assert_eq!((column.times, column.numbers), (1, 1));
        assert!(column.seconds[0].is_nan() && column.values[1].is_nan());
        assert!((column.seconds[1] - 36_001.25).abs() < 1e-9);
    }
}
