"""A night of a campaign as a flow: sessions as flow runs of their own, some at a time, then what changed."""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import PrefectException
from prefect.runtime import deployment, flow_run
from prefect.states import Completed, Failed

from boifi_core.campaign import CampaignConfig, CampaignFolder, Known, Night, SessionOfNight, Told
from boifi_core.campaign.comparison import known_after, not_measured, standings
from boifi_core.campaign.report import as_json, junit, markdown, summary
from boifi_core.errors import BoifiError, InvalidInput
from boifi_core.models import SessionStatus
from boifi_core.report.session_report import stored_catalogue
from boifi_core.report.tables import escape
from boifi_core.safety.guardrails import objection
from boifi_core.safety.target_lock import ALONE
from boifi_core.session import replays
from boifi_core.session.config import SessionConfig
from boifi_core.session.folder import NIGHT, SessionFolder, out_option
from boifi_core.session.make import make_session
from boifi_core.session.run_file import DEPLOYMENT, flow_run_for, keep_flow_run
from boifi_core.session.stored import read_trials, stored_config
from boifi_core.storage import place_of
from flows.asked import check_here
from flows.disk import waiting_for_disk
from flows.words import told_in_words

_log = logging.getLogger("boifi.storage")

POLL_S = 1.0

ENDING_S = 300.0
"""How long sessions may take to finish their running trials when the night is over, seconds."""

WEBHOOK_TIMEOUT_S = 10.0

NIGHT_TAG = "night:"


def night_tag(night: Night) -> str:
    """The tag of a flow run that is to go on with this night, whose own is lost."""
    return f"{NIGHT_TAG}{night.night}"


def _run_name() -> str:
    return f"campaign {str(flow_run.parameters.get('folder')).rpartition('/')[2]}"


@flow(name="campaign", flow_run_name=_run_name, persist_result=False, validate_parameters=False)
@told_in_words
def campaign(folder: str) -> State[Any]:
    """Run a night of the campaign that lies in `folder`, or go on with the one that this flow run began.

    Ends COMPLETED, or FAILED where the night could not run, a session did not run well, or a failure is new or worse
    and as severe as the campaign's `fail_on`.
    """
    try:
        check_here("campaign", folder=folder)
    except InvalidInput as error:
        return Failed(message=str(error))
    place = CampaignFolder(place_of(folder))
    with waiting_for_disk(_tell), place.held():
        config = place.config()
        night = _begun(place, config)
        if night is None and any(tag.startswith(NIGHT_TAG) for tag in flow_run.tags):
            return Failed(message="the night that this run was to go on with cannot go on: the campaign has changed")
        night = night or _begin(place, config)
        try:
            night = _run(place, config, night)
        except BoifiError as error:
            night = night.model_copy(update={"problem": str(error)})
        night = _end(place, night)
    text = summary(night)
    get_run_logger().info(text)
    _publish(place, config, night)
    is_well = night.problem is None and not night.failed_sessions and not night.alarms(config.fail_on)
    return (Completed if is_well else Failed)(message=text)


def _tell(text: str) -> None:
    get_run_logger().warning(text)
    _log.warning(text)  # which the terminal shows, and the worker's log


def _begun(place: CampaignFolder, config: CampaignConfig) -> Night | None:
    """The unfinished night of this flow run, or that its tag names: its process died, and this one goes on."""
    own = str(flow_run.id)
    names = {session.name for session in config.sessions}
    for night in place.nights():
        is_ours = night.flow_run_id == own or night_tag(night) in flow_run.tags
        if is_ours and night.ended_at is None and {s.name for s in night.sessions} <= names:
            if night.flow_run_id != own:
                night = night.model_copy(update={"flow_run_id": own})
                place.write(night)
            return night
    return None


def _begin(place: CampaignFolder, config: CampaignConfig) -> Night:
    now = datetime.now(UTC)
    before = [night for night in place.nights() if night.ended_at is not None]
    run_id = str(flow_run.id)
    night = Night(
        campaign=config.name,
        night=f"{now:%Y-%m-%dT%H-%M-%S}-{run_id[:8]}",
        flow_run_id=run_id,
        is_services_own=_is_services_own(),
        began_at=now,
        known=known_after(before[-1].told) if before else (),
        sessions=tuple(SessionOfNight(name=session.name) for session in config.sessions),
    )
    place.write(night)
    return night


def _run(place: CampaignFolder, config: CampaignConfig, night: Night) -> Night:
    """Run what the night has not run yet, `at_once` sessions at a time, until its time is over."""
    configs = {session.name: session for session in config.sessions}
    # By the time of day once, since a night may have gone on in another process; the clock may be set after that.
    over_at = time.monotonic() + config.max_duration_s - max(0.0, time.time() - night.began_at.timestamp())
    while not all(session.is_over for session in night.sessions):
        is_over = time.monotonic() > over_at
        active = sum(session.session_id is not None and not session.is_over for session in night.sessions)
        now = []
        for session in night.sessions:
            if session.session_id is None and session.reason is None and not is_over and active < config.at_once:
                session = _start(place, config, night, configs[session.name])
                active += session.session_id is not None
            now.append(_looked_at(place, session, stop=is_over))
        if now != list(night.sessions):
            night = night.model_copy(update={"sessions": tuple(now)})
            place.write(night)
        if not active and (is_over or all(s.is_over or s.reason for s in now)):
            break
        if time.monotonic() > over_at + ENDING_S:
            break
        time.sleep(POLL_S)
    return night


