use crate::world::{Act, Recipe, Step, World, desired, eventually, id, in_background};
use hotbed_mods::{
    Action, Authority, CallFailureKind, CommandFile, CommandHelp, CommandOutcome, Desired,
    Direction, HostSettings, Place, Post, ReloadRequest, ScopeChange, Scopes, Usage,
};

/// What alice writes in a channel.
pub(crate) fn post(text: &str, channel: &str) -> Post {
    Post {
        text: text.to_owned(),
        place: Place::Channel(channel.to_owned()),
        user_id: "u1".to_owned(),
        username: "alice".to_owned(),
        authority: Authority::User,
        files: Vec::new(),
    }
}

fn by_admin(text: &str, channel: &str) -> Post {
    Post {
        authority: Authority::Admin,
        ..post(text, channel)
    }
}

fn said(outcome: &CommandOutcome) -> Vec<String> {
    outcome
        .reply()
        .messages
        .into_iter()
        .map(|message| message.text)
        .collect()
}

/// What is answered.
pub(crate) async fn texts(world: &World, post: Post) -> Vec<String> {
    said(&world.host.command(post).await)
}

async fn two_mods() -> World {
    let world = World::new();
    world
        .shop
        .stock("dice", Recipe::new("dice").words(&["@dice", "!dice"]));
    world
        .shop
        .stock("wiki", Recipe::new("wiki").words(&["@wiki", "@both"]));
    world.shop.change("dice", |recipe| {
        recipe.manifest.words.push("@both".to_owned());
    });
    world.run(&["dice", "wiki"]).await;
    world
}

