//! The rules, hostile sizes, and that any HTML becomes safe.

mod attacks;

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{
    BufferQueue, StartTag, Tag, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use proptest::prelude::*;

use super::*;

const BASE: &str = "https://a.example/b/c";

fn cleaned(html: &str) -> String {
    clean(html, Some(BASE)).html
}

/// Collects everything in HTML that is not allowed, with the tokenizer alone.
#[derive(Default)]
struct Audit(RefCell<(Vec<String>, Vec<String>)>);

impl TokenSink for Audit {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        let (open, wrong) = &mut *self.0.borrow_mut();
        match token {
            Token::TagToken(tag) if tag.kind == StartTag => {
                wrong.extend(tag_errors(&tag));
                if !matches!(&*tag.name, "br" | "hr" | "img") {
                    open.push(tag.name.to_string());
                }
            }
            Token::TagToken(tag) if open.pop().as_deref() != Some(&*tag.name) => {
                wrong.push(format!("</{}>", tag.name));
            }
            Token::TagToken(_) | Token::CharacterTokens(_) | Token::EOFToken => {}
            other => wrong.push(format!("{other:?}")),
        }
        TokenSinkResult::Continue
    }
}

fn tag_errors(tag: &Tag) -> Vec<String> {
    const TAGS: &str = "p br a em strong b i u s code pre blockquote ul ol li h3 h4 h5 h6 img figure figcaption table \
                        thead tbody tfoot tr th td caption hr";
    let mut wrong = Vec::new();
    if !TAGS.split(' ').any(|own| own == &*tag.name) {
        wrong.push(format!("<{}>", tag.name));
    }
    for attribute in &tag.attrs {
        let (name, value) = (&*attribute.name.local, &*attribute.value);
        let is_number = || value.parse::<i64>().is_ok();
        let is_web = || value.starts_with("https://") || value.starts_with("http://");
        let is_right = match (&*tag.name, name) {
            ("a", "href") => is_web() || value.starts_with("mailto:"),
            ("a", "rel") => value == "nofollow ugc noopener noreferrer",
            ("img", "src") => is_web(),
            ("img", "alt" | "title") => true,
            ("img", "loading") => value == "lazy",
            ("img", "referrerpolicy") => value == "no-referrer",
            ("img", "width" | "height") | ("td" | "th", "colspan" | "rowspan") | ("ol", "start") => {
                is_number()
            }
            _ => false,
        };
        if !is_right {
            wrong.push(format!("<{} {name}={value:?}>", tag.name));
        }
    }
    let names: Vec<_> = tag.attrs.iter().map(|own| &*own.name.local).collect();
    let needed: &[&str] = match &*tag.name {
        "a" => &["href", "rel"],
        "img" => &["src", "alt", "loading", "referrerpolicy"],
        _ => &[],
    };
    wrong.extend(
        needed.iter().filter(|own| !names.contains(own)).map(|own| format!("{} without {own}", tag.name)),
    );
    wrong
}

fn wrong(html: &str) -> Vec<String> {
    let tokenizer =
        Tokenizer::new(Audit::default(), TokenizerOpts { exact_errors: true, ..Default::default() });
    let queue = BufferQueue::default();
    queue.push_back(StrTendril::from(html));
    let _ = tokenizer.feed(&queue);
    tokenizer.end();
    let (open, mut wrong) = tokenizer.sink.0.into_inner();
    wrong.extend(open.into_iter().map(|name| format!("open {name}")));
    wrong
}

/// Asserts that the result contains only allowed HTML, and that parsing it again changes nothing.
fn assert_safe(html: &str) -> Clean {
    let result = clean(html, Some(BASE));
    assert_eq!(wrong(&result.html), Vec::<String>::new(), "{html:?} became {:?}", result.html);
    assert_eq!(again(&result.html).html, result.html, "of {html:?}");
    assert!(result.html.len() <= MOST);
    result
}

#[test]
fn the_audit_of_these_tests_finds_what_is_wrong() {
    for html in [
        "<script>",
        "<p onclick=x></p>",
        "<p>",
        "</p>",
        "<a href='javascript:x' rel='nofollow ugc noopener noreferrer'></a>",
        "<a href='https://a.example'></a>",
        "<img src='https://a.example'>",
        "<!-- -->",
        "<svg></svg>",
        "<h1></h1>",
    ] {
        assert_ne!(wrong(html), Vec::<String>::new(), "{html}");
    }
}

