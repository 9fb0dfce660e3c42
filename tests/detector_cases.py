"""Seeds and rewrites that the tests of the detectors share, and how they are judged."""

from autoevol.core.records import Evolution, Trajectory
from autoevol.metrics.ensemble import default_text_ensemble

ENSEMBLE = default_text_ensemble()
SUM = "Tom has 3 apples and buys 4 more. How many apples does Tom have?"
HARDER = "Tom has 3 apples, buys 4 more and gives 5 away. How many apples does Tom have?"
CODE = "Write a Python function that sorts a list of names."
HARDER_CODE = CODE[:-1] + " by last name, then first, ignoring case and without the built-in sort."
MAIL = "Write a letter to a customer whose parcel is lost, and ask for the order number and a photo."


def case(seed: str, evolved: str | None, response: str | None = None, **ended: str | None) -> Trajectory:
    reply = ended.get("reply")
    step = Evolution(seed, evolved, evolved or "" if reply is None else reply, ended.get("finish"))
    return Trajectory((step,), response, ended.get("response_finish"))


def kinds(trajectory: Trajectory) -> tuple[str, ...]:
    return tuple(map(str, ENSEMBLE.judge(trajectory).kinds))
