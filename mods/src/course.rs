//! In which order groups of mods are built: each after all that it depends on have come into service, or have not.

use crate::id::ModId;
use crate::order::{Node, order};
use crate::priority::Priority;
use std::collections::{BTreeMap, BTreeSet};

/// One mod to be built.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step<'a> {
    pub(crate) id: &'a ModId,
    /// Those of one group come into service together.
    pub(crate) group: usize,
    pub(crate) dependencies: &'a [ModId],
    pub(crate) priority: Priority,
}

/// What came of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Course {
    /// Groups, and in each the mods in the order of their start. Groups that need each other are one.
    pub(crate) groups: Vec<Vec<ModId>>,
    /// Each mod that is in a circle, with the circle from itself to itself.
    pub(crate) circles: BTreeMap<ModId, Vec<ModId>>,
}

pub(crate) fn course(steps: &[Step<'_>]) -> Course {
    let nodes: Vec<Node<'_>> = steps
        .iter()
        .map(|step| Node {
            id: step.id,
            dependencies: step.dependencies,
            priority: step.priority,
        })
        .collect();
    let order = order(&nodes);
    let by_id: BTreeMap<&ModId, &Step<'_>> = steps.iter().map(|step| (step.id, step)).collect();
    let sorted: Vec<&Step<'_>> = order
        .sorted
        .iter()
        .chain(order.circles.keys())
        .filter_map(|id| by_id.get(id).copied())
        .collect();
    let mut group_of: BTreeMap<&ModId, usize> =
        steps.iter().map(|step| (step.id, step.group)).collect();
    loop {
        let groups = Groups::of(&sorted, &group_of, &order.circles);
        let joined = groups.in_circles();
        if joined.is_empty() {
            return Course {
                groups: groups.in_order(),
                circles: order.circles,
            };
        }
        for group in group_of.values_mut() {
            if let Some(into) = joined.get(group) {
                *group = *into;
            }
        }
    }
}

/// The groups as they are, each named by its first mod.
struct Groups<'a> {
    members: BTreeMap<&'a ModId, Vec<&'a ModId>>,
    numbers: BTreeMap<&'a ModId, usize>,
    dependencies: BTreeMap<&'a ModId, Vec<ModId>>,
    priorities: BTreeMap<&'a ModId, Priority>,
}

impl<'a> Groups<'a> {
    fn of(
        sorted: &[&Step<'a>],
        group_of: &BTreeMap<&'a ModId, usize>,
        circles: &BTreeMap<ModId, Vec<ModId>>,
    ) -> Self {
        let mut names: BTreeMap<usize, &ModId> = BTreeMap::new();
        for step in sorted {
            names.entry(group_of[step.id]).or_insert(step.id);
        }
        let name_of = |id: &ModId| Some(names[group_of.get(id)?]);
        let mut groups = Self {
            members: BTreeMap::new(),
            numbers: names
                .iter()
                .map(|(number, name)| (*name, *number))
                .collect(),
            dependencies: BTreeMap::new(),
            priorities: BTreeMap::new(),
        };
        for step in sorted {
            let name = names[&group_of[step.id]];
            groups.members.entry(name).or_default().push(step.id);
            let first = groups.priorities.entry(name).or_insert(step.priority);
            *first = step.priority.min(*first);
            let on = groups.dependencies.entry(name).or_default();
            // What is in a circle is not built.
            if !circles.contains_key(step.id) {
                let others = step.dependencies.iter().filter_map(name_of);
                on.extend(others.filter(|other| *other != name).cloned());
            }
        }
        groups
    }

    fn order(&self) -> crate::order::Order {
        let nodes = self.dependencies.iter().map(|(name, dependencies)| Node {
            id: name,
            dependencies,
            priority: self.priorities[*name],
        });
        order(&nodes.collect::<Vec<_>>())
    }

    /// The groups that need each other, each with the one that it becomes.
    fn in_circles(&self) -> BTreeMap<usize, usize> {
        let circles = self.order().circles;
        let Some(circle) = circles.values().next() else {
            return BTreeMap::new();
        };
        let numbers: BTreeSet<usize> = circle.iter().map(|name| self.numbers[name]).collect();
        let into = numbers.first().copied();
        numbers
            .iter()
            .filter_map(|number| Some((*number, into?)))
            .collect()
    }

    fn in_order(&self) -> Vec<Vec<ModId>> {
        let sorted = self.order().sorted;
        sorted
            .iter()
            .map(|name| self.members[name].iter().copied().cloned().collect())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(mods: &[(&str, usize, u16, &[&str])]) -> Vec<Vec<String>> {
        let id = |text: &str| ModId::new(text).unwrap();
        let mods: Vec<(ModId, usize, Priority, Vec<ModId>)> = mods
            .iter()
            .map(|(name, group, priority, on)| {
                let on = on.iter().map(|on| id(on)).collect();
                (id(name), *group, Priority(*priority), on)
            })
            .collect();
        let steps: Vec<Step<'_>> = mods
            .iter()
            .map(|(id, group, priority, on)| Step {
                id,
                group: *group,
                dependencies: on,
                priority: *priority,
            })
            .collect();
        let groups = course(&steps).groups;
        let texts = |group: &Vec<ModId>| group.iter().map(ToString::to_string).collect();
        groups.iter().map(texts).collect()
    }

    /// Caught: a group whose first comes first (`b` would be built before all of what it depends on is there).
    #[test]
    fn a_group_comes_after_all_that_it_depends_on_and_alone_each_is_one() {
        assert_eq!(
            groups(&[("c", 0, 10, &[]), ("a", 1, 30, &[]), ("b", 2, 20, &[])]),
            [["c"], ["b"], ["a"]]
        );
        assert_eq!(
            groups(&[
                ("a", 0, 40, &[]),
                ("b", 1, 10, &["a"]),
                ("z", 0, 40, &["a"])
            ]),
            [vec!["a", "z"], vec!["b"]]
        );
    }

    /// Caught: a circle of groups that is not made one (they are lost).
    #[test]
    fn groups_that_need_each_other_are_one() {
        assert_eq!(
            groups(&[
                ("a", 0, 40, &[]),
                ("b", 1, 40, &["a"]),
                ("c", 0, 40, &["b"]),
                ("d", 2, 10, &["c"]),
            ]),
            [vec!["a", "b", "c"], vec!["d"]]
        );
    }

    /// Who is in a circle keeps its place in its group: the others have to be told of it.
    #[test]
    fn who_is_in_a_circle_is_in_its_group() {
        assert_eq!(
            groups(&[
                ("a", 0, 40, &[]),
                ("b", 0, 40, &["a", "c"]),
                ("c", 1, 40, &["b"]),
                ("d", 2, 10, &["c"]),
            ]),
            [vec!["a", "b"], vec!["c"], vec!["d"]]
        );
    }
}
