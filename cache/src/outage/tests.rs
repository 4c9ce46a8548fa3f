use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

#[derive(Debug, Clone)]
enum Step {
    /// An id asks; it can do without for now, or not.
    Ask(u8, bool),
    /// One of those who ask is answered, or not.
    End(usize, bool),
    Doubt,
    /// Somebody else reached it.
    Back,
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..8_u8, any::<bool>()).prop_map(|(id, later)| Step::Ask(id, later)),
        6 => (0..8_usize, prop::bool::weighted(0.1)).prop_map(|(which, well)| Step::End(which, well)),
        1 => Just(Step::Doubt),
        1 => Just(Step::Back),
        3 => (0..400_u64).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..200)
}

fn step(steps: u32) -> Duration {
    Duration::from_millis(100) * steps
}

/// One who asks.
struct Asked {
    id: u8,
    pass: Pass,
    /// Whether anybody was answered since it began.
    overtaken: bool,
}

proptest! {
    /// Each verdict is held against what really happened so far.
    ///
    /// Mutations, each tried: one id that misses again and again counts each time; a miss of one who asked before the
    /// last answer counts; an answer does not clear the misses; an answer in an outage does not end it; a second probe
    /// beside the first; a probe before its time; who needs the registry now is refused beside a probe; a sign of life
    /// makes no probe due, or none after the one that is under way.
    #[test]
    fn an_outage_begins_when_nobody_is_answered_and_one_at_a_time_finds_out_whether_it_is_over(
        steps in steps()
    ) {
        let mut state = State::default();
        let mut now = Instant::now();
        let mut asked: Vec<Asked> = Vec::new();
        let mut missed = BTreeSet::new();
        // While it is silent: failed probes, when the last one ended, and whether there was a sign of life since the
        // last one began.
        let mut silent: Option<(u32, Instant, bool)> = None;
        for taken in steps {
            let probing = asked.iter().any(|asked| asked.pass.probe && !asked.overtaken);
            match taken {
                Step::Ask(id, later) => {
                    let need = if later { Need::Later } else { Need::Now };
                    let due = silent.is_none_or(|(failed, ended, doubted)| {
                        doubted || now >= ended + step(failed)
                    });
                    let wanted = state.wanted(now);
                    match state.admit(now, need) {
                        Verdict::Ask(pass) => {
                            prop_assert_eq!(pass.probe, silent.is_some());
                            prop_assert!(due && !(pass.probe && probing));
                            if let Some((_, _, doubted)) = &mut silent {
                                *doubted = false;
                            }
                            asked.push(Asked { id, pass, overtaken: false });
                            prop_assert_ne!(wanted, Wanted::None);
                        }
                        Verdict::Wait => prop_assert!(silent.is_some() && probing && !later),
                        Verdict::Refuse => {
                            prop_assert!(silent.is_some());
                            let refused = if probing { later } else { !due };
                            prop_assert!(refused);
                            prop_assert_eq!(wanted, Wanted::None);
                        }
                    }
                }
                Step::End(which, well) if which < asked.len() => {
                    let ended = asked.swap_remove(which);
                    if well {
                        prop_assert_eq!(state.answered(), silent.is_some());
                        silent = None;
                        missed.clear();
                        for asked in &mut asked {
                            asked.overtaken = true;
                        }
                        continue;
                    }
                    let id = Id::new(&ended.id.to_string()).expect("a digit");
                    let begins = state.missed(ended.pass, &id, now, step);
                    if ended.overtaken {
                        prop_assert!(!begins);
                        continue;
                    }
                    if let Some((failed, at, doubted)) = &mut silent {
                        prop_assert!(!begins);
                        if ended.pass.probe && !*doubted {
                            (*failed, *at) = (*failed + 1, now);
                        }
                    } else {
                        missed.insert(ended.id);
                        prop_assert_eq!(begins, missed.len() == MISSES);
                        if begins {
                            silent = Some((1, now, false));
                        }
                    }
                }
                Step::End(..) => {}
                Step::Doubt => {
                    state.doubt(now);
                    if let Some((_, _, doubted)) = &mut silent {
                        *doubted = true;
                    }
                }
                Step::Back => {
                    let ends = state.ends;
                    state.end();
                    prop_assert_eq!(state.ends, ends + 1);
                    silent = None;
                    missed.clear();
                    for asked in &mut asked {
                        asked.overtaken = true;
                    }
                }
                Step::Wait(ms) => now += Duration::from_millis(ms),
            }
            prop_assert_eq!(matches!(state.mood, Mood::Silent { .. }), silent.is_some());
        }
    }
}
