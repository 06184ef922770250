//! What a tool's words say it does: only what clearly reads is called unasked (oracle §7.3).

use crate::model::surface::Subject;

/// Why a tool is not clearly read-only; `None` when nothing speaks against it.
///
/// The hint is the server's own word and untrusted, so the name, title and description may veto
/// it but never replace it.
pub(super) fn doubt(subject: &Subject) -> Option<String> {
    let hinted = subject
        .annotations
        .is_some_and(|hints| hints.read_only == Some(true));
    if !hinted {
        return Some("it is not marked `readOnlyHint: true`".into());
    }
    let named = [Some(subject.name.as_str()), subject.title.as_deref()];
    for text in named.into_iter().flatten() {
        if let Some(word) = named_act(text) {
            return Some(format!(
                "it is marked read-only, but its name says `{word}`"
            ));
        }
    }
    let description = subject.description.as_deref().unwrap_or_default();
    described_act(description)
        .map(|word| format!("it is marked read-only, but its description says `{word}`"))
}

/// Whether a value that a tool offers to choose from names an act.
pub(super) fn is_act(value: &str) -> bool {
    named_act(value).is_some()
}

/// The words of a name or sentence: split at anything that is no letter, and at humps.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut word = String::new();
    let chars: Vec<char> = text.chars().collect();
    for (at, &c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| chars.get(at));
        let after = chars.get(at + 1);
        let hump = c.is_uppercase()
            && (before.is_some_and(|c| c.is_lowercase())
                || (before.is_some_and(|c| c.is_uppercase())
                    && after.is_some_and(|c| c.is_lowercase())));
        if (!c.is_alphabetic() || hump) && !word.is_empty() {
            found.push(std::mem::take(&mut word));
        }
        if c.is_alphabetic() {
            word.extend(c.to_lowercase());
        }
    }
    if !word.is_empty() {
        found.push(word);
    }
    found
}

fn named_act(name: &str) -> Option<String> {
    let words = words(name);
    // After a reading verb the doubtful words are nouns: `list_orders`, `get_post`.
    let reads = words.first().is_some_and(|first| listed(READS, first));
    words
        .into_iter()
        .find(|word| acts(word) || listed(IN_NAMES, word) || (!reads && may_act(word)))
}

fn described_act(description: &str) -> Option<String> {
    for sentence in description.split(['.', ';', '\n', '!', '?', ':']) {
        let words = words(sentence);
        for (at, word) in words.iter().enumerate() {
            let before = at
                .checked_sub(1)
                .and_then(|at| words.get(at))
                .map(String::as_str);
            let after = words.get(at + 1).map(String::as_str);
            if acts(word) && !is_timestamp(word, before, after) {
                return Some(word.clone());
            }
            let leads = before.is_none_or(|before| listed(LEADS, before));
            if may_act(word) && leads && after != Some("this") {
                return Some(word.clone());
            }
        }
    }
    None
}

/// Whether any form of the word changes something, reaches out, or costs.
fn acts(word: &str) -> bool {
    ACTS.split_whitespace().any(|verb| is_form_of(word, verb)) || listed(REACHES_OUT, word)
}

/// Whether the word does so where it stands as a verb.
fn may_act(word: &str) -> bool {
    MAY_ACT
        .split_whitespace()
        .any(|verb| word == verb || third_person(word, verb))
}

/// `created at`, `recently updated`: a property of the data, not an act.
fn is_timestamp(word: &str, before: Option<&str>, after: Option<&str>) -> bool {
    matches!(word, "created" | "updated" | "modified" | "changed")
        && (after.is_some_and(|after| listed(AFTER_STAMP, after))
            || before.is_some_and(|before| listed(BEFORE_STAMP, before)))
}

fn is_form_of(word: &str, verb: &str) -> bool {
    if word == verb || third_person(word, verb) {
        return true;
    }
    let stem = verb.strip_suffix('e').unwrap_or(verb);
    let y = verb.strip_suffix('y');
    let last = verb.chars().next_back().unwrap_or_default();
    let rest = word.strip_prefix(stem).unwrap_or("-");
    matches!(rest, "ed" | "ing" | "er" | "ion" | "al")
        || y.is_some_and(|y| word.strip_prefix(y) == Some("ied"))
        || word
            .strip_prefix(verb)
            .and_then(|rest| rest.strip_prefix(last))
            .is_some_and(|rest| matches!(rest, "ed" | "ing"))
}

