"""A run folder as a page: `autoevol report`. It changes nothing in the folder but the file it writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from autoevol.core.errors import InputError
from autoevol.pages.blocks import ReportPage
from autoevol.pages.folder_page import page_of
from autoevol.pages.markdown import markdown_report
from autoevol.pages.plots import standing_alone
from autoevol.pages.template import render_page
from autoevol.store.files import replace_bytes, replace_text

_WIDTH = 2.0


def report(
    folder: str | Path,
    out: str | Path | None = None,
    *,
    format: str = "html",
    plots: str | Path | None = None,
) -> list[Path]:
    """Write a run folder as a page: `autoevol report`. The run may still be under way.

    Args:
        folder: Of a run, an optimisation, an evolution, a search, a comparison or a transfer.
        out: The file; None for `report.html` or `report.md` in the folder.
        format: `html` or `md`.
        plots: Folder for every drawing, as SVG and (with the extra `report`) PNG; None for none.

    Returns:
        The files written, the report first.

    Raises:
        InputError: If it is no run folder.
        StoreError: If a file is damaged, or was written by a later version.
        StoreLost: If the disk refuses.
    """
    folder = Path(folder)
    page = page_of(folder)
    path = Path(out) if out else folder / f"report.{format}"
    if path.is_dir():
        raise InputError(f"-o {path} is a folder: give the name of a file")
    replace_text(path, html_report(page) if format == "html" else markdown_report(page))
    return [path, *(_write_plots(page, Path(plots)) if plots else ())]


def html_report(page: ReportPage) -> str:
    """The page as one HTML file."""
    return render_page("report.html.j2", styles=("report.css",), scripts=("report.js",), page=page)


def _write_plots(page: ReportPage, folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    to_png = _png()
    written = []
    for plot in page.plots:
        svg = standing_alone(plot.svg)
        written.append(folder / f"{plot.name}.svg")
        replace_text(written[-1], svg)
        if to_png:
            written.append(folder / f"{plot.name}.png")
            replace_bytes(written[-1], to_png(svg))
    return written


def _png() -> Callable[[str], bytes] | None:
    """From SVG to PNG; None without the extra `report`."""
    try:
        import vl_convert  # pyright: ignore[reportMissingImports]
    except ImportError:
        return None
    return lambda svg: vl_convert.svg_to_png(svg, scale=_WIDTH)
