//! The shop's whole way, with the real program, real files and the stand-in: one file per flow.

mod bad_files;
mod changes;
mod commands;
mod duplicates;
mod hooks;
mod lost_answers;
mod mirror;
mod moods;
mod outage;
mod recovery;
mod refused;
mod returns;
mod samples;
mod second_agent;
mod several;
mod slow_writers;
mod stopping;
