//! What a manifest may not say, whatever the server does.

use std::collections::BTreeMap;

use crate::manifest::{Expect, Expected, Identity, Registration, Role, Words};

impl Expected {
    /// Sayings that contradict each other or name something undeclared.
    pub fn contradictions(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.check_names(&mut found);
        self.check_words(&mut found);
        self.check_identities(&mut found);
        found
    }

    fn check_names(&self, found: &mut Vec<String>) {
        let cells = self.expect.never.values().chain(self.expect.cells.values());
        let truth = self
            .truth
            .valid
            .values()
            .chain(self.truth.invalid_arguments.values());
        for name in cells
            .flat_map(BTreeMap::keys)
            .chain(truth.flat_map(BTreeMap::keys))
        {
            if !matches!(name.as_str(), "anonymous" | "garbage") && self.identity(name).is_none() {
                found.push(format!(
                    "no identity is called {name}; declare it with [[identity]]"
                ));
            }
        }
    }

    fn check_words(&self, found: &mut Vec<String>) {
        let Expect {
            registration,
            registration_with_register,
            enforcement,
            ..
        } = &self.expect;
        let postures = registration.iter().chain(registration_with_register.iter());
        let postures = postures.filter(|word| !POSTURES.contains(word));
        let answers = enforcement
            .iter()
            .filter(|word| !ENFORCEMENT.contains(word));
        let cells = self
            .expect
            .cells
            .values()
            .flat_map(BTreeMap::values)
            .flat_map(Words::iter);
        let cells = cells.filter(|word| !ACCESS.contains(word));
        found.extend(
            postures
                .chain(answers)
                .chain(cells)
                .map(|word| format!("unknown: {word}")),
        );
        if let Some(Registration { posture, .. }) = &self.registration
            && !registration_with_register
                .iter()
                .any(|word| word == posture)
            && !registration_with_register
                .iter()
                .any(|word| word == "undetermined")
        {
            found.push(format!(
                "the posture is {posture}, which no audit may report"
            ));
        }
        for (subject, row) in &self.expect.cells {
            for (name, cell) in row {
                let false_words = self.false_words(subject, name);
                for word in cell.iter().filter(|word| false_words.contains(word)) {
                    found.push(format!(
                        "{subject} {name}: {word} is expected and would be false"
                    ));
                }
            }
        }
    }

    fn check_identities(&self, found: &mut Vec<String>) {
        for Identity {
            name,
            token,
            token_file,
            client_credentials,
            scopes,
            role,
            ..
        } in &self.identities
        {
            let client = client_credentials.as_ref();
            let ways = [token.is_some(), token_file.is_some(), client.is_some()];
            if ways.into_iter().filter(|way| *way).count() != 1 {
                found.push(format!("{name} needs exactly one way to a token"));
            }
            if client.is_some_and(|client| client.scope != scopes.join(" ")) {
                found.push(format!("{name} asks for other scopes than {scopes:?}"));
            }
            let words = self.truth.valid.values().filter_map(|row| row.get(name));
            let refused = *role != Role::Operator && !self.takes.contains(name);
            if refused && words.clone().any(|word| word != "denied") {
                found.push(format!("{name} is {role:?} and yet allowed something"));
            }
        }
    }
}

const POSTURES: &[&str] = &["D0", "D1", "D2", "D3", "D4", "D5", "undetermined"];
const ENFORCEMENT: &[&str] = &["per_tool", "partial", "server_only", "none", "undetermined"];
const ACCESS: &[&str] = &["allowed", "reached", "denied", "inconclusive", "not_tested"];

#[cfg(test)]
mod tests {
    use crate::harness::{Outcome, named};
    use crate::manifest::{Expected, Words};

    fn sound() -> Outcome<Expected> {
        named("fastmcp-sound")?.expected()
    }

    fn said(expected: &Expected, part: &str) -> bool {
        expected
            .contradictions()
            .iter()
            .any(|one| one.contains(part))
    }

    #[test]
    fn a_consistent_manifest_has_no_contradictions() -> Outcome<()> {
        assert_eq!(sound()?.contradictions(), Vec::<String>::new());
        Ok(())
    }

    #[test]
    fn an_identity_that_is_not_declared_is_named() -> Outcome<()> {
        let mut expected = sound()?;
        expected
            .identities
            .retain(|identity| identity.name != "outsider");
        assert!(said(&expected, "no identity is called outsider"));
        Ok(())
    }

    #[test]
    fn an_expected_word_against_the_truth_is_named() -> Outcome<()> {
        let mut expected = sound()?;
        let row = expected
            .expect
            .cells
            .entry("tool/create_note".to_owned())
            .or_default();
        row.insert("reader".to_owned(), Words::One("allowed".to_owned()));
        assert!(said(
            &expected,
            "tool/create_note reader: allowed is expected"
        ));
        Ok(())
    }

    #[test]
    fn a_word_that_no_report_uses_is_named() -> Outcome<()> {
        let mut expected = sound()?;
        expected.expect.enforcement = Words::One("fine".to_owned());
        assert!(said(&expected, "unknown: fine"));
        Ok(())
    }

    #[test]
    fn an_identity_with_two_ways_to_a_token_is_named() -> Outcome<()> {
        let mut expected = sound()?;
        for identity in &mut expected.identities {
            identity.token = Some("second".to_owned());
        }
        assert!(said(&expected, "reader needs exactly one way to a token"));
        Ok(())
    }
}
