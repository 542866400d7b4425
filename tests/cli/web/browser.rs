//! The page in a real browser: a run is watched and its gate answered, by mouse, by keyboard alone, on a phone, in the dark.

use std::process::Child;

use super::{DEPLOY, PROJECT, Page, begin};
use crate::rig::Rig;
use crate::rig::servers::browser::{Browser, is_here, key};

fn rig() -> Rig {
    Rig::new(PROJECT).file("deploy.rhai", DEPLOY)
}

/// A run that waits at its gate, the page that shows it, and a browser with a window of this size.
fn at_the_gate(width: u32, height: u32) -> (Rig, Page, (Child, String), Browser) {
    let rig = rig();
    let page = Page::serve(&rig, &[]);
    let begun = begin(&rig);
    (rig, page, begun, Browser::start(width, height))
}

#[test]
fn a_run_is_watched_and_its_gate_approved_by_a_click() {
    if !is_here() {
        return;
    }
    let (rig, page, (mut child, run), browser) = at_the_gate(1200, 900);
    browser.goto(&page.url);
    browser.wait("document.querySelector('#runs a')", 20);
    browser.click("#runs a");
    browser.wait("document.querySelector('#tree li.gate .state')?.textContent === 'open'", 20);
    let seen = browser.text();
    for text in [
        "Deploy the shop",
        "▸ running",
        "Prepare",
        "bytes",
        "wanted == 3",
        "1 of 1 checks passed",
        "the check passed",
    ] {
        let is_one_of_two =
            text.contains("check") && (seen.contains("the check passed") || seen.contains("checks passed"));
        assert!(seen.contains(text) || is_one_of_two, "no {text} in:\n{seen}");
    }
    // The clock of what goes on runs.
    let clock = "document.querySelector('#tree li.gate .took').textContent";
    let before = browser.js(&format!("return {clock}"));
    browser.wait(&format!("{clock} !== {before}"), 10);
    browser.type_into("#gates textarea", "from the browser");
    browser.click("#gates button[value=approve]");
    browser.wait("document.querySelector('#outcome').textContent.includes('done')", 60);
    browser.wait("document.querySelector('#tree').innerText.includes('First half')", 20);
    assert!(child.wait().unwrap().success());
    browser.wait("document.querySelector('#timeline svg')?.textContent.includes('Roll out')", 20);
    browser.wait("document.querySelector('#gates').textContent.trim() === ''", 20);
    rig.run(&["show", &run]).expect(0).says("from the browser");
    // What does not fit is not seen, what holds what fits is.
    browser.type_into("#find", "first half");
    browser.wait("!document.querySelector('#tree').innerText.includes('Prepare')", 10);
    let tree = browser.js("return document.querySelector('#tree').innerText");
    assert!(tree.as_str().unwrap().contains("First half") && tree.as_str().unwrap().contains("Roll out"));
}

/// Events are heard only once `go` was called: as where the first connection takes its time.
const LATE: &str = "const Real = EventSource; window.EventSource = class {\n\
    constructor(address) { this.heard = []; window.go = () => { const real = new Real(address); \
    for (const [name, hear] of this.heard) real.addEventListener(name, hear); }; }\n\
    addEventListener(name, hear) { this.heard.push([name, hear]); } };";

#[test]
fn a_gate_that_was_passed_before_the_first_event_came_is_no_longer_asked() {
    if !is_here() {
        return;
    }
    let (rig, page, (mut child, run), browser) = at_the_gate(1200, 900);
    browser.before_each_page(LATE);
    browser.goto(&format!("{}runs/{run}", page.url));
    browser.wait("document.querySelector('#gates button[value=approve]')", 20);
    let timeline = format!("runs/{run}/timeline");
    // Whoever asks just before the end and just after it is not told the same.
    assert!(page.text(&timeline).contains("▸"));
    rig.run(&["cancel", &run]).expect(6);
    assert!(!page.text(&timeline).contains("▸"), "the timeline is of before the end");
    child.wait().unwrap();
    browser.js("window.go()");
    browser.wait("document.querySelector('#outcome').textContent.includes('not taken back')", 20);
    browser.wait("document.querySelector('#gates').textContent.trim() === ''", 20);
}

