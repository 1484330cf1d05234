//! MySQL 8 and MariaDB, source and target.

mod catalog;
mod configuration;
mod connection;
mod error;
mod source;
