"""How often each kind befalls an evolution: the truth of the simulated world, in numbers."""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from statistics import NormalDist

import numpy as np

from autoevol.config.base import setting
from autoevol.core.errors import InputError
from autoevol.core.records import FailureKind
from autoevol.experiments.testbed.sentences import CURES, HARMS, IDLE, OPENING, Effect
from autoevol.experiments.testbed.texts import KINDS, OVERLOAD, PLANTED

_NORMAL = NormalDist()
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(64)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
_HIGHEST = 0.95


@dataclass(frozen=True)
class TestbedConfig:
    """Settings of the simulated world; rates and probabilities lie in 0..1."""

    __test__ = False  # not a test, whatever pytest thinks of the name

    correlation: float = setting(
        0.4, "Correlation of two outcomes on one row (latent, tetrachoric), below 1."
    )
    start_low: float = setting(0.42, "Lowest true failure rate of the starting method.")
    start_high: float = setting(0.58, "Highest true failure rate of the starting method.")
    cures: tuple[float, float, float] = setting((0.8, 0.5, 0.25), "Share of a kind that each cure prevents.")
    harm: float = setting(1.6, "What a harmful sentence multiplies the rate of its kind by.")
    roomy: int = setting(160, "Words that a method may have before length does harm.")
    crowding: float = setting(0.003, "Rate of the kind that length brings, per word beyond that.")
    insight: float = setting(0.6, "Probability that a proposal cures a kind that its prompt shows.")
    blind: tuple[float, float, float] = setting(
        (0.3, 0.2, 0.5), "Weights of a cure, a harm and an idle sentence in a proposal without insight."
    )
    heeding: float = setting(
        0.6, "Probability that a proposal heeds the earlier rewrites that its prompt tells of."
    )
    padding: float = setting(0.3, "Probability that a proposal adds an idle sentence as well.")
    dropping: float = setting(0.1, "Probability that a proposal loses a sentence of its base.")
    unusable: float = setting(0.04, "Probability that a proposal cannot be read.")
    misjudged: float = setting(0.0, "Probability that the verdict on an evolution is the wrong one.")

    def __post_init__(self) -> None:
        shares = ("correlation", "start_low", "start_high", "insight", "heeding", "padding")
        for name in (*shares, "dropping", "unusable", "misjudged"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"{name} must be in 0..1, below 1, got {getattr(self, name)}")
        if self.start_low > self.start_high:
            raise InputError("start_low must not be above start_high")


class Truth:
    """Failure rates of methods by their text, and the draw for one row.

    With z the difficulty of a row and e fresh noise, both standard normal, kind k befalls the
    evolution of the row if sqrt(c) z + sqrt(1 - c) e exceeds the point that a share p_k of
    such sums exceeds. So p_k is the marginal rate of k whatever the correlation c, and rows
    that are hard under one method are hard under the next.

    Args:
        seed: Decides base rates, which cure of a kind is strong, and every draw.
        config: The settings.
    """

    def __init__(self, seed: int, config: TestbedConfig) -> None:
        self.seed = seed
        self.config = config
        random = Random(f"truth:{seed}")
        self.effects = _effects(random, config)
        harmful = random.choice([sentence for harms in HARMS.values() for sentence in harms])
        self.start_text = " ".join([OPENING, *random.sample(IDLE, 2), harmful])
        self._target = target = random.uniform(config.start_low, config.start_high)
        shares = [random.uniform(0.5, 1.5) for _ in PLANTED]
        self._base = dict.fromkeys(PLANTED, 0.0)
        self._scale(shares, target)
        self._rates: dict[str, tuple[float, ...]] = {}
        self._difficulties: dict[str, float] = {}

    def concentrate(self, kind: int) -> None:
        """Let the start fail as often as before, and in the planted kind of this number alone."""
        self._scale([float(number == kind) for number in range(len(PLANTED))], self._target)

    def rates(self, text: str) -> tuple[float, ...]:
        """The marginal rate of each of `KINDS` under the method `text`."""
        if text not in self._rates:
            self._rates[text] = self._compute(text)
        return self._rates[text]

    def by_kind(self, text: str) -> dict[FailureKind, float]:
        """The share of rows whose failure shows as each kind: the first in order that befalls."""
        shown: dict[FailureKind, float] = {}
        spared = np.ones_like(_NODES)
        for kind, rate in zip(KINDS, self.rates(text), strict=True):
            given = np.array([self._given(rate, z) for z in _NODES])
            shown[kind] = float(_WEIGHTS @ (spared * given))
            spared = spared * (1.0 - given)
        return shown

    def draw(self, text: str, instruction: str, sample: str) -> tuple[FailureKind | None, int]:
        """What befalls `instruction` under the method `text`, if anything, and a free number."""
        z = self._difficulty(instruction)
        drawn = _bits(str(self.seed), text, instruction, sample)
        for kind, rate, bits in zip(KINDS, self.rates(text), drawn, strict=False):
            if bits < self._given(rate, z) * 2**32:
                return kind, drawn[-1]
        return None, drawn[-1]

    def _given(self, rate: float, z: float) -> float:
        """The rate among rows of difficulty `z`, the marginal one being `rate`."""
        if rate <= 0.0:
            return 0.0
        shared = self.config.correlation
        return _NORMAL.cdf((math.sqrt(shared) * z + _NORMAL.inv_cdf(rate)) / math.sqrt(1.0 - shared))

    def _difficulty(self, instruction: str) -> float:
        if instruction not in self._difficulties:
            (bits, *_) = _bits("difficulty", str(self.seed), instruction)
            self._difficulties[instruction] = _NORMAL.inv_cdf((bits + 0.5) / 2**32)
        return self._difficulties[instruction]

    def _compute(self, text: str) -> tuple[float, ...]:
        plain = " ".join(text.split())
        rates = dict(self._base)
        for sentence, effect in self.effects.items():
            if sentence in plain:
                rates[effect.kind] = min(_HIGHEST, rates[effect.kind] * effect.factor)
        beyond = max(0, len(plain.split()) - self.config.roomy)
        rates[OVERLOAD] = min(_HIGHEST, beyond * self.config.crowding)
        return tuple(rates[kind] for kind in KINDS)

    def _scale(self, shares: list[float], target: float) -> None:
        """Set the base rates in proportion to `shares`, such that the start fails at `target`."""
        low, high = 0.0, 0.6
        for _ in range(50):
            middle = (low + high) / 2
            self._base = {k: middle * share for k, share in zip(PLANTED, shares, strict=True)}
            self._rates = {}
            reached = sum(self.by_kind(self.start_text).values())
            low, high = (middle, high) if reached < target else (low, middle)


def _effects(random: Random, config: TestbedConfig) -> Mapping[str, Effect]:
    effects: dict[str, Effect] = {}
    for kind, cures in CURES.items():
        strengths = random.sample(config.cures, len(config.cures))
        effects |= {s: Effect(kind, 1.0 - strength) for s, strength in zip(cures, strengths, strict=True)}
    for kind, harms in HARMS.items():
        effects |= {sentence: Effect(kind, config.harm) for sentence in harms}
    return effects


def _bits(*parts: str) -> tuple[int, ...]:
    """Eight numbers of 32 bits that follow from `parts`, in any process."""
    return struct.unpack("<8I", hashlib.sha256("\x1f".join(parts).encode()).digest())
