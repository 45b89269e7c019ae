//! `show`: a saved plan, where a run stands, or what is live.

use super::args::{Global, ShowArgs};
use super::desk::Desk;
use super::exit::{Exit, Failure};
use super::session::{self, Session};
use super::terminal::Terminal;
use super::{plan, report, runs};
use crate::model::Address;
use crate::plan::scope;

/// Shows what is asked for.
///
/// # Errors
/// No such plan, run or address.
pub(super) async fn run(args: &ShowArgs, global: &Global, terminal: Terminal) -> Result<Exit, Failure> {
    if let Some(address) = &args.live {
        return live(address, args, global, terminal).await;
    }
    if let Some(saved) = args.what.as_deref().map(plan::saved).transpose()?.flatten() {
        plan::print(&saved.plan, None, terminal);
        return Ok(Exit::Done);
    }
    let Desk { place, whereabouts, .. } = Desk::of(&args.spec, global, terminal).await?;
    let known = runs::find(&place, args.what.as_deref().and_then(std::path::Path::to_str)).await?;
    // Who works on it is worth knowing, and not worth failing for.
    let at_work = place.holder().await.ok().flatten().filter(|holder| holder.run == known.id);
    if terminal.json {
        terminal.document(&report::document(&known, at_work.as_ref(), &whereabouts));
    } else {
        terminal.result(&report::standing(&known, at_work.as_ref(), &whereabouts));
    }
    Ok(Exit::Done)
}

async fn live(address: &str, args: &ShowArgs, global: &Global, terminal: Terminal) -> Result<Exit, Failure> {
    let address: Address = address.parse().map_err(|error: crate::model::address::AddressError| {
        Failure::new(
            Exit::Usage,
            error.to_string(),
            "an address is a path such as clusters.a.databases.b.tables.T",
        )
    })?;
    let spec = session::load(&args.spec, global, terminal)?;
    let scope = scope::of(&spec.desired);
    let session = Session::open(&args.spec, global, &scope, terminal).await?;
    let live = session.read(&scope).await;
    session.close().await;
    let live = live?;
    let Some(found) = live.inventory.get(&address) else {
        let near = live.inventory.iter().map(|(at, _)| at.to_string());
        let near = near.max_by(|a, b| {
            let likeness = |text: &str| strsim::jaro_winkler(text, &address.to_string());
            likeness(a).total_cmp(&likeness(b))
        });
        let help = near
            .map_or_else(|| "nothing of the spec is live".to_owned(), |near| format!("did you mean {near}?"));
        return Err(Failure::error(format!("{address} is not in live"), help));
    };
    terminal.document(&serde_json::json!({
        "address": address,
        "type": found.kind,
        "name": &*found.name,
        "properties": found.body.shown(),
        "attributes": found.attributes.shown(),
        "rows": found.rows,
        "bytes": found.bytes,
    }));
    Ok(Exit::Done)
}
