//! What lists and handshakes say: subjects, cursors, capabilities, declared schemes.

use serde_json::Value;

use crate::codec::metadata::describe;
use crate::model::exchange::ExchangeId;
use crate::model::identity::ScopeSet;
use crate::model::surface::{Annotations, DeclaredScheme, Subject, SubjectKind};
use crate::model::target::Revision;

pub use super::era::{negotiated_version, supported_versions};

/// One page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    /// The subjects in the order given, duplicates kept.
    pub subjects: Vec<Subject>,
    /// Where the next page starts; absent on the last one.
    pub next_cursor: Option<String>,
    /// `cacheScope` (2026-07-28).
    pub cache_scope: Option<String>,
    /// What could not be read; a page with problems is not the whole truth.
    pub problems: Vec<String>,
}

/// Reads one page from a list result.
///
/// An empty cursor is a page of its own in 2026-07-28 and the end of the list before.
pub fn decode_list(
    result: &Value,
    kind: SubjectKind,
    revision: Revision,
    exchange: ExchangeId,
) -> ListPage {
    let mut page = ListPage {
        cache_scope: text(result, "cacheScope"),
        ..ListPage::default()
    };
    match result.get("nextCursor") {
        None | Some(Value::Null) => {}
        Some(Value::String(cursor)) if cursor.is_empty() && !revision.is_modern() => {}
        Some(Value::String(cursor)) => page.next_cursor = Some(cursor.clone()),
        Some(other) => page.problems.push(format!(
            "`nextCursor` is {}; expected a string",
            describe(other)
        )),
    }
    let (member, named_by) = members(kind);
    let Some(items) = result.get(member).and_then(Value::as_array) else {
        let found = result.get(member).map_or("absent".to_owned(), describe);
        page.problems
            .push(format!("`{member}` is {found}; expected an array"));
        return page;
    };
    if items.len() > MAX_ITEMS {
        page.problems.push(format!(
            "{} entries on one page; {MAX_ITEMS} are read",
            items.len()
        ));
    }
    for (index, item) in items.iter().take(MAX_ITEMS).enumerate() {
        match subject(item, kind, named_by, exchange) {
            Some(subject) => page.subjects.push(subject),
            None => page
                .problems
                .push(format!("`{member}` entry {index} has no `{named_by}`")),
        }
    }
    page.problems.truncate(MAX_PROBLEMS);
    page
}

/// The name a server gives itself: `serverInfo`, or its place in `_meta` (2026-07-28).
pub fn server_info(result: &Value) -> Option<&Value> {
    result
        .get("serverInfo")
        .or_else(|| result.get("_meta")?.get(SERVER_INFO))
        .filter(|info| info.is_object())
}

/// The capabilities a server declares.
pub fn capabilities(result: &Value) -> Option<&Value> {
    result
        .get("capabilities")
        .filter(|capabilities| capabilities.is_object())
}

/// Whether declared capabilities offer a list; `None` when nothing was declared.
pub fn offers(capabilities: Option<&Value>, kind: SubjectKind) -> Option<bool> {
    let (member, _) = members(kind);
    let member = match kind {
        SubjectKind::ResourceTemplate => "resources",
        _ => member,
    };
    Some(capabilities?.get(member).is_some_and(Value::is_object))
}

fn members(kind: SubjectKind) -> (&'static str, &'static str) {
    match kind {
        SubjectKind::Tool => ("tools", "name"),
        SubjectKind::Resource => ("resources", "uri"),
        SubjectKind::ResourceTemplate => ("resourceTemplates", "uriTemplate"),
        SubjectKind::Prompt => ("prompts", "name"),
        SubjectKind::Completion => ("completions", "name"),
        SubjectKind::Task => ("tasks", "taskId"),
    }
}

