//! Switches of an app that an env file or a cluster names. `kubectl` is the stand-in of `tests/stand_ins/`, which has a cluster of its own;
//! PostgreSQL, files and HTTP are real.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use migrate_core::rollout::Reason;
use postgres_client::DbSettings;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_database::TestDatabase;

use super::kubectl::ObjectName;
use super::rollout::{Rollout, RolloutArgs, RolloutOutcome};
use super::*;
use crate::commands::cutover::gates::health_check;

mod env_files;

const MANIFESTS: &str = "k8s/overlays/production";

/// A cluster with the app on SQLite, and manifests of the app on PostgreSQL.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Place {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        let deployment = |name: &str, replicas: u32| {
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "shop", "generation": 1},
                "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
                    "template": {"spec": {"containers": [{"name": "app", "image": "shop:1"}]}}}})
        };
        let service =
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop", "namespace": "shop"}});
        let route = json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
            "metadata": {"name": "shop", "namespace": "shop"}, "spec": {"rules": [{"backendRefs": [
                {"name": "shop-sqlite", "port": 80, "weight": 100}, {"name": "shop", "port": 80, "weight": 0}]}]}});
        for (path, object) in [
            ("app/deployment.json", &deployment("shop", 2)),
            ("app/service.json", &service),
            ("route/route.json", &route),
        ] {
            let path = place.path().join(MANIFESTS).join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path.with_file_name("kustomization.yaml"), "").unwrap();
            fs::write(path, object.to_string()).unwrap();
        }
        place.write("objects.json", &json!({"deployment/shop/old": deployment("old", 1)}));
        fs::write(place.path().join("k8s/deployment.toml"), "[sqlite]\ndeployment = \"old\"\n").unwrap();
        place
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, value: &Value) {
        fs::write(self.path().join(name), value.to_string()).unwrap();
    }

    fn object(&self, name: &str) -> Value {
        let objects: Value =
            serde_json::from_str(&fs::read_to_string(self.path().join("objects.json")).unwrap()).unwrap();
        objects.get(name).cloned().unwrap_or_default()
    }

    fn replicas(&self) -> [Option<u64>; 2] {
        ["old", "shop"]
            .map(|name| self.object(&format!("deployment/shop/{name}"))["spec"]["replicas"].as_u64())
    }

    /// The weights of SQLite and PostgreSQL in each rule.
    fn weights(&self) -> Vec<[u64; 2]> {
        let route = self.object("httproute/shop/shop");
        let rules = route["spec"]["rules"].as_array().cloned().unwrap_or_default();
        let weight = |rule: &Value, index: usize| rule["backendRefs"][index]["weight"].as_u64().unwrap();
        rules.iter().map(|rule| [weight(rule, 0), weight(rule, 1)]).collect()
    }

    fn calls(&self) -> Vec<String> {
        fs::read_to_string(self.path().join("calls.log")).unwrap().lines().map(str::to_owned).collect()
    }

    fn kubectl(&self) -> Kubectl {
        let shell = Shell::new().unwrap();
        let stand_ins = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stand_ins");
        shell.set_var("PATH", format!("{stand_ins}:{}", std::env::var("PATH").unwrap()));
        shell.set_var("KUBECTL_CLUSTER", self.path());
        Kubectl::with_shell(shell, Some("test"), &Stop::default()).unwrap()
    }

    fn switcher(&self, timeout: Duration) -> Switcher {
        let args = SwitchArgs {
            manifests: Some(self.path().join(MANIFESTS)),
            switch_timeout: timeout,
            ..SwitchArgs::default()
        };
        let cluster =
            Cluster::open(self.kubectl(), &self.path().join(MANIFESTS), timeout, &Stop::default()).unwrap();
        Switcher { args, means: Means::Manifests(Box::new(cluster)), asks: true, baseline: Cell::new(None) }
    }
}

fn to_postgres(share_percent: u8) -> Destination {
    Destination::Postgres { url: TargetUrl::parse("postgres://app@db/shop").unwrap(), share_percent }
}

fn to_sqlite() -> Destination {
    Destination::Sqlite { path: "data/app.db".into() }
}

/// The call that begins so, by its place.
#[track_caller]
fn place_of(calls: &[String], begin: &str) -> usize {
    calls
        .iter()
        .rposition(|call| call.trim_start().starts_with(begin))
        .unwrap_or_else(|| panic!("{begin}: {calls:#?}"))
}

