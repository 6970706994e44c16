//! Reads the tags and texts of HTML in bounded time.
//!
//! It must not know which of them are wanted.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, StartTag, Tag, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

use super::names::{Element, element};

/// Bytes of one step.
const CHUNK: usize = 4 * 1024;
/// Characters within one tag that may separate attributes. The time of the tokenizer grows with the square of the
/// attributes.
const SEPARATORS: usize = 8192;

/// Receives the tags and texts.
pub(super) trait Visitor {
    /// A start tag. The content of [`Element::Raw`] is left out, and so are its tags.
    fn start(&mut self, element: Element, tag: &Tag);
    /// An end tag.
    fn end(&mut self, element: Element);
    /// A part of a text.
    fn text(&mut self, text: &str);
    /// Whether the visitor ignores the rest.
    fn is_over(&self) -> bool;
}

/// The result of [`walk`].
pub(super) struct Walked<V> {
    pub(super) visitor: V,
    /// Whether all was read.
    pub(super) is_whole: bool,
}

/// Reads HTML, until its end or until the visitor ignores the rest.
pub(super) fn walk<V: Visitor>(html: &str, visitor: V) -> Walked<V> {
    let state = State { visitor, raw: false, foreign: 0, tokens: 0 };
    let options = TokenizerOpts { discard_bom: true, ..TokenizerOpts::default() };
    let tokenizer = Tokenizer::new(Sink(RefCell::new(state)), options);
    let queue = BufferQueue::default();
    let mut rest = html;
    let (mut seen, mut separators) = (0, 0);
    let is_whole = loop {
        if tokenizer.sink.0.borrow().visitor.is_over() || separators > SEPARATORS {
            break false;
        }
        if rest.is_empty() {
            break true;
        }
        let chunk;
        (chunk, rest) = rest.split_at(rest.floor_char_boundary(CHUNK));
        queue.push_back(StrTendril::from(chunk));
        // The sink runs no scripts, so nothing stops the tokenizer.
        let _ = tokenizer.feed(&queue);
        let tokens = tokenizer.sink.0.borrow().tokens;
        separators = if tokens == seen { separators } else { 0 };
        separators += chunk.bytes().filter(|byte| is_separator(*byte)).count();
        seen = tokens;
    };
    if is_whole {
        tokenizer.end();
    }
    let visitor = tokenizer.sink.0.into_inner().visitor;
    let is_whole = is_whole && !visitor.is_over();
    Walked { visitor, is_whole }
}

fn is_separator(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'/' | b'"' | b'\'')
}

struct Sink<V>(RefCell<State<V>>);

struct State<V> {
    visitor: V,
    /// Whether the content of a raw element is being left out.
    raw: bool,
    /// Open `svg` and `math`, in which no element is raw that closes itself.
    foreign: usize,
    tokens: usize,
}

impl<V: Visitor> TokenSink for Sink<V> {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        let mut state = self.0.borrow_mut();
        if matches!(token, Token::ParseError(_)) {
            return TokenSinkResult::Continue;
        }
        state.tokens += 1;
        if state.visitor.is_over() {
            return TokenSinkResult::Continue;
        }
        match token {
            Token::TagToken(tag) => {
                if let Some(kind) = state.tag(&tag) {
                    return TokenSinkResult::RawData(kind);
                }
            }
            Token::CharacterTokens(text) if !state.raw => state.visitor.text(&text),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl<V: Visitor> State<V> {
    /// Returns how to read the content of the element, if it is raw.
    fn tag(&mut self, tag: &Tag) -> Option<RawKind> {
        let element = element(&tag.name);
        let is_start = tag.kind == StartTag;
        match element {
            Element::Raw(kind) if is_start && !(tag.self_closing && self.foreign > 0) => {
                self.raw = true;
                return Some(kind);
            }
            Element::Raw(_) => self.raw = false,
            Element::Foreign("svg" | "math") if is_start && !tag.self_closing => self.foreign += 1,
            Element::Foreign("svg" | "math") if !is_start => self.foreign = self.foreign.saturating_sub(1),
            _ => {}
        }
        if is_start {
            self.visitor.start(element, tag);
        } else {
            self.visitor.end(element);
        }
        None
    }
}
