"""Every command that asks models, with four roles on four servers: each key reaches its own server only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from command_line import command, lines, seed_file
from documents import TASKS, plays
from every_command import ASKS, ASKS_NOBODY, commands
from servers import Answer, Endpoint, refuses, says

ROLES = ("evol", "respond", "optimizer", "judge")
KEYS = {f"{role.upper()}_KEY": f"sk-{role}-0123456789" for role in ROLES}
# Keys for whole providers, which a role without a key of its own might be sent.
STRAY = {
    "OPENAI_API_KEY": "sk-stray-openai-0123", "AZURE_OPENAI_API_KEY": "stray-azure-0123456",
    "OPENAI_ORG_ID": "org-stray", "ANTHROPIC_API_KEY": "sk-stray-anthropic-01",
}  # fmt: skip
LOOP = ("--dev-size", 4, "--holdout-size", 3, "--batch-size", 2, "--m", 1, "--steps", 1)
SAMPLES = Path(__file__).parents[2] / "src" / "autoevol" / "samples" / "labelled.jsonl"

COMMANDS: dict[str, tuple[tuple[object, ...], set[str]]] = {
    "run": (("SEEDS", "--out", "out", *LOOP), set(ROLES)),
    "optimize": (("SEEDS", "--out", "out", *LOOP), set(ROLES)),
    "evolve": (("SEEDS", "--out", "out"), {"evol", "respond", "judge"}),
    "estimate": (("SEEDS", "--sample", 3, *LOOP), set(ROLES)),
    "search": (("SEEDS", "--out", "out", "--trials", 1, "--space", "m=1:2", *LOOP), set(ROLES)),
    "compare": (
        ("SEEDS", "--out", "out", "--optimizers", "race", "--budget", 60, "--seeds", 1, "--dev-size", 4,
         "--holdout-size", 3),
        set(ROLES),
    ),
    "transfer": (("weak", "--seeds", "SEEDS", "--out", "out", "--sample", 3), {"evol", "respond", "judge"}),
    "calibrate": ((SAMPLES, "--limit", 6), {"judge"}),
    "doctor": ((), set(ROLES)),
    "headroom": (("SEEDS", "--out", "out", "--rows", 3, *LOOP), {"evol", "respond", "judge"}),
    "judge-answers": (
        ("SEEDS", "evol", "respond", "--api-base-b", "RESPOND", "--api-key-env-b", "RESPOND_KEY",
         "--out", "out"),
        {"evol", "respond", "judge"},
    ),
    "quality": (("RUN", "--tags"), {"judge"}),
    # What the judge was asked before, in the run, it is not asked again.
    "prove": (("RUN", "--against", "ops", "--recipe", "trl", "--heldout", 2, "--out", "out"),
              {"evol", "respond"}),
}  # fmt: skip
ELSEWHERE = {"retry", "again"}
"""Have a test of their own below."""


class Asked:
    """The four servers of the roles."""

    def __init__(self, servers: dict[str, Endpoint]) -> None:
        self.servers = servers

    def options(self) -> list[object]:
        """Every role at its server, with the variable of its key."""
        words: list[object] = []
        for role, server in self.servers.items():
            before = "" if role == "evol" else f"{role}-"
            words += [f"--{role}-model", role, f"--{before}api-base", server.url]
            words += [f"--{before}api-key-env", f"{role.upper()}_KEY"]
        return words

    def keys(self) -> dict[str, set[str]]:
        """What each server was sent as a key; those that were asked."""
        return {
            role: {seen.headers.get("Authorization", "none") for seen in server.seen}
            for role, server in self.servers.items()
            if server.seen
        }

    def headers(self) -> str:
        """All headers that any server was sent."""
        return " ".join(str(seen.headers) for server in self.servers.values() for seen in server.seen)

    def check(self, roles: set[str]) -> None:
        """Only these roles were asked, each with its own key and no other in any header."""
        assert self.keys() == {role: {f"Bearer {KEYS[f'{role.upper()}_KEY']}"} for role in roles}
        assert not [stray for stray in STRAY.values() if stray in self.headers()]
        for role, server in self.servers.items():
            assert {seen.body["model"].partition("-")[0] for seen in server.seen} <= {role}


def judges(body: dict[str, Any]) -> Answer:
    """Of two tasks one fails, so that every batch has something to analyse."""
    fails = int((re.findall(r"Task (\d+)", str(body["messages"])) or ["0"])[0]) % 2
    kind, severity = ("unsolvable", 2) if fails else ("none", 0)
    return says(
        f"[[ ## reason ## ]]\nSeen.\n\n[[ ## kinds ## ]]\n{kind}\n\n[[ ## severity ## ]]\n{severity}\n\n"
        "[[ ## complexity_1 ## ]]\n5\n\n[[ ## complexity_2 ## ]]\n5\n\n[[ ## completed ## ]]"
    )


@pytest.fixture
def seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    return seed_file(tmp_path, TASKS[:12])


@pytest.fixture
def down() -> list[bool]:
    """Whether the respond server refuses one task."""
    return [False]


@pytest.fixture
def asked(down: list[bool]) -> Iterator[Asked]:
    def responds(body: dict[str, Any]) -> Answer:
        lost = down[0] and "Task 3:" in body["messages"][-1]["content"]
        return refuses(400, "not this one") if lost else plays(body)

    with (
        Endpoint(plays) as evol,
        Endpoint(responds) as respond,
        Endpoint(plays) as optimizer,
        Endpoint(judges) as judge,
    ):
        yield Asked({"evol": evol, "respond": respond, "optimizer": optimizer, "judge": judge})


@pytest.mark.parametrize("name", COMMANDS)
def test_each_key_reaches_its_own_server_only(name: str, seeds: Path, asked: Asked) -> None:
    words, roles = COMMANDS[name]
    given: dict[object, object] = {"SEEDS": seeds, "RESPOND": asked.servers["respond"].url}
    if "RUN" in words:
        given["RUN"] = begun(seeds, asked)
    options = [] if name == "prove" else asked.options()  # a proof asks whom its run has asked
    done = command(name, *(given.get(word, word) for word in words), *options, **KEYS, **STRAY)
    assert done.exit_code == 0, done.output
    asked.check(roles)
    told = done.output + "".join(file.read_text(errors="ignore") for file in Path("out").rglob("*.json*"))
    assert not [key for key in (*KEYS.values(), *STRAY.values()) if key in told]


def begun(seeds: Path, asked: Asked) -> Path:
    """A finished run on these servers, which have forgotten it."""
    done = command("evolve", seeds, "--out", "before", "--method", "weak", *asked.options(), **KEYS, **STRAY)
    assert done.exit_code == 0, done.output
    forget(asked)
    return Path("before")


def test_every_command_that_asks_is_here() -> None:
    assert {*COMMANDS, *ELSEWHERE} == ASKS
    assert commands() == {*ASKS, *ASKS_NOBODY}


def test_retry_and_again_send_the_keys_of_their_run(seeds: Path, asked: Asked, down: list[bool]) -> None:
    down[0] = True
    options = asked.options()
    ran = command(
        "evolve",
        seeds,
        "--out",
        "out",
        "--method",
        "weak",
        "--on-failure",
        "again",
        *options,
        **KEYS,
        **STRAY,
    )
    assert ran.exit_code == 0, ran.output
    assert len(lines(Path("out/dead.jsonl"))) == 1
    down[0] = False
    forget(asked)
    assert command("retry", "out", **KEYS, **STRAY).exit_code == 0
    asked.check({"respond", "judge"})  # the rewrite was there
    forget(asked)
    there = ("--api-base", asked.servers["respond"].url, "--api-key-env", "RESPOND_KEY")
    again("answered", "--answer-with", "respond", *there)
    assert asked.servers["respond"].seen
    asked.check({*asked.keys()} & {"respond", "judge"})
    forget(asked)
    again("judged", "--judge-model", "judge-anew")
    asked.check({"judge"})


def again(out: str, *words: object) -> None:
    done = command("again", "out", "--out", out, *words, **KEYS, **STRAY)
    assert done.exit_code == 0, done.output


def test_a_server_without_a_key_of_its_own_is_sent_none(seeds: Path, asked: Asked) -> None:
    options = list(asked.options())
    at = options.index("--judge-api-key-env")
    del options[at : at + 2]
    done = command("evolve", seeds, "--out", "out", *options, **KEYS, **STRAY)
    assert done.exit_code == 0, done.output
    assert asked.keys()["judge"] == {"Bearer none"}
    assert not [secret for secret in (*KEYS.values(), *STRAY.values()) if secret in str(
        [seen.headers for seen in asked.servers["judge"].seen]
    )]  # fmt: skip


def forget(asked: Asked) -> None:
    for server in asked.servers.values():
        server.seen.clear()
