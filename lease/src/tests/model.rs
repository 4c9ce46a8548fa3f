//! Any sequence of steps on one thread leaves the lender where a naive count says it should be.

use std::sync::mpsc::TryRecvError;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::{lender, straggler};
use crate::{Lease, Settled, Straggler};

#[derive(Debug, Clone)]
enum Step {
    Lend,
    Clone(Index),
    Drop(Index),
    Settle(Index),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Lend),
        3 => any::<Index>().prop_map(Step::Clone),
        4 => any::<Index>().prop_map(Step::Drop),
        2 => any::<Index>().prop_map(Step::Settle),
    ]
}

proptest! {
    #[test]
    fn the_lender_agrees_with_a_naive_count(steps in vec(step(), 0..64)) {
        let (lender, returns) = lender::<u64>();
        let mut leases: Vec<Lease<u64>> = Vec::new();
        let mut returned: Vec<(u64, Settled)> = Vec::new();
        let mut expected: Vec<Straggler> = Vec::new();
        let mut lent = 0;

        for step in steps {
            match step {
                Step::Lend => {
                    lent += 1;
                    leases.push(lender.lend("model".into(), lent, lent));
                    expected.push(straggler("model", lent, 1));
                }
                Step::Clone(index) if !leases.is_empty() => {
                    let lease = index.get(&leases).clone();
                    find(&mut expected, *lease).leases += 1;
                    leases.push(lease);
                }
                Step::Drop(index) if !leases.is_empty() => {
                    let lease = leases.swap_remove(index.index(leases.len()));
                    let generation = *lease;
                    drop(lease);
                    let entry = find(&mut expected, generation);
                    entry.leases -= 1;
                    if entry.leases == 0 {
                        returned.push(returns.try_recv().expect("the last lease ended").into_value());
                        prop_assert_eq!(returned.last().map(|(value, _)| *value), Some(generation));
                    }
                }
                Step::Settle(index) if !returned.is_empty() => {
                    let (generation, settled) = returned.swap_remove(index.index(returned.len()));
                    drop(settled);
                    expected.retain(|entry| entry.generation != generation);
                }
                Step::Clone(_) | Step::Drop(_) | Step::Settle(_) => {}
            }
            prop_assert_eq!(returns.try_recv().err(), Some(TryRecvError::Empty));
            prop_assert_eq!(lender.outstanding(), expected.len());
            prop_assert_eq!(&lender.stragglers(), &expected);
        }
    }
}

fn find(expected: &mut [Straggler], generation: u64) -> &mut Straggler {
    expected
        .iter_mut()
        .find(|entry| entry.generation == generation)
        .expect("what is leased is expected")
}