#[test]
fn content_keeps_what_readers_need() {
    const REL: &str = "rel=\"nofollow ugc noopener noreferrer\"";
    const IMG: &str = "loading=\"lazy\" referrerpolicy=\"no-referrer\">";
    for (html, expected) in [
        ("just text,\nof 2 lines", "just text,\nof 2 lines".to_owned()),
        ("1 < 2 && 3 > 2 &copy; &nbsp;\"x\"", "1 &lt; 2 &amp;&amp; 3 &gt; 2 © \u{a0}&quot;x&quot;".to_owned()),
        ("<p class=a id=b style='c'>x<br>y<hr></p>", "<p>x<br>y</p><hr><p></p>".to_owned()),
        ("<h1>1</h1><h2>2</h2><h5>5</h5><h6>6</h6>", "<h3>1</h3><h4>2</h4><h6>5</h6><h6>6</h6>".to_owned()),
        ("<p>a<p><b>b<i>c</b>d", "<p>a</p><p><b>b<i>c</i></b><i>d</i></p>".to_owned()),
        ("<div>a</div><div>b<div>c</div></div>d", "a<br>b<br>c<br>d".to_owned()),
        ("<section><p>a</p>b</section><dl><dt>c<dd>d</dl>", "<p>a</p>b<br>c<br>d".to_owned()),
        ("<font color=red>a</font> <span>b</span><sup>2</sup>", "a b2".to_owned()),
        ("<del>a</del><strike>b</strike>", "<s>a</s><s>b</s>".to_owned()),
        ("<pre>\n\na\n  b</pre>", "<pre>a\n  b</pre>".to_owned()),
        ("<a href=\"../d?e=1&amp;f\">x</a>", format!("<a href=\"https://a.example/d?e=1&amp;f\" {REL}>x</a>")),
        ("<a href=\"#n\" rel=me>x</a>", format!("<a href=\"https://a.example/b/c#n\" {REL}>x</a>")),
        ("<a href=\"//b.example\">x</a>", format!("<a href=\"https://b.example/\" {REL}>x</a>")),
        ("<a href=\"mailto:a@b.example\">x</a>", format!("<a href=\"mailto:a@b.example\" {REL}>x</a>")),
        ("<a name=x>y</a>", "y".to_owned()),
        ("<a href=tel:1>y</a>", "y".to_owned()),
        ("<img src=d.png>", format!("<img src=\"https://a.example/b/d.png\" alt=\"\" {IMG}")),
        (
            "<img src=d.png alt='\"e\"' title=f width=600px height=40 loading=eager referrerpolicy=unsafe-url>",
            format!(
                "<img src=\"https://a.example/b/d.png\" alt=\"&quot;e&quot;\" title=\"f\" width=\"600\" height=\"40\" {IMG}"
            ),
        ),
        ("<img src=d.png width='100%'>", format!("<img src=\"https://a.example/b/d.png\" alt=\"\" {IMG}")),
        ("<img src=mailto:a@b.example><img src=data:image/png;base64,AA><img alt=x>", String::new()),
        (
            "<picture><source srcset=e.avif><img src=d.png></picture>",
            format!("<img src=\"https://a.example/b/d.png\" alt=\"\" {IMG}"),
        ),
        (
            "<table border=1><caption>c<tr><th colspan=2 rowspan=x>a<td width=1 colspan=9999>b<tfoot><tr><td>d</table>",
            "<table><caption>c</caption><tbody><tr><th colspan=\"2\">a</th><td>b</td></tr></tbody><tfoot><tr><td>d</td>\
             </tr></tfoot></table>"
                .to_owned(),
        ),
        ("<ol start=3 type=a><li value=9>a<li>b</ol>", "<ol start=\"3\"><li>a</li><li>b</li></ol>".to_owned()),
        ("<figure>a<figcaption>b</figure>", "<figure>a<figcaption>b</figcaption></figure>".to_owned()),
        ("a<svg><title/><path/><text>b</text></svg>c<math><mi>d</mi></math>e", "ace".to_owned()),
        ("a<script>b</script><style>c</style><iframe>d</iframe><noscript>e</noscript>f", "af".to_owned()),
        ("<html><head><title>t</title></head><body><p>a</body></html>", "<p>a</p>".to_owned()),
        ("a<video src=x>no video</video><!-- c --><?php d ?>", "ano video".to_owned()),
    ] {
        assert_eq!(cleaned(html), expected, "{html}");
        assert_safe(html);
    }
}

