//! The token by which administrators prove that they may change mods.

use crate::serve_args::ServeArgs;
use anyhow::Context;
use hotbed_server::AdminToken;

/// The variable that may hold the token. There is no such flag: everybody may read a command line.
const VARIABLE: &str = "HOTBED_ADMIN_TOKEN";

/// Variables of the process, by name.
type ProcessEnvironment = Vec<(String, String)>;

/// The token, if one was given, and the environment of the process without it: nothing that a configuration may name leads
/// to it.
pub(crate) fn admin_token(
    args: &ServeArgs,
    process: ProcessEnvironment,
) -> anyhow::Result<(Option<AdminToken>, ProcessEnvironment)> {
    let (given, process): (Vec<_>, Vec<_>) =
        process.into_iter().partition(|(name, _)| name == VARIABLE);
    let (text, place) = match &args.admin_token_file {
        Some(file) => {
            let place = format!("--admin-token-file {}", file.display());
            let text = std::fs::read_to_string(file).with_context(|| place.clone())?;
            (Some(text), place)
        }
        None => (given.into_iter().next().map(|it| it.1), VARIABLE.to_owned()),
    };
    // Empty is not set: that is how a variable is taken back in many a deployment.
    let text = text
        .as_deref()
        .map(str::trim)
        .filter(|text| !text.is_empty());
    let token = text.map(AdminToken::new).transpose().context(place)?;
    Ok((token, process))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve_args::parsed;

    fn of(words: &[&str], variable: Option<&str>) -> anyhow::Result<(bool, usize)> {
        let variable = variable.map(|text| (VARIABLE.to_owned(), text.to_owned()));
        let other = ("PATH".to_owned(), "/bin".to_owned());
        let process = variable.into_iter().chain([other]).collect();
        let (token, process) = admin_token(&parsed(words), process)?;
        assert!(process.iter().all(|(name, _)| name != VARIABLE));
        Ok((token.is_some(), process.len()))
    }

    /// Meant to catch: to leave the token where configurations find it, to show it in an error, to take an empty one.
    #[test]
    fn the_token_is_taken_out_of_the_environment_and_shown_nowhere() {
        assert_eq!(of(&[], None).unwrap(), (false, 1));
        assert_eq!(of(&[], Some(" ")).unwrap(), (false, 1));
        assert_eq!(of(&[], Some("0123456789abcdef")).unwrap(), (true, 1));
        let error = format!("{:#}", of(&[], Some("hunter2")).unwrap_err());
        assert!(
            error.starts_with("HOTBED_ADMIN_TOKEN: an admin token is 16 to"),
            "{error}"
        );
        assert!(!error.contains("hunter2"), "{error}");

        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        std::fs::write(&file, "0123456789abcdef\n").unwrap();
        let words = ["--admin-token-file", file.to_str().unwrap()];
        assert_eq!(of(&words, Some("too short")).unwrap(), (true, 1));
        std::fs::remove_file(&file).unwrap();
        let error = format!("{:#}", of(&words, None).unwrap_err());
        assert!(error.starts_with("--admin-token-file /"), "{error}");
    }
}