fn subject(
    item: &Value,
    kind: SubjectKind,
    named_by: &str,
    exchange: ExchangeId,
) -> Option<Subject> {
    let name = text(item, named_by)?;
    let hints = item.get("annotations");
    Some(Subject {
        id: kind.subject_id(&name),
        kind,
        title: text(item, "title").or_else(|| text(hints?, "title")),
        description: text(item, "description"),
        annotations: (kind == SubjectKind::Tool)
            .then(|| annotations(hints?))
            .flatten(),
        schemes: schemes(item),
        input_schema: item.get("inputSchema").cloned(),
        prompt_arguments: prompt_arguments(item),
        name,
        exchange,
    })
}

fn annotations(hints: &Value) -> Option<Annotations> {
    let flag = |member: &str| hints.get(member).and_then(Value::as_bool);
    hints.is_object().then(|| Annotations {
        read_only: flag("readOnlyHint"),
        destructive: flag("destructiveHint"),
        idempotent: flag("idempotentHint"),
        open_world: flag("openWorldHint"),
    })
}

/// `securitySchemes` beside the tool's own members, else in its `_meta`.
fn schemes(item: &Value) -> Option<Vec<DeclaredScheme>> {
    let list = |holder: &Value| holder.get("securitySchemes")?.as_array().cloned();
    let declared = list(item).or_else(|| list(item.get("_meta")?))?;
    let read = |scheme: &Value| {
        Some(DeclaredScheme {
            kind: text(scheme, "type")?,
            scopes: scopes(scheme.get("scopes")),
        })
    };
    Some(declared.iter().filter_map(read).take(MAX_SCHEMES).collect())
}

fn scopes(value: Option<&Value>) -> ScopeSet {
    match value {
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        Some(Value::String(list)) => list.split_whitespace().map(str::to_owned).collect(),
        _ => ScopeSet::new(),
    }
}

fn prompt_arguments(item: &Value) -> Vec<(String, bool)> {
    let arguments = item.get("arguments").and_then(Value::as_array);
    arguments
        .into_iter()
        .flatten()
        .filter_map(|argument| {
            let required = argument.get("required").and_then(Value::as_bool);
            Some((text(argument, "name")?, required.unwrap_or(false)))
        })
        .collect()
}

fn text(holder: &Value, member: &str) -> Option<String> {
    holder.get(member)?.as_str().map(str::to_owned)
}

