// This file is part of transient_bogus.
//
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The inspector: everything on the page follows from the columns in #inspection and from `state`.

"use strict";

(() => {
  const $ = (id) => document.getElementById(id);
  const DATA = JSON.parse($("inspection").textContent);
  const TYPES = { f4: Float32Array, f8: Float64Array, i4: Int32Array, i8: BigInt64Array, u1: Uint8Array };
  const CLASSES = ["other", "injected", "candidate"];
  const CLASS_COLOURS = ["#8A8F98", "#0072B2", "#D55E00"];
  const SERIES = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B8860B", "#56B4E9", "#1F2430"];
  const MARKERS = ["circle", "square", "triangle", "diamond", "inverted_triangle", "hex", "star"];
  const GALLERY = 48;
  const TABLE = 500;
  const ADDRESSED = 100; // longer selections would make unwieldy addresses

  const decode = ({ type, data }) => new TYPES[type](Uint8Array.from(atob(data), (c) => c.charCodeAt(0)).buffer);
  const columns = (packed) =>
    Object.fromEntries(Object.entries(packed).map(([name, c]) => [name, { ...c, values: decode(c) }]));

  const sources = columns(DATA.sources);
  const objects = columns(DATA.objects);
  const curves = columns(DATA.light_curves);
  const N = DATA.n;
  const value = (table, name, i) => {
    const column = table[name];
    if (!column) return undefined;
    return column.categories ? column.categories[column.values[i]] : column.values[i];
  };
  const numeric = Object.keys(sources).filter((n) => !sources[n].categories && sources[n].type !== "i8");
  const places = (column) => new Map(Array.from(column ? column.values : [], (v, i) => [v, i]));
  const sourcePlace = places(sources.diaSourceId);
  const objectPlace = places(objects.diaObjectId);
  const curveRows = new Map();
  if (curves.diaObjectId) {
    curves.diaObjectId.values.forEach((id, i) => {
      if (!curveRows.has(id)) curveRows.set(id, []);
      curveRows.get(id).push(i);
    });
  }
  const bands = sources.band.categories;

  // ---- state, mirrored in the address ------------------------------------------------------

  const CONTROLS = ["x", "y", "color", "cluster", "snr-min", "snr-max", "score-min", "score-max", "search"];
  const boxes = () => [...document.querySelectorAll("input[type=checkbox][data-filter]")];
  let focus = -1;
  let selection = [];
  let visible = new Array(N).fill(true);
  let bokeh = null;

  function writeAddress() {
    const query = new URLSearchParams();
    for (const id of CONTROLS) if ($(id).value !== $(id).dataset.initial) query.set(id, $(id).value);
    const off = boxes().filter((b) => !b.checked).map((b) => b.id);
    if (off.length) query.set("off", off.join(","));
    if (focus >= 0) query.set("source", String(sources.diaSourceId.values[focus]));
    if (selection.length && selection.length <= ADDRESSED) {
      query.set("selection", selection.map((i) => sources.diaSourceId.values[i]).join(","));
    }
    history.replaceState(null, "", `#${query}`);
  }

  function readAddress() {
    const query = new URLSearchParams(location.hash.slice(1));
    for (const id of CONTROLS) if (query.has(id)) $(id).value = query.get(id);
    const off = (query.get("off") || "").split(",");
    for (const box of boxes()) box.checked = !off.includes(box.id);
    const named = (key) => (query.get(key) || "").split(",").filter((id) => /^\d+$/.test(id));
    const found = (key) => named(key).map((id) => sourcePlace.get(BigInt(id))).filter((i) => i !== undefined);
    return { target: found("source")[0], chosen: found("selection") };
  }

  // ---- the map of all sources --------------------------------------------------------------

  function limits(name) {
    const known = Array.from(sources[name].values, Number).filter(Number.isFinite).sort((a, b) => a - b);
    return [known[Math.floor(0.01 * known.length)], known[Math.floor(0.99 * (known.length - 1))]];
  }

  function palette(name) {
    const column = sources[name];
    if (name === "class") return Array.from(column.values, (c) => CLASS_COLOURS[c]);
    if (column.categories) return Array.from(column.values, (c) => SERIES[c % SERIES.length]);
    if (name === "cluster") {
      return Array.from(column.values, (c) => (c < 0 ? "#B4B8BF" : SERIES[c % SERIES.length]));
    }
    const transform = name === "snr" ? Math.log10 : (v) => v;
    const [low, high] = limits(name).map(transform);
    const last = DATA.palette.length - 1;
    return Array.from(column.values, (v) => {
      const t = Math.min(1, Math.max(0, (transform(Number(v)) - low) / (high - low || 1)));
      return Number.isFinite(t) ? DATA.palette[Math.round(t * last)] : "#B4B8BF";
    });
  }

  function drawMap() {
    const [x, y] = [$("x").value, $("y").value];
    const shape = { other: "circle", injected: "triangle", candidate: "star" };
    const kinds = Array.from(sources.class.values, (c) => CLASSES[c]);
    bokeh.map.data = {
      x: Array.from(sources[x].values, Number),
      y: Array.from(sources[y].values, Number),
      color: palette($("color").value),
      marker: kinds.map((k) => shape[k]),
      size: kinds.map((k) => (k === "candidate" ? 10 : 5)),
      id: Array.from(sources.diaSourceId.values, String),
      kind: kinds,
      band: Array.from(sources.band.values, (c) => bands[c]),
      snr: Array.from(sources.snr.values),
      score: Array.from(sources.score.values),
    };
    const title = (name) => (sources[name].unit ? `${name} [${sources[name].unit}]` : name);
    bokeh.figure.below[0].axis_label = title(x);
    bokeh.figure.left[0].axis_label = title(y);
    $("legend").replaceChildren(...legend($("color").value));
  }

  function legend(name) {
    const column = sources[name];
    const item = (colour, text) => {
      const span = document.createElement("span");
      const mark = document.createElement("i");
      mark.style.background = colour;
      span.append(mark, text);
      return span;
    };
    if (name === "class") return CLASSES.map((c, i) => item(CLASS_COLOURS[i], c));
    if (column.categories) return column.categories.map((c, i) => item(SERIES[i % SERIES.length], c));
    if (name === "cluster") return [item("#B4B8BF", "no cluster"), item(SERIES[0], "a colour for each cluster")];
    const [low, high] = limits(name).map((v) => (v === undefined ? "–" : v.toPrecision(3)));
    return [item(DATA.palette[0], `${name} ≤ ${low}`), item(DATA.palette[128], "to"), item(DATA.palette[255], `≥ ${high}`)];
  }

  function number(id, otherwise) {
    const text = $(id).value.trim();
    return text === "" || !Number.isFinite(Number(text)) ? otherwise : Number(text);
  }

  function applyFilters() {
    const allowed = (kind) => new Set(boxes().filter((b) => b.dataset.filter === kind && b.checked).map((b) => b.value));
    const [kinds, wantedBands] = [allowed("class"), allowed("band")];
    const cluster = $("cluster").value;
    const [snrLow, snrHigh] = [number("snr-min", -Infinity), number("snr-max", Infinity)];
    const [low, high] = [number("score-min", -Infinity), number("score-max", Infinity)];
    const unlimited = low === -Infinity && high === Infinity;
    const query = $("search").value.trim();
    for (let i = 0; i < N; i++) {
      const score = sources.score.values[i];
      visible[i] =
        kinds.has(CLASSES[sources.class.values[i]]) &&
        wantedBands.has(bands[sources.band.values[i]]) &&
        (cluster === "" || String(sources.cluster.values[i]) === cluster) &&
        sources.snr.values[i] >= snrLow &&
        sources.snr.values[i] <= snrHigh &&
        (unlimited || (score >= low && score <= high)) &&
        (query === "" ||
          String(sources.diaSourceId.values[i]) === query ||
          String(sources.diaObjectId.values[i]) === query);
    }
    bokeh.view.filter.booleans = [...visible];
    const shown = visible.reduce((n, v) => n + v, 0);
    $("shown").textContent = `${shown.toLocaleString("en")} of ${N.toLocaleString("en")} sources shown`;
    if (query !== "" && shown) select(indicesShown());
    else select(selection.filter((i) => visible[i]));
  }

  const indicesShown = () => Array.from({ length: N }, (_, i) => i).filter((i) => visible[i]);

  // ---- selection, stamps and table ---------------------------------------------------------

  function select(indices) {
    bokeh.map.selected.indices = indices;
    selected(indices);
  }

  function selected(indices) {
    selection = indices.filter((i) => visible[i]);
    $("selected").textContent = `${selection.length.toLocaleString("en")} selected`;
    $("export").textContent = selection.length ? "Export selected (CSV)" : "Export shown (CSV)";
    const strongest = [...selection].sort((a, b) => sources.snr.values[b] - sources.snr.values[a]);
    $("gallery").replaceChildren(...strongest.slice(0, GALLERY).map((i) => stampButton(i)));
    drawTable(strongest);
    if (selection.length && !selection.includes(focus)) setFocus(strongest[0]);
    writeAddress();
  }

  function drawStamps(canvas, i, scale) {
    const { size, channels, atlases } = DATA.stamps;
    canvas.width = Math.max(1, channels.length * (size + 1) - 1) * scale;
    canvas.height = size * scale;
    const atlas = atlases.find((a) => i >= a.first && i < a.first + a.count);
    if (!atlas) return;
    const place = i - atlas.first;
    const [column, row] = [place % atlas.columns, Math.floor(place / atlas.columns)];
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    channels.forEach((_, c) => {
      const x = (column * channels.length + c) * atlas.pitch;
      // Row 0 of a stamp is its lowest.
      context.setTransform(1, 0, 0, -1, 0, canvas.height);
      context.drawImage(
        atlas.image, x, row * atlas.pitch, size, size, c * (size + 1) * scale, 0, size * scale, size * scale,
      );
    });
  }

  function stampButton(i, text) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = i === focus ? "stamp focused" : "stamp";
    button.dataset.index = i;
    const canvas = document.createElement("canvas");
    drawStamps(canvas, i, 2);
    const label = document.createElement("small");
    const score = sources.score.values[i];
    label.textContent = text || `${bands[sources.band.values[i]]}  S/N ${sources.snr.values[i].toFixed(1)}  p ${score.toFixed(2)}`;
    button.append(canvas, label);
    button.title = `diaSourceId ${sources.diaSourceId.values[i]}`;
    button.setAttribute("aria-label", `${button.title}, ${label.textContent}`);
    button.addEventListener("click", () => setFocus(i));
    return button;
  }

  const SHOWN_COLUMNS = ["diaSourceId", "class", "band", "visit", "detector", "snr", "score", "score_std", "cluster", "diaObjectId"];
  let order = { name: "snr", down: true };

  function text(name, i) {
    const v = value(sources, name, i);
    if (typeof v !== "number") return String(v);
    return Number.isInteger(v) ? String(v) : Number.isFinite(v) ? v.toPrecision(4) : "–";
  }

  function drawTable(indices) {
    const sorted = [...indices].sort((a, b) => {
      const [p, q] = [value(sources, order.name, a), value(sources, order.name, b)];
      const comparison = p < q ? -1 : p > q ? 1 : 0;
      return order.down ? -comparison : comparison;
    });
    const head = document.createElement("tr");
    for (const name of SHOWN_COLUMNS.filter((n) => sources[n])) {
      const cell = document.createElement("th");
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name + (order.name === name ? (order.down ? " ↓" : " ↑") : "");
      button.addEventListener("click", () => {
        order = { name, down: order.name === name ? !order.down : true };
        drawTable(indices);
      });
      cell.append(button);
      head.append(cell);
    }
    const rows = sorted.slice(0, TABLE).map((i) => {
      const row = document.createElement("tr");
      row.dataset.index = i;
      row.className = i === focus ? "focused" : "";
      for (const name of SHOWN_COLUMNS.filter((n) => sources[n])) row.insertCell().textContent = text(name, i);
      row.addEventListener("click", () => setFocus(i));
      return row;
    });
    $("table-head").replaceChildren(head);
    $("table-body").replaceChildren(...rows);
    $("table-note").textContent =
      sorted.length > TABLE ? `The first ${TABLE} of ${sorted.length}; the export has all.` : "";
  }

  // ---- one source and its object -----------------------------------------------------------

  function setFocus(i) {
    focus = i;
    for (const element of document.querySelectorAll("[data-index]")) {
      element.classList.toggle("focused", Number(element.dataset.index) === i);
    }
    bokeh.focus.data = { x: [Number(sources[$("x").value].values[i])], y: [Number(sources[$("y").value].values[i])] };
    drawStamps($("stamps"), i, 5);
    $("channels").textContent = DATA.stamps.channels.join(" · ");
    const list = $("details");
    list.replaceChildren();
    const add = (term, description) => {
      const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
      [dt.textContent, dd.textContent] = [term, description];
      list.append(dt, dd);
    };
    for (const name of Object.keys(sources)) {
      if (!["x", "y", "is_candidate"].includes(name)) {
        add(name, text(name, i) + (sources[name].unit ? ` ${sources[name].unit}` : ""));
      }
    }
    const object = objectPlace.get(sources.diaObjectId.values[i]);
    $("object").textContent =
      object === undefined
        ? "This source belongs to no object."
        : `Object ${sources.diaObjectId.values[i]}: ${objects.n_detections.values[object]} detections in ` +
          `${objects.n_nights.values[object]} nights, P = ${objects.probability.values[object].toFixed(3)}, ` +
          `${objects.is_confirmed.values[object] ? "confirmed" : "not confirmed"}`;
    if (DATA.report && object !== undefined && objects.is_confirmed.values[object]) {
      const link = document.createElement("a");
      link.href = `${DATA.report}#candidate-${sources.diaObjectId.values[i]}`;
      link.textContent = "its page in the report";
      $("object").append(" (", link, ")");
    }
    drawCurve(sources.diaObjectId.values[i], sources.diaSourceId.values[i]);
    writeAddress();
  }

  function setRange(range, values) {
    const known = values.filter(Number.isFinite);
    const [low, high] = known.length ? [Math.min(...known), Math.max(...known)] : [0, 1];
    const margin = 0.06 * (high - low) || 0.5;
    const [start, end] = [low - margin, high + margin];
    range.setv({ start, end, reset_start: start, reset_end: end });
  }

  function drawCurve(object, source) {
    const rows = curveRows.get(object) || [];
    const start = rows.length ? Math.floor(curves.midpointMjdTai.values[rows[0]]) : 0;
    const data = { x: [], y: [], low: [], high: [], score: [], color: [], fill: [], marker: [], size: [], label: [] };
    for (const r of rows) {
      const forced = curves.is_forced.values[r];
      const band = value(curves, "band", r);
      const place = bands.indexOf(band);
      const [flux, error] = [curves.psfFlux.values[r], curves.psfFluxErr.values[r]];
      const colour = SERIES[Math.max(place, 0) % SERIES.length];
      data.x.push(curves.midpointMjdTai.values[r] - start);
      data.y.push(flux);
      data.low.push(flux - error);
      data.high.push(flux + error);
      data.score.push(curves.score.values[r]);
      data.color.push(colour);
      data.fill.push(forced ? "#FFFFFF" : colour);
      data.marker.push(MARKERS[Math.max(place, 0) % MARKERS.length]);
      data.size.push(curves.diaSourceId.values[r] === source ? 13 : 8);
      data.label.push(`${band}${forced ? " forced" : ""}, visit ${curves.visit.values[r]}`);
    }
    setRange(bokeh.times, data.x);
    setRange(bokeh.fluxes, [0, ...data.low, ...data.high]);
    bokeh.curve.data = data;
    bokeh.time.axis_label = `MJD (TAI) − ${start} [d]`;
    $("bands").replaceChildren(
      ...bands.map((band, i) => {
        const span = document.createElement("span");
        const mark = document.createElement("i");
        mark.style.background = SERIES[i % SERIES.length];
        span.append(mark, `${band} (${MARKERS[i % MARKERS.length].replace("_", " ")})`);
        return span;
      }),
    );
    const epochs = rows.filter((r) => curves.diaSourceId.values[r] !== 0n);
    const found = epochs.map((r) => [r, sourcePlace.get(curves.diaSourceId.values[r])]).filter(([, i]) => i !== undefined);
    $("epochs").replaceChildren(
      ...found.map(([r, i]) => stampButton(i, `${value(curves, "band", r)}  ${curves.midpointMjdTai.values[r].toFixed(2)}  p ${curves.score.values[r].toFixed(2)}`)),
    );
  }

  // ---- export, keyboard, start -------------------------------------------------------------

  function csv(indices) {
    const names = Object.keys(sources);
    const lines = indices.map((i) => names.map((n) => String(value(sources, n, i))).join(","));
    return [names.join(","), ...lines, ""].join("\n");
  }

  function exportSelection() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv(selection.length ? selection : indicesShown())], { type: "text/csv" }));
    link.download = "transient_bogus_selection.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function step(by) {
    const list = selection.length ? selection : indicesShown();
    if (!list.length) return;
    const place = list.indexOf(focus);
    setFocus(list[(Math.max(place, by > 0 ? -1 : 0) + by + list.length) % list.length]);
  }

  function onKey(event) {
    if (event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    const actions = {
      n: () => step(1),
      p: () => step(-1),
      c: () => select(indicesShown().filter((i) => CLASSES[sources.class.values[i]] === "candidate")),
      a: () => select(indicesShown()),
      e: exportSelection,
      "/": () => $("search").focus(),
      Escape: () => select([]),
    };
    if (actions[event.key]) {
      actions[event.key]();
      event.preventDefault();
    }
  }

  function option(select_, text_, value_ = text_) {
    const element = document.createElement("option");
    [element.textContent, element.value] = [text_, value_];
    select_.append(element);
  }

  function fillControls() {
    for (const name of numeric) for (const id of ["x", "y"]) option($(id), name);
    for (const name of ["class", "band", ...numeric]) option($("color"), name);
    const clusters = [...new Set(sources.cluster.values)].filter((c) => c >= -1).sort((a, b) => a - b);
    option($("cluster"), "any", "");
    for (const c of clusters) option($("cluster"), c < 0 ? "none" : String(c), String(c));
    const embedded = sources.umap_x.values.some(Number.isFinite);
    $("x").value = embedded ? "umap_x" : "snr";
    $("y").value = embedded ? "umap_y" : "score";
    const box = (kind, name, i) => {
      const label = document.createElement("label");
      const input = document.createElement("input");
      Object.assign(input, { type: "checkbox", checked: true, value: name, id: `${kind}-${i}` });
      input.dataset.filter = kind;
      label.append(input, ` ${name}`);
      return label;
    };
    $("classes").append(...CLASSES.map((name, i) => box("class", name, i)));
    $("band-boxes").append(...bands.map((name, i) => box("band", name, i)));
    for (const id of CONTROLS) $(id).dataset.initial = $(id).value;
  }

  async function loadAtlases() {
    await Promise.all(
      DATA.stamps.atlases.map(async (atlas) => {
        atlas.image = new Image();
        atlas.image.src = `data:image/webp;base64,${atlas.data}`;
        await atlas.image.decode();
        atlas.data = null;
      }),
    );
  }

  async function start() {
    fillControls();
    await loadAtlases();
    const items = JSON.parse($("figures").textContent);
    const [map] = (await Bokeh.embed.embed_item(items.map, "map")).roots;
    const [curve] = (await Bokeh.embed.embed_item(items.curve, "curve")).roots;
    const find = (root, name) => root.model.document.get_model_by_name(name);
    bokeh = {
      figure: map.model,
      map: find(map, "sources"),
      view: find(map, "view"),
      focus: find(map, "focus"),
      curve: find(curve, "epochs"),
      time: find(curve, "time"),
      times: find(curve, "times"),
      fluxes: find(curve, "fluxes"),
    };
    const { target, chosen } = readAddress();
    drawMap();
    applyFilters();
    bokeh.map.selected.properties.indices.change.connect(() => {
      const indices = [...bokeh.map.selected.indices];
      if (indices.length !== selection.length || indices.some((v, k) => v !== selection[k])) selected(indices);
    });
    for (const id of ["x", "y", "color"]) {
      $(id).addEventListener("change", () => {
        drawMap();
        if (focus >= 0) setFocus(focus);
        writeAddress();
      });
    }
    for (const id of CONTROLS.slice(3)) $(id).addEventListener("change", applyFilters);
    for (const box of boxes()) box.addEventListener("change", applyFilters);
    $("export").addEventListener("click", exportSelection);
    $("candidates").addEventListener("click", () => onKey({ key: "c", target: document.body, preventDefault() {} }));
    document.addEventListener("keydown", onKey);
    const candidates = indicesShown().filter((i) => CLASSES[sources.class.values[i]] === "candidate");
    if (chosen.length || target !== undefined) select(chosen.length ? chosen : [target]);
    else if (candidates.length) select(candidates);
    if (target !== undefined) setFocus(target);
    else if (N && focus < 0) setFocus(0);
    document.body.dataset.ready = "true";
  }

  window.transientInspector = { csv, select, selection: () => selection, focus: () => focus, sources };
  start().catch((error) => {
    document.body.dataset.ready = "failed";
    $("shown").textContent = `The page could not be drawn: ${error}`;
    throw error;
  });
})();
