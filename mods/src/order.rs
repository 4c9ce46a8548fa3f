//! In which order mods start: dependencies first, then the smaller priority, then the id. They stop in reverse.

use crate::id::ModId;
use crate::priority::Priority;
use std::collections::{BTreeMap, BTreeSet};

/// One mod to be put in order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<'a> {
    pub(crate) id: &'a ModId,
    /// Those that are not to be put in order themselves are not looked at.
    pub(crate) dependencies: &'a [ModId],
    pub(crate) priority: Priority,
}

/// What came of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Order {
    /// Without those that are in a circle.
    pub(crate) sorted: Vec<ModId>,
    /// Each that is in a circle, with the circle from itself to itself.
    pub(crate) circles: BTreeMap<ModId, Vec<ModId>>,
}

pub(crate) fn order(nodes: &[Node<'_>]) -> Order {
    let known: BTreeMap<&ModId, Node<'_>> = nodes.iter().map(|node| (node.id, *node)).collect();
    let mut order = Order::default();
    let mut left: BTreeSet<(Priority, &ModId)> = known
        .values()
        .map(|node| (node.priority, node.id))
        .collect();
    let mut done: BTreeSet<&ModId> = BTreeSet::new();
    while !left.is_empty() {
        let is_free = |id: &ModId| {
            let mut dependencies = known[id].dependencies.iter();
            dependencies.all(|on| !known.contains_key(on) || done.contains(on))
        };
        if let Some(first) = left.iter().copied().find(|(_, id)| is_free(id)) {
            left.remove(&first);
            done.insert(first.1);
            order.sorted.push(first.1.clone());
            continue;
        }
        // What is left is in a circle or depends on one. Those who only depend on it come after it.
        let stuck: BTreeMap<&ModId, Node<'_>> =
            left.iter().map(|(_, id)| (*id, known[id])).collect();
        for id in stuck.keys() {
            if let Some(circle) = circle(&stuck, id) {
                order.circles.insert((*id).clone(), circle);
            }
        }
        left.retain(|(_, id)| !order.circles.contains_key(*id));
        done.extend(
            stuck
                .keys()
                .copied()
                .filter(|id| order.circles.contains_key(*id)),
        );
    }
    order
}

/// The shortest way from a mod back to itself.
fn circle(among: &BTreeMap<&ModId, Node<'_>>, start: &ModId) -> Option<Vec<ModId>> {
    let mut ways: Vec<Vec<&ModId>> = vec![vec![among.get_key_value(start)?.0]];
    let mut seen: BTreeSet<&ModId> = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            let node = way.last().and_then(|last| among.get(*last))?;
            for next in node.dependencies {
                if next == start {
                    let circle = way.iter().copied().chain([next]);
                    return Some(circle.cloned().collect());
                }
                if among.contains_key(next) && seen.insert(next) {
                    longer.push(way.iter().copied().chain([next]).collect());
                }
            }
        }
        ways = longer;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(text: &str) -> ModId {
        ModId::new(text).unwrap()
    }

    fn of(mods: &[(&str, u16, &[&str])]) -> Order {
        let mods: Vec<(ModId, Priority, Vec<ModId>)> = mods
            .iter()
            .map(|(name, priority, on)| {
                (
                    id(name),
                    Priority(*priority),
                    on.iter().map(|on| id(on)).collect(),
                )
            })
            .collect();
        let nodes: Vec<Node<'_>> = mods
            .iter()
            .map(|(id, priority, dependencies)| Node {
                id,
                dependencies,
                priority: *priority,
            })
            .collect();
        order(&nodes)
    }

    fn sorted(mods: &[(&str, u16, &[&str])]) -> Vec<String> {
        of(mods).sorted.iter().map(ToString::to_string).collect()
    }

    /// A2: a sort by priority after the sort by dependencies destroyed it.
    ///
    /// Caught: the free ones taken by id alone; the priority compared before the dependencies.
    #[test]
    fn dependencies_come_before_priorities_and_priorities_before_names() {
        assert_eq!(sorted(&[("x", 10, &["y"]), ("y", 50, &[])]), ["y", "x"]);
        assert_eq!(
            sorted(&[
                ("a", 40, &[]),
                ("z", 10, &[]),
                ("m", 20, &[]),
                ("b", 20, &[])
            ]),
            ["z", "b", "m", "a"]
        );
        assert_eq!(sorted(&[("a", 1, &["elsewhere"])]), ["a"]);
    }

    /// Caught: those who depend on a circle counted as in it.
    #[test]
    fn a_circle_is_named_and_the_others_are_put_in_order() {
        let order = of(&[
            ("a", 1, &["b"]),
            ("b", 1, &["c"]),
            ("c", 1, &["a"]),
            ("behind", 1, &["a"]),
            ("apart", 9, &[]),
            ("self", 1, &["self"]),
        ]);
        assert_eq!(order.sorted, [id("apart"), id("behind")]);
        let circle: Vec<String> = order.circles[&id("b")]
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(circle, ["b", "c", "a", "b"]);
        assert_eq!(order.circles[&id("self")], [id("self"), id("self")]);
        assert_eq!(order.circles.len(), 4);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Any graph: everybody is either behind all it depends on, or in a circle that is one.
        #[test]
        fn everybody_is_behind_what_it_depends_on_or_in_a_circle(
            edges in prop::collection::vec((0..12_usize, 0..12_usize), 0..30),
            priorities in prop::collection::vec(0..4_u16, 12),
        ) {
            let ids: Vec<ModId> = (0..12).map(|n| id(&format!("m{n}"))).collect();
            let mut on: Vec<Vec<ModId>> = vec![Vec::new(); 12];
            for (from, to) in &edges {
                on[*from].push(ids[*to].clone());
            }
            let nodes: Vec<Node<'_>> = (0..12)
                .map(|n| Node { id: &ids[n], dependencies: &on[n], priority: Priority(priorities[n]) })
                .collect();
            let order = order(&nodes);
            prop_assert_eq!(order.sorted.len() + order.circles.len(), 12);
            for (at, sorted) in order.sorted.iter().enumerate() {
                let n = ids.iter().position(|id| id == sorted).unwrap();
                for on in &on[n] {
                    prop_assert!(order.circles.contains_key(on) || order.sorted[..at].contains(on));
                }
            }
            for (id, circle) in &order.circles {
                prop_assert!(circle.first() == Some(id) && circle.last() == Some(id) && circle.len() > 1);
                for step in circle.windows(2) {
                    let n = ids.iter().position(|id| *id == step[0]).unwrap();
                    prop_assert!(on[n].contains(&step[1]));
                }
            }
        }
    }
}
