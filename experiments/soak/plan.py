"""What a game is, and what came of it."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from autoevol.experiments.soak.seeds import FORMATS


@dataclass(frozen=True)
class Plan:
    """A game, drawn from its seed.

    Attributes:
        command: `run` (optimise and evolve) or `evolve`.
        cap: Of calls; it may bind, and is raised then.
        moments: Kill at random moments, not only once a number of requests has come in.
    """

    seed: int
    command: str
    client: str
    rows: int
    file_format: str
    kills: int
    concurrency: int
    cap: int
    temperature: float
    forget: bool
    moments: bool

    @classmethod
    def draw(cls, seed: int, *, rows: int, kills: int, moments: bool) -> Plan:
        """The game of this seed."""
        draw = random.Random(seed)
        return cls(
            seed=seed,
            command=("run", "evolve")[seed % 2],
            client=("aiohttp", "openai")[seed // 2 % 2],
            rows=rows,
            file_format=draw.choice(FORMATS),
            kills=kills,
            concurrency=draw.choice((4, 16, 64)),
            cap=draw.choice((2 * rows, 5 * rows, 20 * rows)),
            temperature=draw.choice((0.0, 0.7)),
            forget=draw.random() < 0.5,
            moments=moments,
        )


@dataclass
class Score:
    """What came of a game.

    Attributes:
        ledger: Calls in the ledger, those booked as on their way included.
        replies: Answers with status 200 that the servers sent.
        problems: Promises that were broken, in words.
    """

    starts: int = 0
    kills: int = 0
    requests: int = 0
    replies: int = 0
    ledger: int = 0
    rows: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
