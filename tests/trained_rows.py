"""Rows for trainers: texts that loaders take for dates, and a conversation that trips up templates."""

from __future__ import annotations

from typing import Any

ROWS: list[dict[str, Any]] = [
    {"instruction": f"Name a prime above {number}.", "response": f"2024-01-{number:02}"}
    for number in range(1, 13)
]
TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "First?"},
    {"role": "assistant", "content": "{{7*7}}"},
    {"role": "user", "content": "Second?"},
    {"role": "assistant", "content": "</script>"},
]
