"""The repository's own labelled pairs: all decided as labelled, but for the known misses listed here."""

from importlib import resources
from pathlib import Path

from autoevol.core.records import Outcome
from autoevol.metrics.ensemble import default_text_ensemble
from autoevol.metrics.labels import load_labelled

SAMPLES = Path(str(resources.files("autoevol.samples"))) / "labelled.jsonl"

# Without a reader these cannot be told from sound pairs, or only by a rule made for the one case.
MISSED = {
    "truncated": {"own-029"},
    "leaked": {"own-047"},
    "answered": {"own-071", "own-072", "own-074"},
    "off_task": {"own-095"},
    "stagnant": {"own-105", "own-106", "own-107", "own-108", "own-109"},
    "contradictory": {"own-115", "own-116", "own-117", "own-118", "own-119", "own-120"},
    "unsolvable": {"own-130"},
    "refused": {"own-141", "own-142"},
    "asks_for_more": {"own-154"},
}
FALSE_ALARMS = {
    "stagnant": {"own-099", "own-110", "own-133"},
    "asks_for_more": {"own-159"},
    "unsolvable": {"own-172"},
}


def test_every_pair_is_decided_as_labelled_or_known_to_be_missed() -> None:
    detector = default_text_ensemble()
    missed: set[str] = set()
    alarms: set[str] = set()
    for pair in load_labelled(SAMPLES):
        failed = detector.judge(pair.trajectory).outcome is Outcome.FAILED
        if failed and pair.usable:
            alarms.add(pair.id)
        if not failed and not pair.usable:
            missed.add(pair.id)
    assert missed == set().union(*MISSED.values())
    assert alarms == set().union(*FALSE_ALARMS.values())
