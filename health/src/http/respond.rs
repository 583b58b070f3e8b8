//! The responses: status, headers and a small JSON body, of values and not of words.

use http_body_util::Full;
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::answers::Answers;
use crate::check::Readiness;
use crate::metrics;

/// The paths, for whoever asks for another one.
const PATHS: [&str; 3] = ["/livez", "/readyz", "/metrics"];

const ALLOWED: &str = "GET, HEAD";

const JSON: &str = "application/json";

type Answer = Response<Full<Bytes>>;

pub(super) async fn respond(request: &Request<Incoming>, answers: &Answers) -> Answer {
    let path = request.uri().path();
    if !PATHS.contains(&path) {
        return json_answer(StatusCode::NOT_FOUND, &json!({ "error": "not_found", "paths": PATHS }));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let error = json!({ "error": "method_not_allowed", "allowed": ALLOWED });
        let mut answer = closing(json_answer(StatusCode::METHOD_NOT_ALLOWED, &error));
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static(ALLOWED));
        return answer;
    }
    if !request.body().is_end_stream() {
        return closing(json_answer(StatusCode::PAYLOAD_TOO_LARGE, &json!({ "error": "body_not_allowed" })));
    }
    match path {
        "/livez" => json_answer(StatusCode::OK, &json!({ "status": "live" })),
        "/readyz" => ready(answers, is_verbose(request)).await,
        _ => metrics(answers).await,
    }
}

fn is_verbose(request: &Request<Incoming>) -> bool {
    let mut options = request.uri().query().unwrap_or_default().split('&');
    options.any(|option| option == "verbose" || option.starts_with("verbose="))
}

async fn ready(answers: &Answers, is_verbose: bool) -> Answer {
    let Some(readiness) = answers.readiness().await else { return no_resources() };
    let status = if readiness.is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json_answer(status, &ready_body(&readiness, is_verbose))
}

fn ready_body(readiness: &Readiness, is_verbose: bool) -> Value {
    let status = if readiness.is_ready { "ready" } else { "not_ready" };
    if is_verbose {
        return json!({ "status": status, "took_ms": readiness.took_ms, "checks": readiness.checks });
    }
    if readiness.is_ready {
        return json!({ "status": status });
    }
    let failed = readiness.checks.iter().filter(|result| matches!(result.state, crate::State::Failed(_)));
    json!({ "status": status, "failed": failed.collect::<Vec<_>>() })
}

async fn metrics(answers: &Answers) -> Answer {
    // Both are under way at once, so that they share one deadline.
    let (readiness, details) = (answers.readiness(), answers.details());
    let (Some(readiness), Some(details)) = (readiness.await, details.await) else {
        return no_resources();
    };
    match metrics::encode(&readiness, &details) {
        Ok(text) => answer(StatusCode::OK, metrics::CONTENT_TYPE, text),
        Err(_) => no_resources(),
    }
}

fn no_resources() -> Answer {
    json_answer(StatusCode::INTERNAL_SERVER_ERROR, &json!({ "error": "no_resources" }))
}

fn json_answer(status: StatusCode, body: &Value) -> Answer {
    answer(status, JSON, format!("{body}\n"))
}

fn answer(status: StatusCode, content_type: &'static str, body: String) -> Answer {
    // hyper sends the length, and leaves the body out where the method is HEAD.
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// The same, after which the connection is closed: what follows on it may be a body.
fn closing(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}
