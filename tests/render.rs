//! One rich report in every form.

use mcp_assay::report::assemble::assemble;
use mcp_assay::report::{Format, Style, render};

mod support {
    pub mod rich_report;
}
use support::rich_report as rich;

#[test]
fn show() {
    let report = assemble(rich::collected(), rich::judged(), &rich::settings());
    for (width, colour) in [(80, false), (120, true)] {
        let style = Style { width, colour, full: false };
        let bytes = render(Format::Table, &report, &style).unwrap();
        println!("{}", String::from_utf8(bytes).unwrap());
    }
}
