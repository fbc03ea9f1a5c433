//! Shares in words.

/// A share in per cent, with the digits that matter.
#[must_use]
pub fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    let digits = match percent {
        p if p >= 10.0 => 0,
        p if p >= 1.0 => 1,
        p if p >= 0.1 => 2,
        _ => 3,
    };
    let text = format!("{percent:.digits$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    format!("{text} %")
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn shares_have_the_digits_that_matter() {
        let texts = [0.01, 0.019_61, 0.000_5, 0.25, 0.0, 1.0].map(percent);
        assert_eq!(texts, ["1 %", "2 %", "0.05 %", "25 %", "0 %", "100 %"]);
    }
}
