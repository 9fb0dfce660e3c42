"""The search space: its dimensions, their notation, and a proposal as settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Any

from optuna import distributions as optuna
from optuna.distributions import BaseDistribution

from autoevol.config import LoopConfig, MethodConfig, ModelConfig
from autoevol.core.errors import InputError, nearest, unknown
from autoevol.optimization.rules import RULES, find_rule
from autoevol.programs.methods import BUILT_IN

ALWAYS = ("batch_size", "m", "steps")
OPTIONAL = ("patience", "rounds", "temperature", "dev_size", "start", "selection")
# Around the paper's values: it studies m from 1 to 9 and 3 to 15 steps (section 5), with batches of 10.
_RANGES: dict[str, tuple[float, float]] = {
    "batch_size": (2, 20),
    "m": (1, 9),
    "steps": (1, 15),
    "patience": (1, 5),
    "rounds": (1, 3),
    "temperature": (0.0, 1.0),
}
_TEMPERATURE_STEP = 0.1

Params = dict[str, Any]


@dataclass(frozen=True)
class Configuration:
    """The settings of one trial. Of `models`, only the temperature varies between trials."""

    loop: LoopConfig
    methods: MethodConfig
    models: ModelConfig

    def to_json(self) -> dict[str, Any]:
        """In the format of `--config`: every option of loop and methods, and the temperature."""
        options = {
            option.name: getattr(part, option.name)
            for part in (self.loop, self.methods)
            for option in fields(part)
            if "help" in option.metadata
        }
        return {**options, "temperature": self.models.evol.temperature}


@dataclass(frozen=True)
class Dimension:
    """One varied setting: from `low` to `high`, or among `choices`."""

    name: str
    low: float = 0
    high: float = 0
    choices: tuple[str, ...] = ()

    @property
    def values(self) -> tuple[Any, ...]:
        """All values, in order."""
        if self.choices:
            return self.choices
        if self.name == "temperature":
            count = round((self.high - self.low) / _TEMPERATURE_STEP)
            return tuple(round(self.low + _TEMPERATURE_STEP * k, 10) for k in range(count + 1))
        return tuple(range(int(self.low), int(self.high) + 1))

    def distribution(self) -> BaseDistribution:
        """The dimension as an Optuna distribution."""
        if self.choices:
            return optuna.CategoricalDistribution(self.choices)
        if self.name == "temperature":
            return optuna.FloatDistribution(self.low, self.high, step=_TEMPERATURE_STEP)
        return optuna.IntDistribution(int(self.low), int(self.high))


class Space:
    """The settings that a search varies around base settings, which are the first trial.

    Args:
        words: Dimensions beyond `ALWAYS`, and ranges, in the format of `--space`: `NAME`,
            `NAME=LOW:HIGH` for numbers, `NAME=A,B` for names (starting methods that compete in one
            trial are joined by `+`).
        base: The settings to vary; the paper's unless the user changed them.
        train: Number of rows to draw mini-batches from; the upper limit of the batch size.

    Raises:
        InputError: If a name is unknown, a range is malformed, or the base is outside the space.
    """

    def __init__(self, words: Sequence[str], base: Configuration, train: int) -> None:
        ranges: dict[str, str] = dict.fromkeys(ALWAYS, "")
        for word in words:
            name, _, values = word.partition("=")
            ranges[name.strip().replace("-", "_")] = values
        unknown_names = ranges.keys() - {*ALWAYS, *OPTIONAL}
        if unknown_names:
            name = min(unknown_names).replace("_", "-")
            known = [known.replace("_", "-") for known in (*ALWAYS, *OPTIONAL)]
            raise InputError(
                f"--space {name!r} cannot be varied; known are {', '.join(known)}{nearest(name, known)}"
            )
        find_rule(base.methods.selection)  # raises for an unknown name
        self.base = base
        self.baseline: Params = {name: _value_of(name, base) for name in ranges}
        self.baseline["batch_size"] = min(self.baseline["batch_size"], train)
        self.dimensions = tuple(
            _dimension(name, values, self.baseline[name], train) for name, values in ranges.items()
        )
        for dimension in self.dimensions:
            value = self.baseline[dimension.name]
            if value not in dimension.values:
                flag = dimension.name.replace("_", "-")
                raise InputError(
                    f"--space {flag}={ranges[dimension.name]} leaves out the first configuration, which has "
                    f"{value}; widen it, or set --{flag}"
                )

    @property
    def size(self) -> int:
        """Number of configurations."""
        size = 1
        for dimension in self.dimensions:
            size *= len(dimension.values)
        return size

    @property
    def largest_dev(self) -> int:
        """Size of the largest dev set that a trial may have."""
        return int(
            max((d.high for d in self.dimensions if d.name == "dev_size"), default=self.base.loop.dev_size)
        )

    @property
    def starts(self) -> set[str]:
        """The names of all starting methods."""
        choices = next((d.choices for d in self.dimensions if d.name == "start"), ())
        return {*self.base.methods.start, *(name for choice in choices for name in choice.split("+"))}

    def distributions(self) -> dict[str, BaseDistribution]:
        """Optuna distributions by name, for `Study.ask`."""
        return {dimension.name: dimension.distribution() for dimension in self.dimensions}

    def unseen(self, taken: set[tuple[Any, ...]]) -> Params | None:
        """The first configuration whose key is not in `taken`; None if there is none."""
        names = [dimension.name for dimension in self.dimensions]
        for values in product(*(dimension.values for dimension in self.dimensions)):
            if self.key(params := dict(zip(names, values, strict=True))) not in taken:
                return params
        return None

    def key(self, params: Mapping[str, Any]) -> tuple[Any, ...]:
        """Hashable; equal for equal proposals. Temperatures are rounded, since Optuna's steps are inexact."""
        return tuple(
            round(value, 10) if isinstance(value := params[dimension.name], float) else value
            for dimension in self.dimensions
        )

    def configuration(self, params: Mapping[str, Any]) -> Configuration:
        """A proposal as settings."""
        loop = {name: params[name] for name in (*ALWAYS, "patience", "dev_size") if name in params}
        methods = {name: params[name] for name in ("rounds", "selection") if name in params}
        if "start" in params:
            methods["start"] = tuple(params["start"].split("+"))
        base, models = self.base, self.base.models
        if "temperature" in params:
            models = replace(models, evol=replace(models.evol, temperature=params["temperature"]))
        return Configuration(replace(base.loop, **loop), replace(base.methods, **methods), models)