#[test]
fn output_comes_while_it_is_made_and_a_page_that_was_open_before_sees_the_run_begin() {
    if !is_here() {
        return;
    }
    let slow = "//! Talk.\n//!\n//! uses = [\"program.tool:write\"]\nstep \"Talk\" { program(\"tool\").run([\"-c\", \"echo early; while ! [ -e end ]; do sleep 0.05; done; echo '<img src=x>'\"]); }\n";
    let rig = rig().file("talk.rhai", slow);
    let page = Page::serve(&rig, &[]);
    let browser = Browser::start(1000, 800);
    browser.goto(&page.url);
    let mut command = rig.command(&["exec", "talk.rhai"]);
    let mut child =
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    browser.wait("document.querySelector('#runs').innerText.includes('talk.rhai')", 30);
    browser.click("#runs a");
    browser.wait("document.querySelector('#lines')?.textContent.includes('early')", 30);
    assert!(browser.text().contains("running"));
    std::fs::write(rig.path("end"), "").unwrap();
    browser.wait("document.querySelector('#lines').textContent.includes('<img src=x>')", 30);
    browser.wait("document.querySelector('#outcome').textContent.includes('done')", 30);
    assert_eq!(browser.js("return document.querySelectorAll('#lines img').length"), 0);
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_keyboard_is_enough() {
    if !is_here() {
        return;
    }
    let (rig, page, (mut child, run), browser) = at_the_gate(1000, 800);
    browser.goto(&page.url);
    browser.wait("document.querySelector('#runs a')", 20);
    let focused = "const e = document.activeElement; return (e.getAttribute('href') ?? e.value ?? e.id ?? '') + '|' + e.tagName";
    let tab_to = |wanted: &str| {
        for _ in 0..40 {
            browser.press(&[key::TAB]);
            if browser.js(focused).as_str().unwrap().starts_with(wanted) {
                // Whoever tabs sees where they are.
                let outline = browser.js("return getComputedStyle(document.activeElement).outlineStyle");
                assert_ne!(outline, "none", "the focus at {wanted} is not seen");
                return;
            }
        }
        panic!("the keyboard does not get to {wanted}:\n{}", browser.text());
    };
    browser.press(&["/"]);
    assert_eq!(browser.js("return document.activeElement.id"), "q");
    tab_to(&format!("/runs/{run}"));
    browser.press(&[key::ENTER]);
    browser.wait("document.querySelector('#gates form')", 20);
    browser.press(&[key::TAB]);
    assert!(
        browser.js(focused).as_str().unwrap().starts_with("#main"),
        "the first stop skips to the content"
    );
    browser.js("document.querySelector('#gates textarea').focus(); return 1");
    browser.press(&["o", "k", key::TAB]);
    tab_back_or_at(&browser, "approve");
    browser.press(&[key::SPACE]);
    browser.wait("document.querySelector('#outcome').textContent.includes('done')", 60);
    assert!(child.wait().unwrap().success());
    rig.run(&["show", &run]).expect(0).says("cy approved").says("ok");
    // Steps fold by keyboard too.
    browser.wait("document.querySelector('#tree .fold')", 20);
    browser.js("document.querySelector('#tree .fold').focus(); return 1");
    browser.press(&[key::ENTER]);
    assert_eq!(
        browser.js("return document.querySelector('#tree .fold').getAttribute('aria-expanded')"),
        "false"
    );
}

fn tab_back_or_at(browser: &Browser, value: &str) {
    assert_eq!(browser.js("return document.activeElement.value"), value, "{}", browser.text());
}

#[test]
fn a_phone_shows_everything_without_going_sideways_in_the_light_and_in_the_dark() {
    if !is_here() {
        return;
    }
    let rig = rig();
    let page = Page::serve(&rig, &[]);
    let (child, run) = begin(&rig);
    let browser = Browser::start(360, 740);
    for path in
        ["", "playbooks", "playbooks/deploy.rhai", &format!("runs/{run}"), &format!("runs/{run}/report")]
    {
        browser.goto(&format!("{}{path}", page.url));
        if path.ends_with(&run) {
            browser.wait("document.querySelector('#tree li.gate')", 20);
            let button = browser.js("const b = document.querySelector('#gates button').getBoundingClientRect(); return [b.left, b.right, b.height]");
            let side = |index: usize| button[index].as_f64().unwrap();
            assert!(side(0) >= 0.0 && side(1) <= 360.0 && side(2) >= 44.0, "a thumb finds it: {button}");
        }
        if !path.ends_with("report") {
            let wide = browser.js("return [document.documentElement.scrollWidth, window.innerWidth]");
            assert_eq!(wide[0], wide[1], "{path} goes sideways");
        }
        for (scheme, dark) in [("dark", true), ("light", false)] {
            browser.prefer(scheme, "screen");
            let color = browser.js("return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)");
            let sum: f64 = color.as_array().unwrap().iter().map(|part| part.as_f64().unwrap()).sum();
            assert_eq!(sum < 200.0, dark, "{path} is {color} where {scheme} is preferred");
            // Text stands out from its ground by more than four and a half to one, as WCAG wants it.
            let contrast = browser.js(CONTRAST).as_f64().unwrap();
            assert!(contrast >= 4.5, "{path} in {scheme}: the weakest text has {contrast}");
        }
    }
    crate::rig::interrupt(&child);
    let _ = { child }.wait();
}

/// The weakest contrast of any text in the page.
const CONTRAST: &str = r#"
    const parse = (text) => text.match(/[\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map((part) => { part /= 255; return part <= .03928 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4; })
        .reduce((sum, part, index) => sum + part * [.2126, .7152, .0722][index], 0);
    const ground = (element) => { for (let one = element; one; one = one.parentElement) { const color = parse(getComputedStyle(one).backgroundColor); if (color.length < 4 || color[3] > 0) return color; } return [255, 255, 255]; };
    let weakest = 99;
    for (const element of document.querySelectorAll("main *, header *")) {
        if (element.closest("svg") || ![...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())) continue;
        if (!element.checkVisibility || !element.checkVisibility()) continue;
        const [one, other] = [light(parse(getComputedStyle(element).color)), light(ground(element))];
        weakest = Math.min(weakest, (Math.max(one, other) + .05) / (Math.min(one, other) + .05));
    }
    return weakest;
"#;
