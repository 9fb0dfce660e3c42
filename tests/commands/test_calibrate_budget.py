"""`autoevol calibrate` keeps to its budget: in calls, in tokens and in money."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import autoevol as ae
from autoevol.core.errors import BudgetReached, InputError
from command_line import command
from servers import Answer, Endpoint, says

SAMPLES = Path(__file__).parents[2] / "src" / "autoevol" / "samples" / "labelled.jsonl"
# What a reply costs at this price: 100 tokens in and 50 out at 1,000 and 2,000 dollars per million.
PRICE, USAGE, USD = "judge=1000,2000", (100, 50), 0.2


def judge(_: dict[str, Any]) -> Answer:
    return says(
        "[[ ## reason ## ]]\nSeen.\n\n[[ ## kinds ## ]]\nnone\n\n[[ ## severity ## ]]\n0\n\n"
        "[[ ## complexity_1 ## ]]\n5\n\n[[ ## complexity_2 ## ]]\n5\n\n[[ ## completed ## ]]",
        usage=USAGE,
    )


def calibrate(endpoint: Endpoint, folder: Path, *more: object) -> Any:
    return command(
        "calibrate", SAMPLES, "--limit", 12, "--judge-model", "judge", "--api-base", endpoint.url,
        "--store", folder / "calls.sqlite", "--concurrency", 1, "--reply-tokens", 50, "--json", *more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("cap", "most"), [(("--max-usd", 4.0), 4.0 / USD), (("--max-tokens", 3500), 23), (("--max-calls", 3), 3)]
)
def test_a_cap_binds(cap: tuple[object, ...], most: float, tmp_path: Path) -> None:
    with Endpoint(judge) as endpoint:
        done = calibrate(endpoint, tmp_path, "--price", PRICE, *cap)
        assert done.exit_code == 3, done.output
        assert "budget" in done.stderr
        asked = len(endpoint.seen)
        assert 0 < asked <= most
        # With a budget that suffices, the same command goes on where it stopped.
        assert calibrate(endpoint, tmp_path, "--price", PRICE, "--max-usd", 1000).exit_code == 0
        free = len(endpoint.seen)
    with Endpoint(judge) as endpoint:
        assert calibrate(endpoint, tmp_path / "free").exit_code == 0
        assert asked < free == len(endpoint.seen)


def test_a_judge_without_a_price_is_refused_under_a_cap_on_money(tmp_path: Path) -> None:
    with Endpoint(judge) as endpoint:
        done = calibrate(endpoint, tmp_path, "--max-usd", 1.0)
        assert done.exit_code == 2
        assert "--max-usd needs --price for judge" in done.stderr
        # The evol model is not asked, so that it needs no price.
        done = calibrate(endpoint, tmp_path, "--max-usd", 1000, "--price", PRICE, "--evol-model", "unpriced")
        assert done.exit_code == 0, done.output
    assert len(endpoint.seen) > 0


def test_as_a_function_it_says_what_it_cost(tmp_path: Path) -> None:
    with Endpoint(judge) as endpoint:
        options: dict[str, Any] = {
            "judge_model": "judge",
            "api_base": endpoint.url,
            "price": [PRICE],
            "reply_tokens": 50,
        }
        found = ae.calibrate(SAMPLES, store=str(tmp_path / "calls.sqlite"), **options)
        assert found.cost is not None
        assert found.cost.usd == pytest.approx(USD * len(endpoint.seen))
        with pytest.raises(BudgetReached):
            ae.calibrate(SAMPLES, store=str(tmp_path / "new.sqlite"), max_usd=0.5, concurrency=1, **options)
        with pytest.raises(InputError, match="--max-usd needs --price for judge"):
            ae.calibrate(SAMPLES, judge_model="judge", api_base=endpoint.url, max_usd=1.0)
    assert "lm-judge" in repr(found)
    assert {line["detector"] for line in found.to_pandas().to_dict("records")} == {c.detector for c in found}
