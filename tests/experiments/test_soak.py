"""The soak in small: killed once so many requests have come in, never at moments."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoevol.experiments.soak.checks import broken_promises
from autoevol.experiments.soak.game import play
from autoevol.experiments.soak.plan import Plan, Score
from autoevol.experiments.soak.seeds import FORMATS, write_seeds
from autoevol.experiments.soak.server import Behaviour, Counts, Endpoints
from autoevol.experiments.soak.terminal import Shown


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 3], ids=["run, aiohttp", "evolve, openai"])
def test_a_game_keeps_all_promises_and_a_broken_one_is_found(seed: int, tmp_path: Path) -> None:
    plan = Plan.draw(seed, rows=20, kills=2, moments=False)
    score = play(plan, tmp_path)
    assert score.problems == []
    assert score.rows == 20
    assert score.kills  # the second waits for more requests than a game without many faults needs

    data_set = tmp_path / "run" / "dataset.jsonl"
    lines = data_set.read_text("utf-8").splitlines(keepends=True)
    data_set.write_text("".join([*lines[1:], lines[1]]), "utf-8")
    (tmp_path / "run" / "note").write_text("sk-soak-evol-0123456789abcdef")
    problems = " ".join(broken_promises(plan, tmp_path, [Shown(0, "\x1b]52;c;cm0=")], Score(), Counts()))
    told = ("rows too many", "out of order", "SOAK_EVOL is in note", "foreign bytes", "in the ledger, 0")
    assert [words for words in told if words not in problems] == []


@pytest.mark.parametrize("file_format", FORMATS)
def test_seeds_are_the_same_for_the_same_seed(file_format: str, tmp_path: Path) -> None:
    first = write_seeds(tmp_path, 20, file_format, 5).read_bytes()
    assert write_seeds(tmp_path, 20, file_format, 5).read_bytes() == first
    assert write_seeds(tmp_path, 20, file_format, 6).read_bytes() != first


def test_every_role_has_an_endpoint_of_its_own() -> None:
    with Endpoints(Behaviour()) as servers:
        assert len(set(servers.urls.values())) == 3
