//! The words for the state in which a failure leaves the tables of an app.

use row_mover::run::OpenTables;

use crate::display::printable;

/// How many names of a kind are listed.
const LISTED_MAX: usize = 10;

/// The state in which a migration leaves the tables of an app; none where the target does not answer.
pub(crate) fn text(open: Option<&OpenTables>) -> String {
    let Some(OpenTables { foreign_keys, triggers, replaced, loaded }) = open else {
        return "the target does not answer, so that the state of the app's tables is not known; once it does, \
                `cargo xtask migrate … --undo --dry-run` shows it"
            .to_owned();
    };
    let mut parts = Vec::new();
    let mut add = |verb: [&str; 2], noun: &str, names: &[String]| {
        if !names.is_empty() {
            let verb = if names.len() == 1 { verb[0] } else { verb[1] };
            parts.push(format!(
                "the app's {noun}{} {} {verb}",
                if names.len() == 1 { "" } else { "s" },
                listed(names)
            ));
        }
    };
    add(["is dropped", "are dropped"], "foreign key", foreign_keys);
    add(["is disabled", "are disabled"], "trigger", triggers);
    add(
        ["has lost its own rows, which are saved", "have lost their own rows, which are saved"],
        "table",
        replaced,
    );
    add(["holds rows of this run", "hold rows of this run"], "table", loaded);
    format!(
        "{}; `cargo xtask migrate … --undo` puts everything back as it was, or run the same command again after repairing",
        parts.join(", ")
    )
}

/// Names, the first of them if they are many.
pub(crate) fn listed(names: &[String]) -> String {
    let mut listed: Vec<String> = names.iter().take(LISTED_MAX).map(|name| printable(name)).collect();
    if names.len() > LISTED_MAX {
        listed.push(format!("and {} more", names.len() - LISTED_MAX));
    }
    listed.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_names_what_is_open_and_the_way_back() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let open = OpenTables {
            foreign_keys: names(&["public.b.b_a_fkey", "public.c.c_a_fkey"]),
            triggers: names(&["public.b.noted"]),
            ..OpenTables::default()
        };
        assert_eq!(
            text(Some(&open)),
            "the app's foreign keys public.b.b_a_fkey, public.c.c_a_fkey are dropped, the app's trigger public.b.noted is disabled; \
             `cargo xtask migrate … --undo` puts everything back as it was, or run the same command again after repairing"
        );
        assert!(text(None).contains("--undo --dry-run"));
    }
}
