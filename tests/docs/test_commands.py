"""What README and documents say to run, runs; what cannot be run by a test says why."""

import pytest
from doc_commands import ROOT, blocks_of, is_run, run

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS = {page: blocks_of(page.read_text()) for page in PAGES}

LANGUAGES = {"sh", "yaml", "json", "python", "text"}


def name(page):
    return page.relative_to(ROOT).with_suffix("").as_posix()


def test_every_block_has_a_language():
    # `sh` is what is run; a block of another kind holds no commands.
    for page, blocks in BLOCKS.items():
        for block in blocks:
            assert block.language in LANGUAGES, f"{name(page)}, line {block.line}"
            assert block.language == "sh" or "$ " not in block.text, f"{name(page)}, line {block.line}"


def test_what_is_not_run_says_why():
    reasons = [block.why_not for blocks in BLOCKS.values() for block in blocks if block.why_not is not None]
    assert len(reasons) > 3
    assert all(len(reason.split()) > 3 for reason in reasons)


@pytest.mark.alone
@pytest.mark.parametrize("page", [page for page in PAGES if any(b.is_quick for b in BLOCKS[page])], ids=name)
def test_quick_commands(page, tmp_path):
    done = run([block for block in BLOCKS[page] if block.is_quick], tmp_path, timeout_s=150)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("page", [page for page in PAGES if any(b.is_slow for b in BLOCKS[page])], ids=name)
def test_slow_commands(page, tmp_path):
    done = run([block for block in BLOCKS[page] if block.is_slow], tmp_path, timeout_s=150)
    assert done.returncode == 0, done.stdout


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("page", [page for page in PAGES if any(is_run(b) for b in BLOCKS[page])], ids=name)
def test_all_commands(page, tmp_path):
    done = run([block for block in BLOCKS[page] if is_run(block)], tmp_path, timeout_s=1500)
    assert done.returncode == 0, done.stdout


PAGE = """\
<!-- test: file a.txt -->
```text
it's here
```

<!-- test: beside, port 8123 -->
```sh
.venv/bin/python -m http.server 8123 --bind 127.0.0.1
```

```sh
HERE=$(cat a.txt)
```

```sh
echo "said: $HERE"
.venv/bin/python -c "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8123/a.txt').status)"
```

<!-- test: not run: nobody has that -->
```sh
no-such-command
```
"""


def test_a_page_is_run_as_a_reader_would(tmp_path):
    blocks = [block for block in blocks_of(PAGE) if is_run(block)]
    assert [block.line for block in blocks] == [2, 7, 11, 15]
    done = run(blocks, tmp_path, timeout_s=60)
    assert done.returncode == 0, done.stdout
    assert "said: it's here\n" in done.stdout
    assert "\n200\n" in done.stdout


@pytest.mark.parametrize(
    "wrong", ["false", "test -f nowhere | cat", ".venv/bin/boifi validate nowhere.yaml", "echo $NOT_SET"]
)
def test_a_command_that_fails_is_seen(wrong, tmp_path):
    assert run(blocks_of(f"```sh\n{wrong}\necho on\n```\n"), tmp_path, timeout_s=60).returncode != 0


def test_a_mark_that_is_none_is_an_error():
    with pytest.raises(ValueError, match="mark must be quick"):
        blocks_of("<!-- test: soon -->\n```sh\ntrue\n```\n")