def _start(place: CampaignFolder, config: CampaignConfig, night: Night, session: SessionConfig) -> SessionOfNight:
    """Make the session, warm from its past, and its flow run."""
    wanted = [known for known in night.known if known.session == session.name and may_be_tried(known, session)]
    wanted.sort(key=lambda known: -known.severity)
    dimensions = {dimension.name for dimension in session.search_space.dimensions}
    again = [
        replays.Replay(
            known=known.id,
            plans=known.plans,
            point={name: value for name, value in known.point.items() if name in dimensions},
        )
        for known in wanted
        for _ in range(config.replays)
    ]
    others = {replays.FILE: replays.as_text(again)} if again else {}
    try:
        folder = _make(place, session, others)
        _ask_for(folder, config.name)
    except (BoifiError, httpx.HTTPError, PrefectException) as error:
        return SessionOfNight(name=session.name, reason=f"could not begin: {error}")
    return SessionOfNight(
        name=session.name, session_id=folder.session_id, replayed=tuple(replay.known for replay in again)
    )


def _make(place: CampaignFolder, session: SessionConfig, others: dict[str, str]) -> SessionFolder:
    made_by = NIGHT if _is_services_own() else None
    for past in reversed(place.nights()):
        for of_night in past.sessions:
            if of_night.name == session.name and of_night.session_id:
                warm = session.model_copy(update={"warm_start": (of_night.session_id,)})
                try:
                    return make_session(place.data, warm, made_by=made_by, others=others)
                except InvalidInput as error:
                    get_run_logger().warning("%s begins cold: %s", session.name, error)
    return make_session(place.data, session, made_by=made_by, others=others)


def _is_services_own() -> bool:
    """Whether a service carries the night's sessions out: not where a terminal has brought a Prefect of its own."""
    return deployment.id is not None or ALONE not in os.environ


def _ask_for(folder: SessionFolder, campaign_name: str) -> None:
    with get_client(sync_client=True) as client:
        wanted = flow_run_for(folder)
        wanted["tags"].append(f"campaign:{campaign_name}")
        run = client.create_flow_run_from_deployment(client.read_deployment_by_name(DEPLOYMENT).id, **wanted)
    keep_flow_run(folder, str(run.id))


def _looked_at(place: CampaignFolder, session: SessionOfNight, *, stop: bool) -> SessionOfNight:
    if session.session_id is None or session.is_over:
        return session
    folder = SessionFolder.of(place.data, session.session_id)
    if stop and not folder.stop_requested():
        folder.request_stop()
    state = folder.state()
    if state is None or (state.status, state.reason) == (session.status, session.reason):
        return session
    return session.model_copy(update={"status": state.status, "reason": state.reason})


def may_be_tried(known: Known, session: SessionConfig) -> bool:
    """Whether a session may put a known failure's fault in again: the guardrails let it, and the target comes back."""
    return not known.stays_down and all(objection(plan, session.guardrails) is None for plan in known.plans)


def _end(place: CampaignFolder, night: Night) -> Night:
    """Say how everything stands, and keep it."""
    told: list[Told] = []
    for session in night.sessions:
        known = [each for each in night.known if each.session == session.name]
        told += _told(place, night, session, known)
    gone = {session.name for session in night.sessions}
    told += [not_measured(each, "no session has its name") for each in night.known if each.session not in gone]
    problem = night.problem
    if problem is None and not any(session.status is SessionStatus.COMPLETED for session in night.sessions):
        reasons = "; ".join(f"{session.name}: {session.reason or 'did not begin'}" for session in night.sessions)
        problem = f"no session ran well: {reasons}"
    night = night.model_copy(update={"told": tuple(told), "ended_at": datetime.now(UTC), "problem": problem})
    place.write(night)
    return night


def _told(place: CampaignFolder, night: Night, session: SessionOfNight, known: Sequence[Known]) -> list[Told]:
    why = session.reason or "its session did not run"
    if session.session_id is None:
        return [not_measured(each, why) for each in known]
    folder = SessionFolder.of(place.data, session.session_id)
    try:
        return standings(
            known,
            read_trials(folder, stored_config(folder)),
            stored_catalogue(folder),
            session=session.name,
            session_id=session.session_id,
            night=night.night,
            began_at=night.began_at,
            replayed=session.replayed,
            out=out_option(place.data),
        )
    except BoifiError as error:
        return [not_measured(each, f"{why}; {error}") for each in known]


def _publish(place: CampaignFolder, config: CampaignConfig, night: Night) -> None:
    """Write the report beside the night, into Prefect, and to the webhook."""
    outcome = as_json(night, config.fail_on)
    place.keep(night, "report.md", markdown(night))
    place.keep(night, "report.json", json.dumps(outcome, indent=2, ensure_ascii=False))
    place.keep(night, "junit.xml", junit(night, config.fail_on))
    key = f"campaign-{config.name.replace('_', '-')}"
    create_markdown_artifact(key=key, markdown=markdown(night), description=escape(summary(night)))
    if config.webhook:
        _call(config.webhook, outcome)


def _call(webhook: str, outcome: dict[str, Any]) -> None:
    url = re.sub(r"\$\{(\w+)\}", lambda match: os.environ.get(match[1], ""), webhook)
    for attempt in range(3):
        try:
            answer = httpx.post(url, json=outcome, timeout=WEBHOOK_TIMEOUT_S)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            problem = type(error).__name__
        else:
            if answer.is_success:
                return
            problem = f"status {answer.status_code}"
        time.sleep(2**attempt)
    get_run_logger().error("the webhook did not take the outcome: %s", problem)  # its address may be a secret