#[test]
fn a_cluster_is_switched_there_and_back_and_twice_is_once() {
    let place = Place::new();
    let switcher = place.switcher(Duration::from_secs(20));
    assert_eq!((place.replicas(), place.weights()), ([Some(1), None], vec![]), "a check changes nothing");
    for _ in 0..2 {
        let switch = switcher.switch(&to_postgres(100), &Stop::default()).unwrap();
        assert_eq!(switch, Switch::Manifests(place.path().join(MANIFESTS)));
        assert_eq!((place.replicas(), place.weights()), ([Some(0), Some(2)], vec![[0, 100]]));
    }
    let calls = place.calls();
    let first =
        calls.iter().position(|call| call.starts_with("scale deployment.apps/old --replicas=0")).unwrap();
    let route = calls.iter().rposition(|call| call.contains("httproute/shop/shop")).unwrap();
    assert!(calls[..first].iter().any(|call| call.contains("httproute/shop/shop")), "{calls:#?}");
    assert!(route > first, "the second switch applies the route again: {calls:#?}");
    for _ in 0..2 {
        switcher.switch(&to_sqlite(), &Stop::default()).unwrap();
        assert_eq!((place.replicas(), place.weights()), ([Some(1), Some(0)], vec![[100, 0]]));
    }
    let calls = place.calls();
    let started = place_of(&calls, "scale deployment.apps/old --replicas=1");
    let stopped = place_of(&calls, "scale deployment.apps/shop --replicas=0");
    assert!(calls[started..stopped].iter().any(|call| call.contains("httproute/shop/shop")), "{calls:#?}");
}

#[test]
fn a_share_is_for_reading_requests_and_sessions_that_cannot_write() {
    let place = Place::new();
    let switcher = place.switcher(Duration::from_secs(20));
    switcher.switch(&to_postgres(10), &Stop::default()).unwrap();
    assert_eq!((place.replicas(), place.weights()), ([Some(1), Some(2)], vec![[90, 10], [100, 0]]));
    let containers =
        || place.object("deployment/shop/shop")["spec"]["template"]["spec"]["containers"].clone();
    let variable = json!([{"name": "PGOPTIONS", "value": "-c default_transaction_read_only=on"}]);
    assert_eq!(containers()[0]["env"], variable);
    switcher.switch(&to_postgres(100), &Stop::default()).unwrap();
    assert_eq!((containers()[0].get("env"), place.weights()), (None, vec![[0, 100]]));
}

#[test]
fn the_number_of_pods_of_an_autoscaler_is_kept() {
    let place = Place::new();
    let switcher = place.switcher(Duration::from_secs(20));
    switcher.switch(&to_postgres(50), &Stop::default()).unwrap();
    let shop = ObjectName::deployment(Some("shop".to_owned()), "shop");
    place.kubectl().scale(&shop, 7, &Stop::default()).unwrap();
    switcher.switch(&to_postgres(100), &Stop::default()).unwrap();
    assert_eq!(place.replicas(), [Some(0), Some(7)]);
}

#[test]
fn pods_that_do_not_start_leave_the_requests_where_they_are() {
    for (fares, timeout, expected) in [
        (
            "CrashLoopBackOff",
            60,
            "container app: CrashLoopBackOff: back-off 10s restarting failed container; it ended before with Error, exit code 3",
        ),
        ("ImagePullBackOff", 60, "ImagePullBackOff: Back-off pulling image"),
        ("CreateContainerConfigError", 60, "CreateContainerConfigError: secret \"shop-database\" not found"),
        ("Unschedulable", 1, "pod shop-1-0: Unschedulable: 0/3 nodes are available"),
        ("ContainerCreating", 1, "container app: ContainerCreating"),
        ("late", 1, "0 of 2 pods are available, 2 are of the last version"),
        ("exceeds", 60, "0 of 2 pods are available"),
    ] {
        let place = Place::new();
        place.write(
            "behaviour.json",
            &json!({"shop": fares, "old pods": true,
            "events": [{"reason": "Failed", "message": "the last event"}]}),
        );
        let switcher = place.switcher(Duration::from_secs(timeout));
        let error = switcher.switch(&to_postgres(100), &Stop::default()).unwrap_err();
        let text = format!("{error:#}");
        assert!(
            text.starts_with("deployment/shop does not run as specified: ") && text.contains(expected),
            "{fares}: {text}"
        );
        assert_eq!(text.contains("the last event"), text.contains("pod shop"), "{text}");
        assert_eq!((place.replicas()[0], place.weights()), (Some(1), vec![]), "{fares}");
    }
}

