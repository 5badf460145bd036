//! `extend-edge outbox`

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Subcommand;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::{Exit, Outcome, complain, open_database, print, print_json, settings, table, who};
use crate::actions::{self, Action, Hand, NotDone};
use crate::config::Config;
use crate::exchange::write_whole;
use crate::formats::file_name;
use crate::store::outbox::{self, Summary};
use crate::store::thinning;

/// What waits, what was refused, and what to do about it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  extend-edge outbox list                    what waits and what was refused
  extend-edge outbox show 17                 one item, with every attempt and Extend's words
  extend-edge outbox retry 17 18             try these at once
  extend-edge outbox retry --refused         try all that were refused
  extend-edge outbox cancel 17               call it off; it is not sent
  extend-edge outbox edit 17 mended.json     send this in its place; the original is kept
  extend-edge outbox edit 17                 the same in an editor ($EDITOR)
  extend-edge outbox export --refused --to mend/   the documents as files

Works while the agent runs.")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// What waits and what was refused, oldest first.
    List {
        /// Only this state: queued, sending, delivered, refused, cancelled.
        #[arg(long, value_parser = ["queued", "sending", "delivered", "refused", "cancelled"])]
        state: Option<String>,
        /// At most this many.
        #[arg(long, default_value_t = 200)]
        limit: usize,
        /// For a program.
        #[arg(long)]
        json: bool,
    },
    /// One item: the document, every attempt, what Extend said.
    Show {
        /// The item.
        id: i64,
        /// For a program.
        #[arg(long)]
        json: bool,
    },
    /// Try items again at once.
    Retry {
        /// The items.
        #[arg(required_unless_present_any = ["refused", "error"])]
        ids: Vec<i64>,
        /// All that were refused, but for those that Extend may have.
        #[arg(long)]
        refused: bool,
        /// All that were refused with this code.
        #[arg(long, value_name = "CODE")]
        error: Option<String>,
    },
    /// Send a corrected document in the place of an item's.
    Edit {
        /// The item.
        id: i64,
        /// The corrected document; else it is opened in an editor.
        file: Option<PathBuf>,
    },
    /// Write documents out as files: ID-KEY.json.
    Export {
        /// The items.
        #[arg(required_unless_present_any = ["refused", "state"])]
        ids: Vec<i64>,
        /// All that were refused.
        #[arg(long)]
        refused: bool,
        /// All in this state.
        #[arg(long, value_parser = ["queued", "sending", "delivered", "refused", "cancelled"])]
        state: Option<String>,
        /// The directory; it is made where it is missing.
        #[arg(long, value_name = "DIR", default_value = ".")]
        to: PathBuf,
    },
    /// Call items off: they are not sent.
    Cancel {
        /// The items.
        #[arg(required = true)]
        ids: Vec<i64>,
    },
}

pub fn run(home: Option<PathBuf>, arguments: Arguments) -> Outcome {
    let config = settings(home)?;
    let connection = open_database(&config)?;
    match arguments.command {
        Command::List { state, limit, json } => list(&connection, state.as_deref(), limit, json),
        Command::Show { id, json } => show(&connection, id, json),
        Command::Retry { ids, refused, error } => {
            let mut ids = ids;
            let mut left_out = 0;
            if let Some(code) = error {
                let all = outbox::load_refused(&connection, usize::MAX >> 1)?;
                ids.extend(
                    all.iter().filter(|item| item.error_code.as_ref() == Some(&code)).map(|item| item.id),
                );
            } else if refused {
                let (retried, to_look_at) = actions::load_refused_to_retry(&connection)?;
                ids.extend(retried.iter().map(|item| item.id));
                left_out = to_look_at.len();
            }
            let done = act(&connection, &config, &ids, Action::Retry);
            if left_out > 0 {
                print(&format!("{}\n", actions::left_out(left_out, config.exchange.language)));
            }
            done
        }
        Command::Cancel { ids } => act(&connection, &config, &ids, Action::Cancel),
        Command::Edit { id, file } => edit(&connection, &config, id, file),
        Command::Export { ids, refused, state, to } => {
            let mut ids = ids;
            if let Some(state) = state.as_deref().or(refused.then_some("refused")) {
                let all = outbox::list(&connection, Some(state), usize::MAX >> 1)?;
                ids.extend(all.into_iter().map(|item| item.id));
            }
            export(&connection, &ids, &to)
        }
    }
}