def _value_of(name: str, base: Configuration) -> Any:  # noqa: ANN401 (a setting of any type)
    if name == "start":
        return "+".join(base.methods.start)
    part = (
        base.models.evol
        if name == "temperature"
        else base.methods
        if name in ("rounds", "selection")
        else base.loop
    )
    return getattr(part, name)


def _dimension(name: str, given: str, first: Any, train: int) -> Dimension:  # noqa: ANN401
    if name in ("start", "selection"):
        if name == "selection" and given and (others := set(given.split(",")) - RULES.keys()):
            raise unknown(f"--space selection={given}:", min(others), RULES)
        known = tuple(BUILT_IN) if name == "start" else tuple(RULES)
        return Dimension(
            name, choices=tuple(given.split(",")) if given else tuple(dict.fromkeys((first, *known)))
        )
    if given:
        low, high = _range(name, given)
    elif name == "dev_size":
        low, high = max(1, first // 2), first
    else:
        low, high = _RANGES[name]
        low, high = min(low, first), max(high, first)
    if name == "batch_size":
        low, high = min(low, train), min(high, train)
    return Dimension(name, low, high)


def _range(name: str, given: str) -> tuple[float, float]:
    kind = float if name == "temperature" else int
    least = 0 if name in ("temperature", "steps") else 1
    try:
        first, _, last = given.partition(":")
        low, high = kind(first), kind(last or first)
    except ValueError as error:
        raise InputError(f"--space {name}={given}: write it as {name}=LOW:HIGH") from error
    if not least <= low <= high:
        raise InputError(f"--space {name}={given}: needs {least} <= LOW <= HIGH")
    return low, high
