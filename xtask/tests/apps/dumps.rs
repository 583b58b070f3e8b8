//! The scripts that `deploy render` puts into the cluster, run as its pods run them, against a real PostgreSQL: the app's role and
//! database are created, dumped every night, and restored.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use test_database::own_server::OwnServer;

use crate::place::{Output, Place, output};
use crate::support::{command, run};

/// A server, a folder for dumps, and the rendered scripts.
struct Cluster {
    server: OwnServer,
    place: Place,
    bindir: PathBuf,
}

/// The role of the app. The manifests name it `hyperpage`, as the superuser of the private PostgreSQL is named.
const ROLE: &str = "app";

/// Its password.
const SECRET: &str = "it's a \"secret\" \\ $HOME";

impl Cluster {
    fn start() -> Cluster {
        let (server, place) = (OwnServer::start(&[]), Place::new());
        let bindir = server.cluster.bindir().unwrap();
        let cluster = Cluster { server, place, bindir };
        let arguments =
            ["deploy", "render", "--topology", "statefulset", "--image", "shop:1", "--out", "k8s"];
        cluster.place.run(arguments).expect(0);
        for (map, scripts) in
            [("postgres", vec!["create-database.sh"]), ("postgres-backup", vec!["backup.sh", "restore.sh"])]
        {
            let path = format!("k8s/base/database/hyperpage-{map}.configmap.yaml");
            let text = fs::read_to_string(cluster.place.path().join(path)).unwrap();
            for name in scripts {
                fs::write(cluster.place.path().join(name), block(&text, name)).unwrap();
            }
        }
        fs::create_dir(cluster.backups()).unwrap();
        cluster
    }

    fn backups(&self) -> PathBuf {
        self.place.path().join("backups")
    }

    /// Runs a script as a pod does, with `programs` before PostgreSQL's own.
    fn script(&self, name: &str, role: &str, programs: Option<&Path>, own: &[(&str, &str)]) -> Output {
        let login = self.server.cluster.login().unwrap();
        let mut folders: Vec<PathBuf> =
            programs.map(Path::to_owned).into_iter().chain([self.bindir.clone()]).collect();
        folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
        let password = if role == login.user { login.password.as_str() } else { SECRET };
        let mut command = command("sh", self.place.path());
        command
            .arg(self.place.path().join(name))
            .env("PATH", std::env::join_paths(folders).unwrap())
            .envs([
                ("PGHOST", login.host),
                ("PGUSER", role),
                ("PGPASSWORD", password),
                ("PGDATABASE", "hyperpage"),
            ])
            .env("PGPORT", login.port.to_string())
            .env("BACKUP_DIR", self.backups())
            .envs(own.iter().copied());
        output(&mut command)
    }

    fn create_database(&self) -> Output {
        let user = self.server.cluster.login().unwrap().user;
        let own = [
            ("POSTGRES_USER", user),
            ("POSTGRES_DB", "postgres"),
            ("APP_ROLE", ROLE),
            ("APP_DATABASE", "hyperpage"),
            ("APP_PASSWORD", SECRET),
        ];
        self.script("create-database.sh", user, None, &own)
    }

    fn backup(&self, programs: Option<&Path>) -> Output {
        self.script("backup.sh", ROLE, programs, &[("BACKUP_KEEP", "2")])
    }

    fn restore(&self, dump: &str) -> Output {
        let user = self.server.cluster.login().unwrap().user;
        let own = [("RESTORE_DATABASE", "hyperpage_restored"), ("APP_ROLE", ROLE), ("RESTORE_DUMP", dump)];
        self.script("restore.sh", user, None, &own)
    }

    /// The answer of `psql` as the superuser.
    fn ask(&self, database: &str, sql: &str) -> String {
        let url = self.server.cluster.url(database).unwrap();
        let mut psql = command(self.bindir.join("psql"), self.place.path());
        run(psql.args(["--no-psqlrc", "--tuples-only", "--no-align", "--command", sql, &url]))
            .trim()
            .to_owned()
    }

    /// The dumps, oldest first, and whatever else is in their folder apart from the lock.
    fn dumps(&self) -> Vec<String> {
        let entries = fs::read_dir(self.backups())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = entries.filter(|name| name != ".lock").collect();
        names.sort();
        names
    }

    /// A folder with a program that replaces one of PostgreSQL's.
    fn stand_in(&self, name: &str, text: &str) -> PathBuf {
        let folder = self.place.path().join("stand-in");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), text).unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        folder
    }
}

/// The text of a key of a ConfigMap, which is a block of YAML.
fn block(yaml: &str, key: &str) -> String {
    let lines = yaml.lines().skip_while(|line| *line != format!("  {key}: |")).skip(1);
    let text: String = lines
        .take_while(|line| line.is_empty() || line.starts_with("    "))
        .map(|line| format!("{}\n", line.get(4..).unwrap_or_default()))
        .collect();
    assert!(text.starts_with("#!/bin/sh\n"), "no script {key}");
    text
}

