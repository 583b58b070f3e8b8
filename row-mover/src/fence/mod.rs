//! The fence: what keeps writers from the source after a cutover. This is the one place where the source is written to.
//!
//! Nothing here decides when; `cutover` closes the fence and `rollback` opens it.
