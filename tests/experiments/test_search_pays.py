"""The experiment on whether a search pays: all contestants spend the same, none sees the truth."""

from __future__ import annotations

from argparse import Namespace

import pytest

from autoevol.experiments.search import contest, difference

pytestmark = pytest.mark.slow


def test_contestants_spend_no_more_than_the_search(capsys: pytest.CaptureFixture[str]) -> None:
    given = Namespace(dev=12, trials=3, runs=1, space=["m=1:5", "steps=1:10"])
    found = contest(3, given)
    spent = found["search"].calls
    assert spent > 0
    assert 0 < found["again"].calls <= spent
    assert 0 < found["longer"].calls <= spent
    # The search contains the defaults as its first trial, so it cannot have paid less.
    assert found["once"].calls <= spent
    assert all(0 < contestant.rate < 1 for contestant in found.values())
    assert contest(3, given) == found
    assert f"{found['search'].rate:.1%}" in capsys.readouterr().out
    assert difference([found], "once", "search").endswith("of 1")
