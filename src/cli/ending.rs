//! How a run ended, for whoever had every report written to files.

use super::args::{Global, OutputArgs};
use super::session::{self, Destination};
use crate::model::report::Report;
use crate::report::{exit, safe};

/// Says on stderr how a run ended and where its reports are, unless standard output says so.
pub(crate) fn tell(
    report: &Report,
    code: u8,
    destinations: &[Destination],
    global: &Global,
    output: &OutputArgs,
) {
    let paths = destinations.iter().map(|it| it.path.as_str());
    let paths: Vec<&str> = paths.chain(output.write_policy.as_deref()).collect();
    told(code, &report.outcome.meaning, &paths, global);
}

/// The same for several targets, of which each exit code is given.
pub(crate) fn tell_of_several(code: u8, codes: &[u8], paths: &[&str], global: &Global) {
    let counts: Vec<String> = exit::EXIT_CODES
        .iter()
        .filter_map(|(one, name, _)| {
            let ended = codes.iter().filter(|it| *it == one);
            let n = ended.map(|_| 1).sum::<usize>();
            (n > 0).then(|| format!("{n} {name}"))
        })
        .collect();
    let meaning = format!("{} targets: {}", codes.len(), counts.join(", "));
    told(code, &meaning, paths, global);
}

fn told(code: u8, meaning: &str, paths: &[&str], global: &Global) {
    if global.quiet || paths.contains(&"-") {
        return;
    }
    session::note(&line(code, meaning, paths));
}

fn line(code: u8, meaning: &str, paths: &[&str]) -> String {
    let written = match paths {
        [] => String::new(),
        some => format!("; written: {}", some.join(", ")),
    };
    let text = format!("exit {code} {}: {meaning}{written}\n", exit::name(code));
    safe::lines(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_code_reason_and_files_and_no_control_characters() {
        assert_eq!(
            line(1, "2 findings", &["a.html", "b.json"]),
            "exit 1 findings: 2 findings; written: a.html, b.json\n"
        );
        let hostile = line(3, "no answer\u{1b}[2J", &[]);
        assert!(hostile.starts_with("exit 3 incomplete: no answer"));
        assert!(!hostile.contains('\u{1b}'), "{hostile:?}");
    }
}
