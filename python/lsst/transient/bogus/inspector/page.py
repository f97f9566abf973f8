# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inspector's page: data, figures, style and script in one HTML file."""

from __future__ import annotations

__all__ = ("render_page",)

import base64
import html
import importlib.resources
import json
import string
from typing import Any

import numpy as np
from astropy.table import Table

from .gather import Inspection
from .stamps import make_atlases

_MAX_ATLAS_BYTES = 7_500_000
_CODES = {"f4": "<f4", "f8": "<f8", "i4": "<i4", "i8": "<i8", "u1": "u1"}
_OBJECT_COLUMNS = ("diaObjectId", "n_detections", "n_nights", "probability", "peak_snr", "is_confirmed")
_CURVE_COLUMNS = (
    "diaObjectId",
    "diaSourceId",
    "visit",
    "band",
    "midpointMjdTai",
    "psfFlux",
    "psfFluxErr",
    "score",
    "is_forced",
)


def render_page(inspection: Inspection, *, title: str, report: str = "") -> str:
    """Write the page.

    Parameters
    ----------
    inspection
        What the page shows.
    title
        Title of the page.
    report
        Address of the report, to whose candidates the page links; empty for no links.

    Returns
    -------
    text : `str`
        HTML that needs neither server nor network.
    """
    from bokeh.palettes import Viridis256
    from bokeh.resources import Resources

    sources = inspection.sources.copy(copy_data=False)
    # Candidate beats injected: no object with an injection is one.
    sources["class"] = np.where(
        sources["is_candidate"], 2, np.where(np.asarray(sources["label"]) == 1, 1, 0)
    ).astype("u1")
    data = {
        "n": len(sources),
        "report": report,
        "sources": {name: _packed(sources, name) for name in sources.colnames},
        "objects": {
            name: _packed(inspection.objects, name) for name in _OBJECT_COLUMNS if len(inspection.objects)
        },
        "light_curves": {
            name: _packed(inspection.light_curves, name)
            for name in _CURVE_COLUMNS
            if len(inspection.light_curves)
        },
        "stamps": {
            "size": inspection.stamps.shape[-1],
            "channels": list(inspection.channels),
            "atlases": [
                {
                    "first": atlas.first,
                    "count": atlas.count,
                    "columns": atlas.columns,
                    "pitch": atlas.pitch,
                    "data": base64.b64encode(atlas.webp).decode(),
                }
                for atlas in make_atlases(inspection.stamps, max_bytes=_MAX_ATLAS_BYTES)
            ],
        },
        "palette": list(Viridis256),
    }
    confirmed = int(np.count_nonzero(inspection.objects["is_confirmed"])) if len(inspection.objects) else 0
    summary = (
        f"{len(sources):,} of {inspection.n_total:,} DIA sources, "
        f"{int(np.count_nonzero(np.asarray(sources['label']) == 1)):,} of them injected; "
        f"{confirmed:,} confirmed candidates."
    )
    return string.Template(_read("inspector.html")).substitute(
        title=html.escape(title),
        summary=html.escape(summary),
        css=_read("inspector.css"),
        bokeh=Resources(mode="inline", components=["bokeh", "bokeh-gl"]).render(),
        data=_json(data),
        figures=_json({"map": _map_item(), "curve": _curve_item()}),
        script=_read("inspector.js"),
    )


def _read(name: str) -> str:
    return importlib.resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _json(data: Any) -> str:
    """Write JSON that is safe inside a script element."""
    return json.dumps(data, separators=(",", ":")).replace("</", "<\\/")


def _packed(table: Table, name: str) -> dict[str, Any]:
    """Return a column as base64 of a little-endian array, text as codes of categories."""
    column = table[name]
    values = np.asarray(column)
    extra: dict[str, Any] = {"unit": str(column.unit)} if getattr(column, "unit", None) else {}
    if values.dtype.kind in "OUS":
        categories, codes = np.unique(values.astype(str), return_inverse=True)
        kind, values, extra["categories"] = "u1", codes.astype("u1"), categories.tolist()
    elif name == "visit" or name.endswith("Id"):
        kind = "i8"
    elif values.dtype.kind == "f":
        kind = "f8" if values.dtype.itemsize == 8 else "f4"
    elif values.dtype.kind == "b" or name == "class":
        kind = "u1"
    else:
        kind = "i4"
    if name == "class":
        extra["categories"] = ["other", "injected", "candidate"]
    return {"type": kind, "data": base64.b64encode(values.astype(_CODES[kind]).tobytes()).decode(), **extra}