#[test]
#[ignore = "needs pg_dump"]
fn a_database_is_created_dumped_and_restored() {
    let cluster = Cluster::start();
    cluster.create_database().expect(0);
    let role = "SELECT rolcanlogin, rolsuper, rolcreatedb FROM pg_roles WHERE rolname = 'app'";
    assert_eq!(cluster.ask("postgres", role), "t|f|f");
    assert!(!cluster.server.log().contains("it's a"), "the password is in the log");
    // The second attempt fails, and its statement is not logged either.
    assert_ne!(cluster.create_database().code, Some(0));
    assert!(!cluster.server.log().contains("secret"), "{}", cluster.server.log());
    let fill = "SET ROLE app; CREATE TABLE t (id int PRIMARY KEY, v text); \
                INSERT INTO t SELECT i, 'row ' || i FROM generate_series(1, 1000) i";
    cluster.ask("hyperpage", fill);

    // The newest two stay.
    for _ in 0..3 {
        cluster.backup(None).expect(0);
    }
    let kept = cluster.dumps();
    assert_eq!(kept.len(), 2, "{kept:?}");
    cluster.ask("hyperpage", "INSERT INTO t VALUES (1001, 'later')");
    cluster.backup(None).expect(0);
    let newest = cluster.dumps();
    assert_eq!((newest.len(), &newest[0]), (2, &kept[1]));

    let restored = cluster.restore("").expect(0);
    assert!(restored.stdout.contains(&newest[1]), "{}", restored.screen());
    let count = "SELECT count(*), min(v), (SELECT tableowner FROM pg_tables WHERE tablename = 't') FROM t";
    assert_eq!(cluster.ask("hyperpage_restored", count), "1001|later|app");
    // What exists is never written to.
    let refused = cluster.restore(&newest[0]);
    assert!(refused.code == Some(1) && refused.stderr.contains("already exists"), "{}", refused.screen());
    assert_eq!(cluster.ask("hyperpage_restored", count), "1001|later|app");

    // The last steps of the recipe.
    cluster.ask("postgres", "ALTER DATABASE hyperpage RENAME TO hyperpage_before");
    cluster.ask("postgres", "ALTER DATABASE hyperpage_restored RENAME TO hyperpage");
    assert_eq!(cluster.ask("hyperpage", count), "1001|later|app");
    cluster.restore(&newest[0]).expect(0);
    assert_eq!(cluster.ask("hyperpage_restored", count), "1000|row 1|app");
}

#[test]
#[ignore = "needs pg_dump"]
fn a_dump_that_fails_replaces_nothing() {
    let cluster = Cluster::start();
    cluster.create_database().expect(0);
    cluster.backup(None).expect(0);
    cluster.backup(None).expect(0);
    let good = cluster.dumps();
    let partial = "#!/bin/sh\nfor word; do file=$word; done\necho PGDMP >\"$file\"\n";
    for (end, code) in [("exit 1", 1), ("exit 0", 1), ("kill -9 $PPID", -1)] {
        let folder = cluster.stand_in("pg_dump", &format!("{partial}{end}\n"));
        let failed = cluster.backup(Some(&folder));
        assert_eq!(failed.code.unwrap_or(-1), code, "{end}: {}", failed.screen());
        let found = cluster.dumps();
        let dumps: Vec<&String> = found.iter().filter(|name| !name.starts_with(".partial-")).collect();
        assert_eq!(dumps, good.iter().collect::<Vec<_>>(), "{end}");
        // Only one that was killed leaves anything, for the next one to remove.
        assert_eq!(found.len() > good.len(), code == -1, "{end}: {found:?}");
    }
    cluster.backup(None).expect(0);
    let now = cluster.dumps();
    assert_eq!((now.len(), &now[0]), (2, &good[1]), "{now:?}");
    for keep in ["0", "", "-1", "2; rm -rf /"] {
        let refused = cluster.script("backup.sh", ROLE, None, &[("BACKUP_KEEP", keep)]);
        assert_eq!(refused.code, Some(2), "{keep}: {}", refused.screen());
    }
    assert_eq!(cluster.dumps(), now);
}

#[test]
#[ignore = "needs pg_dump"]
fn a_restore_that_fails_leaves_no_database() {
    let cluster = Cluster::start();
    cluster.create_database().expect(0);
    cluster.ask("hyperpage", "CREATE TABLE t AS SELECT i FROM generate_series(1, 100000) i");
    assert_eq!(cluster.restore("").code, Some(2));
    cluster.ask("hyperpage", "ALTER TABLE t OWNER TO app");
    cluster.backup(None).expect(0);
    for name in ["../backups/x", ".lock", "x.dump"] {
        assert_eq!(cluster.restore(name).code, Some(2), "{name}");
    }
    let dump = cluster.backups().join(&cluster.dumps()[0]);
    let bytes = fs::read(&dump).unwrap();
    fs::write(cluster.backups().join("cut.dump"), &bytes[..bytes.len() / 2]).unwrap();
    assert_ne!(cluster.restore("cut.dump").code, Some(0));
    let exists = "SELECT count(*) FROM pg_database WHERE datname = 'hyperpage_restored'";
    assert_eq!(cluster.ask("postgres", exists), "0");
    cluster.restore("").expect(0);
    assert_eq!(cluster.ask("hyperpage_restored", "SELECT count(*) FROM t"), "100000");
}
