//! The command line as clap sees it, and Terraform's single-dash spellings of the same flags.

use super::emulator::EmulatorArgs;
use crate::model::LossClass;
use crate::plan::MaxDeletes;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Plan, apply and destroy Azure Data Explorer from YAML, across both planes, with rollback.
#[derive(Debug, Parser)]
#[command(name = "adxform", version, max_term_width = 110)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What holds for every command.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Work as if started in DIR
    #[arg(short = 'C', long = "chdir", value_name = "DIR", global = true)]
    pub directory: Option<PathBuf>,
    /// Lay environments/NAME.yaml over the spec
    #[arg(long = "env", value_name = "NAME", env = "ADXFORM_ENV", global = true)]
    pub environment: Option<String>,
    /// Set a variable of the spec; may be repeated
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = pair, global = true)]
    pub vars: Vec<(String, String)>,
    /// Read variables from a YAML file; may be repeated
    #[arg(long = "var-file", value_name = "FILE", global = true)]
    pub var_files: Vec<PathBuf>,
    /// Take on only these addresses and what is below them (globs); may be repeated
    #[arg(long = "target", value_name = "GLOB", global = true)]
    pub targets: Vec<String>,
    /// Leave these addresses and what is below them out (globs); may be repeated
    #[arg(long = "exclude", value_name = "GLOB", global = true)]
    pub excludes: Vec<String>,
    /// Use the embedded emulator with durable state in .adxform/; no Azure account needed
    #[arg(long, env = "ADXFORM_LOCAL", value_parser = clap::builder::BoolishValueParser::new(), global = true)]
    pub local: bool,
    /// Use an emulator that is already serving, by its ARM URL
    #[arg(long, value_name = "URL", env = "ADXFORM_ENDPOINT", conflicts_with = "local", global = true)]
    pub endpoint: Option<String>,
    /// Keep journals and the lock in this blob container, for a team
    #[arg(long, value_name = "URL", env = "ADXFORM_JOURNAL_CONTAINER", global = true)]
    pub journal_container: Option<String>,
    /// Begin the names of its blobs with PREFIX; runs under one prefix go one at a time
    #[arg(long, value_name = "PREFIX", env = "ADXFORM_JOURNAL_PREFIX", global = true)]
    pub journal_prefix: Option<String>,
    /// Run at most N requests at a time
    #[arg(long, value_name = "N", env = "ADXFORM_PARALLELISM", global = true)]
    pub parallelism: Option<usize>,
    /// Print JSON for programs instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// Print without colour (NO_COLOR works too)
    #[arg(long = "no-color", global = true)]
    pub no_color: bool,
    /// Say more: every request and its undo
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read live and print what apply would do
    Plan(PlanArgs),
    /// Plan, ask, converge, prove; on failure roll back
    Apply(ApplyArgs),
    /// Take away everything the spec declares
    Destroy(DestroyArgs),
    /// Find every mistake that can be found without a service
    Validate(SpecArg),
    /// Write a spec of what is live; a plan of it is empty
    Import(ImportArgs),
    /// Finish an interrupted run
    Resume(RunArgs),
    /// Undo an interrupted or finished run
    Rollback(RunArgs),
    /// Show who holds the lock, and take it away
    Unlock(UnlockArgs),
    /// Show a saved plan, where a run stands, or a live thing
    Show(ShowArgs),
    /// Print what must be done before what, of a spec or a saved plan
    Graph(GraphArgs),
    /// Lay the files of a spec out in one style
    Fmt(FmtArgs),
    /// Document a kind, or what a code stands for
    Explain(ExplainArgs),
    /// Print the JSON Schema of the spec, a plan, an event or a journal
    Schema(SchemaArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Serve the local Azure
    Emulator(EmulatorArgs),
}

/// The spec.
#[derive(Debug, Clone, Args)]
pub struct SpecArg {
    /// The spec: a YAML file or a directory of them
    #[arg(value_name = "SPEC", default_value = ".")]
    pub spec: PathBuf,
}

/// What a user allows.
#[derive(Debug, Clone, Copy, Args)]
pub struct Allow {
    /// Allow steps that lose data up to this class
    #[arg(
        long = "allow-data-loss",
        value_name = "CLASS",
        value_enum,
        default_value = "none",
        env = "ADXFORM_ALLOW_DATA_LOSS"
    )]
    pub data_loss: ClassArg,
    /// Allow at most so many deletions: a number, or a share such as 30% once ten things are live
    #[arg(long = "max-deletes", value_name = "N|P%", default_value = "30%", env = "ADXFORM_MAX_DELETES")]
    pub max_deletes: MaxDeletes,
    /// Allow roles to be taken from the last admin, from yourself, or from an identity that is in use
    #[arg(long = "allow-lock-out")]
    pub lock_out: bool,
}

/// A class of data loss on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClassArg {
    /// No data may be lost
    None,
    /// Data that arrives meanwhile may not be ingested
    IngestionGap,
    /// Data may go that the service can bring back for some time
    Recoverable,
    /// Data may go for good
    Irreversible,
}