#[test]
fn a_stop_ends_a_wait_and_an_answer_that_does_not_come() {
    for behaviour in [json!({"shop": "late"}), json!({"hangs": "apply"})] {
        let place = Place::new();
        let switcher = place.switcher(Duration::from_secs(60));
        place.write("behaviour.json", &behaviour);
        let stop = Stop::default();
        let began = std::time::Instant::now();
        let error = std::thread::scope(|scope| {
            let asked = stop.clone();
            scope.spawn(move || {
                std::thread::sleep(Duration::from_millis(700));
                asked.ask();
            });
            switcher.switch(&to_postgres(100), &stop).unwrap_err()
        });
        assert!(error.downcast_ref::<Error>().is_some_and(Error::is_stop), "{error:#}");
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }
}

#[test]
fn what_the_cluster_or_the_manifests_lack_is_named_before_anything_changes() {
    type Change = fn(&Place);
    let cases: [(Change, &str); 5] = [
        (
            |place| place.write("objects.json", &json!({})),
            "deployment/old, the app on SQLite, is not in the cluster",
        ),
        (
            |place| place.write("behaviour.json", &json!({"refuses": "no matches for kind \"HTTPRoute\""})),
            "no matches for kind \"HTTPRoute\"",
        ),
        (
            |place| fs::remove_file(place.path().join(MANIFESTS).join("app/deployment.json")).unwrap(),
            "have no Deployment of the app",
        ),
        (
            |place| fs::remove_file(place.path().join(MANIFESTS).join("route/route.json")).unwrap(),
            "have no HTTPRoute",
        ),
        (
            |place| fs::remove_file(place.path().join(MANIFESTS).join("app/kustomization.yaml")).unwrap(),
            "cannot be read as manifests",
        ),
    ];
    for (change, expected) in cases {
        let place = Place::new();
        change(&place);
        let manifests = place.path().join(MANIFESTS);
        let error =
            Cluster::open(place.kubectl(), &manifests, Duration::from_secs(1), &Stop::default()).unwrap_err();
        let error = anyhow::Error::from(error);
        assert!(format!("{error:#}").contains(expected), "{error:#}");
        assert!(
            !place.calls().iter().any(|call| call.starts_with("scale") || call.contains("--dry-run=none"))
        );
    }
}

/// An app that answers every request with this status.
fn app(status: &'static str) -> String {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/api/ready", server.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in server.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request);
            let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    url
}

fn rollout_args(canary: &str, app_url: Option<String>, baseline_url: Option<String>) -> RolloutArgs {
    RolloutArgs { canary: canary.parse().unwrap(), soak: Duration::from_secs(1), app_url, baseline_url }
}

fn rollout_of<'a>(
    args: &'a RolloutArgs,
    switcher: &'a Switcher,
    url: &'a TargetUrl,
    settings: &'a DbSettings,
    stop: &'a Stop,
) -> Rollout<'a> {
    Rollout { args, switcher, url, settings, begin_health_check: &health_check, stop }
}

fn url_of(database: &TestDatabase) -> TargetUrl {
    TargetUrl::parse(database.url()).unwrap()
}

fn settings() -> DbSettings {
    DbSettings::from_lookup(|_| None).unwrap()
}

#[test]
fn a_rollout_steps_on_while_the_gates_hold() {
    let (place, database) = (Place::new(), TestDatabase::create());
    let (url, settings, stop) = (url_of(&database), settings(), Stop::default());
    let args = rollout_args("10,50,100", Some(app("200 OK")), None);
    let switcher = place.switcher(Duration::from_secs(20));
    let rollout = rollout_of(&args, &switcher, &url, &settings, &stop);
    rollout.check().unwrap();
    let catch_ups = AtomicUsize::new(0);
    let mut catch_up = || {
        catch_ups.fetch_add(1, Ordering::Relaxed);
        Ok(())
    };
    assert_eq!(rollout.before_freeze(&mut catch_up).unwrap(), RolloutOutcome::Held);
    assert_eq!((place.weights(), place.replicas()), (vec![[50, 50], [100, 0]], [Some(1), Some(2)]));
    assert!(catch_ups.load(Ordering::Relaxed) > 0);
    assert_eq!(rollout.after_switch().unwrap(), RolloutOutcome::Held);
}

