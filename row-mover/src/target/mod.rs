//! The PostgreSQL side: how it is reached, pools of Diesel connections, and the bulk stream.

pub mod bulk;
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
