// Draws the lines of the page's data, for the policies and the part of the time that the reader chooses.
// It loads nothing, and puts texts into the page as text only.

const data = JSON.parse(document.getElementById("data").textContent);
const HEIGHT = 230;
const EDGES = { top: 8, right: 24, bottom: 24, left: 56 };
const FEWEST_INTERVALS = 10;
const LONG_SECONDS = 2 * 86400; // beyond it, times have days
const SPANS = [
  0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600, 43200, 86400,
];
const view = { from: 0, to: data.seconds, hidden: new Set() };

const visible = () => data.policies.filter((policy) => !view.hidden.has(policy));
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// Numbers and times as people read them

const number = (value, digits = 0) => value.toLocaleString("en", { maximumFractionDigits: digits });
const decimals = (value) => number(value, 1);
const percent = (share) => `${Number((share * 100).toPrecision(2))} %`;

function clock(time) {
  const tenths = Math.round(time * 10);
  const [hours, minutes, seconds] = [Math.floor(tenths / 36000), Math.floor(tenths / 600) % 60, (tenths % 600) / 10];
  const pad = (part) => `${part < 10 ? "0" : ""}${part}`;
  const rest = `:${pad(minutes)}${seconds ? `:${pad(seconds)}` : ""}`;
  if (data.seconds <= LONG_SECONDS) return `${hours}${rest}`;
  return `${Math.floor(hours / 24)}d${tenths % 864000 ? ` ${hours % 24}${rest}` : ""}`;
}

function span(seconds) {
  for (const [unit, length] of [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]]) {
    if (seconds % length === 0) return seconds === length ? unit : `${seconds / length} ${unit}s`;
  }
  return `${seconds} seconds`;
}

