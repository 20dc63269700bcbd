"""The HTML report as a person meets it, in a real browser."""

from itertools import pairwise

import pytest
from browser import chromium
from reports import EVIL, evil_session, report_of, session

from boifi_core.optimizer import Importance
from boifi_core.report import html
from boifi_core.report.curves import Curve

pytestmark = pytest.mark.system

WIDTHS = (360, 800, 1400)
N = 60

# What a figure shows, by its pixels: how many differ from the most frequent one.
DRAWN = """[...document.querySelectorAll(".chart canvas")].map((canvas) => {
  const pixels = new Uint32Array(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer);
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  return pixels.length - Math.max(...counts.values());
})"""

# WCAG 2's contrast of every text with what is behind it: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
FAINT = """(() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = (rgb) => [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => sum + weight * linear(rgb[i] / 255), 0);
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const found = parts(getComputedStyle(element).backgroundColor);
      if (found.length < 4 || found[3] === 1) return light(found);
    }
    return 1;
  };
  const faint = [];
  for (const element of document.body.querySelectorAll("*")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility() || ["SCRIPT", "STYLE"].includes(element.tagName)) continue;
    const both = [light(parts(getComputedStyle(element).color)), behind(element)].sort((a, b) => b - a);
    const ratio = (both[0] + 0.05) / (both[1] + 0.05);
    if (ratio < 4.5) faint.push(`${element.className} ${ratio.toFixed(2)} ${element.textContent.slice(0, 40)}`);
  }
  return faint;
})()"""

FOCUSED = """(() => {
  const element = document.activeElement;
  return `${element.tagName} ${element.getAttribute("href") ?? element.id}`;
})()"""

SLIDE = """(() => {
  const slider = document.getElementById("least");
  slider.value = 5;
  slider.dispatchEvent(new Event("input"));
})()"""


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("chromium")) as found:
        yield found


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    trials = session(N)
    names = {"fault_type": ("delay", "abort"), "percentage": (10, 50, 100)}
    curves = tuple(
        Curve(name, values, trials[0].point, (2.0,) * len(values), (1.0,) * len(values), (3.0,) * len(values))
        for name, values in names.items()
    )
    importance = Importance((("percentage", 0.5), ("fault_type", 0.25)), ())
    report = report_of(trials, curves=curves, importance=importance, accuracy=0.8)
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(html(report))
    return path


@pytest.fixture(scope="module")
def evil_page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "evil.html"
    path.write_text(html(evil_session()))
    return path


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_it_opens_whole_at_every_width_and_in_both_schemes(tab, page, width, dark):
    tab.open(page, width, dark)
    assert tab.complaints == []
    assert tab.requests == [page.as_uri()]
    assert tab.ask("document.documentElement.scrollWidth") == width
    drawn = tab.ask(DRAWN)
    assert len(drawn) == 3 + 5
    assert min(drawn) > 500
    paper = tab.ask("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(15, 19, 24)" if dark else "rgb(255, 255, 255)")
    tab.ask("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert tab.ask("document.documentElement.scrollWidth") == width
    assert tab.ask(FAINT) == []


def test_the_charts_follow_when_the_system_turns_dark(tab, page):
    tab.open(page)
    corner = "document.querySelector('#chart-course canvas').toDataURL()"
    light = tab.ask(corner)
    tab.do("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    tab.ask("new Promise((done) => setTimeout(done, 300))")
    assert tab.ask(corner) != light
    assert tab.complaints == []


def test_with_scripts_off_all_text_is_there_and_no_empty_frame(tab, page):
    tab.open(page, scripts=False)
    shown = tab.ask("document.body.innerText")
    assert "Weaknesses" in shown
    assert "percentage" in shown
    assert (
        tab.ask("[...document.querySelectorAll('.chart, .scripted')].filter((each) => each.checkVisibility()).length")
        == 0
    )
    assert tab.ask("document.querySelectorAll('#course tbody tr').length") == N
    tab.ask("document.querySelector('#course details').open = true")
    assert "no observation newer" in tab.ask("document.body.innerText")


def test_it_can_be_used_with_the_keyboard_alone(tab, page):
    tab.open(page)
    seen = []
    for _ in range(60):
        tab.press("Tab")
        seen.append(tab.ask(FOCUSED))
        if seen[-1] == "INPUT least":
            break
        assert tab.ask("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert seen[0] == "A #failures"
    assert {"A #course", "SUMMARY ", "DIV "} <= set(seen)


def test_the_slider_leaves_out_what_is_milder(tab, page):
    tab.open(page)
    lines = "echarts.getInstanceByDom(document.getElementById('chart-parallel')).getOption().series[0].data.length"
    before = tab.ask(lines)
    tab.ask(SLIDE)
    assert 0 < tab.ask(lines) < before == 56
    assert tab.ask("document.getElementById('least-shown').textContent") == "5"


def test_every_heading_follows_the_one_above_it(tab, page):
    tab.open(page)
    levels = tab.ask("[...document.querySelectorAll('h1, h2, h3, h4')].map((each) => Number(each.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))


def test_hostile_text_is_shown_and_does_nothing(tab, evil_page):
    tab.open(evil_page, 360)
    assert tab.ask("document.documentElement.scrollWidth") == 360
    assert tab.complaints == []
    assert tab.requests == [evil_page.as_uri()]
    assert tab.ask("document.querySelectorAll('img, iframe, object, a[href^=javascript]').length") == 0
    assert "<img src=x onerror=alert(1)>" in tab.ask("document.querySelector('h1').textContent")
    tip = tab.ask(
        "(() => { const chart = echarts.getInstanceByDom(document.getElementById('chart-course'));"
        "chart.dispatchAction({ type: 'showTip', seriesIndex: 0, dataIndex: 0 });"
        "const tip = document.querySelector('.tip'); return [tip.textContent, tip.querySelectorAll('img').length]; })()"
    )
    assert EVIL[:28] in tip[0]
    assert tip[1] == 0


def test_a_script_that_got_in_would_not_run(tab, page, tmp_path):
    path = tmp_path / "attacked.html"
    attack = (
        "<script>document.title = 'owned'</script><img src='http://127.0.0.1:9/x' onerror=\"document.title = 'owned'\">"
    )
    path.write_text(page.read_text().replace("</main>", f"{attack}</main>"))
    tab.open(path)
    assert "owned" not in tab.ask("document.title")
    assert tab.complaints
    assert tab.requests == [path.as_uri()]


def test_a_session_without_a_single_score_opens_too(tab, tmp_path):
    path = tmp_path / "empty.html"
    path.write_text(html(report_of(())))
    tab.open(path, 360)
    assert tab.complaints == []
    assert "No trial was scored." in tab.ask("document.body.innerText")
