//! PRIM-23: a task belongs to whoever started it.
//!
//! MCP 2025-11-25 §Task Isolation and Access Control; SEP-2663.

use serde_json::Value;

use crate::checks::case::{Case, Draft};
use crate::checks::evidence::Evidence;
use crate::model::handles::{HandleAsk, Role, TaskTrial};
use crate::model::verdict::{Part, Verdict};
use crate::oracle::observe::{Answer, observe};

/// Reads who got at tasks that are not theirs.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let tasks = &evidence.collected().handles.tasks;
    if tasks.is_empty() {
        return Verdict::NotApplicable("the server declares no tasks".to_owned());
    }
    let mut case = evidence.case();
    let mut started = 0_usize;
    for task in tasks {
        match task.created {
            Some(_) => started += usize::from(own(evidence, &mut case, task)),
            None => strange(evidence, &mut case, task),
        }
    }
    if started == 0 && case.is_clean() {
        return Verdict::undecided(
            "no task was started, so none was tried with another user",
            "--allow call",
        );
    }
    case.verdict(Verdict::Held(format!(
        "{started} task(s) of the run were there for their owner, and for nobody else who asked"
    )))
}

/// A task of the run: whether its owner's control worked.
fn own(evidence: &Evidence<'_>, case: &mut Case<'_>, task: &TaskTrial) -> bool {
    let name = task.tool.as_deref().unwrap_or("task");
    let owner = task.asks.iter().find(|ask| ask.role == Role::Owner);
    let works = owner.is_some_and(|ask| result(evidence, ask).is_some_and(|it| names_task(&it)));
    if !works {
        case.doubt(
            format!("the task of `{name}` is not there for its owner either"),
            None,
        );
        return false;
    }
    for ask in task.asks.iter().filter(|ask| ask.role != Role::Owner) {
        let Some(answer) = result(evidence, ask) else {
            continue;
        };
        if ask.what == CANCEL || names_task(&answer) {
            let message = format!(
                "`{}` of a task that `{}` started brings `{}` a result; expected an error as for a \
                 task that does not exist",
                ask.what,
                owner.map_or("another user", |ask| ask.identity.as_str()),
                ask.identity
            );
            let mut draft = Draft::new(format!("{name}: {}", ask.what), message).at(
                ask.exchange,
                Part::Body,
                "the answer",
            );
            if let Some(created) = task.created {
                draft = draft.at(created, Part::Body, "the task");
            }
            let control: Vec<_> = owner.iter().map(|ask| ask.exchange).collect();
            case.breach(draft.also(&control, "its owner"));
        }
    }
    if task.asks.iter().all(|ask| ask.role != Role::OtherUser) {
        case.doubt(
            "no other user asked for the task of the run",
            Some(
                "an `[[identity]]` of `kind = \"other-user\"`: another person's token with the same \
                 scopes",
            ),
        );
    }
    true
}

/// Tasks that a caller without a token is shown.
fn strange(evidence: &Evidence<'_>, case: &mut Case<'_>, task: &TaskTrial) {
    for ask in task.asks.iter().filter(|ask| ask.role == Role::Anonymous) {
        let Some(answer) = result(evidence, ask) else {
            continue;
        };
        let result = answer.result();
        let listed = result
            .and_then(|it| it.get("tasks"))
            .and_then(Value::as_array);
        if listed.is_some_and(|tasks| !tasks.is_empty()) {
            let message = "`tasks/list` shows tasks without a token; expected none".to_owned();
            let draft = Draft::new("tasks/list", message);
            case.breach(draft.at(ask.exchange, Part::Body, "the list"));
        }
    }
}

/// The answer, when it is a result.
fn result(evidence: &Evidence<'_>, ask: &HandleAsk) -> Option<Answer> {
    let answer = observe(evidence.exchange(ask.exchange)?);
    let fine = answer
        .result()
        .is_some_and(|it| it.get("isError") != Some(&Value::Bool(true)));
    (fine && answer.status < 300).then_some(answer)
}

