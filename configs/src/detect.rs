//! Which environment a program runs in.

use crate::variables::Variables;

/// Asked in this order; the first that is set and not empty names the environment.
const NAMED_BY: [&str; 2] = ["HOTBED_ENVIRONMENT", "DATAKNOBS_ENVIRONMENT"];

/// Read only in a cloud: on a laptop, other programs use this name for other things.
const NAMED_IN_A_CLOUD_BY: &str = "ENVIRONMENT";

/// Set by what runs programs in a cloud.
const CLOUD_INDICATORS: [&str; 5] = [
    "AWS_EXECUTION_ENV",
    "ECS_CONTAINER_METADATA_URI",
    "KUBERNETES_SERVICE_HOST",
    "K_SERVICE",
    "FUNCTIONS_WORKER_RUNTIME",
];

/// Names the environment a program runs in, and tells a person why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detected {
    /// The environment, in lower case: the stem of its file's name. It comes from outside: whoever joins it to a
    /// directory must see to it that the file is inside.
    pub name: String,
    /// The reason, as a sentence.
    pub reason: String,
}

/// Finds out which environment a program runs in: the one that `HOTBED_ENVIRONMENT` or `DATAKNOBS_ENVIRONMENT` names;
/// else, in a cloud, the one that `ENVIRONMENT` names, or `production`; else `development`.
pub fn detect_environment(variables: &Variables) -> Detected {
    let set = |variable: &&str| {
        let value = variables.get(variable).map(str::trim)?;
        (!value.is_empty()).then(|| value.to_lowercase())
    };
    if let Some((variable, name)) = NAMED_BY.iter().find_map(|v| Some((v, set(v)?))) {
        return Detected {
            reason: format!("{variable} names it"),
            name,
        };
    }
    let Some(cloud) = CLOUD_INDICATORS.iter().find(|v| variables.get(v).is_some()) else {
        let [first, _] = NAMED_BY;
        return Detected {
            name: "development".to_owned(),
            reason: format!("{first} is not set and nothing shows that this is a cloud"),
        };
    };
    match set(&NAMED_IN_A_CLOUD_BY) {
        Some(name) => Detected {
            name,
            reason: format!(
                "{NAMED_IN_A_CLOUD_BY} names it, and {cloud} shows that this is a cloud"
            ),
        },
        None => Detected {
            name: "production".to_owned(),
            reason: format!("{cloud} shows that this is a cloud"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected<const N: usize>(variables: [(&str, &str); N]) -> (String, String) {
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let Detected { name, reason } = detect_environment(&Variables::from_iter(variables));
        (name, reason)
    }

    #[test]
    fn the_environment_is_named_or_guessed_and_says_why() {
        let cases = [
            (
                detected([]),
                "development",
                "HOTBED_ENVIRONMENT is not set and nothing shows that this is a cloud",
            ),
            (
                detected([("ENVIRONMENT", "staging")]),
                "development",
                "HOTBED_ENVIRONMENT is not set and nothing shows that this is a cloud",
            ),
            (
                detected([("K_SERVICE", "")]),
                "production",
                "K_SERVICE shows that this is a cloud",
            ),
            (
                detected([
                    ("KUBERNETES_SERVICE_HOST", "10.0.0.1"),
                    ("ENVIRONMENT", "Staging"),
                ]),
                "staging",
                "ENVIRONMENT names it, and KUBERNETES_SERVICE_HOST shows that this is a cloud",
            ),
            (
                detected([("DATAKNOBS_ENVIRONMENT", "QA"), ("K_SERVICE", "x")]),
                "qa",
                "DATAKNOBS_ENVIRONMENT names it",
            ),
            (
                detected([
                    ("HOTBED_ENVIRONMENT", " Blue "),
                    ("DATAKNOBS_ENVIRONMENT", "qa"),
                ]),
                "blue",
                "HOTBED_ENVIRONMENT names it",
            ),
            (
                detected([("HOTBED_ENVIRONMENT", ""), ("DATAKNOBS_ENVIRONMENT", "qa")]),
                "qa",
                "DATAKNOBS_ENVIRONMENT names it",
            ),
        ];
        for (found, name, reason) in cases {
            assert_eq!(found, (name.to_owned(), reason.to_owned()));
        }
    }
}