def _map_item() -> Any:
    """Return the figure of all sources, without data."""
    from bokeh.embed import json_item
    from bokeh.models import BooleanFilter, CDSView, ColumnDataSource
    from bokeh.plotting import figure

    names = ("x", "y", "color", "marker", "size", "id", "kind", "band", "snr", "score")
    # The script puts the data in; ranges need a point to begin with.
    source = ColumnDataSource({key: [0] for key in names} | {"marker": ["circle"]}, name="sources")
    view = CDSView(filter=BooleanFilter(booleans=[True]), name="view")
    plot = figure(
        tools="lasso_select,tap,box_select,pan,wheel_zoom,box_zoom,reset,save",
        active_drag="lasso_select",
        active_scroll="wheel_zoom",
        output_backend="webgl",
        sizing_mode="stretch_both",
        tooltips=[
            ("id", "@id"),
            ("class", "@kind"),
            ("band", "@band"),
            ("S/N", "@snr{0.0}"),
            ("score", "@score{0.000}"),
        ],
    )
    plot.toolbar.logo = None
    plot.scatter(
        "x",
        "y",
        source=source,
        view=view,
        marker="marker",
        size="size",
        fill_color="color",
        line_color="#FFFFFF",
        line_width=0.3,
        fill_alpha=0.85,
        nonselection_fill_alpha=0.15,
        nonselection_line_alpha=0.1,
    )
    focus = ColumnDataSource({"x": [], "y": []}, name="focus")
    ring = plot.scatter(
        "x", "y", source=focus, size=20, fill_color=None, line_color="#D55E00", line_width=2.5
    )
    ring.nonselection_glyph = None
    plot.hover.renderers = [plot.renderers[0]]
    return json_item(plot, "map")


def _curve_item() -> Any:
    """Return the figures of light curve and scores over one time axis, without data."""
    from bokeh.embed import json_item
    from bokeh.layouts import column
    from bokeh.models import ColumnDataSource, HoverTool, Range1d, Span
    from bokeh.plotting import figure

    names = ("x", "y", "low", "high", "score", "color", "fill", "marker", "size", "label")
    source = ColumnDataSource({key: [] for key in names}, name="epochs")
    shared: dict[str, Any] = {"sizing_mode": "stretch_width", "tools": "pan,xwheel_zoom,box_zoom,reset,save"}
    style: dict[str, Any] = {"marker": "marker", "size": "size", "fill_color": "fill", "line_color": "color"}
    # The script sets the ranges: an object may have no epochs.
    flux = figure(
        height=230,
        y_axis_label="Difference flux [nJy]",
        x_range=Range1d(0, 1, name="times"),
        y_range=Range1d(0, 1, name="fluxes"),
        **shared,
    )
    flux.segment("x", "low", "x", "high", source=source, line_color="color")
    points = flux.scatter("x", "y", source=source, line_width=1.5, **style)
    flux.add_layout(Span(location=0, dimension="width", line_color="#9AA0AA", line_width=1))
    flux.add_tools(
        HoverTool(
            renderers=[points], tooltips=[("", "@label"), ("flux", "@y{0.0}"), ("score", "@score{0.000}")]
        )
    )
    score = figure(
        height=140, y_axis_label="Score", y_range=Range1d(-0.05, 1.05), x_range=flux.x_range, **shared
    )
    score.scatter("x", "score", source=source, **style)
    score.xaxis[0].name = "time"
    flux.xaxis.visible = False
    for plot in (flux, score):
        plot.toolbar.logo = None
    return json_item(column(flux, score, sizing_mode="stretch_width"), "curve")