fn list(connection: &Connection, state: Option<&str>, limit: usize, json: bool) -> Outcome {
    let items = outbox::list(connection, state, limit)?;
    if json {
        print_json(&Value::Array(items.iter().map(to_json).collect()));
        return Ok(Exit::Done);
    }
    if items.is_empty() {
        print(match state {
            None => "Nothing waits and nothing was refused. What was delivered: --state delivered\n",
            Some(_) => "Nothing.\n",
        });
        return Ok(Exit::Done);
    }
    let rows: Vec<Vec<String>> = items
        .iter()
        .map(|item| {
            let text = |value: &Option<String>| value.clone().unwrap_or_default();
            let why = match (&item.waits_for, &item.error_message) {
                (Some(other), Some(message)) => format!("waits for {other}: {message}"),
                (Some(other), None) => format!("waits for {other}"),
                (None, message) => text(message),
            };
            vec![
                item.id.to_string(),
                item.kind.clone(),
                text(&item.key),
                item.state.clone(),
                item.received_at.clone(),
                item.attempts.to_string(),
                text(&item.next_attempt_at),
                text(&item.extend_number),
                why.chars().take(100).collect(),
            ]
        })
        .collect();
    print(&table(&["id", "kind", "key", "state", "received", "tries", "next try", "number", "why"], &rows));
    if items.len() == limit {
        print(&format!("The first {limit}; --limit shows more.\n"));
    }
    Ok(Exit::Done)
}

fn to_json(item: &Summary) -> Value {
    json!({
        "id": item.id,
        "kind": item.kind,
        "key": item.key,
        "state": item.state,
        "sourceFile": item.source_file,
        "receivedAt": item.received_at,
        "attempts": item.attempts,
        "nextAttemptAt": item.next_attempt_at,
        "waitsFor": item.waits_for,
        "deliveredAt": item.delivered_at,
        "extendNumber": item.extend_number,
        "errorCode": item.error_code,
        "errorMessage": item.error_message,
    })
}

fn show(connection: &Connection, id: i64, json: bool) -> Outcome {
    let Some(item) = outbox::load_summary(connection, id)? else {
        complain(&format!("there is no item {id}"));
        return Ok(Exit::Failed);
    };
    let payload = outbox::load(connection, id)?.map(|item| item.payload).unwrap_or_default();
    let document: Value = serde_json::from_str(&payload).unwrap_or(Value::Null);
    let attempts = outbox::load_attempts(connection, id)?;
    let actions = outbox::load_actions(connection, id)?;
    if json {
        let mut value = to_json(&item);
        value["document"] = document;
        value["tries"] = attempts
            .iter()
            .map(|one| {
                json!({
                    "kind": one.kind,
                    "startedAt": one.started_at,
                    "durationMs": one.duration_ms,
                    "outcome": one.outcome,
                    "httpStatus": one.http_status,
                    "detail": one.detail,
                })
            })
            .collect();
        value["actions"] = actions
            .iter()
            .map(|(at, who, action)| json!({ "at": at, "who": who, "action": action }))
            .collect();
        print_json(&value);
        return Ok(Exit::Done);
    }
    let mut text = format!("Item {id}: {} {}\n", item.kind, item.key.as_deref().unwrap_or("-"));
    let mut line = |name: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            text.push_str(&format!("  {name:<12}{value}\n"));
        }
    };
    line("state", Some(&item.state));
    line("file", Some(&item.source_file));
    line("received", Some(&item.received_at));
    line("waits for", item.waits_for.as_deref());
    line("next try", item.next_attempt_at.as_deref());
    line("delivered", item.delivered_at.as_deref());
    line("at Extend", item.extend_number.as_deref());
    line("why", item.error_message.as_deref());
    if thinning::is_thinned(connection, id)? {
        line(
            "thinned",
            Some("it ended long ago; the document and its attempts are no longer kept (keep_days)"),
        );
    }
    text.push_str("\nAttempts\n");
    for one in &attempts {
        let took = one.duration_ms.map_or_else(|| "no end".into(), |ms| format!("{ms} ms"));
        let status = one.http_status.map(|status| format!(", answer {status}")).unwrap_or_default();
        let detail = one.detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default();
        let kind = match one.kind.as_str() {
            "send" => "sent",
            "prepare" => "prepared",
            _ => "looked up",
        };
        text.push_str(&format!("  {}  {kind}, {}{detail} ({took}{status})\n", one.started_at, one.outcome));
    }
    if attempts.is_empty() {
        text.push_str("  none\n");
    }
    for (at, who, action) in &actions {
        text.push_str(&format!("  {at}  {action} by {who}\n"));
    }
    text.push_str(&format!("\nDocument\n{document:#}\n"));
    print(&text);
    Ok(Exit::Done)
}

