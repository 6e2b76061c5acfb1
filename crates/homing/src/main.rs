//! The `homing` program: reads the command line and hands over.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use homing::arguments::{Arguments, Command, ServeArguments};
use homing::command::EndedWith;
use homing::config::{Config, ConfigErrors, Environment, FileSource, Source};
use homing::serve::{self, Ended, StartError};

/// Exit code of a wrong configuration (`EX_CONFIG`).
const WRONG_CONFIGURATION: u8 = 78;
/// Exit code when the system refuses threads or signals (`EX_OSERR`).
const NO_SYSTEM_CALL: u8 = 71;
/// Exit code after a second signal, as a shell has it for SIGINT.
const STOPPED_AT_ONCE: u8 = 130;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error, NO_SYSTEM_CALL),
    };
    match arguments.command {
        Command::Serve(flags) => runtime.block_on(run_server(&flags)),
        Command::Simulate(flags) => end(runtime.block_on(homing::simulate::run(*flags))),
        Command::Bench(flags) => end(runtime.block_on(homing::bench::run(*flags))),
        command => end(runtime.block_on(homing::command::run(command))),
    }
}

fn end(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => match error.downcast_ref::<EndedWith>() {
            Some(ended) => fail(ended, ended.code),
            None => fail(&format!("{error:#}"), 1),
        },
    }
}

fn fail(why: &dyn std::fmt::Display, code: u8) -> ExitCode {
    // Nobody reads it when standard error is closed, and there is nowhere else to say so.
    let _closed = writeln!(std::io::stderr().lock(), "homing: {why}");
    ExitCode::from(code)
}

async fn run_server(flags: &ServeArguments) -> ExitCode {
    let config = match configuration(flags) {
        Ok(config) => config,
        Err(error) => return fail(&error, WRONG_CONFIGURATION),
    };
    if let Err(error) = serve::write_logs(config.log_format, &config.log_filter) {
        return fail(&error, WRONG_CONFIGURATION);
    }
    let stop_within = Duration::from_millis(config.stop_within);
    let running = match serve::start(config).await {
        Ok(running) => running,
        Err(error) => return fail(&error, StartError::exit_code(&error)),
    };
    let _closed = std::io::stdout().lock().write_all(serve::greet(&running).as_bytes());
    match serve::run_until_signalled(running, stop_within).await {
        // What still runs is not waited for.
        Ok(Ended::AtOnce) => std::process::exit(i32::from(STOPPED_AT_ONCE)),
        Ok(Ended::InTime | Ended::Late) => ExitCode::SUCCESS,
        Err(error) => fail(&error, NO_SYSTEM_CALL),
    }
}

fn configuration(flags: &ServeArguments) -> Result<Config, ConfigErrors> {
    let environment = Environment::of_process();
    let given = flags.flags();
    let file = flags.config.as_deref().map(FileSource::read).transpose();
    let file = file.map_err(|error| ConfigErrors(vec![error.to_string()]))?;
    let mut sources: Vec<&dyn Source> = vec![&given, &environment];
    sources.extend(file.as_ref().map(|file| file as &dyn Source));
    Config::read(&sources)
}
