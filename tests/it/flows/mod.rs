//! The shop's whole way, with the real program, real files and the stand-in: one file per flow.

mod backup;
mod bad_files;
mod care;
mod changes;
mod commands;
mod duplicates;
mod every_step;
mod hooks;
mod lost_answers;
mod mirror;
mod moods;
mod outage;
mod prices;
mod reconciliation;
mod recovery;
mod refused;
mod reports;
mod returns;
mod samples;
mod second_agent;
mod service;
mod several;
mod sick;
mod slow_writers;
mod stopping;
mod sweeps;
