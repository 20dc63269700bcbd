"""Why a score is what it is, in one sentence for people."""

from __future__ import annotations

from statistics import median

from boifi_core.analyzer.compare import Comparison
from boifi_core.analyzer.config import AnalyzerConfig
from boifi_core.analyzer.normal import Normal, as_normal
from boifi_core.analyzer.scorers.bug import bad_lines, changed_kinds, is_changed
from boifi_core.analyzer.scorers.structure import StructureScorer
from boifi_core.errors import counted
from boifi_core.models import RawObservation, SeverityScore
from boifi_core.traces import Span
from boifi_core.traces.calls import own_name
from boifi_core.traces.tree import parents

_NAMES = {"bug": "bug", "perf": "performance", "struct": "structure"}
_EDGES = 3


def explain(
    score: SeverityScore,
    observation: RawObservation,
    baseline: RawObservation | Normal | None = None,
    config: AnalyzerConfig | None = None,
) -> str:
    """What the points of `score` were given for.

    Args:
        score: as the analyzer gave it for `observation` and `baseline`.
        config: as the analyzer's; it tells which kind of request was the worst.

    Returns:
        Phrases joined by `; `: `most requests got 503; latency 412 ms (baseline 35); 14 spans instead of 8`.
    """
    normal = as_normal(baseline)
    phrases = [*_bug(score, observation, normal), *_latency(score, observation, normal)]
    config = config or AnalyzerConfig()
    if any(part.startswith("struct.") for part in score.breakdown):
        scorer = StructureScorer(config.span_increase_threshold, config.edit_distance_threshold)
        worst = scorer.worst(observation, normal)
        phrases += [] if worst is None else _structure(score, worst)
    phrases += [f"the {_NAMES.get(name, name)} score could not be computed, 5 stands for it" for name in score.fallback]
    return "; ".join(phrases) or "nothing unusual"


def _bug(score: SeverityScore, observation: RawObservation, normal: Normal) -> list[str]:
    parts, phrases = score.breakdown, []
    status, rate = observation.status_code, observation.error_rate or 0.0
    if "bug.status_5xx" in parts or "bug.status_4xx" in parts:
        is_one_of_many = rate and rate <= 0.5
        what = f"{percent(rate)} of the requests failed, most of them with" if is_one_of_many else "most requests got"
        phrases.append(f"{what} {status}")
    elif rate and (observation.failed_rate or not observation.broken):
        phrases.append(f"{percent(rate)} of the requests failed")
    phrases += wrong_answers(observation)
    if "bug.status_changed" in parts:
        phrases += _changed(observation, normal)
    if "bug.logs" in parts:
        line = next(iter(bad_lines(observation, normal)), "")
        phrases.append(f"logged “{_short(' '.join(line.split()))}”")
    return phrases


def wrong_answers(observation: RawObservation) -> list[str]:
    """Of each kind of request the expectation that most of its answers break."""
    worst: dict[str, tuple[float, str]] = {}
    for (kind, words), share in observation.broken_shares().items():
        if share > worst.get(kind, (0.0, ""))[0]:
            worst[kind] = share, words
    return [f"{of_answers(share, kind)} break {words}" for kind, (share, words) in worst.items()]


def of_answers(share: float, kind: str) -> str:
    """For people: `most answers of GET /cart`."""
    return f"{'most' if share > 0.5 else percent(share) + ' of the'} answers of {_short(kind)}"


def _changed(observation: RawObservation, normal: Normal) -> list[str]:
    if is_changed(observation, normal):
        return [f"most requests got {observation.status_code} instead of {min(normal.status_codes)}"]
    return [f"{_short(kind)} got {status} instead" for kind, status in changed_kinds(observation, normal).items()]


def _latency(score: SeverityScore, observation: RawObservation, normal: Normal) -> list[str]:
    if "perf.latency" not in score.breakdown or observation.latency_ms is None:
        return []
    name = "p95 latency" if observation.quantiles_ms.get("p95") == observation.latency_ms else "latency"
    before = "" if not normal.latencies_ms else f" (baseline {_ms(median(normal.latencies_ms))})"
    return [f"{name} {_ms(observation.latency_ms)} ms{before}"]


def _structure(score: SeverityScore, worst: Comparison) -> list[str]:
    parts, phrases = score.breakdown, []
    if "struct.span_increase" in parts or ("struct.edit_distance" in parts and worst.span_increase):
        phrases.append(f"{counted(len(worst.spans), 'span')} instead of {worst.n_baseline_spans}")
    elif "struct.edit_distance" in parts:
        n = worst.edit_distance or 0
        phrases.append(f"{counted(n, 'call')} {'differs' if n == 1 else 'differ'} from the baseline")
    if "struct.error_span" in parts:
        phrases.append(f"failing: {', '.join(failing_edges(worst))}")
    if "struct.bottleneck" in parts and worst.bottleneck is not None:
        slow = worst.bottleneck
        call = next((_call(span, span.service) for span in worst.spans if span.operation == slow.operation), "?")
        phrases.append(f"{call} took {_ms(slow.duration_ms)} ms instead of {_ms(slow.baseline_ms)} ms")
    if phrases and worst.kind is not None:
        phrases[0] = f"on {_short(worst.kind)}: {phrases[0]}"
    return phrases


def failing_edges(comparison: Comparison) -> list[str]:
    """The calls that failed, deepest cause first: `POST /charges (orders→payments)`; at most three, then how many more.

    A span whose own call failed is left out: its error is the echo of what happened below it. So is one that fails
    without a fault too.
    """
    spans = comparison.spans
    parent_of = parents(spans)
    echoes = {parent_of[index] for index in comparison.failing}
    edges: dict[str, None] = {}
    for index in comparison.failing:
        span = spans[index]
        if index in echoes:
            continue
        if span.peer and span.service and not span.is_proxy:
            # Nobody below says that it was asked: the one that asked does.
            edges[f"{_short(span.asked or own_name(span))} ({_short(f'{span.service}→{span.peer}')})"] = None
            continue
        parent = parent_of[index]
        caller = None if parent is None else spans[parent].service or spans[parent].name
        called = span.service or span.name or "?"
        edge = called if caller in (None, called) else f"{caller}→{called}"
        edges[_call(span, edge) if span.service else _short(edge)] = None
    named = list(edges) or ["?"]
    rest = len(named) - _EDGES
    return named[:_EDGES] + ([f"{rest} more"] if rest > 0 else [])


def _call(span: Span, who: str | None) -> str:
    """What was asked and of whom: `POST /charges (payments)`; a service that the name begins with is said once."""
    name = span.name.removeprefix(f"{span.service}:") or "?"
    return f"{_short(name)} ({_short(who)})" if who else _short(name)


def percent(rate: float) -> str:
    """For people: `under 1 %`, `34 %`."""
    return "under 1 %" if rate < 0.01 else f"{rate:.0%}".replace("%", " %")


def _ms(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def _short(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
