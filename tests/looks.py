"""What the tests that look at pages in a browser share: the browser, and the contrast of every text on a page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser

from grader.authors import in_browser

CHROMIUM = in_browser.CHROMIUM
NO_CHROMIUM = "NO CHROMIUM HERE: pages are not looked at in a browser (apt install chromium)"


@contextmanager
def open_browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip(NO_CHROMIUM)
    with in_browser.browser() as browser:
        yield browser


TOO_FAINT = """(root) => {
    const rgba = text => { const found = text.match(/[\\d.]+/g).map(Number); return [...found.slice(0, 3), found[3] ?? 1]; };
    const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
    const luminance = colour => {
        const [r, g, b] = colour.slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const page = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18, 1] : [255, 255, 255, 1];
    const behind = element => {
        const layers = [];
        for (let one = element; one; one = one.parentElement) layers.unshift(rgba(getComputedStyle(one).backgroundColor));
        return layers.reduce((below, layer) => over(layer, below), page);
    };
    const found = [], seen = new Set();
    let texts = 0;
    const walker = document.createTreeWalker(root ?? document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement, text = walker.currentNode.data.trim();
        if (!text || element.closest("script, style") || !element.checkVisibility()) continue;
        texts += 1;
        const style = getComputedStyle(element), below = behind(element);
        const colour = rgba(element.closest("svg") ? style.fill : style.color);
        for (let one = element; one; one = one.parentElement) colour[3] *= getComputedStyle(one).opacity;
        const [light, dark] = [luminance(over(colour, below)), luminance(below)].sort((a, b) => b - a);
        const ratio = (light + 0.05) / (dark + 0.05), enough = parseFloat(style.fontSize) >= 24 ? 3 : 4.5;
        const kind = `${style.color} on ${below.slice(0, 3)}`;
        if (ratio < enough && !seen.has(kind)) found.push(`${ratio.toFixed(2)} of ${enough}: ${kind}: ${text.slice(0, 40)}`);
        seen.add(kind);
    }
    return {texts, found};
}"""
"""Texts of a page, or of an element, whose contrast with what lies behind them is below WCAG 2's level AA, one for each pair of colours;
and how many were looked at."""
