"""Links of README and documents lead to files and headings that are there, and the site names every document."""

import re

import pytest
import yaml
from doc_commands import ROOT

DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.rglob("*.md")), *(ROOT / name for name in ("README.md", "CHANGELOG.md", "RELEASING.md"))]


def prose(page):
    """The text without its code."""
    return re.sub(r"`[^`\n]+`", "", re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE))


def links(page):
    return re.findall(r"\]\(([^)\s]+)\)", prose(page))


def anchors(page):
    """Those of its headings, as both the repository's viewer and the site make them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page):
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not (target.suffix == ".md" and anchor) or anchor in anchors(target), link
        # The site has nothing but the documents.
        assert DOCS not in page.parents or DOCS in target.parents, link


def named(entries):
    for entry in entries:
        [(_, value)] = entry.items()
        yield from named(value) if isinstance(value, list) else [value]


def test_the_site_names_every_document():
    nav = list(named(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
    assert sorted(nav) == sorted(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md"))


def test_no_document_names_a_place_that_only_its_writer_has():
    for page in PAGES:
        assert not re.search(r"/tmp/|/home/|/root/|/work/", prose(page)), page
