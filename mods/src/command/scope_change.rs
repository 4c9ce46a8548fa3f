use crate::id::ModId;
use crate::scopes::Scopes;

/// A change of where the commands of a mod may be used: for whoever writes the desired state. It says what is to be
/// different, not what is to be there, so that two changes at the same time both come about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeChange {
    /// Whose.
    pub id: ModId,
    /// Which channel.
    pub scope: String,
    /// What becomes of it.
    pub direction: Direction,
}

/// What becomes of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The commands may be used there.
    Bind,
    /// They may not.
    Unbind,
}

impl ScopeChange {
    /// The scopes after the change. `desired` are those of the mod's entry as it is at the time of the write, and `said`
    /// those of its manifest, which count where the entry says nothing.
    pub fn apply(&self, desired: Option<&Scopes>, said: &Scopes) -> Scopes {
        let mut scopes = desired.unwrap_or(said).clone();
        match self.direction {
            Direction::Bind => scopes.add(&self.scope),
            Direction::Unbind => scopes.remove(&self.scope),
        };
        scopes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// M8: a binding that was made while another was lost the other.
    #[test]
    fn two_changes_of_one_mod_both_come_about() {
        let change = |scope: &str, direction| ScopeChange {
            id: ModId::new("wiki").unwrap(),
            scope: scope.to_owned(),
            direction,
        };
        let said = Scopes::from_iter(["dev"]);
        let first = change("ops", Direction::Bind).apply(None, &said);
        assert_eq!(first, Scopes::from_iter(["dev", "ops"]));
        let second = change("dev", Direction::Unbind).apply(Some(&first), &said);
        assert_eq!(second, Scopes::from_iter(["ops"]));
        assert_eq!(
            change("ops", Direction::Unbind).apply(Some(&second), &said),
            Scopes::none()
        );
    }
}
