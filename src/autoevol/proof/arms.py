"""The arms of a proof, with the same seeds set aside in each, and their files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autoevol.config import ProveConfig
from autoevol.core.errors import InputError, StoreError, unknown
from autoevol.core.schema import Malformed
from autoevol.core.seeds import derived_fraction
from autoevol.proof.analysis import CONTROL, FOUND
from autoevol.proof.pairs import Pair, matched_in_length, pairs_of_file, shuffled_responses
from autoevol.proof.tuning import Material
from autoevol.reports.proof import SEEDS
from autoevol.store.sealed import read_sealed, write_sealed

LENGTH = "length"
MADE = (SEEDS, "ops", "initial")
"""Arms that LM calls make if no file gives them: answered seeds, and two ways of evolving them."""
FILE = "material.json"


@dataclass(frozen=True)
class Rivals:
    """What the data under test is compared with.

    Attributes:
        names: In order; seeds and control are always among the arms.
        files: Files of arms, by name.
    """

    names: tuple[str, ...]
    files: Mapping[str, str]

    @classmethod
    def parse(cls, against: Iterable[str]) -> Rivals:
        """Parse the words of --against, such as `length,ops` or `seeds=seeds.jsonl`.

        Raises:
            InputError: For a name that is not an arm and has no file.
        """
        names, files = dict.fromkeys([SEEDS]), {}
        for word in (word.strip() for given in against for word in given.split(",") if word.strip()):
            name, _, path = word.partition("=")
            if path:
                files[name] = path
            elif name not in (*MADE, LENGTH):
                raise unknown("--against", name, (*MADE, LENGTH, "NAME=FILE"))
            if name in (FOUND, CONTROL, "base", "reference") or "/" in name:
                raise InputError(f"--against {name}: this name is taken; give another one")
            # Files are named after arms, and some file systems take two such names for one.
            if name not in names and name.lower() in map(str.lower, names):
                raise InputError(f"--against {name}: another arm differs in case only; give it another name")
            names[name] = None
        return cls(tuple(names), files)

    @property
    def to_make(self) -> list[str]:
        """Arms that need LM calls, unless the run has them."""
        return [name for name in self.names if name in MADE and name not in self.files]


def assemble_arms(
    found: Sequence[Pair],
    others: Mapping[str, Sequence[Pair]],
    rivals: Rivals,
    config: ProveConfig,
    natural: Mapping[str, str] | None = None,
) -> Material:
    """Assemble arms and items from pairs: no arm contains anything evolved from a seed that is measured on.

    Args:
        found: The data under test.
        others: Pairs by arm, `seeds` among them.
        rivals: The arms to assemble.
        config: How many seeds to set aside, or the file to measure on.
        natural: Answers in the seed file, by seed; preferred for measuring.

    Raises:
        InputError: If there are too few seeds, or an arm would be empty.
    """
    seeds = sorted(others[SEEDS], key=lambda pair: derived_fraction("heldout", pair.seed_id))
    few, aside = max(2, config.heldout // 4), 0 if config.heldout_file else config.heldout
    if len(seeds) < aside + few + 2:
        raise InputError(
            f"{len(seeds)} answered seeds are too few to set {aside + few} aside: give a smaller --heldout, "
            "or --heldout-file"
        )
    heldout, rate = seeds[:aside], seeds[aside : aside + few]
    heldout = [replace(pair, response=(natural or {}).get(pair.seed_id, pair.response)) for pair in heldout]
    hidden = {pair.seed_id for pair in (*heldout, *rate)}
    measured = {pair.seed_id for pair in heldout}
    if config.heldout_file:
        heldout = pairs_of_file(config.heldout_file)[: config.heldout]
        hidden |= {pair.seed_id for pair in heldout}
    mine = [pair for pair in found if pair.seed_id not in hidden]
    arms = {
        name: [pair for pair in others[name] if pair.seed_id not in hidden]
        for name in rivals.names
        if name != LENGTH
    }
    if LENGTH in rivals.names:
        arms[LENGTH] = matched_in_length(arms[SEEDS], mine)
    arms |= {FOUND: mine, CONTROL: shuffled_responses(mine)}
    if empty := [name for name, pairs in arms.items() if not pairs]:
        raise InputError(f"nothing is left of {', '.join(empty)} beside the seeds that are set aside")
    by_another = [
        pair for name in ("ops", "initial") for pair in others.get(name, ()) if pair.seed_id in measured
    ]
    items = {"heldout": heldout, "rate": rate, **({"evolved": by_another} if by_another else {})}
    return Material(arms, items)


def save_material(folder: Path, material: Material) -> None:
    """Write all pairs to the folder of a proof, which then needs no other file."""
    groups = {"arms": material.arms, "items": material.items}
    write_sealed(
        folder / FILE,
        {
            group: {name: [pair.to_json() for pair in pairs] for name, pairs in members.items()}
            for group, members in groups.items()
        },
    )


def load_material(folder: Path) -> Material:
    """The inverse. Raises InputError if there is none, StoreError if it is damaged."""
    data = read_sealed(folder / FILE)
    if data is None:
        raise InputError(f"{folder} holds no pairs (no {FILE}); begin with `autoevol prove DIR --out`")
    try:
        made = [
            {name: [Pair.from_json(pair) for pair in pairs] for name, pairs in data[group].items()}
            for group in ("arms", "items")
        ]
    except (Malformed, KeyError, AttributeError, TypeError) as error:
        raise StoreError(f"{folder / FILE} is damaged: {error}") from error
    return Material(*made)
