//! The functions of the server that the glue in JavaScript calls. Arguments and results are numbers or texts.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rquickjs::context::EvalOptions;
use rquickjs::{ArrayBuffer, Ctx, Exception, Function, Object};
use tokio::time::Instant;

use super::answer::Answer;
use super::crypto;
use super::event::Shared;
use super::fetch::{REQUESTS, Request};
use super::folder::Folder;
use super::pending::Pending;
use super::timers::Timers;
use super::wire::FromEngine;

/// The text of an error that cannot be converted to text.
const UNPRINTABLE: &str = "an error that cannot be printed";

/// The state of the engine outside of JavaScript.
pub(super) struct Host {
    pub(super) shared: Rc<Shared>,
    pub(super) pending: RefCell<Pending>,
    pub(super) timers: RefCell<Timers>,
    /// The request of the current message, as JSON.
    pub(super) request: RefCell<String>,
    /// Whether an operation failed because of missing memory.
    pub(super) lacks_memory: Cell<bool>,
    /// Whether an operation failed as if memory for an error was missing.
    pub(super) may_lack_memory: Cell<bool>,
}

impl Host {
    pub(super) fn new(shared: Rc<Shared>) -> Self {
        Self {
            shared,
            pending: RefCell::default(),
            timers: RefCell::default(),
            request: RefCell::default(),
            lacks_memory: Cell::default(),
            may_lack_memory: Cell::default(),
        }
    }

    /// Answers a message if it is waiting.
    pub(super) fn answer(&self, number: u64, answer: Answer) {
        if self.pending.borrow_mut().take(number) {
            self.shared.out.send(&FromEngine::Answer { number, answer });
        }
    }

    /// Reports a failed message, and answers it if it is waiting.
    fn fail(&self, file: usize, number: u64, text: String) {
        if text.starts_with("InternalError: out of memory") {
            self.lacks_memory.set(true);
        }
        if text == "null" || text == UNPRINTABLE {
            self.may_lack_memory.set(true);
        }
        if !self.lacks_memory.get()
            && let Some(reporter) = self.shared.reporters.get(file)
        {
            reporter.error(text);
        }
        self.answer(number, Answer::Failed);
    }

    fn fetch(&self, file: usize, number: u32, request: &str) -> Result<(), String> {
        let request: Request = serde_json::from_str(request).map_err(|error| error.to_string())?;
        let fetching = self.shared.fetching.get();
        if fetching >= REQUESTS {
            return Err(format!("more than {REQUESTS} requests at one time"));
        }
        self.shared.fetching.set(fetching + 1);
        self.shared.out.send(&FromEngine::Fetch { file, number, request });
        Ok(())
    }
}

/// Throws an error with a text.
fn throw(ctx: &Ctx<'_>, text: &str) -> rquickjs::Error {
    Exception::throw_message(ctx, text)
}

/// Makes the object `native` of a file.
pub(super) fn natives<'js>(
    ctx: &Ctx<'js>,
    host: &Rc<Host>,
    file: usize,
    folder: &Arc<Folder>,
) -> rquickjs::Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    messages(ctx, &native, host, file)?;
    time(ctx, &native, host, file)?;
    files(ctx, &native, folder)?;
    bytes(ctx, &native)?;
    Ok(native)
}

fn messages<'js>(ctx: &Ctx<'js>, native: &Object<'js>, host: &Rc<Host>, file: usize) -> rquickjs::Result<()> {
    let own = Rc::clone(host);
    let answer = move |number: f64, kind: u32, changes: String| {
        let answer = match kind {
            0 => Answer::Dropped,
            1 => Answer::Unchanged,
            _ => Answer::Changed(changes),
        };
        own.answer(number as u64, answer);
    };
    native.set("answer", Function::new(ctx.clone(), answer)?)?;
    let own = Rc::clone(host);
    let fail = move |number: f64, text: String| own.fail(file, number as u64, text);
    native.set("fail", Function::new(ctx.clone(), fail)?)?;
    let own = Rc::clone(host);
    let repeat = move || {
        if let Some(reporter) = own.shared.reporters.get(file) {
            reporter.repeat();
        }
    };
    native.set("repeat", Function::new(ctx.clone(), repeat)?)?;
    let own = Rc::clone(host);
    let request = move || own.request.take();
    native.set("request", Function::new(ctx.clone(), request)?)?;
    let own = Rc::clone(host);
    let log = move |level: u32, text: String| {
        if let Some(reporter) = own.shared.reporters.get(file) {
            reporter.print(level, text);
        }
    };
    native.set("log", Function::new(ctx.clone(), log)?)
}

