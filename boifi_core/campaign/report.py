"""What a night came to, for people (Markdown), programs (JSON) and pipelines (JUnit)."""

from __future__ import annotations

from typing import Any

from boifi_core.campaign.run import Night, Standing, Told
from boifi_core.errors import counted
from boifi_core.report.junit_form import add_case, add_outcome, new_suite, written
from boifi_core.report.tables import escape, plain


def summary(night: Night) -> str:
    """One line: how many failures stand how, or that the night could not run."""
    counts = [f"{len(told)} {standing.value}" for standing in Standing if (told := night.of(standing))]
    found = ", ".join(counts) or "no failures"
    if night.problem:
        return f"campaign {night.campaign} COULD NOT RUN: {night.problem}"
    failed = night.failed_sessions
    unwell = f"; {len(failed)} of {counted(len(night.sessions), 'session')} did not run well" if failed else ""
    return f"campaign {night.campaign}, night {night.night}: {found}{unwell}"


def markdown(night: Night) -> str:
    """The night for people, loudest first."""
    lines = [f"# Campaign {escape(night.campaign)}, night {night.night}", "", f"**{escape(summary(night))}**", ""]
    for standing in Standing:
        told = night.of(standing)
        if told:
            lines += [f"## {standing.value.capitalize()}", ""]
            lines += [f"- {escape(_sentence(each))}" for each in told] + [""]
    lines += ["## Sessions", "", "| session | id | status | why |", "| --- | --- | --- | --- |"]
    for session in night.sessions:
        status = session.status.value if session.status else "DID NOT RUN"
        name, why = escape(session.name), escape(session.reason or "")
        lines.append(f"| {name} | {session.session_id or '-'} | {status} | {why} |")
    return "\n".join(lines) + "\n"


def _sentence(told: Told) -> str:
    known = told.known
    fault = " + ".join(map(str, known.plans))
    parts = [f"severity {known.severity:.1f}"]
    if told.before is not None and told.standing is not Standing.FIXED:
        parts[0] += f" ({told.before:.1f} before)"
    if told.readings:
        parts.append(f"{told.shown} of {counted(len(told.readings), 'replay')} showed it ({_numbers(told)})")
    elif told.trials:
        parts.append(f"seen in {counted(len(told.trials), 'trial')} of session {told.session_id}")
    if told.note:
        parts.append(told.note)
    parts += [f"known since {known.since:%Y-%m-%d}", f"{known.shown_by}"]
    return plain(f"{known.session}: {known.sentence}. Fault: {fault}; {'; '.join(parts)}")


def _numbers(told: Told) -> str:
    readings = ", ".join(f"{severity:.1f}" for severity in told.readings)
    return f"severity {readings} in trials {', '.join(map(str, told.trials))} of session {told.session_id}"


def as_json(night: Night, fail_on: float) -> dict[str, Any]:
    """The night for programs, and for the webhook."""
    return {
        "summary": summary(night),
        "could_run": night.problem is None,
        "alarms": [told.known.id for told in night.alarms(fail_on)],
        **night.model_dump(mode="json", exclude_none=True, exclude={"known"}),
    }


def junit(night: Night, fail_on: float) -> str:
    """One case for each session, an error where it did not run well, and one for each failure; alarms fail."""
    alarms = night.alarms(fail_on)
    lasted = (night.ended_at or night.began_at) - night.began_at
    suite = new_suite(f"boifi campaign {night.campaign}", night.began_at, lasted)
    if night.problem:
        add_outcome(add_case(suite, "boifi.campaign", "night"), "error", night.problem)
    for session in night.sessions:
        case = add_case(suite, "boifi.session", session.name)
        if session in night.failed_sessions:
            add_outcome(case, "error", session.reason or "did not run")
    for told in night.told:
        case = add_case(suite, "boifi.failure", f"{told.known.session}: {told.known.sentence} ({told.standing.value})")
        if told in alarms:
            message = f"{told.standing.value}, severity {told.known.severity:.1f}, at most {fail_on:g} allowed"
            add_outcome(case, "failure", message).text = plain(_sentence(told))
        elif told.standing is Standing.NOT_MEASURED:
            add_outcome(case, "skipped", told.note)
    return written(suite)