#[tokio::test(start_paused = true)]
async fn a_command_goes_to_the_mods_that_bind_its_word_with_all_that_came_with_it() {
    let world = two_mods().await;
    let with_file = Post {
        files: vec![CommandFile {
            name: "a.txt".into(),
            bytes: vec![1],
        }],
        ..post("@Dice 1d6 !help", "dev")
    };
    assert_eq!(
        texts(&world, with_file).await,
        [r#"dice: @dice dev alice ["1d6", "!help"] 1"#]
    );
    assert_eq!(
        texts(&world, post("@both x", "dev")).await,
        [
            r#"dice: @both dev alice ["x"] 0"#,
            r#"wiki: @both dev alice ["x"] 0"#
        ]
    );
    assert_eq!(
        texts(&world, post("hello\n@wiki a\n!dice b", "dev")).await,
        [
            r#"wiki: @wiki dev alice ["a"] 0"#,
            r#"dice: !dice dev alice ["b"] 0"#
        ]
    );
    for nothing in ["", "hello @dice", "@unknown", "dice"] {
        assert_eq!(
            texts(&world, post(nothing, "dev")).await,
            [""; 0],
            "{nothing:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_may_be_used_where_its_mod_is_bound() {
    let world = two_mods().await;
    let bound = Desired {
        scopes: Some(Scopes::from_iter(["ops"])),
        ..desired("dice")
    };
    world.host.reconcile(vec![bound, desired("wiki")]).await;
    assert_eq!(texts(&world, post("@dice", "dev")).await, [""; 0]);
    assert_eq!(texts(&world, post("@dice", "ops")).await.len(), 1);
    assert_eq!(texts(&world, post("@both", "dev")).await.len(), 1);
    let direct = |member_of: &[&str]| Post {
        place: Place::Direct {
            member_of: member_of.iter().map(|name| (*name).to_owned()).collect(),
        },
        ..post("@dice", "")
    };
    assert_eq!(texts(&world, direct(&["dev"])).await, [""; 0]);
    assert_eq!(
        texts(&world, direct(&["dev", "ops"])).await,
        ["dice: @dice  alice [] 0"]
    );
}

/// M1: `@reload` could never fire, for the words that are looked for did not have it among them.
///
/// Caught: the words of the host not looked for; a mod's word before the host's.
#[tokio::test(start_paused = true)]
async fn a_reload_is_recognised_first_and_only_admins_may_ask_for_it() {
    let world = World::new();
    world.shop.stock(
        "greedy",
        Recipe::new("greedy").words(&["@reload", "!reload"]),
    );
    world.run(&["greedy"]).await;
    for word in ["@reload", "!reload", "@Reload"] {
        let refused = world.host.command(post(word, "dev")).await;
        assert_eq!(
            said(&refused),
            ["@alice, you do not have permission to reload modules."],
            "{word}"
        );
        assert!(matches!(refused.actions[..], [Action::Reply(_)]));
        let asked = world.host.command(by_admin(word, "dev")).await;
        let [Action::Reload { request, .. }] = &asked.actions[..] else {
            panic!("{word}: {asked:?}");
        };
        assert_eq!(*request, ReloadRequest::default());
        assert_eq!(said(&asked), ["Reloading command modules…"]);
    }
    let one = world
        .host
        .command(by_admin("@reload greedy --dry-run", "dev"))
        .await;
    let wanted = ReloadRequest {
        ids: vec![id("greedy")],
        dry_run: true,
    };
    assert!(matches!(&one.actions[..], [Action::Reload { request, .. }] if *request == wanted));
    assert_eq!(
        texts(&world, by_admin("@reload nothing", "dev")).await,
        ["There is no module `nothing`."]
    );
    assert_eq!(
        texts(&world, by_admin("@reload --now", "dev")).await,
        ["There is no option `--now`: there is `--dry-run`."]
    );
}

/// M5: the help fell over modules that say nothing of how they are used.
#[tokio::test(start_paused = true)]
async fn help_and_map_tell_of_every_module_also_of_one_without_help_or_that_is_broken() {
    let world = two_mods().await;
    world.shop.change("wiki", |recipe| {
        recipe.manifest.help = CommandHelp {
            usage: Some(Usage::new("read PATH", "Looks into the wiki.")),
            subcommands: [("read".to_owned(), Usage::new("PATH", "Shows a page."))].into(),
        };
    });
    world.host.reload("wiki").await.unwrap();
    world.shop.behave("dice", Step::Start, Act::Fail);
    world.shop.behave("broken", Step::Start, Act::Fail);
    let broken = Desired {
        scopes: Some(Scopes::from_iter(["ops"])),
        ..desired("broken")
    };
    world
        .host
        .reconcile(vec![desired("dice"), desired("wiki"), broken])
        .await;
    let overview = texts(&world, post("@help", "dev")).await.remove(0);
    for word in ["`@bind`", "`@both`", "`@dice`", "`!reload`", "`@wiki`"] {
        assert!(overview.contains(word), "{overview}");
    }
    for (asked, answer) in [
        (
            "@help dice",
            "**dice**\n`@dice`: its module says nothing of how it is used.",
        ),
        (
            "@help @dice",
            "**dice**\n`@dice`: its module says nothing of how it is used.",
        ),
        (
            "!help wiki",
            "**wiki**\n`@wiki read PATH`: Looks into the wiki.\n`@wiki read PATH`: Shows a page.",
        ),
        ("@help wiki read", "`@wiki read PATH`: Shows a page."),
        ("@help wiki write", "`@wiki` of `wiki` knows no `write`."),
        ("@help nothing", "There is no command `nothing` here."),
    ] {
        assert_eq!(texts(&world, post(asked, "dev")).await, [answer], "{asked}");
    }
    let map = texts(&world, post("@map", "dev")).await.remove(0);
    for line in [
        "| `broken` (error) |  | ops |",
        "| `dice` | `@dice` `!dice` `@both` | any |",
        "| `wiki` | `@wiki` `@both` | any |",
    ] {
        assert!(map.contains(line), "{map}");
    }
}

/// M8, M9: a binding that was made during a reload was lost, and those of channels that nobody is in any more stayed.
#[tokio::test(start_paused = true)]
async fn binding_is_for_admins_and_is_told_as_a_change_of_what_is_desired() {
    let world = two_mods().await;
    let refused = texts(&world, post("@bind dice", "ops")).await;
    assert_eq!(
        refused,
        ["@alice, you do not have permission to bind modules."]
    );
    let change = |name: &str, direction| ScopeChange {
        id: id(name),
        scope: "ops".to_owned(),
        direction,
    };
    for (text, changes, answer) in [
        (
            "@bind dice",
            vec![change("dice", Direction::Bind)],
            "`dice` bound to ops.",
        ),
        (
            "!unbind *",
            vec![
                change("dice", Direction::Unbind),
                change("wiki", Direction::Unbind),
            ],
            "`dice`, `wiki` unbound from ops.\nBound to all channels, and so to this one still: `dice`, `wiki`. Unbind from `any` first.",
        ),
        (
            "@bind dice nothing dice",
            vec![change("dice", Direction::Bind)],
            "`dice` bound to ops.\nThere is no module `nothing`.",
        ),
    ] {
        let outcome = world.host.command(by_admin(text, "ops")).await;
        let [Action::Change { changes: told, .. }] = &outcome.actions[..] else {
            panic!("{text}: {outcome:?}");
        };
        assert_eq!(*told, changes, "{text}");
        assert_eq!(said(&outcome), [answer], "{text}");
    }
    for (text, answer) in [
        ("@bind nothing", "There is no module `nothing`."),
        (
            "@unbind",
            "Which modules? Name them, or all with `*`: `@unbind wiki`.",
        ),
    ] {
        assert_eq!(texts(&world, by_admin(text, "ops")).await, [answer]);
    }
    let direct = Post {
        place: Place::Direct { member_of: vec![] },
        ..by_admin("@bind dice", "")
    };
    assert_eq!(
        texts(&world, direct).await,
        ["Modules are bound to channels: say this in one."]
    );
    let bound = Desired {
        scopes: Some(Scopes::from_iter(["ops", "dev"])),
        ..desired("dice")
    };
    world.host.reconcile(vec![bound, desired("wiki")]).await;
    assert_eq!(
        world.host.leave_channel("ops"),
        [change("dice", Direction::Unbind)]
    );
    assert_eq!(world.host.leave_channel("elsewhere"), []);
    let answer = texts(&world, by_admin("@unbind dice", "ops")).await;
    assert_eq!(answer, ["`dice` unbound from ops."]);
}

/// A channel can have the name that stands for all of them.
///
/// Caught: a binding to it, which is one to all; its end taken for the end of all.
#[tokio::test(start_paused = true)]
async fn a_channel_whose_name_stands_for_all_is_not_all_of_them() {
    let world = two_mods().await;
    for text in ["@bind dice", "@unbind dice"] {
        assert_eq!(
            texts(&world, by_admin(text, "any")).await,
            ["`any` stands for all channels, also as the name of this one: say this in another."]
        );
    }
    assert_eq!(world.host.leave_channel("any"), []);
}

/// A module that hangs or fails does not keep the others from answering, and strangers do not learn what went wrong in it.
///
/// Caught: modules asked one after the other.
#[tokio::test(start_paused = true)]
async fn a_module_that_fails_is_named_and_the_others_answer() {
    let world = two_mods().await;
    for (act, kind, answer) in [
        (
            Act::Hang,
            CallFailureKind::Deadline,
            "`dice` did not answer in time.",
        ),
        (
            Act::Panic,
            CallFailureKind::Panic,
            "`dice` could not do that: something went wrong in it.",
        ),
        (
            Act::Fail,
            CallFailureKind::Error,
            "`dice` could not do that: something went wrong in it.",
        ),
    ] {
        world.shop.behave("dice", Step::Command, act);
        world.host.reload("dice").await.unwrap();
        let outcome = world.host.command(post("@both", "dev")).await;
        assert_eq!(said(&outcome), [answer, "wiki: @both dev alice [] 0"]);
        assert_eq!(outcome.failures[0].kind, kind);
    }
    for name in ["dice", "wiki"] {
        world.shop.behave(name, Step::Command, Act::Hang);
        world.host.reload(name).await.unwrap();
    }
    let began = tokio::time::Instant::now();
    assert_eq!(texts(&world, post("@both", "dev")).await.len(), 2);
    assert_eq!(began.elapsed().as_secs(), 30);
    world
        .shop
        .stock("wiki", Recipe::new("wiki").words(&["@both"]));
    world.host.reload("wiki").await.unwrap();
    world.shop.behave("dice", Step::Command, Act::No);
    world.host.reload("dice").await.unwrap();
    assert_eq!(
        texts(&world, post("@both", "dev")).await,
        ["wiki: @both dev alice [] 0"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_user_has_a_few_commands_at_once_and_others_do_not_wait_for_them() {
    let settings = HostSettings {
        commands_per_user: 2,
        queue_per_user: 1,
        ..HostSettings::default()
    };
    let world = World::with(settings);
    world
        .shop
        .stock("slow", Recipe::new("slow").words(&["@slow"]));
    let gate = world.shop.gate("slow", Step::Command);
    world.run(&["slow"]).await;
    let mut waiting = Vec::new();
    for _ in 0..3 {
        let host = world.host.clone();
        waiting.push(in_background(async move {
            host.command(post("@slow", "dev")).await
        }));
    }
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    assert_eq!(
        texts(&world, post("@slow", "dev")).await,
        ["@alice, too many of your commands are under way: try `@slow` again when they are done."]
    );
    let others = Post {
        user_id: "u2".into(),
        ..post("@help slow", "dev")
    };
    let answer = "**slow**\n`@slow`: its module says nothing of how it is used.";
    assert_eq!(texts(&world, others).await, [answer]);
    gate.add_permits(3);
    for command in waiting {
        assert_eq!(
            said(&command.await.unwrap()),
            ["slow: @slow dev alice [] 0"]
        );
    }
    eventually("nothing is left", || world.host.leftovers().jobs == 0).await;
}

/// A command ends in the generation in which it began, as an event does.
#[tokio::test(start_paused = true)]
async fn a_command_in_flight_is_finished_by_what_it_began_with() {
    let world = World::new();
    world
        .shop
        .stock("slow", Recipe::new("slow").words(&["@slow"]));
    let gate = world.shop.gate("slow", Step::Command);
    world.run(&["slow"]).await;
    let host = world.host.clone();
    let command = in_background(async move { host.command(post("@slow", "dev")).await });
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    world.run(&[]).await;
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    assert_eq!(world.state("slow"), Some("draining"));
    gate.add_permits(1);
    assert_eq!(
        said(&command.await.unwrap()),
        ["slow: @slow dev alice [] 0"]
    );
    world.assert_empty().await;
}
