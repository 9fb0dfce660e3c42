"""Hypothesis strategies for any method and any step."""

from __future__ import annotations

from hypothesis import strategies as st

from autoevol.core.records import Candidate, Demo, FailureKind, Mark, Method, Outcome, Score, Step

_TEXT = st.text(max_size=40)
_COUNT = st.integers(0, 10**6)
METHODS = st.builds(Method, _TEXT, st.lists(st.builds(Demo, _TEXT, _TEXT), max_size=2).map(tuple), _TEXT)
_MARKS = st.builds(Mark, st.sampled_from(Outcome), st.none() | st.sampled_from(FailureKind), _COUNT, _COUNT)
_SCORES = st.builds(Score, _TEXT, st.dictionaries(_TEXT, _MARKS, max_size=3))
_CANDIDATES = st.builds(Candidate, st.none() | METHODS, _TEXT, _TEXT, st.none() | _TEXT)
STEPS = st.builds(
    Step,
    _COUNT,
    st.lists(_TEXT, max_size=3).map(tuple),
    st.lists(_CANDIDATES, max_size=2).map(tuple),
    st.lists(_SCORES, max_size=2).map(tuple),
    _TEXT,
    st.booleans(),
    _TEXT,
)
