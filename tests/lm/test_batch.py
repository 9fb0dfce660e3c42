"""Waves through a provider's batch API, against a server that speaks it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from dspy import lm15
from dspy.lm15 import Config, Message, Request

from asking import ask as asked
from asking import limited, timed
from autoevol.core import aio
from autoevol.core.context import in_scope
from autoevol.core.errors import EndpointDown
from autoevol.lm.batch import BatchProgress, BatchSettings, BatchTransport
from autoevol.lm.batch_api import BatchAPI
from autoevol.lm.budget import Price
from autoevol.lm.http import HTTPTransport
from autoevol.lm.session import Session
from autoevol.lm.transport import Reply
from autoevol.store.batches import BatchStore, Wave
from autoevol.store.calls import CallStore
from autoevol.testing import ScriptedTransport
from batch_server import BatchProvider, Faults
from servers import Answer, refuses, says

QUICK = BatchSettings(quiet=0.05, first_look=0.01, longest_wait=0.05, patience=0.5)


def echoes(body: dict[str, Any]) -> Answer:
    return says("re: " + body["messages"][-1]["content"])


@pytest.fixture
def provider() -> Iterator[BatchProvider]:
    with BatchProvider(echoes) as running:
        yield running


def transport(
    provider: BatchProvider, folder: Path, settings: BatchSettings = QUICK, told: list[Any] | None = None
) -> BatchTransport:
    endpoint = HTTPTransport("m", base_url=provider.url, api_key="secret-key")
    return BatchTransport(
        endpoint,
        BatchAPI(endpoint, timeout=5.0),
        BatchStore(folder / "calls.sqlite"),
        settings,
        told.append if told is not None else None,
    )


def ask(text: str, temperature: float = 0.0) -> Request:
    return Request("m", (Message.user(text),), config=Config(temperature=temperature, max_tokens=9))


async def outcome(sent: Any) -> Reply | BaseException:
    try:
        return await sent
    except (lm15.LM15Error, EndpointDown) as error:
        return error


def send_all(made: BatchTransport, *texts: str) -> list[Reply | BaseException]:
    async def work() -> list[Reply | BaseException]:
        try:
            return list(await asyncio.gather(*(outcome(made.send(ask(text))) for text in texts)))
        finally:
            await made.aclose()

    return aio.run_and_wait(work())


def texts_of(replies: list[Reply | BaseException]) -> list[str]:
    assert all(isinstance(reply, Reply) for reply in replies), replies
    return [reply.text for reply in replies if isinstance(reply, Reply)]


def test_requests_that_wait_together_are_one_wave_and_each_gets_its_own_answer(
    provider: BatchProvider, tmp_path: Path
) -> None:
    told: list[BatchProgress] = []
    asked = [f"task {number}" for number in range(30)]
    assert texts_of(send_all(transport(provider, tmp_path, told=told), *asked)) == [
        f"re: {text}" for text in asked
    ]
    assert len(provider.jobs) == 1
    assert set(provider.asked.values()) == {1}
    assert provider.keys == {"Bearer secret-key"}
    assert told[-1].state.status == "completed"
    assert told[-1].state.total == 30


def test_a_wave_is_no_larger_than_it_may_be(provider: BatchProvider, tmp_path: Path) -> None:
    small = BatchSettings(largest=4, quiet=0.05, first_look=0.01)
    send_all(transport(provider, tmp_path, small), *(f"task {number}" for number in range(10)))
    assert [len(provider.files[job.file].splitlines()) for job in provider.jobs] == [4, 4, 2]


def test_a_later_process_picks_up_the_batch_that_a_killed_one_left(
    provider: BatchProvider, tmp_path: Path
) -> None:
    provider.held.set()
    asked = [f"task {number}" for number in range(6)]

    async def until_submitted(made: BatchTransport) -> None:
        tasks = [asyncio.ensure_future(made.send(ask(text))) for text in asked]
        await asyncio.to_thread(provider.looked_at.wait)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await made.aclose()

    aio.run_and_wait(until_submitted(transport(provider, tmp_path)))
    provider.held.clear()
    replies = send_all(transport(provider, tmp_path), *reversed(asked))
    assert texts_of(replies) == [f"re: {text}" for text in reversed(asked)]
    assert len(provider.jobs) == 1
    assert set(provider.asked.values()) == {1}


def test_rows_that_come_late_still_get_their_answer_from_the_old_wave(
    provider: BatchProvider, tmp_path: Path
) -> None:
    send_all(transport(provider, tmp_path), "one", "two")
    made = transport(provider, tmp_path)

    async def one_after_the_other() -> list[Reply]:
        try:
            return [await made.send(ask(text)) for text in ("two", "one")]
        finally:
            await made.aclose()

    assert [reply.text for reply in aio.run_and_wait(one_after_the_other())] == ["re: two", "re: one"]
    assert len(provider.jobs) == 1


def test_a_batch_whose_acceptance_was_lost_is_not_submitted_twice(
    provider: BatchProvider, tmp_path: Path
) -> None:
    provider.faults = Faults(lost_answers=1)
    assert texts_of(send_all(transport(provider, tmp_path), "one", "two")) == ["re: one", "re: two"]
    assert len(provider.jobs) == 1


def test_a_wave_killed_around_its_submission_is_found_or_sent_anew(
    provider: BatchProvider, tmp_path: Path
) -> None:
    made = transport(provider, tmp_path)
    send_all(made, "one")
    # As a kill between the provider's acceptance and our writing it down leaves it.
    store = BatchStore(tmp_path / "calls.sqlite")
    (job,) = provider.jobs
    taken = Wave(job.metadata["autoevol_wave"], made.identity, job.file)
    store.update(taken)
    store.begin(Wave("never-sent", made.identity), ["some request"])
    assert [wave.id for wave in store.unsent(made.identity)] == [taken.id, "never-sent"]
    store.close()
    assert texts_of(send_all(transport(provider, tmp_path), "one", "two")) == ["re: one", "re: two"]
    assert len(provider.jobs) == 2, "`one` is in the first batch, `two` in a second"
    store = BatchStore(tmp_path / "calls.sqlite")
    assert store.unsent(made.identity) == []
    assert store.wave_of("some request") is None
    store.close()


def test_requests_that_expire_are_lost_for_now_and_the_others_are_kept(
    provider: BatchProvider, tmp_path: Path
) -> None:
    provider.faults = Faults(expires=True)
    one, two, three = send_all(transport(provider, tmp_path), "one", "two", "three")
    assert texts_of([one, three]) == ["re: one", "re: three"]
    assert isinstance(two, lm15.ServerError)
    assert "in time" in str(two)


def test_what_is_refused_is_told_in_the_words_of_the_server(provider: BatchProvider, tmp_path: Path) -> None:
    provider.script = lambda body: refuses(400, "too long") if "long" in str(body) else echoes(body)
    short, long = send_all(transport(provider, tmp_path), "short", "long")
    assert texts_of([short]) == ["re: short"]
    assert isinstance(long, lm15.InvalidRequestError)
    assert "too long" in str(long)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("invalid_json_line", lm15.InvalidRequestError),
        ("model_not_found", lm15.UnsupportedModelError),
        ("billing_hard_limit_reached", lm15.BillingError),
        ("token_limit_exceeded", lm15.RateLimitError),
    ],
)
def test_a_batch_that_fails_says_why(
    provider: BatchProvider, tmp_path: Path, code: str, kind: type[Exception]
) -> None:
    provider.faults = Faults(invalid="Enqueued token limit reached", code=code)
    (answer,) = send_all(transport(provider, tmp_path), "one")
    assert isinstance(answer, kind)
    assert "Enqueued token limit reached" in str(answer)


def test_a_batch_api_that_is_away_for_a_while_costs_nothing(provider: BatchProvider, tmp_path: Path) -> None:
    provider.faults = Faults(unavailable=3)
    patient = BatchSettings(quiet=0.05, first_look=0.01, longest_wait=0.05, patience=30.0)
    assert texts_of(send_all(transport(provider, tmp_path, patient), "one")) == ["re: one"]
    assert len(provider.jobs) == 1


def test_a_provider_that_lists_batches_but_takes_none_ends_the_run(
    provider: BatchProvider, tmp_path: Path
) -> None:
    provider.faults = Faults(takes_none=True)
    (answer,) = send_all(transport(provider, tmp_path), "one")
    assert isinstance(answer, EndpointDown)
    assert "has failed for 0.5 seconds" in str(answer)


def test_a_fault_while_a_killed_run_is_settled_is_no_answer_to_its_requests(
    provider: BatchProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autoevol.lm.batch_api._RETRIES", 0)
    patient = BatchSettings(quiet=0.05, first_look=0.01, longest_wait=0.05, patience=30.0)
    made = transport(provider, tmp_path, patient)
    store = BatchStore(tmp_path / "calls.sqlite")
    store.begin(Wave("never-sent", made.identity), ["some request"])
    store.close()
    provider.faults = Faults(unavailable=1)
    assert texts_of(send_all(made, "one")) == ["re: one"]


def test_half_a_character_in_a_reply_does_not_damage_the_file_of_answers(
    provider: BatchProvider, tmp_path: Path
) -> None:
    provider.script = lambda body: says("cut \ud83d") if "half" in str(body) else echoes(body)
    whole, half = send_all(transport(provider, tmp_path), "whole", "half")
    assert texts_of([whole, half]) == ["re: whole", "cut \ud83d"], "which the recorder mends"


def test_a_wave_that_never_left_costs_nothing(store: CallStore) -> None:
    queued = ScriptedTransport([lm15.TransportError("no route"), "fine"])
    queued.queued = True  # type: ignore[attr-defined]
    recorder, _ = timed(store)
    assert asked(recorder, queued).text == "fine"
    assert recorder.ledger()[0].paid.calls == 1


def test_a_batch_that_is_rate_limited_waits_as_long_as_it_is_told(store: CallStore) -> None:
    queued = ScriptedTransport([limited(60.0), "fine"])
    queued.queued = True  # type: ignore[attr-defined]
    recorder, clock = timed(store)
    assert asked(recorder, queued).text == "fine"
    assert clock.slept == [60.0]


def test_samples_of_one_prompt_in_different_scopes_are_different_requests(
    provider: BatchProvider, tmp_path: Path
) -> None:
    made = transport(provider, tmp_path)

    async def sample(scope: str) -> Reply:
        with in_scope(scope):
            return await made.send(ask("the same", temperature=0.7))

    async def work() -> None:
        try:
            await asyncio.gather(sample("row 1"), sample("row 2"))
        finally:
            await made.aclose()

    aio.run_and_wait(work())
    (job,) = provider.jobs
    names = [json.loads(line)["custom_id"] for line in provider.files[job.file].splitlines()]
    assert len(set(names)) == 2


def test_the_same_request_from_two_scopes_is_two_requests(provider: BatchProvider, tmp_path: Path) -> None:
    assert texts_of(send_all(transport(provider, tmp_path), "same", "same")) == ["re: same", "re: same"]
    (job,) = provider.jobs
    assert len(provider.files[job.file].splitlines()) == 2


def test_a_parameter_that_a_batch_refuses_is_learned_once(provider: BatchProvider, tmp_path: Path) -> None:
    def wants_the_new_name(body: dict[str, Any]) -> Answer:
        if "max_tokens" in body:
            return refuses(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        return echoes(body)

    provider.script = wants_the_new_name
    assert texts_of(send_all(transport(provider, tmp_path), "one", "two")) == ["re: one", "re: two"]
    assert len(provider.jobs) == 2, "the wave that was refused, and the one that was not"


def test_a_session_pays_batches_at_a_discount_and_finds_them_again(
    provider: BatchProvider, tmp_path: Path
) -> None:
    def ask_twice(batch: BatchSettings | None) -> tuple[list[str], float]:
        with Session(tmp_path / "calls.sqlite", prices={"m": Price(1e6, 1e6)}) as session:
            lm = session.lm("m", "evol", api_base=provider.url, temperature=0.0, max_tokens=9)
            with session.batched(batch) if batch else nullcontext():
                texts = [lm(prompt)[0] for prompt in ("one", "two")]
            return texts, session.ledger()[0].paid.usd

    texts, usd = ask_twice(QUICK)
    assert texts == ["re: one", "re: two"]
    assert usd == pytest.approx(0.5 * 2 * (7 + 3))
    assert ask_twice(None) == (texts, usd), "a call that was paid by batch is found by one that is not"


def test_models_that_are_elsewhere_are_asked_directly(tmp_path: Path) -> None:
    with Session(tmp_path / "calls.sqlite") as session, session.batched(QUICK):
        assert session.lm("served/x", transport=ScriptedTransport(["text"]))("hello") == ["text"]


def test_what_an_earlier_process_was_refused_is_asked_anew(provider: BatchProvider, tmp_path: Path) -> None:
    provider.script = lambda body: refuses(400, "not today")
    (refused,) = send_all(transport(provider, tmp_path), "one")
    assert isinstance(refused, lm15.InvalidRequestError)
    provider.script = echoes
    assert texts_of(send_all(transport(provider, tmp_path), "one")) == ["re: one"]
    assert len(provider.jobs) == 2