const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
const MAX_ITEMS: usize = 10_000;
const MAX_PROBLEMS: usize = 16;
const MAX_SCHEMES: usize = 32;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn page(result: &Value, kind: SubjectKind) -> ListPage {
        decode_list(result, kind, Revision::R2026_07, ExchangeId(3))
    }

    #[test]
    fn a_tool_keeps_hints_schemes_and_schema() {
        let result = json!({"resultType": "complete", "cacheScope": "private", "nextCursor": "c2",
        "tools": [{
            "name": "delete_note", "description": "Deletes a note",
            "annotations": {"title": "Delete", "readOnlyHint": false, "destructiveHint": "yes"},
            "inputSchema": {"type": "object", "required": ["id"]},
            "securitySchemes": [{"type": "oauth2", "scopes": ["notes:write"]}, {"type": "noauth"}],
        }]});
        let page = page(&result, SubjectKind::Tool);
        assert_eq!(page.next_cursor.as_deref(), Some("c2"));
        assert_eq!(page.cache_scope.as_deref(), Some("private"));
        assert!(page.problems.is_empty());
        let tool = &page.subjects[0];
        assert_eq!(
            (tool.id.as_str(), tool.exchange),
            ("tool/delete_note", ExchangeId(3))
        );
        assert_eq!(tool.title.as_deref(), Some("Delete"));
        assert_eq!(
            tool.annotations,
            Some(Annotations {
                read_only: Some(false),
                ..Annotations::default()
            })
        );
        let schemes = tool.schemes.as_ref().unwrap();
        assert_eq!((schemes[0].kind.as_str(), schemes.len()), ("oauth2", 2));
        assert!(schemes[0].scopes.contains("notes:write"));
        assert!(tool.input_schema.is_some());
    }

    #[test]
    fn schemes_are_found_in_meta_and_stay_absent_otherwise() {
        let result = json!({"tools": [
            {"name": "a", "_meta": {"securitySchemes": [{"type": "oauth2", "scopes": "x y"}]}},
            {"name": "b"}]});
        let subjects = page(&result, SubjectKind::Tool).subjects;
        assert_eq!(subjects[0].schemes.as_ref().unwrap()[0].scopes.len(), 2);
        assert_eq!(subjects[1].schemes, None);
        assert_eq!(subjects[1].annotations, None);
    }

    #[test]
    fn resources_templates_and_prompts_are_named_by_their_own_members() {
        let resources = json!({"resources": [{"uri": "file:///x", "name": "x",
            "annotations": {"audience": ["user"]}}]});
        let resource = &page(&resources, SubjectKind::Resource).subjects[0];
        assert_eq!(resource.id, "resource/file:///x");
        assert_eq!(resource.annotations, None);
        let templates = json!({"resourceTemplates": [{"uriTemplate": "file:///{p}", "name": "x"}]});
        let template = &page(&templates, SubjectKind::ResourceTemplate).subjects[0];
        assert_eq!(template.id, "resource_template/file:///{p}");
        let prompts = json!({"prompts": [{"name": "plan", "arguments":
            [{"name": "topic", "required": true}, {"name": "tone"}, {}]}]});
        let prompt = &page(&prompts, SubjectKind::Prompt).subjects[0];
        assert_eq!(
            prompt.prompt_arguments,
            [("topic".to_owned(), true), ("tone".to_owned(), false)]
        );
    }

    #[test]
    fn an_empty_cursor_ends_legacy_lists_only() {
        let result = json!({"tools": [], "nextCursor": ""});
        let decode = |revision| decode_list(&result, SubjectKind::Tool, revision, ExchangeId(1));
        assert_eq!(decode(Revision::R2026_07).next_cursor.as_deref(), Some(""));
        assert_eq!(decode(Revision::R2025_11).next_cursor, None);
        let result = json!({"tools": [], "nextCursor": null});
        assert_eq!(page(&result, SubjectKind::Tool).next_cursor, None);
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for (result, why) in [
            (json!({}), "`tools` is absent"),
            (json!({"tools": {}}), "`tools` is an object"),
            (json!({"tools": [{"name": 7}]}), "entry 0 has no `name`"),
            (
                json!({"tools": [], "nextCursor": 5}),
                "`nextCursor` is a number",
            ),
            (json!("x"), "`tools` is absent"),
        ] {
            let problems = page(&result, SubjectKind::Tool).problems;
            assert!(problems[0].contains(why), "{problems:?}");
        }
        let flood = json!({"tools": vec![json!({}); MAX_ITEMS + 1]});
        assert_eq!(page(&flood, SubjectKind::Tool).problems.len(), MAX_PROBLEMS);
    }

    #[test]
    fn handshakes_of_both_eras_name_server_and_capabilities() {
        let legacy = json!({"serverInfo": {"name": "A"}, "capabilities": {"tools": {}}});
        let modern =
            json!({"_meta": {SERVER_INFO: {"name": "B"}}, "capabilities": {"resources": {}}});
        assert_eq!(server_info(&legacy).unwrap()["name"], "A");
        assert_eq!(server_info(&modern).unwrap()["name"], "B");
        assert_eq!(server_info(&json!({"serverInfo": "A"})), None);
        assert_eq!(offers(capabilities(&legacy), SubjectKind::Tool), Some(true));
        assert_eq!(
            offers(capabilities(&legacy), SubjectKind::Prompt),
            Some(false)
        );
        assert_eq!(
            offers(capabilities(&modern), SubjectKind::ResourceTemplate),
            Some(true)
        );
        assert_eq!(offers(capabilities(&json!({})), SubjectKind::Tool), None);
    }
}