/// Whether a result names the task of the run, whose id is kept out of the ledger.
fn names_task(answer: &Answer) -> bool {
    answer
        .result()
        .is_some_and(|result| result.to_string().contains(LABEL))
}

/// What stands for the id of a task of the run.
const LABEL: &str = "{task}";
const CANCEL: &str = "tasks/cancel";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::checks::testing::World;
    use crate::model::probe::{ProbeId, ProbeKey};
    use crate::model::verdict::Status;

    const ID: &str = "task-open-to-others";

    fn world(asks: &[(&str, Role, &str, Value)], started: bool) -> World {
        let mut world = World::new();
        world.valid("admin", &["r"]);
        let created = world.answer(ProbeId::StartTask, "admin", 200, &[], "{}");
        let mut task = TaskTrial {
            tool: started.then(|| "tool/report".to_owned()),
            created: started.then_some(created),
            asks: Vec::new(),
            cancelled: true,
        };
        for (who, role, what, members) in asks {
            let key = ProbeKey::new(ProbeId::AskTask);
            task.asks.push(HandleAsk {
                identity: (*who).to_owned(),
                role: *role,
                what: (*what).to_owned(),
                exchange: world.rpc(key, who, members),
            });
        }
        world.collected.handles.tasks.push(task);
        world
    }

    fn there() -> Value {
        json!({"result": {"taskId": "{task}", "status": "working"}})
    }

    fn missing() -> Value {
        json!({"error": {"code": -32602, "message": "Task not found"}})
    }

    fn owner() -> (&'static str, Role, &'static str, Value) {
        ("admin", Role::Owner, "tasks/get", there())
    }

    #[test]
    fn a_task_that_others_read_list_or_cancel_is_broken() {
        let listed = json!({"result": {"tasks": [{"taskId": "{task}"}]}});
        for (what, members) in [
            ("tasks/get", there()),
            ("tasks/list", listed),
            ("tasks/cancel", json!({"result": {}})),
        ] {
            let world = world(&[owner(), ("bob", Role::OtherUser, what, members)], true);
            assert_eq!(world.status(ID), Status::Fail, "{what}");
        }
    }

    #[test]
    fn a_task_that_is_its_owners_alone_holds() {
        let empty = json!({"result": {"tasks": []}});
        let asks = [
            owner(),
            ("bob", Role::OtherUser, "tasks/get", missing()),
            ("bob", Role::OtherUser, "tasks/list", empty),
            ("anonymous", Role::Anonymous, "tasks/get", missing()),
        ];
        assert_eq!(world(&asks, true).status(ID), Status::Pass);
    }

    #[test]
    fn without_another_user_a_control_or_consent_it_stays_open() {
        assert_eq!(world(&[owner()], true).status(ID), Status::Inconclusive);
        let gone = [
            ("admin", Role::Owner, "tasks/get", missing()),
            ("bob", Role::OtherUser, "tasks/get", missing()),
        ];
        assert_eq!(world(&gone, true).status(ID), Status::Inconclusive);
        let Verdict::Inconclusive { decided_by, .. } = world(&[], false).verdict(ID) else {
            panic!("expected an inconclusive verdict");
        };
        assert_eq!(decided_by.as_deref(), Some("--allow call"));
    }

    #[test]
    fn a_list_of_tasks_without_a_token_is_broken() {
        let some = json!({"result": {"tasks": [{"taskId": "7"}]}});
        let none = json!({"result": {"tasks": []}});
        let ask = |members: Value| [("anonymous", Role::Anonymous, "tasks/list", members)];
        assert_eq!(world(&ask(some), false).status(ID), Status::Fail);
        assert_eq!(world(&ask(none), false).status(ID), Status::Inconclusive);
        assert_eq!(World::new().status(ID), Status::NotApplicable);
    }
}