fn third_person(word: &str, verb: &str) -> bool {
    word.strip_prefix(verb)
        .is_some_and(|rest| matches!(rest, "s" | "es"))
        || verb
            .strip_suffix('y')
            .is_some_and(|y| word.strip_prefix(y) == Some("ies"))
}

fn listed(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|listed| listed == word)
}

/// Verbs in any form, anywhere.
const ACTS: &str = "activate add alter append apply approve assign attach ban broadcast buy cancel charge \
    clear create deactivate decline delete deploy destroy detach disable drop edit email \
    empty enable enroll erase eval evict exec execute expire flush forward generate grant \
    insert install invalidate invite invoke kick kill launch modify mutate notify \
    overwrite pay provision publish purchase purge reboot refund register reject remove \
    rename replace reply reset restart restore revert revoke rollback rotate save send \
    shutdown spawn submit subscribe suspend terminate transfer trigger truncate tweet \
    unassign uninstall unlink unpublish unsubscribe update upload upsert wipe withdraw \
    write";

/// Words that are verbs in a name or at the head of a clause, and nouns elsewhere.
const MAY_ACT: &str = "block book call change chat close complete configure copy cut do export finish fork \
    increment join leave lock log make mark merge message move mute open order pause pin \
    post prompt pull push put record release resume rate run set share sign start stop \
    store summarise summarize swap switch sync tag toggle touch track translate undo \
    unlock use vote";

/// Words of reaching out, executing or paying a model, whatever their form.
const REACHES_OUT: &str = "bash browse checkout completion crawl curl download downloads embedding embeddings gpt \
    inference invoice llm mail openai payment payments powershell scrape shell sms ssh \
    subprocess sudo web webhook website";

/// Words that say so in a name, and are ordinary data in a description.
const IN_NAMES: &str = "browser cmd command http https ping python script sql url urls wire";

/// Verbs that make what follows them a noun.
const READS: &str = "check compare count describe export fetch find get has inspect is list lookup peek \
    preview query read retrieve search show stat status validate verify view whoami";

/// What may stand before a verb that says what the tool does.
const LEADS: &str = "also and can could it may must or please shall should then to tool will would";
const AFTER_STAMP: &str = "after at before between by date dates first last on since time times timestamp \
    timestamps";
const BEFORE_STAMP: &str = "last latest newly recently when";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::testing::tool;

    fn doubted(name: &str, description: &str) -> bool {
        let mut subject = tool(name, Some(true));
        subject.description = Some(description.into());
        doubt(&subject).is_some()
    }

    #[test]
    fn names_split_at_underscores_hyphens_and_humps() {
        assert_eq!(words("delete_note"), ["delete", "note"]);
        assert_eq!(
            words("deleteHTTPNote-now2"),
            ["delete", "http", "note", "now"]
        );
    }

    #[test]
    fn a_hint_alone_is_enough_for_plain_reading_tools() {
        for (name, description) in [
            ("list_notes", "Lists notes, most recently updated first."),
            (
                "getNote",
                "Returns one note with the date it was created on.",
            ),
            (
                "search-notes",
                "Use this tool to find notes. Call this when unsure.",
            ),
            ("read_post", "Reads a post."),
            ("list_orders", "Lists orders. Returns a set of orders."),
            ("addresses", "Shows additional addresses."),
            ("whoami", "Who the caller is."),
        ] {
            assert!(!doubted(name, description), "{name}: {description}");
        }
    }

    #[test]
    fn acting_names_and_descriptions_veto_the_hint() {
        for (name, description) in [
            ("delete_note", "Lists notes."),
            ("setStatus", "Status."),
            ("run-query", "Queries."),
            ("list_deleted", "Lists."),
            ("list_notes", "List deleted notes."),
            ("note", "Lists notes and then removes the oldest."),
            ("note", "Fetches a page from the web."),
            ("ask", "Sends the question to an LLM."),
            ("note", "Reads a note. Marks it as seen."),
            ("fetch_url", "Fetches."),
            ("tool", "Charges the card on file."),
            ("notify", "Notifies."),
        ] {
            assert!(doubted(name, description), "{name}: {description}");
        }
    }

    #[test]
    fn without_the_hint_nothing_is_clearly_read_only() {
        assert!(doubt(&tool("list_notes", None)).is_some());
        assert!(doubt(&tool("list_notes", Some(false))).is_some());
    }
}