#[test]
fn a_rollout_goes_back_to_sqlite_when_the_app_fails() {
    let (place, database) = (Place::new(), TestDatabase::create());
    let (url, settings, stop) = (url_of(&database), settings(), Stop::default());
    let closed = format!("http://{}/", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let mut args = rollout_args("10,100", Some(closed), Some(app("200 OK")));
    args.soak = Duration::from_secs(60);
    let switcher = place.switcher(Duration::from_secs(20));
    let rollout = rollout_of(&args, &switcher, &url, &settings, &stop);
    let outcome = rollout.before_freeze(&mut || Ok(())).unwrap();
    let reason = Reason::AppFailures { failures: 5 };
    assert_eq!(outcome, RolloutOutcome::WentBack { share_percent: 10, reason });
    assert_eq!((place.weights(), place.replicas()), (vec![[100, 0]], [Some(1), Some(0)]));
}

#[test]
fn a_rollout_goes_back_when_containers_restart_or_a_catch_up_fails() {
    let (place, database) = (Place::new(), TestDatabase::create());
    let (url, settings, stop) = (url_of(&database), settings(), Stop::default());
    let args = rollout_args("10,100", None, None);
    let switcher = place.switcher(Duration::from_secs(20));
    let rollout = rollout_of(&args, &switcher, &url, &settings, &stop);
    let error = rollout.before_freeze(&mut || anyhow::bail!("no catch-up")).unwrap_err();
    assert_eq!(error.to_string(), "no catch-up");
    assert_eq!((place.weights(), place.replicas()), (vec![[100, 0]], [Some(1), None]));
    let mut long = args.clone();
    long.soak = Duration::from_secs(60);
    let rollout = rollout_of(&long, &switcher, &url, &settings, &stop);
    let outcome = std::thread::scope(|scope| {
        scope.spawn(|| {
            // Containers restart once they are observed: the second count is that of the first sample.
            let observed = || {
                let calls = place.calls();
                calls
                    .iter()
                    .rev()
                    .take_while(|call| !call.contains("httproute"))
                    .filter(|call| call.contains("get pods"))
                    .count()
            };
            let began = Instant::now();
            while observed() < 2 && began.elapsed() < Duration::from_secs(45) {
                std::thread::sleep(Duration::from_millis(50));
            }
            place.write("behaviour.json", &json!({"shop restarts": 3}));
        });
        rollout.before_freeze(&mut || Ok(())).unwrap()
    });
    // Two pods with three restarts each.
    let reason = Reason::AppFailures { failures: 6 };
    assert_eq!(outcome, RolloutOutcome::WentBack { share_percent: 10, reason });
}

#[test]
fn three_failed_health_checks_end_the_last_step_and_change_nothing() {
    let (place, database) = (Place::new(), TestDatabase::create());
    let (settings, stop) = (settings(), Stop::default());
    let missing = TargetUrl::parse(&database.url().replace("/test_", "/no_test_")).unwrap();
    let args = rollout_args("100", None, None);
    let switcher = place.switcher(Duration::from_secs(20));
    let rollout = rollout_of(&args, &switcher, &missing, &settings, &stop);
    switcher.switch(&to_postgres(100), &stop).unwrap();
    let reason = Reason::HealthChecks { failed: 3 };
    assert_eq!(rollout.after_switch().unwrap(), RolloutOutcome::WentBack { share_percent: 100, reason });
    assert_eq!((place.weights(), place.replicas()), (vec![[0, 100]], [Some(0), Some(2)]));
}

#[test]
fn options_of_a_rollout_that_cannot_work_are_refused() {
    let database = TestDatabase::create();
    let (url, settings, stop) = (url_of(&database), settings(), Stop::default());
    let by_hand = Switcher::check(&SwitchArgs::default()).unwrap();
    for (canary, app_url, baseline_url, expected) in [
        ("10,100", None, None, "only a route between two versions of the app divides requests"),
        ("100", Some("https://shop/"), None, "--app-url cannot be used"),
        ("100", Some("http://127.0.0.1:1/"), Some("shop"), "--baseline-url cannot be used"),
        (
            "100",
            Some("http://127.0.0.1:1/"),
            Some("http://127.0.0.1:1/"),
            "does not answer, or reports an error",
        ),
    ] {
        let args = rollout_args(canary, app_url.map(str::to_owned), baseline_url.map(str::to_owned));
        let error = rollout_of(&args, &by_hand, &url, &settings, &stop).check().unwrap_err();
        assert!(error.to_string().contains(expected), "{error:#}");
    }
}
