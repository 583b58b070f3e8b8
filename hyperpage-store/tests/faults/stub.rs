//! Temporary.
use hyperpage_store::postgres::{Connection, Operation, Source};
use hyperpage_store::{Error, Result};
use postgres_client::{AppSettings, TargetUrl, app_session};
use std::sync::{Arc, Mutex};

#[derive(Clone)]
pub struct Pool(Arc<(TargetUrl, AppSettings, Mutex<Vec<postgres_client::Connection>>)>);

impl Pool {
    pub fn open(target: &TargetUrl, settings: &AppSettings) -> Result<Pool> {
        Ok(Pool(Arc::new((target.clone(), settings.clone(), Mutex::default()))))
    }
}

impl Source for Pool {
    fn run<T>(&mut self, operation: Operation, mut work: impl FnMut(&mut Connection) -> Result<T>) -> Result<T> {
        let client = app_session::open(&self.0.0, &self.0.1).map_err(|e| Error::Unavailable { source: Box::new(e) })?;
        let mut connection = Connection::from(client);
        Source::run(&mut &mut connection, operation, &mut work)
    }
}
