"""In a notebook: calls in a running loop, an interrupted cell, progress in one line, results as tables."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dspy
import pytest

import autoevol as ae
from autoevol.core import progress
from command_line import lines, seed_file
from commanding import SEEDS, Served
from documents import TASKS, plays
from servers import Answer, Endpoint

LOOP: dict[str, Any] = {"dev_size": 4, "holdout_size": 3, "batch_size": 2, "m": 1, "steps": 1}


def in_a_cell(work: Callable[[], Any]) -> Any:
    """What `work` gives when it is called while an event loop runs in its thread, as Jupyter does."""

    async def cell() -> Any:
        return work()

    return asyncio.run(cell())


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    return seed_file(tmp_path, TASKS[:12])


def test_every_function_works_inside_a_running_loop(seeds: Path, tmp_path: Path) -> None:
    with Endpoint(plays) as endpoint:
        at: dict[str, Any] = {"evol_model": "served", "api_base": endpoint.url}

        def cell() -> list[object]:
            done = ae.run(seeds, tmp_path / "run", **LOOP, **at)
            return [
                done,
                ae.evolve(seeds, tmp_path / "evolve", method=done.method, **at),
                ae.optimize(seeds, tmp_path / "optimize", **LOOP, **at),
                ae.again(tmp_path / "evolve", tmp_path / "again", keep="all"),
                ae.estimate(seeds, sample=2, out=tmp_path / "estimate", **LOOP, **at),
                ae.transfer(["weak", "initial"], seeds, tmp_path / "transfer", sample=3, **at),
                ae.search(seeds, tmp_path / "search", trials=1, space=["m=1:2"], **LOOP, **at),
                ae.doctor(**at),
            ]

        results = in_a_cell(cell)
    assert all(repr(result).strip() for result in results)


def test_compile_works_inside_a_running_loop(tmp_path: Path) -> None:
    rows = [ae.Row(f"{number:016x}", task) for number, task in enumerate(TASKS[:10])]
    with Endpoint(plays) as endpoint, ae.Session(tmp_path / "calls.sqlite") as session:
        lm = session.lm("served", api_base=endpoint.url, temperature=0.5, max_tokens=64)

        def cell() -> Any:
            loop = ae.LoopConfig(batch_size=2, m=1, steps=1, dev_size=3)
            with dspy.context(lm=lm):
                tuned = ae.AutoEvol(config=loop, verbose=False).compile(ae.Evolver(ae.WEAK), trainset=rows)
                return tuned, tuned(instruction=TASKS[1]).evolved_instruction

        tuned, evolved = in_a_cell(cell)
    assert tuned.method.text
    assert TASKS[1] in evolved


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt, also where a shell has started the tests in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="the system has no signals to threads")
@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_cell_leaves_a_state_that_the_same_call_resumes(tmp_path: Path) -> None:
    main, served, interrupted = threading.main_thread().ident, Served(), [False]
    assert main is not None

    def answer(body: dict[str, Any]) -> Answer:
        # Two requests may be seen before the first of them is answered: then nobody meets the ninth alone.
        if len(endpoint.seen) >= 9 and not interrupted[0]:
            interrupted[0] = True
            signal.pthread_kill(main, signal.SIGINT)  # as the button does, while the cell waits
        # What comes after it is held back, so that the cell cannot end before it is interrupted.
        return served(body).once(lambda: len(endpoint.seen) < 10 or resumed[0])

    resumed = [False]
    seeds, out = seed_file(tmp_path, SEEDS), tmp_path / "run"
    with Endpoint(answer) as endpoint:
        call: dict[str, Any] = {"method": "weak", "evol_model": "served", "api_base": endpoint.url}
        with pytest.raises(KeyboardInterrupt):
            ae.evolve(seeds, out, concurrency=2, **call)
        assert interrupted[0]
        resumed[0] = True
        done = ae.evolve(seeds, out, **call)
    assert done.report.evolution is not None
    assert done.report.evolution.passed == len(SEEDS) == len(lines(out / "dataset.jsonl"))
    # A call in flight at the interrupt may have been billed: it is booked, as an estimate.
    assert 2 * len(SEEDS) <= done.cost.calls <= 2 * len(SEEDS) + 2


def test_progress_is_one_line_that_is_written_over(
    seeds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    monkeypatch.setattr(progress, "_LIVE_EVERY", -1.0)
    monkeypatch.setattr(progress.LOGGER, "hasHandlers", lambda: False)
    with Endpoint(plays) as endpoint:
        ae.evolve(seeds, tmp_path / "run", method="weak", evol_model="served", api_base=endpoint.url)
    told = capsys.readouterr().err
    assert told.count("\n") == 1, "the phase"
    assert told.count("\r") >= 12, "a line for every row, and one for a second that passes"
    assert "12 of 12 rows" in told.rpartition("\r")[2]


def test_a_result_is_a_table(seeds: Path, tmp_path: Path) -> None:
    with Endpoint(plays) as endpoint:
        done = ae.evolve(seeds, tmp_path / "<run>", method="weak", evol_model="s", api_base=endpoint.url)
    shown = done._repr_html_()
    assert "LM calls paid" in shown
    assert "<run>" not in shown
    assert "&lt;run&gt;" in shown
