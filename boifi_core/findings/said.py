"""What the target itself said of a failure, without the markup that it came in."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

_TELLING = ("error_description", "error", "message", "detail", "title", "reason", "msg", "description")
_CUT_OFF = re.compile(rf'"(?:{"|".join(_TELLING)})"\s*:\s*"((?:[^"\\]|\\.)+)"')
_MARKUP = re.compile(r"<(?:!doctype|[a-z][a-z0-9]*[\s/>])", re.IGNORECASE)
_UNSEEN = frozenset({"script", "style", "noscript", "template", "svg"})
_HEADINGS = ("h1", "title", "h2", "h3", "p")


def readable(line: str) -> str:
    """The sentence in a line of log or the head of a body, on one line: of an error page its heading, of JSON its
    message."""
    start = _MARKUP.search(line)
    if start is not None:
        text = _of_page(line[start.start() :])
        before = " ".join(line[: start.start()].split())
        return " ".join(part for part in (before, text) if part) or "an empty page"
    return _of_json(line) or " ".join(line.split())


def _of_json(line: str) -> str | None:
    start = line.find("{")
    if start < 0:
        return None
    try:
        value, _ = json.JSONDecoder().raw_decode(line, start)
    except (ValueError, RecursionError):
        found = _CUT_OFF.search(line, start)
        return found.group(1) if found else None
    return _message(value)


def _message(value: object, depth: int = 0) -> str | None:
    """The first telling text, from the outside in."""
    if isinstance(value, str):
        return " ".join(value.split()) or None
    if isinstance(value, list) and depth < 4:
        return next((told for each in value[:3] if (told := _message(each, depth + 1))), None)
    if not isinstance(value, dict) or depth >= 4:
        return None
    by_name = {name.lower(): each for name, each in value.items() if isinstance(name, str)}
    names = [name for name in (*_TELLING, "errors") if name in by_name]
    return next((told for name in names if (told := _message(by_name[name], depth + 1))), None)


class _Page(HTMLParser):
    """Collects the text of each kind of element that a reader sees."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[str, list[str]] = {}
        self.seen: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("br", "hr", "img", "meta", "link", "input"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if not text or _UNSEEN & set(self._open):
            return
        if "title" not in self._open:
            self.seen.append(text)
        for tag in _HEADINGS:
            if tag in self._open:
                self.texts.setdefault(tag, []).append(text)


def _of_page(text: str) -> str:
    page = _Page()
    page.feed(text)
    page.close()
    told = next((" ".join(page.texts[tag]) for tag in _HEADINGS if tag in page.texts), None)
    return told or " ".join(page.seen)
