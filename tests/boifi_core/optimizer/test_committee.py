import numpy as np
import pytest
from made_evidence import MIXED, made

from boifi_core.optimizer import committee
from boifi_core.optimizer.committee import _MEMBERS, Committee, _chosen
from boifi_core.optimizer.gaussian import fit_hyper

ROWS = MIXED.sample_rows(np.random.default_rng(77), 40)


def fitted(evidence):
    new = Committee(MIXED, 1)
    new.fit(evidence)
    return new


def test_its_members_differ_and_take_turns():
    views = [fitted(made(20)).view(turn).predict(ROWS)[0] for turn in range(2 * _MEMBERS)]
    for one in range(_MEMBERS):
        np.testing.assert_array_equal(views[one], views[one + _MEMBERS])
        assert all(not np.array_equal(views[one], views[other]) for other in range(one))


def test_it_predicts_a_mixture_of_its_members():
    """Without signals a view is a member: the mean lies between theirs, the spread covers their disagreement."""
    known = fitted(made(12))
    mean, std = known.predict(ROWS)
    means, stds = np.array([known.view(turn).predict(ROWS) for turn in range(_MEMBERS)]).swapaxes(0, 1)
    assert (means.min(axis=0) - 1e-9 <= mean).all()
    assert (mean <= means.max(axis=0) + 1e-9).all()
    assert (stds.min(axis=0) - 1e-9 <= std).all()


def test_after_a_trial_one_member_learns_and_all_know_its_result(monkeypatch):
    learnt_from = []

    def counted(kernel, prior, pairs, scores):
        learnt_from.append(len(scores))
        return fit_hyper(kernel, prior, pairs, scores)

    monkeypatch.setattr(committee, "fit_hyper", counted)
    evidence = made(20)
    known = fitted(evidence.first(12))
    assert sorted(learnt_from) == list(range(13 - _MEMBERS, 13))
    for n in range(13, 21):
        learnt_from.clear()
        before = [known.view(turn).predict(evidence.rows[n - 1 : n])[1][0] for turn in range(_MEMBERS)]
        known.fit(evidence.first(n))
        assert learnt_from == [n]
        after = [known.view(turn).predict(evidence.rows[n - 1 : n])[1][0] for turn in range(_MEMBERS)]
        assert all(late < early for late, early in zip(after, before, strict=True))


def test_views_look_beneath_the_scores_and_predictions_do_not():
    """All scores are 0, and latency rises with the percentage: only what the next proposal is chosen by leans to it."""
    evidence = made(40, score=lambda point: 0.0, signals=lambda point: {"latency_ms": 5.0 * point["percentage"]})
    known = fitted(evidence)
    np.testing.assert_allclose(known.predict(ROWS)[0], 0.0, atol=1e-9)
    percentage = ROWS[:, 2]
    for turn in range(_MEMBERS):
        assert np.corrcoef(percentage, known.view(turn).predict(ROWS)[0])[0, 1] > 0.8


def test_thousands_of_trials_are_thinned_out():
    scores = np.random.default_rng(3).random(1000)
    evidence = made(1000)
    evidence.scores[:] = scores
    kept = evidence.take(_chosen(evidence, 90))
    assert len(kept) == 90
    assert set(np.sort(scores)[-30:]) <= set(kept.scores)
    assert np.array_equal(kept.scores[-1], scores[-1])
    assert set(scores[-30:]) <= set(kept.scores)
    # Oldest first, with something of every time.
    at = [int(np.flatnonzero(scores == score)[0]) for score in kept.scores]
    assert at == sorted(at)
    assert np.diff(at).max() < 150
    assert _chosen(evidence.first(90), 90).tolist() == list(range(90))


@pytest.mark.parametrize("n", [299, 301, 700])
def test_the_latest_trial_is_always_known(n):
    evidence = made(n)
    mean, _ = fitted(evidence).left_out()
    assert len(mean) == n
    assert (~np.isnan(mean)).sum() == min(n, 300)
    assert not np.isnan(mean[-1])
    assert fitted(evidence).predict(evidence.rows[-1:])[1][0] < 2
