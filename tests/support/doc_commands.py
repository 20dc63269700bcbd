"""The command blocks of a document, and a shell that runs them as a reader would.

A comment just before a block says what is special about it:

- `<!-- test: quick -->`: `make test` runs it, with `slow` `make test-slow`; with neither, `make test-long` alone does;
- `<!-- test: beside, port 8080 -->`: it goes on running in a terminal of its own, from when that port answers until
  another such block takes the port, or the page ends;
- `<!-- test: file session.yaml -->`: no commands but a file, which the reader saves under that name;
- `<!-- test: not run: WHY -->`.

Words are joined by commas: `quick, beside, port 8080`.
"""

import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.environment import bare_environment

ROOT = Path(__file__).resolve().parents[2]

_BLOCK = re.compile(
    r"(?:<!-- test: (?P<mark>[^\n]*?) -->\n)?^```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^```$", re.M | re.S
)
_START_S = 60


@dataclass(frozen=True)
class Block:
    """What stands between two fences."""

    line: int
    language: str
    text: str
    is_quick: bool
    is_slow: bool
    port: int | None
    file: str | None
    why_not: str | None


def blocks_of(document):
    """All fenced blocks of a Markdown text, in order."""
    return [_block(document, found) for found in _BLOCK.finditer(document)]


def _block(document, found):
    mark = found["mark"] or ""
    why_not = mark.removeprefix("not run: ") if mark.startswith("not run: ") else None
    words = [] if why_not else [word.strip() for word in mark.split(",") if word.strip()]
    port = next((int(word.removeprefix("port ")) for word in words if word.startswith("port ")), None)
    file = next((word.removeprefix("file ") for word in words if word.startswith("file ")), None)
    known = ("quick", "slow", "beside")
    unknown = [word for word in words if word not in known and not word.startswith(("port ", "file "))]
    if unknown or ("beside" in words) != (port is not None):
        raise ValueError(f"mark must be quick, slow, beside with a port, file NAME or not run: WHY, got {mark}")
    line = document.count("\n", 0, found.start("text"))
    return Block(line, found["language"], found["text"], "quick" in words, "slow" in words, port, file, why_not)


def is_run(block):
    """Whether a reader would do something with it, and the tests do."""
    return block.why_not is None and (block.language == "sh" or block.file is not None)


def script_of(blocks):
    """One script that does all of it, in order."""
    parts = ["set -euo pipefail", "set -m", "declare -A beside=()", _END, "trap 'end \"${!beside[@]}\"' EXIT"]
    for block in blocks:
        parts.append(f"echo '── line {block.line}' >&2")
        if block.file is not None:
            parts.append(f"printf %s {shlex.quote(block.text)} > {shlex.quote(block.file)}")
        elif block.port is not None:
            parts.append(f"end {block.port}\n{{ {block.text}}} & beside[{block.port}]=$!\nanswers {block.port}")
        else:
            parts.append(block.text)
    return "\n".join(parts)


_END = f"""
answers() {{
  for _ in $(seq {_START_S * 5}); do
    if curl --silent --output /dev/null --max-time 5 "http://127.0.0.1:$1/"; then return; fi
    kill -0 "${{beside[$1]}}"
    sleep 0.2
  done
  echo "nothing answers on port $1" >&2
  exit 1
}}
end() {{
  for port in "$@"; do
    if [ -n "${{beside[$port]:-}}" ]; then
      kill -TERM -- "-${{beside[$port]}}" || true
      wait "${{beside[$port]}}" || true
      unset "beside[$port]"
    fi
  done
}}
"""


def run(blocks, folder, timeout_s):
    """Run them in `folder`, where a checkout's `.venv` and `examples` are; what they printed, and the exit status.

    In a network of their own where the machine allows that, so that ports are free and none is kept from others; and
    none of their processes outlives them, a time-out included.
    """
    for name, real in ((".venv", Path(sys.prefix)), ("examples", ROOT / "examples")):
        (folder / name).symlink_to(real)
    (folder / "tmp").mkdir()
    script = folder / "commands.sh"
    script.write_text(script_of(blocks))
    # Not the tests' Prefect server, which is in another network. Locks are in the temporary folder, and name targets by
    # their ports.
    environment = {**bare_environment(), "TMPDIR": str(folder / "tmp"), "COLUMNS": "120"}
    command = [*_own_network(), "bash", str(script)]
    return subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=timeout_s, check=False,
    )  # fmt: skip


_UP = 'ip link set lo up && exec "$@"'


def _own_network():
    for more in ([], ["--map-root-user"]):
        command = [
            "unshare",
            "--net",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            *more,
            "bash",
            "-c",
            _UP,
            "bash",
        ]
        try:
            if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
                return command
        except FileNotFoundError:
            return []
    return []
