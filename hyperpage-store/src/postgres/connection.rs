//! Diesel's connection on the client of this workspace, in which every call ends within a deadline.
//!
//! Diesel builds the SQL and converts values. Sessions, deadlines, kept statements and errors are the client's.

use diesel::connection::{
    AnsiTransactionManager, CacheSize, ConnectionSealed, DefaultLoadingMode, DynInstrumentation,
    Instrumentation, InstrumentationEvent, LoadConnection, SimpleConnection, StrQueryHelper,
    TransactionManager, TransactionManagerStatus,
};
use diesel::expression::QueryMetadata;
use diesel::pg::{GetPgMetadataCache, Pg, PgMetadataCache, PgQueryBuilder};
use diesel::query_builder::bind_collector::RawBytesBindCollector;
use diesel::query_builder::{Query, QueryBuilder, QueryFragment, QueryId};
use diesel::result::{ConnectionError, ConnectionResult, Error as DieselError, QueryResult};
use postgres_client::retry::in_one_line;
use postgres_client::{AppSettings, BinaryRows, TargetUrl, app_session};

use super::error::wrapped;
use super::row::{Row, Rows};

/// A connection to PostgreSQL that runs Diesel's queries.
///
/// An error of the client is within Diesel's error: see [`super::client_error`].
pub struct Connection {
    client: postgres_client::Connection,
    transactions: AnsiTransactionManager,
    types: PgMetadataCache,
    instrumentation: DynInstrumentation,
    /// The number of calls that have succeeded.
    done: u64,
}

impl From<postgres_client::Connection> for Connection {
    /// Wraps a connection that is in no transaction.
    fn from(client: postgres_client::Connection) -> Connection {
        Connection {
            client,
            transactions: AnsiTransactionManager::default(),
            types: PgMetadataCache::new(),
            instrumentation: DynInstrumentation::none(),
            done: 0,
        }
    }
}

/// A query of Diesel as the client runs it.
struct Statement {
    sql: String,
    types: Vec<u32>,
    values: Vec<Option<Vec<u8>>>,
    /// Whether its text is always the same, so that it is worth keeping.
    is_fixed: bool,
}

impl Connection {
    /// The client's connection. Whoever begins or ends a transaction through it must leave none open.
    pub fn client(&mut self) -> &mut postgres_client::Connection {
        &mut self.client
    }

    /// The number of calls that have succeeded.
    pub(super) fn done(&self) -> u64 {
        self.done
    }

    fn statement<T: QueryFragment<Pg>>(&mut self, source: &T) -> QueryResult<Statement> {
        let mut collected = RawBytesBindCollector::<Pg>::new();
        source.collect_binds(&mut collected, self, &Pg)?;
        let types = collected.metadata.iter().map(|of| of.oid()).collect::<Result<_, _>>();
        let types = types.map_err(|error| DieselError::SerializationError(Box::new(error)))?;
        let mut builder = PgQueryBuilder::new();
        source.to_sql(&mut builder, &Pg)?;
        let is_fixed = source.is_safe_to_cache_prepared(&Pg)?;
        Ok(Statement { sql: builder.finish(), types, values: collected.binds, is_fixed })
    }

    fn run<T: QueryFragment<Pg>>(&mut self, source: &T) -> QueryResult<BinaryRows> {
        let statement = self.statement(source)?;
        let Statement { sql, types, values, is_fixed } = &statement;
        self.observed(sql, |client| {
            let run = |client: &mut postgres_client::Connection| match is_fixed {
                true => client.prepared_query(sql, types, values),
                false => client.binary_query(sql, types, values),
            };
            // The limits of the settings hold within a transaction only.
            let needs_transaction = client.transaction_settings().is_some() && !client.is_in_transaction();
            if needs_transaction { client.transaction(run) } else { run(client) }
        })
    }

