"""Error pages and tracebacks that came as replies, and tasks that ask for such texts."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from autoevol.core.records import Evolution, FailureKind, Outcome, Trajectory
from autoevol.metrics.ensemble import default_text_ensemble, text_facts
from autoevol.metrics.failed_call import ErrorText, error_shape

SEED, EVOLVED = "Name a river.", "Name two rivers in Asia that end in no sea, and say why they do not."
NGINX = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center><h1>502 Bad Gateway</h1></center>"
)
ERRORS = [
    NGINX,
    f"<!DOCTYPE html>\n<!-- a proxy -->\n{NGINX}",
    "<!DOCTYPE html><html lang='en'><head><title>Just a moment...</title></head><body></body></html>",
    "<html><body><h1>Service Unavailable</h1></body></html>",
    "Internal Server Error",
    "HTTP/1.1 503 Service Unavailable",
    "upstream connect error or disconnect/reset before headers. reset reason: overflow",
    'Traceback (most recent call last):\n  File "/srv/app.py", line 3, in go\n    run()\nKeyError: 1',
    "java.lang.NullPointerException: no model\n\tat com.example.Serve.go(Serve.java:3)",
    "TypeError: x is undefined\n    at serve (/srv/app.js:1:2)",
    "panic: runtime error: index out of range\n\ngoroutine 1 [running]:\nmain.main()",
]


@pytest.mark.parametrize("text", ERRORS)
def test_an_error_is_no_response_and_no_rewrite(text: str) -> None:
    answered = Trajectory((Evolution(SEED, EVOLVED, "r"),), text)
    rewritten = Trajectory((Evolution(SEED, text, "r"),), "They end in lakes.")
    for trajectory in (answered, rewritten):
        for detector in (ErrorText(), text_facts(), default_text_ensemble()):
            verdict = detector.judge(trajectory)
            assert (verdict.outcome, verdict.kinds) == (Outcome.FAILED, (FailureKind.EMPTY,))


@pytest.mark.parametrize(
    ("task", "text"),
    [
        ("Write an HTML page for error 404.", NGINX),
        ("What does a gateway say when it has no backend?", "502 Bad Gateway"),
        ("What is the output of this program?", ERRORS[7]),
        ("Name a river.", f"It says:\n\n```\n{ERRORS[7]}\n```\nand means that a key is missing."),
        ("Make a landing site.", "<html><head><title>Rivers of Asia</title></head></html>"),
        ("Name a river.", "A 502 Bad Gateway is what you get."),
        ("Name a river.", "TypeError: a river, and no more"),
    ],
)
def test_what_a_task_may_ask_for_is_none(task: str, text: str) -> None:
    assert error_shape(text, task) == ""


@pytest.mark.real
def test_no_real_html_or_code_task_is_taken_for_an_error() -> None:
    folder = Path(os.environ.get("AUTOEVOL_DATA", "../shared/data"))
    if not (folder / "code_alpaca_800.json").exists():
        pytest.skip("set AUTOEVOL_DATA to a folder with code_alpaca_800.json and humaneval.jsonl")
    alpaca = json.loads((folder / "code_alpaca_800.json").read_text(encoding="utf-8"))
    tasks = [(f"{row['instruction']}\n{row['input']}", row["output"]) for row in alpaca]
    with (folder / "humaneval.jsonl").open(encoding="utf-8") as file:
        human = [json.loads(line) for line in file]
    tasks += [(row["prompt"], row["canonical_solution"]) for row in human]
    assert len(tasks) == 964
    # The harder question: as if the task had not said what it asks for.
    assert [text[:80] for _, text in tasks if error_shape(text, "")] == []
    assert [task[:80] for task, _ in tasks if error_shape(task, "")] == []
    assert sum("<html" in text.lower() for _, text in tasks) >= 10
