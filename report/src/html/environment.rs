//! The programs at work, and the settings of the target that matter to what was compared.

use maud::{Markup, html};

use super::page::Page;
use super::parts::{code, moment, words};
use crate::figures::size;

/// The section.
pub(super) fn body(page: &Page<'_>) -> Markup {
    let report = page.report;
    let environment = &report.environment;
    let changed = match report.source.changed_since {
        Some(true) => "yes: what was written after the copy was taken is not in PostgreSQL",
        Some(false) => "no, as far as its size and time tell",
        None => "not checked",
    };
    html! {
        dl.facts {
            div { dt { "This program" } dd { (words(&environment.tool_version)) } }
            div { dt { "SQLite" } dd { (words(&environment.sqlite_version)) } }
            div { dt { "Server" } dd { (words(&environment.server_version)) } }
            div { dt { "System" } dd { (words(&environment.system)) } }
            div { dt { "Target" } dd { (code(&report.target.url)) } }
            div { dt { "Source" } dd { (code(&report.source.path)) } }
            div { dt { "Written to since" } dd { (changed) } }
            div { dt { "Sealed copy" } dd { (code(&report.source.sealed_path)) ", " (size(report.source.bytes)) ", " (moment(&report.source.sealed_at)) } }
            @if let Some(method) = &report.source.copy_method { div { dt { "How it was taken" } dd { (method) } } }
            div { dt { "SHA-256 of the copy" } dd { (code(&report.source.sha256)) } }
            div { dt { "SHA-256 of the plan" } dd { (code(&report.plan_sha256)) } }
            @for [setting, value] in &environment.target_settings { div { dt { (words(setting)) } dd { (code(value)) } } }
        }
    }
}
