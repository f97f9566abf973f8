# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small pieces of HTML."""

from __future__ import annotations

__all__ = ("count", "html_figure", "html_table", "interval", "number", "percent", "tiles")

import html
import io
import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from .stamps import to_data_uri

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DASH = "–"


def percent(value: float | None, digits: int = 2) -> str:
    """Write a fraction as a percentage.

    Parameters
    ----------
    value
        Fraction; `None` or NaN for none.
    digits
        Decimal places.

    Returns
    -------
    text : `str`
        Text.
    """
    return DASH if value is None or math.isnan(value) else f"{100 * value:.{digits}f} %"


def number(value: float | None, digits: int = 4) -> str:
    """Write a number with a number of significant digits.

    Parameters
    ----------
    value
        Number; `None` or NaN for none.
    digits
        Significant digits.

    Returns
    -------
    text : `str`
        Text.
    """
    return DASH if value is None or math.isnan(value) else f"{value:.{digits}g}"


def count(value: int | None) -> str:
    """Write a count with separators.

    Parameters
    ----------
    value
        Count; `None` for none.

    Returns
    -------
    text : `str`
        Text.
    """
    return DASH if value is None else f"{value:,}"


def interval(estimate: dict[str, Any], digits: int = 2) -> str:
    """Write the 68 % interval of a fraction.

    Parameters
    ----------
    estimate
        With ``low`` and ``high``.
    digits
        Decimal places.

    Returns
    -------
    text : `str`
        Text; empty if there is no interval.
    """
    low, high = estimate.get("low"), estimate.get("high")
    return "" if low is None or high is None else f"{100 * low:.{digits}f}–{100 * high:.{digits}f} %"


def html_table(caption: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Make a table that scrolls by itself where the page is narrow.

    Parameters
    ----------
    caption
        What it shows.
    header
        Names of the columns.
    rows
        Cells, as text.

    Returns
    -------
    markup : `str`
        HTML; all text is escaped.
    """
    head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in header)
    body = "".join(
        f'<tr><th scope="row">{html.escape(first)}</th>'
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{html.escape(caption)}"><table>'
        f"<caption>{html.escape(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def tiles(entries: Iterable[tuple[str, str, str]]) -> str:
    """Make a row of key numbers.

    Parameters
    ----------
    entries
        Name, value and remark of each.

    Returns
    -------
    markup : `str`
        HTML; all text is escaped.
    """
    cells = "".join(
        f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}<small>{html.escape(remark)}</small></dd></div>"
        for name, value, remark in entries
    )
    return f'<dl class="tiles">{cells}</dl>'


def html_figure(
    draw: Callable[[bool], Figure], alternative: str, caption: str = "", *, extra: str = ""
) -> str:
    """Embed a figure twice: for light and for dark pages.

    Parameters
    ----------
    draw
        Function that draws it; its argument says whether for a dark page.
    alternative
        What it shows, for those who cannot see it.
    caption
        Text below it.
    extra
        HTML between the figure and its caption.

    Returns
    -------
    markup : `str`
        HTML with the images inside.
    """
    light, dark = (_png(draw(is_dark)) for is_dark in (False, True))
    note = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    return (
        "<figure><picture>"
        f'<source media="(prefers-color-scheme: dark)" srcset="{dark}">'
        f'<img src="{light}" alt="{html.escape(alternative)}">'
        f"</picture>{extra}{note}</figure>"
    )


def _png(figure: Figure) -> str:
    """Return a figure as a data URI, with a palette: a third of the size."""
    from PIL import Image

    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=130, pil_kwargs={"compress_level": 1})
    stream.seek(0)
    with Image.open(stream) as image:
        return to_data_uri(image.convert("RGB").quantize(128, Image.Quantize.FASTOCTREE))
