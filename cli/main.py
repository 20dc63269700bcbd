"""The `boifi` command. Each command is short here; what it does lives in a module of its own."""

from __future__ import annotations

import logging
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from boifi_core.errors import BoifiError, InvalidInput, counted, printable
from boifi_core.wire.proxies import spare_loopback
from cli.output import outlive_readers, take_what_cannot_be_shown
from cli.termination import Terminated
from demo.tracing import Tracing

app = typer.Typer(
    help="BOIFI finds the faults that hurt a service mesh most.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
target_app = typer.Typer(help="The embedded target.", no_args_is_help=True)
app.add_typer(target_app, name="target")
campaign_app = typer.Typer(help="The same sessions night after night.", no_args_is_help=True)
app.add_typer(campaign_app, name="campaign")


def _tell_version(is_asked: bool) -> None:
    if is_asked:
        print(f"boifi {version('boifi')}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """BOIFI finds the faults that hurt a service mesh most."""


_INTERRUPTED = 130
"""What Typer makes of a Ctrl-C that nobody caught."""

SessionFile = Annotated[Path, typer.Argument(metavar="SESSION.yaml", help="The session file.")]
CampaignFile = Annotated[Path, typer.Argument(metavar="CAMPAIGN.yaml", help="The campaign file.")]
SessionId = Annotated[str, typer.Argument(metavar="SESSION_ID", help="A session's id, or how it begins.")]
Trials = Annotated[int | None, typer.Option(help="How many trials to make.")]
Seed = Annotated[int | None, typer.Option(help="Seed of all choices; the same seed makes the same proposals.")]
Out = Annotated[
    str | None, typer.Option(help="The data dir, or s3://bucket/prefix; else BOIFI_DATA, else ./boifi-data.")
]
TracedBy = Annotated[
    Tracing,
    typer.Option(
        help="Who reports spans: the services by their own tracer, or by OpenTelemetry's SDK; the proxies, each by its "
        "service's name, or all as one; nobody."
    ),
]


@app.command()
def demo(trials: Trials = None, seed: Seed = None, out: Out = None, tracing: TracedBy = Tracing.OWN) -> None:
    """Find the worst faults of the embedded shop, a real Envoy mesh on this machine."""
    from cli.demo import run_demo

    raise typer.Exit(run_demo(trials, seed, out, tracing, _console()))


@app.command()
def run(
    session_file: SessionFile,
    trials: Trials = None,
    seed: Seed = None,
    out: Out = None,
    resume: Annotated[str | None, typer.Option(metavar="SESSION_ID", help="Go on with this session.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the first policies and apply none.")] = False,
    fail_on: Annotated[
        float | None, typer.Option(metavar="SEVERITY", help="Exit with 3 on a failure this bad.", min=0, max=10)
    ] = None,
) -> None:
    """Run a session against the target that its file names."""
    from boifi_core.report.session_report import stored_catalogue
    from boifi_core.storage.data_dir import data_dir
    from cli import run as running
    from cli.terminal import closing

    console = _console()
    config, warnings = running.load(session_file, trials, seed)
    for warning in warnings:
        _warn(warning)
    if dry_run:
        running.dry_run(config, running.past_for(config, out), console)
        return
    running.preflight(config)
    data = data_dir(out)
    folder, config, differing = running.folder_for(config, data, resume)
    for name in differing:
        _warn(f"{name}: the session's own stays; what this file says is not used")
    if seed not in (None, config.seed):
        _warn(f"--seed: the session's own stays, {config.seed}")
    running.introduce(console, folder, config)
    state = running.run_session(folder, config, data, console)
    found = stored_catalogue(folder)
    closing(console, folder, state, found)
    raise typer.Exit(running.exit_status(state, fail_on, found))


@app.command()
def validate(session_file: SessionFile, out: Out = None) -> None:
    """Check a session file without starting anything."""
    from boifi_core.session.learning import sent_space
    from cli import run as running

    config, warnings = running.load(session_file, None, None)
    for warning in warnings:
        _warn(warning)
    running.past_for(config, out)
    space = sent_space(config)
    for reason in space.twins:
        print(f"note: search_space.{reason}", file=sys.stderr)
    print(f"{session_file}: sound; {counted(len(space.dimensions), 'dimension')}, "
          f"{running.how_many(space)}, {counted(config.total_trials, 'trial')}")  # fmt: skip


@app.command("check")
def check_target(session_file: SessionFile, out: Out = None) -> None:
    """Check a session file, then its target, with a fault of almost nothing."""
    from cli import run as running
    from cli.check import run_check

    config, warnings = running.load(session_file, None, None)
    for warning in warnings:
        _warn(warning)
    running.past_for(config, out)
    raise typer.Exit(run_check(config, _console()))


@app.command()
def sessions(out: Out = None) -> None:
    """List the sessions of the data dir, oldest first."""
    from cli.sessions import list_sessions

    list_sessions(out, _console())


@app.command()
def stop(session_id: SessionId, out: Out = None) -> None:
    """Ask a running session to end after its running trial."""
    from cli.sessions import stop_session

    stop_session(session_id, out)


@app.command()
def replay(
    session_id: SessionId,
    trial: Annotated[int, typer.Argument(metavar="TRIAL", help="The trial's number.")],
    out: Out = None,
) -> None:
    """Inject a trial's fault once more and compare."""
    from cli.replay import run_replay

    raise typer.Exit(run_replay(session_id, trial, out, _console()))


@app.command()
def report(
    session_id: SessionId,
    format: Annotated[str, typer.Option(help="md, html, json or junit.")] = "md",
    out: Out = None,
) -> None:
    """Print a session's report, made from its history."""
    from cli.sessions import print_report

    print_report(session_id, format, out)


@app.command()
def sweep(
    endpoint: Annotated[str, typer.Argument(metavar="ENDPOINT", help="The control plane's address.")],
) -> None:
    """Remove what sessions left in a control plane, between the trials of those that run on this machine."""
    from cli.sessions import sweep_endpoint

    sweep_endpoint(endpoint)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Where the facade listens; beyond loopback it wants keys.")] = None,
    port: Annotated[int | None, typer.Option(help="The facade's port.")] = None,
    prefect_port: Annotated[
        int | None, typer.Option(help="The port of Prefect's server; else the one that it had before, at first 4200.")
    ] = None,
    out: Out = None,
) -> None:
    """Run the service: facade, worker, and Prefect's server unless PREFECT_API_URL names one; until Ctrl-C."""
    from cli.serve import serve as run_service

    raise typer.Exit(run_service(host, port, prefect_port, out, _console()))


@target_app.command()
def up(
    port: Annotated[int, typer.Option(help="The control plane's port.", min=0, max=65535)] = 8080,
    mended: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A weakness that the shop is to be without; more than once."),
    ] = None,
    tracing: TracedBy = Tracing.OWN,
    batch_s: Annotated[
        float | None,
        typer.Option(
            help="Seconds for which spans are collected before they are sent; else 0.01, or 1 where they go "
            "elsewhere and are not the services' own.",
            min=0.001,
        ),
    ] = None,
    otlp_endpoint: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Where spans go, as to a session's probe; the control plane then observes nothing."
        ),
    ] = None,
) -> None:
    """Start the embedded target alone, until Ctrl-C."""
    from cli.demo import target_up

    target_up(port, mended or [], tracing, batch_s, otlp_endpoint, _console())


