"""The site builds without a warning, and a browser shows it, on a screen and a phone, without asking anybody else."""

import functools
import http.server
import subprocess
import sys
import threading

import pytest
from browser import chromium
from doc_commands import ROOT

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

PAGES = ["index.html", "quickstart.html", "troubleshooting.html", "benchmarks.html", "api-reference.html"]


@pytest.fixture(scope="module")
def site():
    """Its address, while it is served."""
    built = subprocess.run(["make", "site", f"PYTHON={sys.executable}"], cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    assert "No issues found" in built.stderr
    files = functools.partial(Quiet, directory=ROOT / "site")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), files) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.mark.parametrize("width", [1400, 400])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_shown_whole_and_asks_nobody_else(tab, site, page, width):
    tab.open(site + page, width=width)
    assert tab.complaints == []
    assert {address for address in tab.requests if not address.startswith((site, "data:"))} == set()
    assert tab.ask("document.documentElement.scrollWidth <= innerWidth")
    assert tab.ask("document.querySelector('h1').innerText.length") > 3


def test_a_page_can_be_read_without_scripts(tab, site):
    tab.open(site + "quickstart.html", scripts=False)
    assert "boifi target up" in tab.ask("document.body.innerText")


def test_a_dead_link_fails_the_build(site, tmp_path):
    for name in ("index.md", "other.md"):
        (tmp_path / "docs").mkdir(exist_ok=True)
        (tmp_path / "docs" / name).write_text("# A page\n\n[one](other.md#nowhere)\n")
    (tmp_path / "mkdocs.yml").write_text("site_name: x\ntheme: {name: material}\n")
    zensical = ROOT / ".venv-site" / "bin" / "zensical"
    built = subprocess.run([zensical, "build", "--strict"], cwd=tmp_path, capture_output=True, text=True)
    assert built.returncode != 0
    assert "anchor does not exist" in built.stdout + built.stderr
