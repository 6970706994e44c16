//! The world of one file: its globals, the glue, and its exports.

use std::rc::Rc;
use std::sync::Arc;

use rquickjs::context::EvalOptions;
use rquickjs::{Context, Ctx, Function, Object, Persistent, Runtime, Value};

use super::folder::Folder;
use super::host::{Host, natives};
use super::report::LINE;
use super::thrown::{OURS, Thrown};
use super::wire::{FetchedResponse, Has, Stage};

/// Timers of one file at one time.
const TIMERS: usize = 1000;

const BRIDGE: &str = include_str!("bridge.js");
const BUFFER: &str = include_str!("buffer.js");
const NODE: &str = include_str!("node.js");
const WEB: &str = include_str!("web.js");

type Kept = Persistent<Function<'static>>;

/// A file that was loaded. It must not outlive its runtime.
pub(super) struct World {
    call: Kept,
    fire: Kept,
    fetched: Kept,
    remove: Kept,
    context: Context,
}

impl World {
    /// Runs a file.
    pub(super) fn load(
        runtime: &Runtime,
        host: &Rc<Host>,
        file: usize,
        folder: &Arc<Folder>,
    ) -> Result<(Self, Has), Thrown> {
        let context = Context::full(runtime).map_err(|error| Thrown::new(error.to_string()))?;
        let loaded =
            context.with(|ctx| run(&ctx, host, file, folder).map_err(|error| Thrown::take(&ctx, error)));
        let ([call, fire, fetched, remove], has) = loaded?;
        Ok((Self { call, fire, fetched, remove, context }, has))
    }

    /// Passes a message to the file.
    pub(super) fn call(&self, number: u64, stage: Stage, message: &str) -> Result<(), Thrown> {
        self.enter(|ctx| {
            // Numbers are exact up to 2 to the 53rd.
            self.call.clone().restore(ctx)?.call((number as f64, stage.name(), message))
        })
    }

    /// Fires a timer.
    pub(super) fn fire(&self, timer: u32) -> Result<(), Thrown> {
        self.enter(|ctx| self.fire.clone().restore(ctx)?.call((timer,)))
    }

    /// Passes the response to a request to the file.
    pub(super) fn fetched(
        &self,
        number: u32,
        answer: &Result<FetchedResponse, String>,
    ) -> Result<(), Thrown> {
        self.enter(|ctx| {
            let fetched = self.fetched.clone().restore(ctx)?;
            match answer {
                Ok(response) => {
                    let headers = serde_json::to_string(&response.headers).unwrap_or_default();
                    fetched.call((number, "", response.status, headers, response.body.as_str()))
                }
                Err(failure) if failure.is_empty() => fetched.call((number, "no answer")),
                Err(failure) => fetched.call((number, failure.as_str())),
            }
        })
    }

    /// Calls `removed` of the extensions.
    pub(super) fn remove(&self) -> Result<(), Thrown> {
        self.enter(|ctx| self.remove.clone().restore(ctx)?.call(()))
    }

    fn enter(&self, run: impl FnOnce(&Ctx<'_>) -> rquickjs::Result<()>) -> Result<(), Thrown> {
        self.context.with(|ctx| run(&ctx).map_err(|error| Thrown::take(&ctx, error)))
    }
}

fn run<'js>(
    ctx: &Ctx<'js>,
    host: &Rc<Host>,
    file: usize,
    folder: &Arc<Folder>,
) -> rquickjs::Result<([Kept; 4], Has)> {
    // Without it, `__proto__` in a message that an extension merges into an object is a field like others.
    ctx.eval::<bool, _>("delete Object.prototype.__proto__")?;
    let (native, globals) = (natives(ctx, host, file, folder)?, ctx.globals());
    let limits = Object::new(ctx.clone())?;
    limits.set("line", LINE)?;
    limits.set("timers", TIMERS)?;
    let bytes: Object<'js> = glue(ctx, "buffer.js", BUFFER)?.call((native.clone(), globals.clone()))?;
    let web: Object<'js> =
        glue(ctx, "web.js", WEB)?.call((native.clone(), limits, globals.clone(), bytes.clone()))?;
    let environment = ctx.json_parse(host.shared.start.environment.as_str())?;
    let node: Object<'js> =
        glue(ctx, "node.js", NODE)?.call((native.clone(), environment, globals, bytes))?;
    let bridge: Object<'js> = glue(ctx, "bridge.js", BRIDGE)?.call((native,))?;
    let function = |of: &Object<'js>, name: &str| of.get::<_, Function<'js>>(name);
    let exported: Value<'js> = function(&node, "load")?.call((folder.main(),))?;
    function(&bridge, "add")?.call::<_, ()>((exported,))?;
    let has = function(&bridge, "has")?;
    let has = Has {
        incoming: has.call((Stage::Incoming.name(),))?,
        outgoing: has.call((Stage::Outgoing.name(),))?,
    };
    let keep = |of: &Object<'js>, name| Ok::<_, rquickjs::Error>(Persistent::save(ctx, function(of, name)?));
    let kept =
        [keep(&bridge, "call")?, keep(&web, "fire")?, keep(&web, "fetched")?, keep(&bridge, "remove")?];
    Ok((kept, has))
}

fn glue<'js>(ctx: &Ctx<'js>, name: &str, text: &str) -> rquickjs::Result<Function<'js>> {
    let mut options = EvalOptions::default();
    options.filename = Some(format!("{OURS}{name}"));
    ctx.eval_with_options(text, options)
}