    /// Runs `work`, reports it to the instrumentation, and notes what became of the transaction. The instrumentation gets no values of
    /// parameters.
    fn observed<T>(
        &mut self,
        sql: &str,
        work: impl FnOnce(&mut postgres_client::Connection) -> postgres_client::Result<T>,
    ) -> QueryResult<T> {
        let query = StrQueryHelper::new(sql);
        self.instrumentation.on_connection_event(InstrumentationEvent::start_query(&query));
        let done = work(&mut self.client).map_err(wrapped);
        self.done += u64::from(done.is_ok());
        self.note_transaction(done.is_err());
        let error = done.as_ref().err();
        self.instrumentation.on_connection_event(InstrumentationEvent::finish_query(&query, error));
        done
    }

    /// Makes Diesel's account of the transaction follow the server's, as Diesel does for its own connection.
    fn note_transaction(&mut self, has_failed: bool) {
        let is_usable = self.client.is_usable();
        let is_in_transaction = self.client.is_in_transaction();
        let is_in_failed_transaction = self.client.is_in_failed_transaction();
        let status = AnsiTransactionManager::transaction_manager_status_mut(self);
        if !is_usable {
            status.set_in_error();
        } else if !is_in_transaction {
            *status = TransactionManagerStatus::default();
        } else if is_in_failed_transaction {
            status.set_requires_rollback_maybe_up_to_top_level(true);
        } else if !has_failed {
            status.set_requires_rollback_maybe_up_to_top_level(false);
        } else if !matches!(status.transaction_depth(), Ok(Some(_))) {
            // A failed statement cannot have begun a transaction.
            status.set_in_error();
        }
    }
}

impl SimpleConnection for Connection {
    fn batch_execute(&mut self, sql: &str) -> QueryResult<()> {
        self.observed(sql, |client| match sql {
            // As Diesel's transaction manager writes it.
            "BEGIN" => {
                let begin = client.begin_sql().to_owned();
                client.checked_script(&begin)
            }
            "COMMIT" if client.is_in_failed_transaction() => {
                client.checked_script("ROLLBACK")?;
                Err(postgres_client::Error::new(
                    "a statement of the transaction failed, and nothing of it was kept",
                ))
            }
            _ => {
                let was_in_transaction = client.is_in_transaction();
                client.checked_script(sql)?;
                let settings = client.transaction_settings().map(str::to_owned);
                match settings {
                    // A transaction with an isolation level of its own, for instance.
                    Some(settings) if client.is_in_transaction() && !was_in_transaction => {
                        client.checked_script(&settings)
                    }
                    _ => Ok(()),
                }
            }
        })
    }
}

impl ConnectionSealed for Connection {}

impl diesel::Connection for Connection {
    type Backend = Pg;
    type TransactionManager = AnsiTransactionManager;

    /// Opens a session with the default settings of the app.
    fn establish(url: &str) -> ConnectionResult<Connection> {
        TargetUrl::parse(url)
            .and_then(|target| app_session::open(&target, &AppSettings::default()))
            .map(Connection::from)
            .map_err(|error| ConnectionError::BadConnection(in_one_line(&error)))
    }

    fn execute_returning_count<T>(&mut self, source: &T) -> QueryResult<usize>
    where
        T: QueryFragment<Pg> + QueryId,
    {
        let affected = self.run(source)?.affected();
        usize::try_from(affected).map_err(|error| DieselError::DeserializationError(Box::new(error)))
    }

    fn transaction_state(&mut self) -> &mut AnsiTransactionManager {
        &mut self.transactions
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        &mut *self.instrumentation
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        self.instrumentation = instrumentation.into();
    }

    /// Only turns the cache off: its size is bounded by the client.
    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        if size == CacheSize::Disabled {
            self.client.keep_statements(0);
        }
    }
}

impl LoadConnection<DefaultLoadingMode> for Connection {
    type Cursor<'conn, 'query> = Rows;
    type Row<'conn, 'query> = Row;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> QueryResult<Rows>
    where
        T: Query + QueryFragment<Pg> + QueryId + 'query,
        Pg: QueryMetadata<T::SqlType>,
    {
        self.run(&source).map(Rows::new)
    }
}

impl GetPgMetadataCache for Connection {
    fn get_metadata_cache(&mut self) -> &mut PgMetadataCache {
        &mut self.types
    }
}