@campaign_app.command("run")
def campaign_run(campaign_file: CampaignFile, out: Out = None) -> None:
    """Run a night of a campaign now, and compare it with the last one."""
    from cli.campaign import run_campaign

    raise typer.Exit(run_campaign(campaign_file, out, _console()))


@campaign_app.command("schedule")
def campaign_schedule(campaign_file: CampaignFile, out: Out = None) -> None:
    """Let the service on this data dir run the campaign by its schedule."""
    from cli.campaign import schedule_campaign

    schedule_campaign(campaign_file, out)


def _console() -> Console:
    # A table needs room even where the output is a file or a pipe, which has no width of its own.
    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=140)


def _warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr)


def command() -> int:
    """Run the command that `sys.argv` names; every error that BOIFI means is one line. Returns the exit status."""
    take_what_cannot_be_shown()
    _show_waits()
    spare_loopback([os.environ.get("PREFECT_API_URL", "")])
    try:
        app()
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            return _failed("interrupted", 1)
        return end.code if isinstance(end.code, int) else 0
    except InvalidInput as error:
        return _failed(str(error), 2)
    except BoifiError as error:
        return _failed(str(error), 1)
    except (KeyboardInterrupt, Terminated):
        return _failed("interrupted", 1)
    return 0


def _show_waits() -> None:
    """Say on standard error that a store far away, or Prefect, is waited for."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("warning: %(message)s"))
    for name in ("boifi.storage", "boifi.lease"):
        log = logging.getLogger(name)
        log.handlers, log.propagate = [handler], False


def _failed(message: str, status: int) -> int:
    print(f"error: {printable(' '.join(message.split()))}", file=sys.stderr)
    return status


def main() -> None:
    """The console script."""
    outlive_readers()
    logging.raiseExceptions = False  # Prefect says on standard error what of its log did not reach its API
    status = command()
    sys.stdout.flush()
    sys.stderr.flush()
    # Everything is closed by now; Arrow's threads sometimes abort the interpreter's own way out.
    os._exit(status)


if __name__ == "__main__":
    main()
