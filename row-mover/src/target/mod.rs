//! The PostgreSQL side: how it is reached, pools of Diesel connections, and the bulk stream.

pub(crate) mod batches;
pub(crate) mod bookkeeping;
pub(crate) mod budget;
pub mod bulk;
pub(crate) mod connections;
pub(crate) mod guarded;
pub mod introspect;
pub mod lock_wait;
pub mod pool;
pub mod server_error;
pub mod session;
pub mod settings;
pub mod url;

pub use pool::{Pool, PooledConnection};
pub use settings::DbSettings;
pub use url::TargetUrl;