#[test]
fn relative_urls_need_a_base_of_the_web() {
    for base in [
        None,
        Some(""),
        Some("x"),
        Some("javascript:alert(1)"),
        Some("data:text/html,x"),
        Some("file:///a/b"),
    ] {
        assert_eq!(clean("<a href=x>a</a><img src=/y>", base).html, "a", "{base:?}");
    }
    let result = clean("<a href=x>a</a>", Some("http://b.example/c/"));
    assert!(result.html.contains("\"http://b.example/c/x\""), "{}", result.html);
}

#[test]
fn images_are_bounded_and_those_that_count_readers_are_dropped() {
    for attributes in [
        "width=1 height=1",
        "width=0",
        "height='1px'",
        "height=' 1 '",
        "style='width:1px'",
        "style='Display : NONE!important'",
        "style='border:0;height:0'",
    ] {
        assert_eq!(cleaned(&format!("a<img src=x {attributes}>")), "a", "{attributes}");
    }
    for attributes in ["width=10", "height=2", "width=1x", "style='max-width:100%'", "width=100%"] {
        let kept = cleaned(&format!("a<img src=x {attributes}>")).contains("<img");
        assert_eq!(kept, attributes != "width=1x", "{attributes}");
    }
    let many: String = (0..30).map(|number| format!("<p><img src={number}.png></p>")).collect();
    let result = assert_safe(&many).html;
    assert_eq!(result.matches("<img").count(), 20);
    assert!(result.contains("/19.png") && !result.contains("/20.png"));
}

#[test]
fn long_content_is_cut_between_tags_and_characters() {
    for (unit, name) in [
        ("<p>some <b>words</b> &amp; ä</p>", "tags"),
        ("&lt;", "references"),
        ("日", "characters"),
        ("a ", "text"),
        ("<ul><li><b>", "open tags"),
        ("<table><tr><td>x</table>", "tables"),
        ("<a href=/x>y</a>", "links"),
    ] {
        for start in ["", "<blockquote><b>", "<pre>"] {
            let html = start.to_owned() + &unit.repeat(100_000 / unit.len());
            let result = assert_safe(&html);
            assert!(
                result.is_truncated || html.len() <= MOST || unit.contains("<ul>"),
                "{name} after {start:?}"
            );
            assert!(!result.html.is_empty(), "{name} after {start:?}");
        }
    }
    let fits = "x".repeat(MOST);
    assert_eq!(clean(&fits, None), Clean { html: fits.clone(), is_truncated: false });
    let cut = clean(&format!("{fits}y"), None);
    assert_eq!(cut, Clean { html: fits, is_truncated: true });
    let cut = clean(&format!("<p>{}</p>", "&".repeat(MOST)), None);
    assert!(cut.is_truncated && cut.html.ends_with("&amp;</p>"));
}

#[test]
fn hostile_sizes_are_bounded() {
    let many = |unit: &str, bytes: usize| unit.repeat(bytes / unit.len());
    let numbered = |write: fn(usize) -> String, count| (0..count).map(write).collect::<String>();
    for (name, html) in [
        ("deep divisions", many("<div>", 1 << 20)),
        ("deep lists", many("<ul><li>", 1 << 20)),
        ("deep tables", many("<table><tr><td>", 1 << 20)),
        ("deep quotes", many("<blockquote>", 1 << 20)),
        ("deep foreign", many("<svg><math>", 1 << 20)),
        ("deep templates", many("<template>", 1 << 20)),
        ("open formatting", many("<b><i><u><s><em><strong><code>", 1 << 18) + &many("<p>x", 1 << 18)),
        ("numbered formatting", numbered(|number| format!("<b id={number}>"), 6000) + &many("<p>x", 1 << 17)),
        ("misplaced in tables", many("<table><a href=x>", 1 << 18)),
        ("closing tags", many("</p></b></table>", 1 << 20)),
        ("attributes", format!("<p {}>x", numbered(|number| format!("a{number} "), 60_000))),
        ("attributes with values", format!("<p {}>x", numbered(|number| format!("a{number}='<>'"), 60_000))),
        ("attributes with slashes", format!("<p/{}>x", numbered(|number| format!("a{number}/"), 60_000))),
        ("one long attribute", format!("<img src='https://a.example/{}'>", "x".repeat(1 << 20))),
        ("a long comment", format!("<!--{}", many("- ", 1 << 20))),
        ("a long script", format!("<script>{}", many("x ", 1 << 20))),
        ("open brackets", many("<", 1 << 20)),
        ("references", many("&amp;&#38;&notit;", 1 << 20)),
        ("no bytes", String::new()),
        ("only spaces", many(" \n", 1 << 20)),
    ] {
        let result = assert_safe(&html);
        let open = result.html.matches("<table>").count() + result.html.matches("<blockquote>").count();
        assert!(open <= 64 || !name.starts_with("deep"), "{name}: {open}");
    }
    // A picture within the text must not remove the rest.
    let picture = format!(
        "<p>a<img src=\"data:image/png;base64,{}\">b",
        many(&format!("{}/", "iVBORw0KGgoAAAAN".repeat(4)), 200_000)
    );
    assert_eq!(clean(&picture, None), Clean { html: "<p>ab</p>".to_owned(), is_truncated: false });
}

