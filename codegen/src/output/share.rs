//! Shares in words.

/// A share in per cent, with the digits that matter: nothing but 0 and 1 is 0 and 100 %.
#[must_use]
pub fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    if percent > 99.0 && percent < 100.0 {
        let text = format!("{:.1}", (10.0 * percent).floor() / 10.0);
        return format!("{} %", text.trim_end_matches(".0"));
    }
    if percent > 0.0 && percent < 0.000_5 {
        return "< 0.001 %".into();
    }
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
        let near = [0.990_1, 0.996, 0.999_99, 4e-6, 1e-5].map(percent);
        assert_eq!(near, ["99 %", "99.6 %", "99.9 %", "< 0.001 %", "0.001 %"]);
    }
}
