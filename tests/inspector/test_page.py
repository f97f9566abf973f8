# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the inspector's page in a real browser."""

from __future__ import annotations

import csv
import time
from html.parser import HTMLParser

import numpy as np
import pytest
from click.testing import CliRunner

from lsst.transient.bogus.scripts.inspect_transients import inspect_transients

from .conftest import OBJECT, VISITS, source_ids
from .webdriver import Browser, find_browser

N_SOURCES = 180
needs_browser = pytest.mark.skipif(
    find_browser() is None, reason="needs Chromium and chromedriver (Debian: chromium, chromium-driver)"
)


@pytest.fixture(scope="module")
def page(collection, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "inspector.html"
    options = ["--report", "index.html"]
    result = CliRunner().invoke(inspect_transients, [collection.root, collection.name, str(path), *options])
    assert result.exit_code == 0, result.output
    assert f"{N_SOURCES} of {N_SOURCES} DIA sources" in result.output
    return path


@pytest.fixture(scope="module")
def opened(page, tmp_path_factory):
    downloads = tmp_path_factory.mktemp("downloads")
    with Browser.open(downloads) as browser:
        yield browser, page, downloads


@pytest.fixture
def browser(opened):
    window, page, _ = opened
    window.go("about:blank")
    window.console()
    window.go(page.as_uri())
    window.wait_for("return document.body.dataset.ready === 'true'")
    return window


def _selected(window):
    return window.script("return window.transientInspector.selection()")


class _Addresses(HTMLParser):
    """Collects what the elements of a page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.found += [str(value) for name, value in attrs if name in ("src", "href")]


def test_page_needs_nothing_else(page):
    text = page.read_text()
    parser = _Addresses()
    parser.feed(text)
    assert parser.found == ["data:,"]
    assert "default-src 'none'" in text


def test_bad_collection_is_a_clear_error(collection, tmp_path):
    result = CliRunner().invoke(inspect_transients, [collection.root, "nowhere", str(tmp_path / "x.html")])
    assert result.exit_code != 0
    assert "nowhere" in result.output
    assert not list(tmp_path.iterdir())


@needs_browser
def test_opens_on_a_candidate_without_console_errors(browser):
    assert browser.console() == []
    assert browser.script("return document.getElementById('shown').textContent") == "180 of 180 sources shown"
    assert f"Object {OBJECT}" in browser.script("return document.getElementById('object').textContent")
    ink = """
      const canvas = document.getElementById("stamps");
      const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return new Set(pixels.data).size"""
    assert browser.script(ink) > 20
    # The candidates are selected, so that nothing on the page is empty.
    assert len(_selected(browser)) == len(VISITS)
    # One stamp for each detection, not for the forced epoch.
    assert browser.script("return document.querySelectorAll('#epochs button').length") == len(VISITS)


@needs_browser
def test_lasso_selects_what_it_encloses(browser):
    box = browser.script(
        "const r = document.getElementById('map').getBoundingClientRect();"
        "return [r.x, r.y, r.width, r.height]"
    )
    x, y, width, height = (int(v) for v in box)
    left, right, top, bottom = x + 90, x + width - 90, y + 50, y + height - 80
    browser.drag([(left, top), (right, top), (right, bottom), (left, bottom), (left, top)])
    browser.wait_for("return window.transientInspector.selection().length > 20")
    n = len(_selected(browser))
    assert f"{n} selected" == browser.script("return document.getElementById('selected').textContent")
    assert browser.script("return document.querySelectorAll('#table-body tr').length") == n
    assert browser.script("return document.querySelectorAll('#gallery button').length") == min(n, 48)
    assert browser.console() == []


@needs_browser
def test_light_curve_follows_the_source(browser):
    epochs = """
      const source = Bokeh.documents.map((d) => d.get_model_by_name("epochs")).find((m) => m);
      return [source.data.y.map(Number), source.data.fill.filter((f) => f === "#FFFFFF").length]"""
    flux, hollow = browser.script(epochs)
    assert flux == [100.0, 300.0, 200.0, 20.0]
    assert hollow == 1
    link = "return document.querySelector('#object a')?.getAttribute('href')"
    assert browser.script(link) == f"index.html#candidate-{OBJECT}"
    browser.script("window.transientInspector.select([arguments[0]])", 7)
    assert browser.script("return document.getElementById('object').textContent").endswith("no object.")
    assert browser.script(link) is None
    assert browser.script(epochs)[0] == []


@needs_browser
def test_filters_narrow_and_return(browser):
    browser.click("#class-0")
    browser.wait_for("return document.getElementById('shown').textContent.startsWith('39 ')")
    # 36 injected and 3 candidates.
    browser.click("#band-1")
    browser.wait_for("return document.getElementById('shown').textContent.startsWith('13 ')")
    browser.click("#class-0")
    browser.click("#band-1")
    browser.type("#snr-min", "20\t")
    browser.wait_for("return !document.getElementById('shown').textContent.startsWith('180 ')")
    shown = int(browser.script("return document.getElementById('shown').textContent").split()[0])
    assert shown == browser.script(
        "return Array.from(window.transientInspector.sources.snr.values).filter((v) => v >= 20).length"
    )
    assert browser.console() == []


@needs_browser
def test_search_finds_identifiers_beyond_the_precision_of_doubles(browser):
    browser.type("#search", f"{OBJECT}\t")
    browser.wait_for(f"return document.getElementById('shown').textContent.startsWith('{len(VISITS)} ')")
    wanted = int(source_ids(2, 1)[4])
    browser.script("document.getElementById('search').value = ''")
    browser.type("#search", f"{wanted}\t")
    browser.wait_for("return document.getElementById('shown').textContent.startsWith('1 ')")
    assert str(wanted) in browser.script("return document.getElementById('table-body').textContent")


@needs_browser
def test_state_is_in_the_address(opened):
    window, page, _ = opened
    wanted = int(source_ids(3, 1)[9])
    window.go("about:blank")
    window.go(f"{page.as_uri()}#x=snr&y=score&color=score&off=band-0&source={wanted}")
    window.wait_for("return document.body.dataset.ready === 'true'")
    assert window.script("return document.getElementById('x').value") == "snr"
    assert window.script("return document.getElementById('band-0').checked") is False
    window.click("#class-1")
    address = window.wait_for("return location.hash.includes('class-1') && location.hash")
    assert "color=score" in address
    window.script("window.transientInspector.select([4, 9])")
    address = window.script("return location.href")
    window.go("about:blank")
    window.go(address)
    window.wait_for("return document.body.dataset.ready === 'true'")
    assert _selected(window) == [4, 9]


@needs_browser
def test_export_has_the_selected_rows(opened, browser):
    _, _, downloads = opened
    browser.script("document.body.focus(); window.transientInspector.select([3, 5, 8])")
    browser.click("#export")
    file = downloads / "transient_bogus_selection.csv"
    for _ in range(100):
        if file.exists():
            break
        time.sleep(0.05)
    with file.open() as stream:
        rows = list(csv.DictReader(stream))
    ids = browser.script("return Array.from(window.transientInspector.sources.diaSourceId.values, String)")
    assert [row["diaSourceId"] for row in rows] == [ids[i] for i in (3, 5, 8)]
    assert {row["class"] for row in rows} <= {"other", "injected", "candidate"}
    assert all(np.isfinite(float(row["umap_x"])) for row in rows)


@needs_browser
def test_keyboard(browser):
    browser.type("body", "c")
    assert len(_selected(browser)) == len(VISITS)
    first = browser.script("return window.transientInspector.focus()")
    browser.type("body", "n")
    assert browser.script("return window.transientInspector.focus()") != first
    browser.type("body", "p")
    assert browser.script("return window.transientInspector.focus()") == first
    browser.type("body", "a")
    assert len(_selected(browser)) == N_SOURCES
    browser.type("body", "\ue00c")  # Escape
    assert _selected(browser) == []
