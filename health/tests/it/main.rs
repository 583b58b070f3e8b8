//! Tests of health checks against real servers: ready ones and those that are not, restricted roles, faults, HTTP and metrics.

#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod details;
mod exposition;
mod faults;
mod http;
mod metrics;
mod readiness;
mod rights;
mod support;
