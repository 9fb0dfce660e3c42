"""Analysis and proposals of the optimizer LM: what it reads, and what of its replies is usable."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from autoevol.core.errors import MethodError
from autoevol.core.fence import without_fences
from autoevol.core.records import Case, Demo, Evolution, FailureKind, Method, Outcome, Trajectory, Verdict
from autoevol.lm.transport import Reply
from autoevol.programs.analyze import AnalyzeTrajectory, render_cases
from autoevol.programs.propose import FEWEST_CHARS, MOST_CHARS, ProposeMethod, check_new
from synthetic import bench, tagged

PARENT = Method("Make it harder, step by step.", (Demo("a", "b"),), name="parent")
GOOD = "Make it harder by adding one condition."


def propose(folder: Path, answer: Any, *, through_a_coroutine: bool = False) -> Method:
    with bench(folder, lambda request: answer):
        if through_a_coroutine:
            return asyncio.run(ProposeMethod().acall(PARENT, "Too easy.")).method
        return ProposeMethod()(PARENT, "Too easy.").method


@pytest.mark.parametrize("through_a_coroutine", [False, True])
@pytest.mark.parametrize(
    ("inside", "text"),
    [
        (GOOD, GOOD),
        (f"  {GOOD}\n", GOOD),
        (f"```\n{GOOD}\n```", GOOD),
        (f"```Optimized Method\n{GOOD}\n```", GOOD),
        (f"{GOOD}\n```\nformat\n```\nand go on", f"{GOOD}\n```\nformat\n```\nand go on"),
        (f"```\n{GOOD}\n```\n{GOOD}\n```\nx\n```", f"```\n{GOOD}\n```\n{GOOD}\n```\nx\n```"),
        ("x" * FEWEST_CHARS, "x" * FEWEST_CHARS),
        ("x" * MOST_CHARS, "x" * MOST_CHARS),
    ],
)
def test_a_usable_proposal_is_unwrapped_and_keeps_the_parents_demos(
    tmp_path: Path, inside: str, text: str, through_a_coroutine: bool
) -> None:
    reply = f"First I think.\n{tagged('improved_method', inside)}"
    method = propose(tmp_path, reply, through_a_coroutine=through_a_coroutine)
    assert method.text == text
    assert method.demos == PARENT.demos


@pytest.mark.parametrize("through_a_coroutine", [False, True])
@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        ("", "marks no method$"),
        ("Here is a better one: think harder.", "marks no method$"),
        (Reply(f"<improved_method>\n{GOOD}", "length"), "cut off"),
        (tagged("improved_method", "..."), "marks no method"),
        (tagged("improved_method", "```\n\n```"), "marks no method"),
        (tagged("improved_method", "x" * (FEWEST_CHARS - 1)), f"only {FEWEST_CHARS - 1} characters"),
        (tagged("improved_method", "x" * (MOST_CHARS + 1)), f"more than {MOST_CHARS}"),
        (tagged("improved_method", f"{GOOD}\n```\nformat"), "fence"),
        (tagged("improved_method", f"```\n{GOOD}"), "fence"),
    ],
)
def test_an_unusable_proposal_is_refused_with_its_reason(
    tmp_path: Path, reply: str | Reply, problem: str, through_a_coroutine: bool
) -> None:
    with pytest.raises(MethodError, match=problem):
        propose(tmp_path, reply, through_a_coroutine=through_a_coroutine)


@pytest.mark.parametrize("text", [PARENT.text, PARENT.text.upper(), f"\n{PARENT.text.replace(' ', '  ')}\n"])
def test_a_repeated_method_is_refused_by_name(text: str) -> None:
    with pytest.raises(MethodError, match="repeats the method parent"):
        check_new(Method(text, PARENT.demos), [Method(GOOD), PARENT])


def test_the_same_text_with_other_demos_is_another_method() -> None:
    check_new(Method(PARENT.text), [PARENT])


def test_a_proposal_is_asked_for_in_one_plain_message_and_booked_to_the_optimizer(tmp_path: Path) -> None:
    with bench(tmp_path, lambda request: tagged("improved_method", GOOD)) as (session, transport, _):
        ProposeMethod()(PARENT, "Too easy.", temperature=0.6, top_p=0.95, seed=7)
        assert [line.role for line in session.ledger()] == ["optimizer"]
    (request,) = transport.requests
    (message,) = request.messages
    shown = without_fences(message.text or "")
    assert shown.endswith(f"#Method#:\n{PARENT.text}\n\n#Feedback#:\nToo easy.")
    assert (request.config.temperature, request.config.top_p, request.config.seed) == (0.6, 0.95, 7)


CASES = [
    Case("1", Verdict(Outcome.PASSED), Trajectory((Evolution("A", "B", "r"), Evolution("B", "C", "r")), "D")),
    Case(
        "2",
        Verdict(Outcome.FAILED, (FailureKind.REFUSED, FailureKind.HEDGED), "It says no."),
        Trajectory((Evolution("E", "F", "r"),), "No."),
    ),
    Case(
        "3",
        Verdict(Outcome.FAILED, (FailureKind.UNPARSED,), "None."),
        Trajectory((Evolution("G", None, "hm"),)),
    ),
    Case("4", Verdict(Outcome.UNSCORED, reason="LMServerError: down")),
    Case("5", Verdict(Outcome.PASSED), Trajectory((Evolution("H" * 5000, "I", "r"),), "")),
]
RENDERED = f"""Case 1
stage 0: A
stage 1: B
stage 2: C
response: D

Case 2
stage 0: E
stage 1: F
response: No.
Checker: failed (refused, hedged).
finding: It says no.

Case 3
stage 0: G
The rewriter's last reply marks no instruction:
reply: hm
Checker: failed (unparsed).
finding: None.

Case 4
(no reply: the call failed; ignore this case)

Case 5
stage 0: {"H" * 1000} [... 3000 characters ...] {"H" * 1000}
stage 1: I
response: """


def test_the_analysis_shows_every_stage_the_response_and_the_finding() -> None:
    shown = re.sub(r"\n<<<end of [^\n]*>>>", "", render_cases(CASES))
    assert re.sub(r"<<<(.*) [0-9a-f]{12}>>>\n?", r"\1: ", shown) == RENDERED


@pytest.mark.parametrize("reply", ["", "Case 2 refused.\nAsk less.", " spaced "])
@pytest.mark.parametrize("through_a_coroutine", [False, True])
def test_an_analysis_is_the_whole_reply(tmp_path: Path, reply: str, through_a_coroutine: bool) -> None:
    with bench(tmp_path, lambda request: reply) as (session, transport, _):
        analyze = AnalyzeTrajectory()
        found = asyncio.run(analyze.acall(CASES, seed=1)) if through_a_coroutine else analyze(CASES, seed=1)
        assert [line.role for line in session.ledger()] == ["optimizer"]
    assert found.feedback == reply.strip()
    assert "#Cases#:\nCase 1\nA\nB\nC\nD" in without_fences(transport.requests[0].messages[0].text or "")
