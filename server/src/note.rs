use crate::fault::{Fault, Kind};
use crate::params::Params;
use hotbed_registry::ChangeNote;

/// The query parameters in which a writer says who writes, and why.
pub(crate) const NOTE: [&str; 2] = [BY, REASON];
const BY: &str = "by";
const REASON: &str = "reason";
/// Characters that a name may have.
const LONGEST_NAME: usize = 200;
/// Characters that a reason may have.
const LONGEST_REASON: usize = 2_000;

/// The note that a query carries.
pub(crate) fn in_query(params: &Params) -> Result<ChangeNote, Fault> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    checked(owned(params.one(BY)?), owned(params.one(REASON)?))
}

/// A note of texts that are neither empty nor too long.
pub(crate) fn checked(by: Option<String>, reason: Option<String>) -> Result<ChangeNote, Fault> {
    let texts = [(BY, &by, LONGEST_NAME), (REASON, &reason, LONGEST_REASON)];
    for (name, text, longest) in texts {
        let fits = |text: &String| !text.trim().is_empty() && text.chars().count() <= longest;
        if text.as_ref().is_some_and(|text| !fits(text)) {
            return Err(Fault::new(
                Kind::Invalid,
                format!(
                    "{name:?} is empty or too long: say it in at most {longest} characters, or leave it out"
                ),
            ));
        }
    }
    Ok(ChangeNote { by, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_says_something_and_not_too_much() {
        let fits = |by: String| checked(Some(by), None).is_ok();
        assert!(fits("ä".repeat(200)));
        for unfit in [String::new(), " ".into(), "a".repeat(201)] {
            assert!(!fits(unfit));
        }
        assert!(checked(None, Some("x".repeat(2_001))).is_err());
        assert!(checked(None, None).unwrap().is_empty());
    }
}
