// A closer look at the curve in time: buttons, and the keys + - and arrows where the curve has the focus.
for (const curve of document.querySelectorAll("svg.curve")) {
  const plot = curve.parentNode, box = plot.parentNode;
  const left = +curve.getAttribute("x"), width = +curve.getAttribute("width");
  const base = +curve.getAttribute("y") + +curve.getAttribute("height");
  const [, , whole, height] = curve.getAttribute("viewBox").split(" ").map(Number);
  const rows = +curve.dataset.rows, unit = +curve.dataset.unit;
  const words = [...plot.querySelectorAll(":scope > text")].map(t => ({t, x: +t.getAttribute("x"), y: +t.getAttribute("y"), was: t.textContent}));
  const ticks = words.filter(w => w.y > base && w.y < base + 24 && w.was.trim() !== "");
  const names = words.filter(w => w.y > 30 && w.y < +curve.getAttribute("y") && w.x >= left);
  let from = 0, span = 1;
  const show = () => {
    span = Math.min(1, Math.max(span, 20 / Math.max(rows, 20)));
    from = Math.min(Math.max(from, 0), 1 - span);
    curve.setAttribute("viewBox", `${from * whole} 0 ${span * whole} ${height}`);
    for (const {t, x, was} of ticks) {
      const at = (from + (x - left) / width * span) * rows / unit, step = rows / unit * span / 10;
      const places = Math.max(0, Math.ceil(-Math.log10(step)) + 1);
      t.textContent = span === 1 ? was : at.toFixed(Math.min(places, 6));
    }
    for (const {t, x} of names) {
      const at = left + (x - left - from * width) / span;
      t.setAttribute("x", at);
      t.setAttribute("visibility", at < left || at > left + width - 30 ? "hidden" : "visible");
    }
  };
  const zoom = by => { const middle = from + span / 2; span *= by; from = middle - span / 2; show(); };
  const move = by => { from += by * span; show(); };
  const acts = [["+", "zoom in", () => zoom(.5)], ["−", "zoom out", () => zoom(2)], ["◀", "earlier", () => move(-.5)],
    ["▶", "later", () => move(.5)], ["all", "show all", () => { from = 0; span = 1; show(); }]];
  const row = document.createElement("div");
  row.className = "zoom";
  for (const [sign, label, act] of acts) {
    const button = document.createElement("button");
    button.textContent = sign; button.setAttribute("aria-label", label); button.onclick = act;
    row.append(button);
  }
  box.before(row);
  box.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = {"+": acts[0], "=": acts[0], "-": acts[1], ArrowLeft: acts[2], ArrowRight: acts[3], "0": acts[4]}[event.key];
    if (act) { act[2](); event.preventDefault(); }
  });
  for (const event of document.querySelectorAll("[data-from]")) {
    const button = document.createElement("button");
    button.textContent = "show it in the curve";
    button.onclick = () => {
      const first = event.dataset.from / rows, last = event.dataset.to / rows;
      span = Math.max(4 * (last - first), 120 / rows); from = (first + last - span) / 2; show();
      box.scrollIntoView(); box.focus();
    };
    event.append(button);
  }
}
