//! `test`: the policies' cases, through the real pipeline.

use super::{Deployment, Exit, deployment, output};
use crate::app;
use crate::plan;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    deployment: Deployment,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let Some(config) = deployment::read(&args.deployment) else { return Ok(Exit::InvalidPolicy) };
    let set = match plan::load(&config.policies, &config.deployment()) {
        Ok((_, set, warnings)) => {
            deployment::show(&warnings);
            set
        }
        Err(diagnostics) => {
            deployment::show(&diagnostics);
            return Ok(Exit::InvalidPolicy);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let verdicts = runtime.block_on(app::cases::run(&config, &set, |verdict| {
        let mark = if verdict.faults.is_empty() { "ok  " } else { "FAIL" };
        output::line(format_args!("{mark} {}: {}", verdict.activity, verdict.case));
        for fault in &verdict.faults {
            output::line(format_args!("       {fault}"));
        }
    }))?;
    let failed = verdicts.iter().filter(|verdict| !verdict.faults.is_empty()).count();
    output::line(format_args!("{} passed, {failed} failed", verdicts.len() - failed));
    Ok(if failed == 0 { Exit::Fine } else { Exit::CaseFailed })
}
