//! How a node is told from the others of its fleet.

use rand::RngExt as _;
use std::fmt;
use std::str::FromStr;

/// The longest id in bytes.
const MAX_BYTES: usize = 128;

/// Names one run of this program, among all that there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NodeId(String);

impl NodeId {
    /// One that no other has: the name of the host, the process, and a random part, for in containers each is often
    /// called the same as another.
    pub(crate) fn of_this_process() -> Self {
        let host = nix::unistd::gethostname().ok();
        let host = host.and_then(|name| name.into_string().ok());
        Self::of(host.as_deref().unwrap_or_default(), std::process::id())
    }

    fn of(host: &str, process: u32) -> Self {
        let host: String = host.chars().filter(|c| is_fit(*c)).take(32).collect();
        let host = if host.is_empty() { "node" } else { &host };
        let random: u32 = rand::rng().random();
        Self(format!("{host}-{process}-{random:08x}"))
    }

    /// How its events say who they are from.
    pub(crate) fn as_source(&self) -> String {
        format!("hotbed:{self}")
    }
}

fn is_fit(c: char) -> bool {
    !c.is_whitespace() && !c.is_control()
}

impl FromStr for NodeId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > MAX_BYTES || !text.chars().all(is_fit) {
            return Err(format!(
                "use 1 to {MAX_BYTES} bytes of printable text without spaces"
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_on_one_host_are_two_nodes() {
        let (one, other) = (NodeId::of("pod", 1), NodeId::of("pod", 1));
        assert_ne!(one, other);
        assert!(one.to_string().starts_with("pod-1-"), "{one}");
        assert!(one.as_source().starts_with("hotbed:pod-1-"), "{one}");
    }

    #[test]
    fn any_host_makes_a_good_id() {
        for host in ["", "a b\n", "höst", &"x".repeat(64)] {
            let id = NodeId::of(host, u32::MAX);
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        for bad in ["", "a b", "a\n", &"x".repeat(129)] {
            assert!(bad.parse::<NodeId>().is_err(), "{bad:?}");
        }
    }
}
