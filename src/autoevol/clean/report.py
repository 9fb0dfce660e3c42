"""What cleaning did, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autoevol.clean.files import CleanReport


def table_rows(report: CleanReport) -> list[tuple[str, str]]:
    """The report as (label, value) rows."""
    rows = [
        ("records", f"{report.rows} read, {report.kept} kept, {report.rejected} unusable"),
        *((f"removed: {reason.replace('_', ' ')}", str(count)) for reason, count in report.removed.items()),
    ]
    if report.benchmark_texts:
        counts = ", ".join(f"{count} {kind}" for kind, count in report.overlaps.items()) or "none"
        rows.append(("overlap with benchmarks", f"{counts} (of {report.benchmark_texts} benchmark texts)"))
    return rows + [(name, path) for name, path in report.paths.items()]
