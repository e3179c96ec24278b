//! Every statement and every promise, against a real server, on each tier it has.

mod cut;
mod dashboards;
mod entities;
mod exactly_once;
mod migration;
mod poison;
mod process_log;
mod rebuild;
mod tables;
mod views;
