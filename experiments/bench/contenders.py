"""The clients that are compared. Each runs in a process of its own, so that CPU and memory are its own."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from autoevol.experiments.bench.server import Counts, counts

INSTRUCTION = "Write a function that finds all the primes below a number. " * 6
# What DSPy's own adapter can read, and ours as well.
TEXT = (
    "[[ ## evolved_instruction ## ]]\n<final_instruction>"
    + "Write a function that finds the twin primes below a number. " * 8
    + "</final_instruction>\n\n[[ ## completed ## ]]"
)


@dataclass(frozen=True)
class Figures:
    """One contender in one setting.

    Attributes:
        calls: Calls that the server answered.
        seconds: From the first request to the last reply, as the server saw it.
        cpu: CPU seconds of the client over the same calls, all its threads.
        peak: Most resident memory of the client, in MB, its imports included.
        extra: Requests beyond `calls`.
    """

    calls: int
    seconds: float
    cpu: float
    peak: float
    extra: int


Contender = Callable[[str, int, int], None]


async def _each(send: Callable[[int], Awaitable[object]], calls: int, concurrency: int) -> None:
    """All calls, so many at once."""
    numbers = iter(range(calls))

    async def work() -> None:
        for number in numbers:
            await send(number)

    await asyncio.gather(*(work() for _ in range(concurrency)))


def bare_aiohttp(url: str, calls: int, concurrency: int) -> None:
    """The floor: aiohttp and a JSON parser, nothing kept."""
    import aiohttp
    import orjson

    async def main() -> None:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def send(number: int) -> str:
                message = {"role": "user", "content": f"{number} {INSTRUCTION}"}
                body = orjson.dumps({"model": "m", "messages": [message], "max_tokens": 512})
                headers = {"Content-Type": "application/json", "Authorization": "Bearer none"}
                async with session.post(f"{url}/chat/completions", data=body, headers=headers) as answer:
                    return orjson.loads(await answer.read())["choices"][0]["message"]["content"]

            await _each(send, calls, concurrency)

    asyncio.run(main())


def openai_package(url: str, calls: int, concurrency: int) -> None:
    """The `openai` package on its aiohttp transport."""
    import httpx
    import openai

    async def main() -> None:
        # None would mean aiohttp's own default, 100.
        limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        http_client = openai.DefaultAioHttpClient(limits=limits)
        async with openai.AsyncOpenAI(base_url=url, api_key="none", http_client=http_client) as client:

            async def send(number: int) -> str | None:
                done = await client.chat.completions.create(
                    model="m",
                    messages=[{"role": "user", "content": f"{number} {INSTRUCTION}"}],
                    max_tokens=512,
                )
                return done.choices[0].message.content

            await _each(send, calls, concurrency)

    asyncio.run(main())


def dspy_parallel(url: str, calls: int, concurrency: int) -> None:
    """DSPy as its documentation shows it: `dspy.Predict` under `dspy.Parallel`, nothing kept."""
    import dspy

    lm = dspy.LM("openai/m", api_base=url, api_key="none", cache=False, max_tokens=512)
    predict = dspy.Predict("instruction -> evolved_instruction")
    rows = [dspy.Example(instruction=f"{n} {INSTRUCTION}").with_inputs("instruction") for n in range(calls)]
    with dspy.context(lm=lm):
        found = dspy.Parallel(num_threads=concurrency, disable_progress_bar=True)(
            [(predict, row) for row in rows]
        )
    assert all(each.evolved_instruction for each in found)


def autoevol(url: str, calls: int, concurrency: int, client: str = "aiohttp") -> None:
    """This project: evolve and respond through its programs, every call in the store."""
    import dspy

    from autoevol.core import aio
    from autoevol.core.context import in_scope
    from autoevol.lm.session import Session
    from autoevol.programs.evolver import Evolver
    from autoevol.programs.methods import INITIAL

    program = Evolver(INITIAL)

    async def send(number: int) -> None:
        with in_scope(f"row {number}"):
            found = await program.acall(instruction=f"{number} {INSTRUCTION}")
            assert found.response, "two calls for every row"

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "calls.sqlite"
        with Session(path, concurrency=concurrency, client=client) as session:
            lm = session.lm("m", api_base=url, temperature=0.7, max_tokens=512)
            with dspy.context(lm=lm, trace=None, disable_history=True):
                # A quarter more rows than places: a row whose reply is being stored holds none.
                aio.run_and_wait(_each(send, calls // 2, concurrency + concurrency // 4))


def autoevol_openai(url: str, calls: int, concurrency: int) -> None:
    """The same on the `openai` package."""
    autoevol(url, calls, concurrency, client="openai")


CONTENDERS: dict[str, Contender] = {
    "bare aiohttp": bare_aiohttp,
    "openai package": openai_package,
    "DSPy, naively": dspy_parallel,
    "autoevol": autoevol,
    "autoevol --client openai": autoevol_openai,
}


def measure(name: str, url: str, calls: int, concurrency: int, core: int | None = None) -> Figures:
    """Run one contender in a new process, on one core if one is given."""
    command = [sys.executable, "-m", __name__, name, url, str(calls), str(concurrency), str(core)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OPENAI_")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stderr[-2000:]}")
    return Figures(**json.loads(done.stdout.splitlines()[-1]))


def _main(name: str, url: str, calls: int, concurrency: int, core: str) -> None:
    if core != "None":
        os.sched_setaffinity(0, {int(core)})
    run = CONTENDERS[name]
    run(url, 4, 2)  # imports, and whatever else happens once
    counts(url)
    began = time.process_time()
    run(url, calls, concurrency)
    cpu = time.process_time() - began
    seen: Counts = counts(url)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    answered = seen.requests - seen.refused
    figures = Figures(answered, seen.seconds, cpu, peak, seen.requests - calls)
    print(json.dumps(asdict(figures)))


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
