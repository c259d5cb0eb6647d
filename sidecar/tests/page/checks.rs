//! The page of one sidecar, and checks that apply in every state of a run.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::support::Sidecar;

/// The minimum contrast ratio of text (WCAG 2.1, level AA).
const CONTRAST: f64 = 4.5;

/// A JavaScript expression that returns the lowest contrast ratio of any visible text, and that text.
const LOWEST_CONTRAST: &str = "(() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = (color) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const luminance = (color) => {
    const [r, g, b] = [...color].slice(0, 3).map((part) => part / 255)
      .map((part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = (node) => {
    for (let one = node; one; one = one.parentElement) {
      const color = rgb(getComputedStyle(one).backgroundColor);
      if (color[3] === 255) return color;
    }
    return rgb('white');
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let lowest = [99, ''];
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const parent = text.parentElement;
    if (!text.data.trim() || ['SCRIPT', 'STYLE', 'NOSCRIPT'].includes(parent.tagName) || !parent.getClientRects().length) continue;
    const [a, b] = [luminance(rgb(getComputedStyle(parent).color)), luminance(background(parent))].sort((a, b) => b - a);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < lowest[0]) lowest = [contrast, text.data];
  }
  return lowest;
})()";

/// A JavaScript expression that returns the texts of the elements that extend beyond the right edge of the window. The width of
/// the document does not reveal an element that `overflow: hidden` cuts off.
const CUT_OFF: &str = "[...document.querySelectorAll('body *')]
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
  .map((one) => one.innerText)";

/// The page of one sidecar.
pub(crate) struct Page {
    pub(crate) browser: Browser,
    url: String,
}

impl Page {
    /// Opens the page, and waits until it shows the run's YAML.
    pub(crate) fn of(sidecar: &Sidecar) -> Self {
        let url = format!("http://{}/", sidecar.address());
        let mut browser = Browser::open(&url);
        browser.until("document.querySelectorAll('[data-yaml]').length > 0");
        Self { browser, url }
    }

    /// Waits until the element that `selector` selects contains `text`.
    #[track_caller]
    pub(crate) fn has(&mut self, selector: &str, text: &str) {
        let (selector, text) = (Value::from(selector), Value::from(text));
        self.browser.until(&format!(
            "(document.querySelector({selector})?.innerText ?? '').includes({text})"
        ));
    }

    /// Waits until the page shows the phase `phase`.
    #[track_caller]
    pub(crate) fn phase(&mut self, phase: &str) {
        self.has("#phase", phase);
    }

    /// Returns true if the element is not displayed.
    pub(crate) fn is_hidden(&mut self, selector: &str) -> bool {
        let selector = Value::from(selector);
        let shown = format!("document.querySelector({selector})?.getClientRects().length > 0");
        self.browser.eval(&shown) == false
    }

    /// Returns the names of the steps in a group, such as `Finished`.
    pub(crate) fn steps(&mut self, group: &str) -> Vec<String> {
        let names = self.browser.eval(&format!(
            "[...document.querySelectorAll('[data-group=\"{group}\"] [data-step]')].map((one) => one.dataset.step)"
        ));
        serde_json::from_value(names).unwrap()
    }

    /// Checks that a connected page has caused no errors and [is readable](Self::is_readable).
    #[track_caller]
    pub(crate) fn is_sound(&mut self, state: &str) {
        assert_eq!(self.browser.errors(), [""; 0], "{state}");
        self.is_readable(state);
    }

    /// Checks that the page is readable in both color schemes and on a narrow screen, and that it has loaded nothing from other
    /// hosts. Saves images of the page under the name `state`.
    #[track_caller]
    pub(crate) fn is_readable(&mut self, state: &str) {
        let browser = &mut self.browser;
        for scheme in ["light", "dark"] {
            browser.color_scheme(scheme);
            let lowest = browser.eval(LOWEST_CONTRAST);
            assert!(
                lowest[0].as_f64().unwrap() >= CONTRAST,
                "{state}, {scheme}: {lowest}"
            );
            save(browser, &format!("page-{state}-{scheme}.png"));
        }
        browser.color_scheme("light");
        browser.resize(360, 780);
        let width = browser.eval("document.documentElement.scrollWidth");
        assert_eq!(width, 360, "{state} scrolls sideways");
        assert_eq!(browser.eval(CUT_OFF), json!([]), "{state} is cut off");
        save(browser, &format!("page-{state}-narrow.png"));
        browser.resize(1000, 900);
        let foreign: Vec<_> = browser
            .requested()
            .iter()
            .filter(|url| !url.starts_with(&self.url) && !url.starts_with("data:"))
            .collect();
        assert!(foreign.is_empty(), "{foreign:?}");
        let unnamed = "[...document.querySelectorAll('.rows .name')].filter((one) => !one.innerText.trim()).length";
        assert_eq!(browser.eval(unnamed), 0, "{state}");
    }
}

/// Saves an image if `GLEANER_PAGE_IMAGES` is set.
fn save(browser: &mut Browser, name: &str) {
    if let Some(directory) = std::env::var_os("GLEANER_PAGE_IMAGES") {
        browser.screenshot(&PathBuf::from(directory).join(name));
    }
}