fn time<'js>(ctx: &Ctx<'js>, native: &Object<'js>, host: &Rc<Host>, file: usize) -> rquickjs::Result<()> {
    let own = Rc::clone(host);
    let start = move |number: u32, delay: f64| {
        // As long as a timer of Node can be, which is far from where adding fails.
        let delay = Duration::from_millis((delay as u64).min(i32::MAX as u64));
        own.timers.borrow_mut().start((file, number), Instant::now() + delay);
    };
    native.set("startTimer", Function::new(ctx.clone(), start)?)?;
    let own = Rc::clone(host);
    let stop = move |number: u32| own.timers.borrow_mut().stop((file, number));
    native.set("stopTimer", Function::new(ctx.clone(), stop)?)?;
    let own = Rc::clone(host);
    let fetch = move |ctx: Ctx<'js>, number: u32, request: String| {
        own.fetch(file, number, &request).map_err(|text| throw(&ctx, &text))
    };
    native.set("fetch", Function::new(ctx.clone(), fetch)?)
}

fn files<'js>(ctx: &Ctx<'js>, native: &Object<'js>, folder: &Arc<Folder>) -> rquickjs::Result<()> {
    let own = Arc::clone(folder);
    native.set("folder", Function::new(ctx.clone(), move || own.path())?)?;
    let own = Arc::clone(folder);
    let resolve = move |ctx: Ctx<'js>, from: String, name: String| {
        own.resolve(&from, &name).map_err(|text| throw(&ctx, &text))
    };
    native.set("resolve", Function::new(ctx.clone(), resolve)?)?;
    let own = Arc::clone(folder);
    let read = move |ctx: Ctx<'js>, name: String| {
        let content = own.read(&name).map_err(|text| throw(&ctx, &text))?;
        // A copy, so that it counts against the memory of the extensions.
        ArrayBuffer::new_copy(ctx, content)
    };
    native.set("read", Function::new(ctx.clone(), read)?)?;
    let own = Arc::clone(folder);
    let read_text = move |ctx: Ctx<'js>, name: String| {
        let content = own.read(&name).map_err(|text| throw(&ctx, &text))?;
        let text = String::from_utf8(content)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        Ok::<_, rquickjs::Error>(text)
    };
    native.set("readText", Function::new(ctx.clone(), read_text)?)?;
    let own = Arc::clone(folder);
    native.set("exists", Function::new(ctx.clone(), move |name: String| own.exists(&name))?)?;
    let own = Arc::clone(folder);
    let source = move |ctx: Ctx<'js>, path: String| {
        own.source(&path).map(|text| text.0.to_string()).map_err(|text| throw(&ctx, &text))
    };
    native.set("source", Function::new(ctx.clone(), source)?)?;
    let own = Arc::clone(folder);
    let compile = move |ctx: Ctx<'js>, path: String| compile(&ctx, &own, &path);
    native.set("compile", Function::new(ctx.clone(), compile)?)
}

/// Compiles the function of a CommonJS file. Line numbers stay the same, so that errors name the right line.
fn compile<'js>(ctx: &Ctx<'js>, folder: &Folder, path: &str) -> rquickjs::Result<Function<'js>> {
    let source = folder.source(path).map_err(|text| throw(ctx, &text))?;
    let source = &source.0;
    // A line for the shell, which is no JavaScript inside a function.
    let comment = if source.starts_with("#!") { "//" } else { "" };
    let text =
        format!("(function (exports, require, module, __filename, __dirname) {{{comment}{source}\n}})");
    let mut options = EvalOptions::default();
    options.strict = false;
    options.filename = Some(folder.name(path));
    ctx.eval_with_options(text, options)
}

fn bytes<'js>(ctx: &Ctx<'js>, native: &Object<'js>) -> rquickjs::Result<()> {
    let hash = |ctx: Ctx<'js>, algorithm: String, key: Option<String>, data: String| {
        crypto::hash(&algorithm, key.as_deref(), &data).map_err(|text| throw(&ctx, &text))
    };
    native.set("hash", Function::new(ctx.clone(), hash)?)?;
    let random = |ctx: Ctx<'js>, count: f64| {
        // The cast saturates: negative values and values that are no number become 0.
        crypto::random(count as usize).map_err(|text| throw(&ctx, &text))
    };
    native.set("random", Function::new(ctx.clone(), random)?)?;
    let encode = |ctx: Ctx<'js>, data: String, encoding: String| {
        crypto::encode(&data, &encoding).map_err(|text| throw(&ctx, &text))
    };
    native.set("encode", Function::new(ctx.clone(), encode)?)?;
    let decode = |ctx: Ctx<'js>, text: String, encoding: String| {
        crypto::decode(&text, &encoding).map_err(|text| throw(&ctx, &text))
    };
    native.set("decode", Function::new(ctx.clone(), decode)?)
}
