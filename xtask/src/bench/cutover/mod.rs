//! Measures a cutover under a program that writes all the time: how long writers wait, and how long a catch-up takes.
//!
//! [`scene`] creates the database and its changes, [`writing`] the program that writes, [`measure`] runs one cutover, and [`report`] prints.

pub(crate) mod measure;
pub(crate) mod report;
pub(crate) mod scene;
pub(crate) mod writing;
