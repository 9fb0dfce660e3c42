"""What is known of models that autoevol itself brings, said wherever their rows are shown."""

from __future__ import annotations

# The figures behind it: experiments/LOG.md, 2026-11-29, "The first run, with seeds and examples that fit".
_LIMITS = {
    "local/smollm2": (
        "the embedded model (135 million parameters) can add a plain second demand to a short task, usable "
        "about half of the time; it cannot keep the numbers of a problem, follow a method of several steps "
        "or rewrite one, and most of its answers are wrong. It shows that everything works; do not train on "
        "its rows"
    )
}


def limits_of(model: str) -> str:
    """What a model can and cannot do, in one sentence without its stop; '' if nothing is known of it.

    Args:
        model: As a user names it, such as `local/smollm2`.
    """
    return _LIMITS.get(model, "")
