//! MySQL 8 and MariaDB, source and target.
