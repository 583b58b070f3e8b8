//! TypeScript's own judgement of everything that is generated, for Hyperpage and for many other databases.

use std::fs;

use crate::databases::{HOSTILE, of_frameworks};
use crate::place::{Place, checkout};
use crate::support::{npm_project, run};

/// Settings as strict as an app may have them, and modules as Next.js resolves them.
const SETTINGS: &str = r#"{
  "compilerOptions": {
    "target": "ES2022", "module": "ESNext", "moduleResolution": "Bundler", "types": ["node"], "strict": true, "noEmit": true, "skipLibCheck": true,
    "exactOptionalPropertyTypes": true, "noUncheckedIndexedAccess": true, "noImplicitReturns": true, "noUnusedLocals": true,
    "noUnusedParameters": true, "verbatimModuleSyntax": true, "isolatedModules": true
  }
}
"#;

/// The settings of `create-next-app`, which `next build` checks with.
const NEXT_SETTINGS: &str = r#"{
  "compilerOptions": {
    "target": "ES2017", "lib": ["dom", "dom.iterable", "esnext"], "allowJs": true, "skipLibCheck": true, "strict": true, "noEmit": true,
    "esModuleInterop": true, "module": "esnext", "moduleResolution": "bundler", "resolveJsonModule": true, "isolatedModules": true,
    "jsx": "preserve", "types": ["node"]
  }
}
"#;

#[test]
#[ignore = "needs node and npm"]
fn all_generated_typescript_compiles() {
    let all = Place::new();
    let project = npm_project(&checkout().join("fixtures/app"));
    project.link_into(all.path());
    fs::write(all.path().join("package.json"), "{ \"type\": \"module\" }\n").unwrap();
    let settings = [("tsconfig.json", SETTINGS), ("tsconfig.next.json", NEXT_SETTINGS)];
    for (name, text) in settings {
        fs::write(all.path().join(name), text).unwrap();
    }
    let mut count = 0;
    for database in HOSTILE.into_iter().chain(of_frameworks()) {
        let place = Place::new();
        let app = database.generate(&place);
        let folder = all.path().join(database.name);
        for part in ["drizzle", "db"] {
            fs::create_dir_all(folder.join(part)).unwrap();
            for file in fs::read_dir(app.folder.join(part)).unwrap().map(Result::unwrap) {
                if file.path().extension().is_some_and(|extension| extension == "ts") {
                    fs::copy(file.path(), folder.join(part).join(file.file_name())).unwrap();
                }
            }
        }
        fs::copy(app.folder.join("drizzle.config.ts"), folder.join("drizzle.config.ts")).unwrap();
        count += 1;
    }
    assert!(count >= 20, "{count}");
    let hyperpage = all.path().join("hyperpage");
    let mapping = checkout().join("schema-pg/mapping.toml");
    fs::create_dir_all(&hyperpage).unwrap();
    fs::copy(mapping, hyperpage.join("mapping.toml")).unwrap();
    all.sample();
    let generate = ["generate", "--sqlite", "hyperpage.db", "--out", "hyperpage", "--drizzle"];
    let output = all.run(generate);
    assert_eq!(output.code, Some(0), "{}", output.screen());
    for (name, _) in settings {
        run(project.program("tsc", all.path()).args(["--project", name]));
    }
}
