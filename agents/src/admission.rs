//! Decides to which group an agent belongs.

use crate::settings::NetworkSettings;
use subtle::{Choice, ConstantTimeEq as _};

/// Why an agent stays outside.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAdmitted {
    /// There is no such group, or the password is not that of the group. Which of the two is not said.
    #[error("Invalid credentials for group '{group}'")]
    Credentials {
        /// Which group.
        group: String,
    },
    /// Agents without the password of a group stay outside.
    #[error("Password authentication required for network registration")]
    PasswordRequired,
}

/// The group of an agent that shows this hash of a password and asks for this group; an empty text is none.
pub(crate) fn admit(
    settings: &NetworkSettings,
    password_hash: Option<&str>,
    wanted: Option<&str>,
) -> Result<String, NotAdmitted> {
    let shown = password_hash.filter(|hash| !hash.is_empty());
    let Some(wanted) = wanted.filter(|group| !group.is_empty()) else {
        return match shown.and_then(|hash| group_of(settings, hash)) {
            Some(group) => Ok(group.to_owned()),
            None if settings.needs_password() => Err(NotAdmitted::PasswordRequired),
            None => Ok(settings.default_group.clone()),
        };
    };
    let refused = || NotAdmitted::Credentials {
        group: wanted.chars().take(64).collect(),
    };
    match settings.groups.get(wanted) {
        Some(group) => match &group.password_hash {
            Some(hash) if shown.is_some_and(|shown| bool::from(same(shown, hash))) => {}
            Some(_) => return Err(refused()),
            None if settings.requires_password => return Err(NotAdmitted::PasswordRequired),
            None => {}
        },
        None if wanted != settings.default_group => return Err(refused()),
        None if settings.requires_password => return Err(NotAdmitted::PasswordRequired),
        None => {}
    }
    Ok(wanted.to_owned())
}

/// The group with this hash. Every group is looked at, whichever it is.
pub(crate) fn group_of<'a>(settings: &'a NetworkSettings, shown: &str) -> Option<&'a str> {
    let mut found = None;
    for (name, group) in &settings.groups {
        let hash = group.password_hash.as_deref().unwrap_or_default();
        let is_it = same(shown, hash) & Choice::from(u8::from(!hash.is_empty()));
        if bool::from(is_it) && found.is_none() {
            found = Some(name.as_str());
        }
    }
    found
}

fn same(one: &str, other: &str) -> Choice {
    one.as_bytes().ct_eq(other.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Group;
    use std::collections::BTreeMap;

    fn settings(requires_password: bool) -> NetworkSettings {
        let group = |hash: Option<&str>| Group {
            password_hash: hash.map(str::to_owned),
            ..Group::default()
        };
        NetworkSettings {
            groups: BTreeMap::from([
                ("admin".to_owned(), group(Some("aa11"))),
                ("broken".to_owned(), group(Some(""))),
                ("open".to_owned(), group(None)),
                ("users".to_owned(), group(Some("bb22"))),
            ]),
            requires_password,
            ..NetworkSettings::default()
        }
    }

    /// Caught: only the setting looked at, and not the default group.
    #[test]
    fn the_password_of_the_default_group_is_asked_for_by_name_or_not() {
        let mut settings = settings(false);
        for (default, right) in [("users", Some("bb22")), ("broken", None)] {
            default.clone_into(&mut settings.default_group);
            for hash in [None, Some(""), Some("xx")] {
                let admitted = admit(&settings, hash, None);
                assert_eq!(admitted, Err(NotAdmitted::PasswordRequired), "{hash:?}");
                assert!(admit(&settings, hash, Some(default)).is_err(), "{hash:?}");
            }
            if let Some(hash) = right {
                assert_eq!(admit(&settings, Some(hash), None), Ok(default.to_owned()));
            }
            assert_eq!(admit(&settings, Some("aa11"), None), Ok("admin".to_owned()));
            assert_eq!(admit(&settings, None, Some("open")), Ok("open".to_owned()));
        }
    }

    #[test]
    fn the_group_follows_from_the_password_or_from_the_wish_or_is_the_default_one() {
        let admin = || Err("admin");
        for (hash, wanted, free, strict) in [
            (None, None, Ok("guest"), Err("")),
            (Some(""), None, Ok("guest"), Err("")),
            (Some("aa11"), None, Ok("admin"), Ok("admin")),
            (Some("bb22"), None, Ok("users"), Ok("users")),
            (Some("aa1"), None, Ok("guest"), Err("")),
            (Some("aa111"), None, Ok("guest"), Err("")),
            (Some("AA11"), None, Ok("guest"), Err("")),
            (Some("aa11"), Some("admin"), Ok("admin"), Ok("admin")),
            (Some("bb22"), Some("admin"), admin(), admin()),
            (None, Some("admin"), admin(), admin()),
            (Some(""), Some("broken"), Err("broken"), Err("broken")),
            (None, Some("open"), Ok("open"), Err("")),
            (None, Some("guest"), Ok("guest"), Err("")),
            (None, Some(""), Ok("guest"), Err("")),
            (Some("aa11"), Some("none"), Err("none"), Err("none")),
        ] {
            for (requires_password, expected) in [(false, free), (true, strict)] {
                let expected = expected.map(str::to_owned).map_err(|group| match group {
                    "" => NotAdmitted::PasswordRequired,
                    group => NotAdmitted::Credentials {
                        group: group.to_owned(),
                    },
                });
                let admitted = admit(&settings(requires_password), hash, wanted);
                assert_eq!(
                    admitted, expected,
                    "{hash:?} {wanted:?} {requires_password}"
                );
            }
        }
    }
}