impl From<ClassArg> for LossClass {
    fn from(class: ClassArg) -> Self {
        match class {
            ClassArg::None => Self::None,
            ClassArg::IngestionGap => Self::IngestionGap,
            ClassArg::Recoverable => Self::Recoverable,
            ClassArg::Irreversible => Self::Irreversible,
        }
    }
}

/// `plan`
#[derive(Debug, Clone, Args)]
pub struct PlanArgs {
    /// The spec.
    #[command(flatten)]
    pub spec: SpecArg,
    /// What is allowed.
    #[command(flatten)]
    pub allow: Allow,
    /// Save the plan to FILE, for `apply FILE`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Plan for taking away everything the spec declares
    #[arg(long)]
    pub destroy: bool,
    /// End with 2 when changes are present
    #[arg(long = "detailed-exitcode")]
    pub detailed_exitcode: bool,
}

/// What `apply`, `destroy`, `resume` and `rollback` have in common.
#[derive(Debug, Clone, Args)]
pub struct Running {
    /// Do not ask
    #[arg(short = 'y', long = "auto-approve", env = "ADXFORM_AUTO_APPROVE", value_parser = clap::builder::BoolishValueParser::new())]
    pub auto_approve: bool,
    /// What to do when a step fails
    #[arg(long = "on-failure", value_enum, default_value = "rollback", env = "ADXFORM_ON_FAILURE")]
    pub on_failure: OnFailure,
    /// Wait so long for another run to end, such as 30s or 5m
    #[arg(long = "lock-timeout", value_name = "TIME", value_parser = time, default_value = "0s", env = "ADXFORM_LOCK_TIMEOUT")]
    pub lock_timeout: Duration,
}

/// What to do when a step fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnFailure {
    /// Undo what the run did
    Rollback,
    /// Keep what was done; `rollback` works later
    Stop,
}

/// `apply`
#[derive(Debug, Clone, Args)]
pub struct ApplyArgs {
    /// The spec, or a plan saved by `plan --out`
    #[arg(value_name = "SPEC|PLANFILE", default_value = ".")]
    pub spec: PathBuf,
    /// What is allowed.
    #[command(flatten)]
    pub allow: Allow,
    /// How it runs.
    #[command(flatten)]
    pub running: Running,
}

/// `destroy`
#[derive(Debug, Clone, Args)]
pub struct DestroyArgs {
    /// The spec.
    #[command(flatten)]
    pub spec: SpecArg,
    /// What is allowed.
    #[command(flatten)]
    pub allow: Allow,
    /// How it runs.
    #[command(flatten)]
    pub running: Running,
}

/// `resume` and `rollback`
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// The run's id; the newest when left out
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// The spec whose runs are meant
    #[arg(long = "spec", value_name = "SPEC", default_value = ".")]
    pub spec: PathBuf,
    /// Allow a rollback to lose data up to this class: what a run has made may hold data since
    #[arg(
        long = "allow-data-loss",
        value_name = "CLASS",
        value_enum,
        default_value = "none",
        env = "ADXFORM_ALLOW_DATA_LOSS"
    )]
    pub data_loss: ClassArg,
    /// How it runs.
    #[command(flatten)]
    pub running: Running,
}

/// `unlock`
#[derive(Debug, Clone, Args)]
pub struct UnlockArgs {
    /// The spec whose lock is meant
    #[arg(value_name = "SPEC", default_value = ".")]
    pub spec: PathBuf,
    /// Do not ask
    #[arg(short = 'y', long = "auto-approve", env = "ADXFORM_AUTO_APPROVE", value_parser = clap::builder::BoolishValueParser::new())]
    pub auto_approve: bool,
}

/// `show`
#[derive(Debug, Clone, Args)]
pub struct ShowArgs {
    /// A saved plan or a run's id; the newest run when left out
    #[arg(value_name = "PLANFILE|RUN", conflicts_with = "live")]
    pub what: Option<PathBuf>,
    /// Show what is live at an address of the spec
    #[arg(long, value_name = "ADDRESS")]
    pub live: Option<String>,
    /// The spec whose runs are meant, or that declares the address
    #[arg(long = "spec", value_name = "SPEC", default_value = ".")]
    pub spec: PathBuf,
}

/// `graph`
#[derive(Debug, Clone, Args)]
pub struct GraphArgs {
    /// The spec, as if none of it were there yet; or a saved plan
    #[arg(value_name = "SPEC|PLANFILE", default_value = ".")]
    pub spec: PathBuf,
    /// The form: for Graphviz, for Mermaid, or a drawing
    #[arg(long, value_enum, default_value = "dot")]
    pub format: GraphFormat,
}

/// The forms of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// The language of Graphviz
    Dot,
    /// A Mermaid flowchart, for Markdown
    Mermaid,
    /// An SVG drawing
    Svg,
}