// Elements

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function shape(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const stroke = (policy) => ({ stroke: `var(--line-${policy.colour})`, "stroke-dasharray": policy.dashes });

function swatch(policy) {
  const line = shape("path", { d: "M0 4H30", class: "line", ...stroke(policy) });
  return shape("svg", { class: "swatch", viewBox: "0 0 30 8", "aria-hidden": "true" }, line);
}

// Intervals: of the data, as many together as can be told apart

const greatest = (values) => Math.max(...values);
const least = (values) => Math.min(...values);
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

function intervals(width) {
  const most = clamp(width / 6, 40, 150);
  const fits = (seconds) => (view.to - view.from) / seconds <= most;
  const whole = (seconds) => Math.abs(seconds / data.width - Math.round(seconds / data.width)) < 1e-6;
  const seconds = SPANS.find((each) => whole(each) && fits(each));
  const count = seconds ? Math.round(seconds / data.width) : Math.ceil((view.to - view.from) / most / data.width);
  const [first, last] = [Math.floor(view.from / data.width / count), Math.ceil(view.to / data.width / count)];
  return { count, seconds: count * data.width, first, length: last - first };
}

function together(values, parts, of) {
  return Array.from({ length: parts.length }, (_, index) => {
    const start = (parts.first + index) * parts.count;
    const known = values.slice(start, start + parts.count).filter((value) => value !== null);
    return known.length ? of(known) : null;
  });
}

// Axes

function steps(most, count) {
  const rough = most / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
}

function* multiples(step, from, to) {
  for (let index = Math.ceil(from / step); index * step <= to * (1 + 1e-9); index += 1) yield index * step;
}

class Chart {
  constructor(figure) {
    this.figure = figure;
    this.svg = shape("svg", { tabindex: 0, role: "img", "aria-label": figure.textContent });
    this.mark = shape("rect", { class: "mark", y: EDGES.top, height: this.bottom - EDGES.top });
    this.tip = element("div", { class: "tip", role: "status", hidden: "" });
    figure.append(this.svg, this.tip);
    this.svg.addEventListener("pointermove", (event) => this.point(this.inside(event)));
    this.svg.addEventListener("pointerleave", () => this.leave());
    this.svg.addEventListener("blur", () => this.leave());
    this.svg.addEventListener("keydown", (event) => this.press(event));
  }

  get right() {
    return this.width - EDGES.right;
  }

  get bottom() {
    return HEIGHT - EDGES.bottom;
  }

  inside(event) {
    const box = this.svg.getBoundingClientRect();
    return clamp(((event.clientX - box.left) * this.width) / box.width, EDGES.left, this.right);
  }

  clear() {
    this.width = Math.max(this.figure.clientWidth, 200);
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${HEIGHT}`);
    this.svg.replaceChildren();
  }

  horizontal(y, text) {
    this.svg.append(
      shape("path", { class: "grid", d: `M${EDGES.left} ${y}H${this.right}` }),
      shape("text", { x: EDGES.left - 6, y: y + 4, "text-anchor": "end" }, text),
    );
  }

  vertical(x, text) {
    this.svg.append(
      shape("path", { class: "grid", d: `M${x} ${EDGES.top}V${this.bottom}` }),
      shape("text", { x, y: this.bottom + 17, "text-anchor": "middle" }, text),
    );
  }

  slo(d) {
    if (data.slo === null) return;
    this.svg.append(shape("path", { class: "slo", d }, shape("title", {}, `the SLO: ${span(data.slo)}`)));
  }

  line(policy, d, kind = "") {
    this.svg.append(shape("path", { class: `line ${kind}`, d, ...stroke(policy) }));
  }

  say(x, title, rows) {
    this.tip.replaceChildren(
      element("div", {}, title),
      ...rows.map(([policy, text]) => element("div", {}, swatch(policy), policy.name, element("b", {}, text))),
    );
    this.tip.hidden = false;
    const place = (x / this.width) * this.figure.clientWidth;
    const left = place > this.figure.clientWidth / 2;
    this.tip.style.left = left ? "" : `${place + 14}px`;
    this.tip.style.right = left ? `${this.figure.clientWidth - place + 14}px` : "";
  }

  leave() {
    this.tip.hidden = true;
    this.mark.setAttribute("width", 0);
  }
}

class TimeChart extends Chart {
  constructor(figure, kind) {
    super(figure);
    this.kind = kind;
    this.svg.addEventListener("pointerdown", (event) => this.grasp(event));
    this.svg.addEventListener("pointerup", (event) => this.release(event));
    this.svg.addEventListener("pointercancel", () => (this.dragged = undefined));
  }

  x(time) {
    const share = (time - view.from) / (view.to - view.from || 1);
    return clamp(EDGES.left + share * (this.right - EDGES.left), EDGES.left, this.right);
  }

  time(x) {
    return view.from + ((x - EDGES.left) / (this.right - EDGES.left)) * (view.to - view.from);
  }

  y(value) {
    return this.bottom - (value / this.most) * (this.bottom - EDGES.top);
  }

  draw() {
    this.clear();
    this.parts = intervals(this.right - EDGES.left);
    this.figure.querySelector(".each").textContent = span(this.parts.seconds);
    this.drawn = visible().map((policy) => [policy, this.kind.values(policy, this.parts)]);
    const highest = greatest([0, ...this.drawn.flatMap(([, values]) => Object.values(values).flat())]);
    const step = steps(highest || 1, 5);
    this.most = Math.max(highest * 1.04, step);
    for (const value of multiples(step, 0, this.most)) this.horizontal(this.y(value), number(value, 3));
    this.times();
    for (const [policy, values] of this.drawn) this.lines(policy, values);
    if (this.kind.inSeconds && data.slo <= this.most) this.slo(`M${EDGES.left} ${this.y(data.slo)}H${this.right}`);
    this.svg.append(this.mark);
  }

  times() {
    const room = (view.to - view.from) / ((this.right - EDGES.left) / 75);
    const step = SPANS.find((each) => each >= Math.max(room, 1)) ?? 86400 * Math.ceil(room / 86400);
    for (const time of multiples(step, view.from, view.to)) this.vertical(this.x(time), clock(time));
  }

  lines(policy, { line, thin, low, high }) {
    if (low) this.svg.append(shape("path", { class: "band", d: this.band(low, high), fill: stroke(policy).stroke }));
    this.line(policy, this.path(line));
    if (thin) this.line(policy, this.path(thin), "thin");
  }

  edges(index) {
    const start = (this.parts.first + index) * this.parts.seconds;
    return [this.x(start), this.x(Math.min(start + this.parts.seconds, data.seconds))];
  }

  path(values) {
    let d = "";
    values.forEach((value, index) => {
      if (value === null) return;
      const [left, right] = this.edges(index).map((x) => x.toFixed(1));
      const y = this.y(value).toFixed(1);
      d += index && values[index - 1] !== null ? `V${y}H${right}` : `M${left} ${y}H${right}`;
    });
    return d;
  }

  band(low, high) {
    return low
      .map((value, index) => {
        if (value === null) return "";
        const [left, right] = this.edges(index).map((x) => x.toFixed(1));
        return `M${left} ${this.y(value).toFixed(1)}H${right}V${this.y(high[index]).toFixed(1)}H${left}z`;
      })
      .join("");
  }

  point(x) {
    if (this.dragged !== undefined) {
      this.cover(Math.min(x, this.dragged), Math.max(x, this.dragged));
      return;
    }
    const index = Math.floor(this.time(x) / this.parts.seconds) - this.parts.first;
    this.choose(clamp(index, 0, this.parts.length - 1));
  }

  choose(index) {
    this.chosen = index;
    const [left, right] = this.edges(index);
    for (const chart of timeCharts) chart.cover(left, right);
    const start = (this.parts.first + index) * this.parts.seconds;
    const rows = this.drawn.map(([policy, values]) => [policy, this.kind.text(values, index)]);
    this.say((left + right) / 2, `${clock(start)} to ${clock(start + this.parts.seconds)}`, rows);
  }

  cover(left, right) {
    this.mark.setAttribute("x", left);
    this.mark.setAttribute("width", Math.max(right - left, 1));
  }

  leave() {
    super.leave();
    for (const chart of timeCharts) chart.mark.setAttribute("width", 0);
  }

  grasp(event) {
    if (event.button !== 0) return;
    this.dragged = this.inside(event);
    this.tip.hidden = true;
    this.svg.setPointerCapture(event.pointerId);
  }

  release(event) {
    const [from, to] = [this.dragged ?? 0, this.inside(event)].sort((one, other) => one - other);
    const dragged = this.dragged !== undefined && to - from > 4;
    this.dragged = undefined;
    if (dragged) show(this.time(from), this.time(to));
  }

  press(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const move = step ? event.shiftKey && (step < 0 ? "earlier" : "later") : KEYS[event.key];
    if (move) MOVES[move]();
    else if (step) this.choose(clamp((this.chosen ?? -1) + step, 0, this.parts.length - 1));
    if (move || step) event.preventDefault();
  }
}

class TailChart extends Chart {
  draw() {
    this.clear();
    const waits = visible().flatMap((policy) => policy.tail.seconds);
    const shares = visible().flatMap((policy) => policy.tail.shares.filter((share) => share > 0));
    this.from = Math.log10(0.1);
    this.to = Math.log10(Math.max(1, ...waits));
    this.lowest = Math.floor(Math.log10(Math.min(0.1, ...shares)));
    for (let power = 0; power >= this.lowest; power -= 1) this.horizontal(this.y(10 ** power), percent(10 ** power));
    for (let power = -1; power <= this.to; power += 1) this.decade(10 ** power);
    for (const policy of visible()) this.line(policy, this.path(policy.tail));
    if (this.x(data.slo) <= this.right) this.slo(`M${this.x(data.slo)} ${EDGES.top}V${this.bottom}`);
    this.svg.append(this.mark);
  }

  decade(first) {
    const narrow = (this.right - EDGES.left) / (this.to - this.from) < 120;
    const waits = (narrow ? [1] : [1, 2, 5]).map((factor) => factor * first);
    for (const wait of waits.filter((each) => this.x(each) <= this.right)) this.vertical(this.x(wait), number(wait, 1));
  }

  x(wait) {
    return EDGES.left + ((Math.log10(wait) - this.from) / (this.to - this.from)) * (this.right - EDGES.left);
  }

  y(share) {
    const depth = share > 0 ? Math.log10(share) / this.lowest : 1;
    return EDGES.top + clamp(depth, 0, 1) * (this.bottom - EDGES.top);
  }

  path({ seconds, shares }) {
    const points = seconds.map((wait, index) => `${this.x(wait).toFixed(1)} ${this.y(shares[index]).toFixed(1)}`);
    return `M${points.join("L")}`;
  }

  point(x) {
    this.chosen = clamp(x, EDGES.left, this.right);
    const wait = 10 ** (this.from + ((this.chosen - EDGES.left) / (this.right - EDGES.left)) * (this.to - this.from));
    this.mark.setAttribute("x", this.chosen);
    this.mark.setAttribute("width", 1);
    const rows = visible().map((policy) => [policy, percent(longer(policy.tail, wait))]);
    this.say(this.chosen, `longer than ${Number(wait.toPrecision(2))} s`, rows);
  }

  press(event) {
    const step = { ArrowLeft: -8, ArrowRight: 8 }[event.key];
    if (!step) return;
    this.point((this.chosen ?? EDGES.left) + step);
    event.preventDefault();
  }
}

function longer({ seconds, shares }, wait) {
  const after = seconds.findIndex((each) => each > wait);
  return shares[after < 0 ? shares.length - 1 : Math.max(after - 1, 0)];
}

// What is shown

const CHARTS = {
  waiting: {
    values: (policy, parts) => ({ line: together(policy.waiting, parts, greatest) }),
    text: ({ line }, index) => (line[index] === null ? "–" : number(line[index])),
  },
  pods: {
    values: (policy, parts) => ({
      line: together(policy.ready, parts, mean),
      thin: together(policy.asked, parts, mean),
      low: together(policy.least, parts, least),
      high: together(policy.most, parts, greatest),
    }),
    text: ({ line, thin, low, high }, index) =>
      line[index] === null
        ? "–"
        : `${decimals(line[index])} (${low[index]} to ${high[index]}), asked ${decimals(thin[index])}`,
  },
  wait: {
    inSeconds: true,
    values: (policy, parts) => ({ line: together(policy.wait, parts, greatest) }),
    text: ({ line }, index) => (line[index] === null ? "nothing sent" : `${decimals(line[index])} s`),
  },
};
const MOVES = {
  earlier: () => pan(-0.5),
  later: () => pan(0.5),
  closer: () => zoom(0.5),
  wider: () => zoom(2),
  whole: () => show(0, data.seconds),
};
const KEYS = { "+": "closer", "=": "closer", "-": "wider", Escape: "whole" };

function show(from, to) {
  const whole = (time) => Math.round(time / data.width) * data.width;
  const length = clamp(whole(to - from), Math.min(FEWEST_INTERVALS * data.width, data.seconds), data.seconds);
  view.from = clamp(whole(from), 0, data.seconds - length);
  view.to = view.from + length;
  draw();
}

function pan(share) {
  const length = view.to - view.from;
  show(view.from + share * length, view.to + share * length);
}

function zoom(factor) {
  const [middle, half] = [(view.from + view.to) / 2, ((view.to - view.from) / 2) * factor];
  show(middle - half, middle + half);
}

function draw() {
  document.getElementById("shown").textContent = `${clock(view.from)} to ${clock(view.to)} since the start`;
  for (const chart of [...timeCharts, tailChart]) {
    chart.draw();
    chart.leave();
  }
}

function chooser(policy) {
  const box = element("input", { type: "checkbox", checked: "" });
  box.addEventListener("change", () => {
    if (box.checked) view.hidden.delete(policy);
    else view.hidden.add(policy);
    draw();
  });
  return element("label", {}, box, swatch(policy), policy.name);
}

// The table

function sortable(table) {
  table.querySelectorAll("thead tr:last-child th").forEach((head, column) => {
    const button = element("button", { type: "button" }, head.textContent);
    head.replaceChildren(button);
    button.addEventListener("click", () => sort(table, head, column));
  });
}

function sort(table, head, column) {
  const order = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
  table.querySelector("[aria-sort]")?.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", order);
  const sign = order === "ascending" ? 1 : -1;
  const rows = [...table.tBodies[0].rows].sort((one, other) => sign * compared(one.cells[column], other.cells[column]));
  table.tBodies[0].append(...rows);
}

function compared(one, other) {
  if (one.tagName === "TH") return one.textContent.localeCompare(other.textContent);
  const [mine, theirs] = [one, other].map((cell) => Number(cell.dataset.value ?? Infinity));
  return mine === theirs ? 0 : mine - theirs;
}

const figures = [...document.querySelectorAll("figure[data-chart]")];
for (const part of document.querySelectorAll(".live")) part.hidden = false;
for (const part of document.querySelectorAll(".static")) part.hidden = true;
const timeCharts = figures
  .filter((figure) => figure.dataset.chart in CHARTS)
  .map((figure) => new TimeChart(figure, CHARTS[figure.dataset.chart]));
const tailChart = new TailChart(figures.find((figure) => figure.dataset.chart === "tail"));
document.getElementById("policies").append(...data.policies.map(chooser));
document.getElementById("scheme").addEventListener("change", (event) => {
  document.documentElement.style.colorScheme = event.target.value;
});
document.getElementById("moves").addEventListener("click", (event) => MOVES[event.target.dataset.move]?.());
sortable(document.querySelector("table"));
new ResizeObserver(draw).observe(document.querySelector("main"));
