// What moves on the page. The charts' data is in #charts; uPlot draws them; everything else is plain elements.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("charts").textContent);
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
    element.append(...children);
    return element;
  };
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const short = (value) => (value == null ? "" : Math.abs(value) >= 1e6 || (value !== 0 && Math.abs(value) < 1e-3)
    ? value.toExponential(2) : String(Number(value.toPrecision(4))));
  const DASH = [6, 4];
  const HEIGHT = 250;

  const MANY = 200;

  // The mean around each value: the course of a curve that trembles.
  const courseOf = ([steps, values]) => {
    const half = Math.max(2, Math.round(values.length / 100));
    const near = (place) => values.slice(Math.max(0, place - half), place + half + 1);
    return [steps, values.map((_, place) => near(place).reduce((sum, value) => sum + value, 0) / near(place).length)];
  };

  class Chart {
    constructor(figure, chart) {
      this.chart = chart;
      this.log = false;
      this.hidden = new Set();
      this.curves = chart.series.flatMap((series, place) => {
        const [steps] = series.all;
        if (series.low) {
          const smooth = steps.length <= MANY ? (points) => points : courseOf;
          const edges = [series.high, series.low].map((points) => ({ series, place, points: smooth(points), edge: true }));
          return [{ series, place, points: smooth(series.all) }, ...edges];
        }
        if (steps.length <= MANY) return [{ series, place, points: series.all }];
        const course = courseOf(series.means[0].length ? series.means : series.all);
        return [{ series, place, points: series.all, faint: true }, { series, place, points: course }];
      });
      this.bands = this.curves.flatMap(({ series, edge }, number) => (edge && this.curves[number - 1].edge
        ? [{ series: [number, number + 1], fill: () => `${colour(`--c${series.colour}`)}33` }] : []));
      this.data = uPlot.join(this.curves.map(({ points }) => points));
      this.whole = [this.data[0][0], this.data[0].at(-1)];
      this.keys = make("ul", { class: "keys" });
      this.outputs = chart.series.map((series, place) => this.key(series, place));
      this.at = make("span", { class: "at" });
      this.said = make("p", { class: "unseen", "aria-live": "polite" });
      const label = `${chart.title} by step, a chart. Arrows move the pointer, plus and minus zoom, 0 shows all.`;
      this.place = make("div", { class: "plot", tabindex: "0", role: "group", "aria-label": label });
      const log = make("button", { type: "button", "aria-pressed": "false" }, "Log scale");
      log.addEventListener("click", () => {
        this.log = !this.log;
        log.setAttribute("aria-pressed", this.log);
        this.draw();
      });
      const all = make("button", { type: "button" }, "Show all");
      all.addEventListener("click", () => this.show(...this.whole));
      const tools = make("div", { class: "tools" }, ...(chart.share ? [] : [log]), all, this.at);
      figure.querySelector("figcaption").after(this.keys, this.place, tools, this.said);
      this.draw();
      this.listen();
    }

    key(series, place) {
      const box = make("input", { type: "checkbox" });
      box.checked = true;
      box.addEventListener("change", () => {
        if (box.checked) this.hidden.delete(place); else this.hidden.add(place);
        this.curves.forEach((curve, number) => {
          if (curve.place === place) this.plot.setSeries(number + 1, { show: box.checked });
        });
      });
      const line = series.mark
        ? `<circle cx="12" cy="6" r="5" fill="none" stroke-width="2.5"/>`
        : `<path d="M0 6h24" stroke-width="3" ${series.dashed ? `stroke-dasharray="${DASH}"` : ""}/>`;
      const swatch = document.createElement("template");
      swatch.innerHTML = `<svg width="24" height="12" aria-hidden="true" style="stroke:var(--c${series.colour})">${line}</svg>`;
      const value = make("output");
      this.keys.append(make("li", {}, make("label", {}, box, swatch.content, series.name, " ", series.mark ? "" : value)));
      return value;
    }

    draw() {
      const { chart } = this;
      const range = this.plot ? [this.plot.scales.x.min, this.plot.scales.x.max] : this.whole;
      if (this.plot) this.plot.destroy();
      const positive = chart.series.every(({ all, low }) => (low ?? all)[1].every((value) => value > 0));
      const axis = () => ({ stroke: () => colour("--soft"), grid: { stroke: () => colour("--line"), width: 1 },
        ticks: { stroke: () => colour("--line"), width: 1 }, font: "12px system-ui, sans-serif" });
      const y = this.log ? { distr: positive ? 3 : 4, asinh: 0.1 } : chart.share ? { range: [-0.02, 1.02] } : {};
      this.plot = new uPlot({
        width: this.width(), height: HEIGHT, legend: { show: false }, padding: [8, 24, 0, 0],
        cursor: { y: false, drag: { x: true, y: false, dist: 5 } },
        scales: { x: { time: false, min: range[0], max: range[1] }, y },
        axes: [{ ...axis(), size: 32, values: (plot, steps) => steps.map((step) => Number.isInteger(step) ? step.toLocaleString("en") : "") },
          { ...axis(), size: 62, values: (plot, values) => values.map(short) }],
        series: [{}, ...this.curves.map((curve) => this.curve(curve))],
        bands: this.bands,
        hooks: { setCursor: [(plot) => this.read(plot.cursor.idx)] },
      }, this.data, this.place);
      this.show(...range);
    }

    curve({ series, place, faint, edge }) {
      const stroke = () => colour(`--c${series.colour}`);
      const common = { label: series.name, stroke, show: !this.hidden.has(place), spanGaps: true };
      if (series.mark) return { ...common, paths: () => null, points: { show: true, size: 14, width: 3, fill: () => "transparent" } };
      if (edge) return { ...common, width: 0, points: { show: false } };
      const lone = series.all[0].length < 12;
      return { ...common, width: faint ? 1 : 2, alpha: faint ? 0.35 : 1, dash: series.dashed ? DASH : undefined, points: { show: lone, size: 6 } };
    }

    width() { return Math.max(200, this.place.clientWidth); }

    show(min, max) { this.plot.setScale("x", min === max ? { min: min - 1, max: max + 1 } : { min, max }); }

    zoom(factor, middle) {
      const { min, max } = this.plot.scales.x;
      const centre = middle ?? (min + max) / 2;
      const [least, most] = this.whole;
      const from = Math.max(least, centre - (centre - min) * factor);
      const to = Math.min(most, centre + (max - centre) * factor);
      if (to - from >= 1) this.show(from, to);
    }

    pan(share) {
      const { min, max } = this.plot.scales.x;
      const wish = (max - min) * share;
      const moved = Math.max(this.whole[0] - min, Math.min(this.whole[1] - max, wish));
      this.show(min + moved, max + moved);
    }

    // The values at a place of the data, or the nearest before it, beside their names.
    read(place, aloud = false) {
      if (place == null) {
        this.at.textContent = "";
        this.outputs.forEach((output) => { output.textContent = ""; });
        return;
      }
      this.at.textContent = `step ${this.data[0][place].toLocaleString("en")}`;
      const words = this.chart.series.map((series, number) => {
        const curve = this.curves.findIndex((one) => one.place === number) + 1;
        const values = this.data[curve];
        let nearest = place;
        while (nearest > 0 && values[nearest] == null) nearest -= 1;
        const spread = series.low && values[nearest] != null ? ` ± ${short(this.data[curve + 1][nearest] - values[nearest])}` : "";
        this.outputs[number].textContent = short(values[nearest]) + spread;
        return series.mark || this.hidden.has(number) ? "" : `${series.name} ${short(values[nearest])}${spread}`;
      });
      if (aloud) this.said.textContent = `${this.at.textContent}: ${words.filter(Boolean).join(", ")}`;
    }

    move(steps) {
      const { min, max } = this.plot.scales.x;
      const inside = this.data[0].flatMap((step, place) => (step >= min && step <= max ? [place] : []));
      if (!inside.length) return;
      const from = Math.max(0, inside.indexOf(this.pointed ?? -1));
      const stride = Math.max(1, Math.round(inside.length / 100)) * steps;
      this.pointed = inside[Math.max(0, Math.min(inside.length - 1, from + stride))];
      this.plot.setCursor({ left: this.plot.valToPos(this.data[0][this.pointed], "x"), top: 0 });
      this.read(this.pointed, true);
    }

    listen() {
      const keys = {
        ArrowRight: () => this.move(1), ArrowLeft: () => this.move(-1), PageDown: () => this.pan(0.5), PageUp: () => this.pan(-0.5),
        "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2), 0: () => this.show(...this.whole),
      };
      this.place.addEventListener("keydown", (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
        keys[event.key]();
        event.preventDefault();
      });
      // A wheel that only passes scrolls the page; one over a chart that has the focus, or a pinch of a trackpad, zooms.
      this.place.addEventListener("wheel", (event) => {
        if (!event.ctrlKey && document.activeElement !== this.place) return;
        event.preventDefault();
        this.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.plot.posToVal(this.left(event.clientX), "x"));
      }, { passive: false });
      this.place.addEventListener("mousedown", () => this.place.focus({ preventScroll: true }));
      let apart = null;
      this.place.addEventListener("touchmove", (event) => {
        if (event.touches.length !== 2) return;
        event.preventDefault();
        const [one, other] = event.touches;
        const now = Math.abs(one.clientX - other.clientX);
        if (apart && now) this.zoom(apart / now, this.plot.posToVal(this.left((one.clientX + other.clientX) / 2), "x"));
        apart = now;
      }, { passive: false });
      this.place.addEventListener("touchend", () => { apart = null; });
      new ResizeObserver(() => {
        if (this.plot.width !== this.width()) this.plot.setSize({ width: this.width(), height: HEIGHT });
      }).observe(this.place);
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.plot.redraw());
    }

    left(clientX) { return clientX - this.plot.over.getBoundingClientRect().left; }
  }

  // A chart is built when it comes into sight, or on paper: those folded away cost nothing.
  const waiting = new Set(document.querySelectorAll("[data-chart]"));
  const build = (figure) => {
    seen.unobserve(figure);
    if (waiting.delete(figure)) new Chart(figure, data[figure.dataset.chart]);
  };
  const seen = new IntersectionObserver(
    (entries) => entries.filter((entry) => entry.isIntersecting).forEach(({ target }) => build(target)),
    { rootMargin: "300px" },
  );
  waiting.forEach((figure) => seen.observe(figure));
  addEventListener("beforeprint", () => waiting.forEach((figure) => { if (figure.offsetParent) build(figure); }));

  document.querySelectorAll(".slides").forEach((slides) => {
    const grids = [...slides.querySelectorAll(".slide")];
    const range = slides.querySelector("input");
    const said = slides.querySelector("output");
    const play = slides.querySelector(".play");
    slides.classList.add("live");
    slides.querySelector(".player").hidden = grids.length < 2;
    const show = () => {
      const place = Number(range.value);
      const { step } = grids[place].dataset;
      grids.forEach((grid, number) => grid.classList.toggle("now", number === place));
      said.textContent = Number(step).toLocaleString("en");
      range.setAttribute("aria-valuetext", `step ${step}, grid ${place + 1} of ${grids.length}`);
    };
    range.addEventListener("input", show);
    let running = null;
    const stop = () => {
      clearInterval(running);
      running = null;
      play.setAttribute("aria-pressed", "false");
      play.textContent = "Play";
    };
    play.addEventListener("click", () => {
      if (running) { stop(); return; }
      if (Number(range.value) === grids.length - 1) { range.value = 0; show(); }
      play.setAttribute("aria-pressed", "true");
      play.textContent = "Stop";
      running = setInterval(() => {
        range.value = Number(range.value) + 1;
        show();
        if (Number(range.value) === grids.length - 1) stop();
      }, 600);
    });
    range.addEventListener("pointerdown", () => { if (running) stop(); });
    show();
  });

  document.querySelectorAll(".command").forEach((command) => {
    const button = command.querySelector(".copy");
    if (!navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(command.querySelector("code").textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(command.querySelector("code"));
        button.textContent = "Selected";
      }
    });
  });
})();