/// Retries or cancels, each item by itself.
fn act(connection: &Connection, config: &Config, ids: &[i64], action: Action) -> Outcome {
    let (hand, language) = (Hand::of(who()), config.exchange.language);
    let mut failed = false;
    for id in ids {
        let done = match action {
            Action::Retry => actions::retry(connection, *id, &hand),
            Action::Cancel => actions::cancel(connection, *id, &hand),
        };
        match done {
            Ok(done) => print(&format!("{}\n", done.sentence(*id, language))),
            Err(NotDone::Sqlite(error)) => return Err(error.into()),
            Err(why) => {
                failed = true;
                complain(&why.sentence(language));
            }
        }
    }
    if ids.is_empty() {
        print(language.pick("Nothing.\n", "Inget.\n"));
    }
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

fn edit(connection: &Connection, config: &Config, id: i64, file: Option<PathBuf>) -> Outcome {
    let (folder, language) = (&config.data(), config.exchange.language);
    let Some(item) = outbox::load(connection, id)? else {
        complain(&NotDone::Missing(id).sentence(language));
        return Ok(Exit::Failed);
    };
    let bytes = match file {
        Some(file) => std::fs::read(&file).with_context(|| file.display().to_string())?,
        None => match edited(&item.payload, folder)? {
            Some(bytes) => bytes,
            None => {
                print(language.pick("Nothing was changed.\n", "Inget ändrades.\n"));
                return Ok(Exit::Done);
            }
        },
    };
    match actions::edit(connection, config, id, &bytes, &Hand::of(who())) {
        Err(NotDone::Sqlite(error)) => return Err(error.into()),
        Err(why) => {
            complain(&why.sentence(language));
            return Ok(Exit::Failed);
        }
        Ok(None) => {}
        Ok(Some(error)) => complain(&language.pick(
            format!("the receipt could not be written yet: {error}; the agent writes it"),
            format!("kvittot kunde inte skrivas ännu: {error}; agenten skriver det"),
        )),
    }
    print(
        &language.pick(format!("item {id}: edited, and queued\n"), format!("post {id}: rättad, och i kö\n")),
    );
    Ok(Exit::Done)
}

/// The document as a person left it in an editor, in `folder`, which is not open to everybody; `None` where it is as it was.
fn edited(payload: &str, folder: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    let value: Value = serde_json::from_str(payload).unwrap_or(Value::Null);
    let before = format!("{value:#}\n");
    let path = folder.join(format!("edit-{:08x}.json", fastrand::u32(..)));
    std::fs::write(&path, &before).with_context(|| path.display().to_string())?;
    let editor =
        ["VISUAL", "EDITOR"].iter().find_map(|name| std::env::var(name).ok().filter(|e| !e.is_empty()));
    let editor = editor.unwrap_or_else(|| if cfg!(windows) { "notepad" } else { "vi" }.into());
    // An editor may come with arguments: `code --wait`.
    let mut words = editor.split_whitespace();
    let status = std::process::Command::new(words.next().unwrap_or_default()).args(words).arg(&path).status();
    let bytes = std::fs::read(&path);
    let _ = std::fs::remove_file(&path);
    if !status
        .with_context(|| format!("the editor {editor} can't be started; name one in $EDITOR"))?
        .success()
    {
        bail!("the editor {editor} ended with an error; nothing was changed");
    }
    let bytes = bytes.with_context(|| path.display().to_string())?;
    Ok((bytes != before.as_bytes()).then_some(bytes))
}

fn export(connection: &Connection, ids: &[i64], to: &Path) -> Outcome {
    std::fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    let mut failed = false;
    for id in ids {
        let Some(item) = outbox::load(connection, *id)?.filter(|item| !item.payload.is_empty()) else {
            let why = match thinning::is_thinned(connection, *id)? {
                true => "it ended long ago, and its document is no longer kept (keep_days)",
                false => "there is no document to export",
            };
            complain(&format!("item {id}: {why}"));
            failed = true;
            continue;
        };
        let name =
            file_name::order_file_name(&format!("{id}-{}", item.key.as_deref().unwrap_or(item.kind.name())));
        let path = to.join(name);
        let value: Value = serde_json::from_str(&item.payload).unwrap_or(Value::Null);
        write_whole(&path, false, |out| writeln!(out, "{value:#}"))?;
        print(&format!("{}\n", path.display()));
    }
    Ok(if failed { Exit::Failed } else { Exit::Done })
}