/// `fmt`
#[derive(Debug, Clone, Args)]
pub struct FmtArgs {
    /// The spec: a YAML file or a directory of them; `-` formats what comes from stdin to stdout
    #[arg(value_name = "SPEC", default_value = ".")]
    pub spec: PathBuf,
    /// Write nothing, and end with 1 when a file is not laid out in the style
    #[arg(long)]
    pub check: bool,
    /// Print what changes, line by line
    #[arg(long)]
    pub diff: bool,
}

/// `import`
#[derive(Debug, Clone, Args)]
pub struct ImportArgs {
    /// Import what the management endpoint at URL reaches, without Azure Resource Manager
    #[arg(
        long,
        value_name = "URL",
        required_unless_present_any = ["cluster", "resource_group", "all"],
        conflicts_with_all = ["cluster", "resource_group", "all"]
    )]
    pub uri: Option<String>,
    /// Import a cluster by its resource id, or by its name in a subscription, with everything of both planes
    #[arg(long, value_name = "RESOURCE_ID|NAME")]
    pub cluster: Option<String>,
    /// The subscription of what is given by its name
    #[arg(long, value_name = "ID", env = "AZURE_SUBSCRIPTION_ID")]
    pub subscription: Option<String>,
    /// Import a resource group with everything in it; with --cluster, the group that the cluster is in
    #[arg(long = "resource-group", value_name = "NAME")]
    pub resource_group: Option<String>,
    /// Import every resource group of the subscription
    #[arg(long, conflicts_with_all = ["cluster", "resource_group"])]
    pub all: bool,
    /// Import this database; may be repeated; all databases when left out
    #[arg(long = "database", value_name = "NAME", conflicts_with = "all")]
    pub databases: Vec<String>,
    /// Write the spec into DIR, which must be empty or not there
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Write into DIR though it holds files, replacing those of the same names
    #[arg(long)]
    pub force: bool,
    /// Do not write `exact: true`: what is not in the spec may stay as it is
    #[arg(long)]
    pub additive: bool,
    /// The folder whose adxform.toml and .adxform/ are used
    #[arg(long = "spec", value_name = "DIR", default_value = ".")]
    pub spec: PathBuf,
}

/// `explain`
#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// The kind, such as `table` or `retentionPolicy`; a code, such as `L012`; `lint` for all rules; all kinds when left
    /// out
    #[arg(value_name = "KIND")]
    pub kind: Option<String>,
}

/// `schema`
#[derive(Debug, Clone, Args)]
pub struct SchemaArgs {
    /// Which document
    #[arg(value_enum, default_value = "spec")]
    pub of: SchemaOf,
}

/// The documents that have a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// The spec
    Spec,
    /// `plan --json`
    Plan,
    /// A line of `apply --json`
    Event,
    /// A record of a journal
    Journal,
}

/// `completions`
#[derive(Debug, Clone, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a variable is given as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// A length of time such as `30s`.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let ticks = crate::model::duration::Ticks::parse(text).filter(|ticks| ticks.0 >= 0);
    let ticks = ticks.ok_or_else(|| format!("`{text}` is not a length of time such as 30s or 5m"))?;
    Ok(Duration::from_nanos(ticks.0.unsigned_abs().saturating_mul(100)))
}

/// Turns Terraform's single-dash spellings (`-auto-approve`, `-out=plan`) into ours.
pub fn double_dashed(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    const WORDS: [&str; 16] = [
        "auto-approve",
        "destroy",
        "detailed-exitcode",
        "exclude",
        "help",
        "json",
        "lock-timeout",
        "no-color",
        "out",
        "parallelism",
        "target",
        "var",
        "var-file",
        "version",
        "chdir",
        "max-deletes",
    ];
    let ours = |arg: OsString| match arg.to_str().and_then(|text| text.strip_prefix('-')) {
        Some(word) if WORDS.contains(&word.split('=').next().unwrap_or(word)) => {
            OsString::from(format!("--{word}"))
        }
        _ => arg,
    };
    let mut literal = false;
    args.into_iter()
        .map(|arg| {
            literal |= arg == "--";
            if literal { arg } else { ours(arg) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn terraform_spellings_work() {
        let args = [
            "adxform",
            "apply",
            "-auto-approve",
            "-var=a=b",
            "-var",
            "c=d",
            "-lock-timeout=5m",
            "-y",
            "--",
            "-out",
        ];
        let given = double_dashed(args.map(OsString::from));
        assert_eq!(
            given[2..],
            ["--auto-approve", "--var=a=b", "--var", "c=d", "--lock-timeout=5m", "-y", "--", "-out"]
                .map(OsString::from)
        );
        let cli = Cli::try_parse_from(double_dashed(
            ["adxform", "plan", "-out=x", "-json", "spec"].map(OsString::from),
        ))
        .unwrap();
        let Command::Plan(plan) = cli.command else { panic!("plan") };
        assert_eq!((plan.out, cli.global.json), (Some(PathBuf::from("x")), true));
    }
}