#[test]
fn a_text_is_folded_decoded_and_cut_at_a_word() {
    for (html, most, expected) in [
        ("<p>a &lt;b&gt;</p>\n <p>&amp;amp; <i>c</i>d&nbsp;e<script>f</script></p>", 99, "a <b> &amp; cd e"),
        ("  a\t\n b  ", 99, "a b"),
        ("a<br>b<div>c</div>d<li>e", 99, "a b c d e"),
        ("wo<b>r</b>d", 99, "word"),
        ("AT&T 1 < 2", 99, "AT&T 1 < 2"),
        ("one two three", 13, "one two three"),
        ("one two three", 12, "one two…"),
        ("one two three", 8, "one two…"),
        ("one two three", 7, "one…"),
        ("onetwothree", 5, "onet…"),
        ("a onetwothree", 8, "a onetw…"),
        ("日本語のテキスト", 4, "日本語…"),
        ("ab", 1, "…"),
        ("ab", 0, ""),
        ("a", 1, "a"),
        ("", 9, ""),
        ("<p></p>", 9, ""),
        ("a\u{0}b\u{1}c", 9, "abc"),
        ("one   ", 3, "one"),
    ] {
        assert_eq!(text(html, most), expected, "{html:?}, {most}");
    }
    assert_eq!(text(&"ab ".repeat(1 << 20), 280).chars().count(), 279);
}

/// HTML of badly nested pieces.
fn soup() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "p", "br", "a", "b", "i", "em", "code", "pre", "blockquote", "ul", "ol", "li", "h1", "h3", "h6", "img", "figure",
            "figcaption", "table", "thead", "tbody", "tfoot", "tr", "th", "td", "caption", "hr", "div", "section", "svg",
            "math", "mtext", "foreignObject", "annotation-xml", "template", "select", "option", "button", "form", "style",
            "script", "title", "textarea", "noscript", "iframe", "col", "colgroup", "dl", "dt", "dd", "nobr", "html", "head",
            "body", "frameset", "plaintext", "ruby", "rt", "s", "u", "strong",
        ])
        .prop_flat_map(|name| {
            prop::sample::select(vec![
                format!("<{name}>"),
                format!("</{name}>"),
                format!("<{name}/>"),
                format!("<{name} href='x' src='y' onload='z'>"),
                format!("<{name} href='mailto:a b@c ' src='http:d' title='\"<>&' width=5 colspan=3>"),
            ])
        }),
        1 => prop::sample::select(vec![
            "\n", " ", "\n\n", "x", "<!--", "-->", "<![CDATA[", "]]>", "&lt;", "&amp", "\u{a0}", "'", "\"", "<", ">", "\u{0}",
        ])
        .prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_html_becomes_safe_and_stays_the_same(html in soup()) {
        let result = assert_safe(&html);
        // Headings move each time; nothing else changes.
        if !["<h3>", "<h4>", "<h5>"].iter().any(|tag| result.html.contains(tag)) {
            prop_assert_eq!(clean(&result.html, None).html, result.html);
        }
        prop_assert!(!result.is_truncated, "{}", html);
    }

    #[test]
    fn any_text_is_cut_and_stays_the_same(html in soup(), most in 0_usize..60) {
        let short = text(&html, most);
        prop_assert!(short.chars().count() <= most);
        prop_assert_eq!(short.trim(), &short);
        prop_assert_eq!(text(&names::escaped(&short), most), short);
    }
}

#[test]
fn open_elements_are_bounded_before_a_tree_is_built() {
    for open in ["<b><div>", "<b><p>", "<blockquote>", "<a href=https://b.example/><p>"] {
        let html = open.repeat(3900) + "text" + &"</b></a>".repeat(3900);
        let flat = walk::walk(&html, Filter::flat(None, FLAT)).visitor.finish();
        let count = |tag: &str| flat.matches(tag).count();
        let counted = count("<b>") + count("<div>") + count("<blockquote>") + count("<a ");
        assert!((1..=128).contains(&counted), "{open}: {counted}");
        assert!(count("</b>") + count("</a>") <= counted, "{open}");
        assert!(cleaned(&html).contains("text"), "{open}");
    }
}
