"""The tables of rooms in docs/architecture.md are as the code is, and say something of each room."""

import re

from scripts.architecture import DOCUMENT, architecture
from scripts.house import HALL
from scripts.imports import ROOT, modules, room_of, rooms


def test_the_tables_are_current():
    assert DOCUMENT.read_text() == architecture(), "make docs"


def test_every_room_stands_in_one_table_and_says_what_it_is():
    rows = re.findall(r"^\| `(\w+)(?:/|\.py)` \| (.*?) \| (.*) \|$", DOCUMENT.read_text(), re.MULTILINE)
    core = {room_of(name).removeprefix("boifi_core.") for name in modules() if name.startswith("boifi_core.")}
    assert sorted(name for name, _, _ in rows) == sorted([*rooms(), *core])
    assert set(HALL) - {"__init__"} <= core
    # A docstring's first line stands alone there.
    assert [name for name, says, _ in rows if not re.search(r"[.:]$", says)] == []


def test_every_package_says_what_it_is():
    silent = [module.name for module in modules().values() if module.is_package and not module.says]
    assert silent == []


def test_a_new_import_changes_the_table(tmp_path):
    for name in ("pyproject.toml", "docs/architecture.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text())
    for module in modules().values():
        copy = tmp_path / module.path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(module.path.read_text())
    assert architecture(tmp_path) == DOCUMENT.read_text()
    with (tmp_path / "boifi_core" / "traces" / "span.py").open("a") as file:
        file.write("\n\ndef late():\n    import boifi_core.storage.place\n")
    before, after = DOCUMENT.read_text().splitlines(), architecture(tmp_path).splitlines()
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert len(changed) == 2
    assert changed[0].startswith("| `traces/` |")
    assert changed[0].endswith("| `storage`, `wire` |")
    assert re.fullmatch(r"\d+ arrows in all\.", changed[1])
