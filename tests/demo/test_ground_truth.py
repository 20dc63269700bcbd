"""The shop is as weak as its ground truth and its page in the docs say, and without a fault it is healthy."""

import re
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from boifi_core.analyzer import AnalyzerService, merge_baseline
from boifi_core.injectors.table import open_injector
from boifi_core.observers.table import open_observer
from boifi_core.safety.policies import with_expiry
from boifi_core.session.config import parse_session
from boifi_core.storage.yaml_file import read_yaml
from cli.demo import demo_config, demo_target
from demo.ground_truth import HIGHEST_SEVERITY, WEAKNESSES
from demo.shop.graph import LINKS
from demo.shop.mends import MENDABLE
from demo.traffic import probe_config

pytestmark = pytest.mark.alone

ROOT = Path(__file__).resolve().parents[2]
TOLERANCE = 0.8
STEADY_S = 20.0


class Shop:
    """The running target as a session of `demo/session.yaml` sees it."""

    def __init__(self, config, injector, observer):
        self.injector, self.observer, self.baseline = injector, observer, None
        self.analyzer = AnalyzerService(config.analyzer)
        self.baseline = merge_baseline([self.observe() for _ in range(3)])

    def observe(self):
        return self.observer.observe(newer_than=datetime.now(UTC), timeout_s=10)

    def severity(self, plans=()):
        """Of one window under these faults."""
        names = [f"boifi-truth-{number}" for number in range(len(plans))]
        try:
            for name, plan in zip(names, with_expiry(plans, 10), strict=True):
                self.injector.apply(name, plan, timeout_s=5)
            return self.analyzer.calculate_severity(self.observe(), self.baseline).total_score
        finally:
            for name in names:
                self.injector.clear(name, timeout_s=5)

    def recover(self):
        end = time.monotonic() + STEADY_S
        while self.severity() > 0:
            assert time.monotonic() < end, f"not steady again after {STEADY_S} s"


@pytest.fixture(scope="module")
def config():
    return parse_session(read_yaml(ROOT / "demo" / "session.yaml"))


@contextmanager
def seen(config):
    injector, observer = open_injector(config.executor), open_observer(config.executor, config.observer)
    yield Shop(config, injector, observer)
    injector.close()
    observer.close()


@contextmanager
def seen_by_a_probe(**options):
    with demo_target(**options) as target, seen(demo_config(target, None, None)) as shop:
        yield shop


@pytest.fixture(scope="module")
def shop():
    with seen_by_a_probe() as shop:
        yield shop


@pytest.fixture(scope="module")
def mended_shop():
    with seen_by_a_probe(mended=MENDABLE) as shop:
        yield shop


@pytest.fixture
def shop_that_observes_itself(target, config):
    executor = config.executor.model_copy(update={"endpoint": target.control_plane})
    with seen(config.model_copy(update={"executor": executor, "observer": None})) as shop:
        yield shop


def test_without_a_fault_the_shop_scores_nothing(shop):
    shop.recover()
    assert sorted(shop.severity() for _ in range(5))[2] == 0


@pytest.mark.slow
@pytest.mark.parametrize("weakness", WEAKNESSES, ids=lambda weakness: weakness.name)
def test_each_weakness_is_as_severe_as_it_says(shop, weakness):
    severities = []
    for _ in range(5):
        shop.recover()
        severities.append(shop.severity(weakness.plans))
    assert sorted(severities)[2] == pytest.approx(weakness.severity, abs=TOLERANCE), severities


@pytest.mark.slow
def test_the_control_planes_own_windows_tell_the_same(shop_that_observes_itself):
    assert sorted(shop_that_observes_itself.severity() for _ in range(5))[2] == 0
    [weakness] = [each for each in WEAKNESSES if each.name == "A fallback for time-outs only"]
    severities = []
    for _ in range(5):
        shop_that_observes_itself.recover()
        severities.append(shop_that_observes_itself.severity(weakness.plans))
    assert sorted(severities)[2] == pytest.approx(weakness.severity, abs=TOLERANCE), severities


@pytest.mark.slow
@pytest.mark.parametrize("weakness", [each for each in WEAKNESSES if each.name in MENDABLE], ids=lambda each: each.name)
def test_what_can_be_mended_does_nothing_then(mended_shop, weakness):
    severities = []
    for _ in range(5):
        mended_shop.recover()
        severities.append(mended_shop.severity(weakness.plans))
    assert sorted(severities)[2] == 0, severities


def test_a_session_can_propose_what_is_in_its_space(config):
    space = config.search_space
    for weakness in WEAKNESSES:
        assert weakness.in_space == (len(weakness.plans) == 1)
        for plan in weakness.plans if weakness.in_space else ():
            point = {
                "fault_type": plan.fault_type,
                "target_service": plan.target_service,
                "target_method": plan.target_method or "ALL",
                "percentage": int(plan.percentage),
            }
            own = "delay_ms" if plan.delay_ms is not None else "abort_status_code"
            space.check({**point, own: getattr(plan, own)})


def test_the_session_and_the_control_plane_drive_the_same_requests(config):
    shop = "http://127.0.0.1:8081"
    asked = tuple(each.model_copy(update={"expect": None}) for each in config.observer.requests)
    assert config.observer.model_copy(update={"traces": None, "requests": asked}) == probe_config(shop)


def test_the_highest_is_the_highest_that_can_be_found():
    assert max(each.severity for each in WEAKNESSES if each.in_space) == HIGHEST_SEVERITY >= 9
    assert len(WEAKNESSES) >= 6


def test_the_page_says_what_the_ground_truth_says():
    page = (ROOT / "docs" / "demo-target.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?!name |caller )([^|]+) \| ([^|]+) \| ([^|]+) \| (\d+\.\d) \|$", page, re.MULTILINE)
    truth = [
        (each.name, each.kind, ", and ".join(str(plan) for plan in each.plans), f"{each.severity:.1f}")
        for each in WEAKNESSES
    ]
    assert rows == truth
    headings = re.findall(r"^### (.+)$", page, re.MULTILINE)
    assert headings == [each.name for each in WEAKNESSES]


def test_the_page_has_every_link():
    page = (ROOT / "docs" / "demo-target.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| (\w+) \| (\d+) \| (\d+) \|$", page, re.MULTILINE)
    assert rows == [(link.caller, link.callee, str(link.timeout_ms), str(link.tries)) for link in LINKS]
