// Two small charts, drawn as SVG: a line over time, and bars of three parts. Each says its sum in words
// for those who do not see it.
import { el, svg, money, count, minuteText, dayText } from './base.js';

const HEIGHT = 190;
const LEFT = 66;
const RIGHT = 8;
const TOP = 10;
const BOTTOM = 22;
const DAY_MS = 86400000;

// As wide as it is shown, so that its letters have the size of the page's.
const widthOf = (figure) => Math.max(260, Math.round(figure.clientWidth) || 600);
const xIn = (width) => (t, from, to) => LEFT + (width - LEFT - RIGHT) * (to > from ? (t - from) / (to - from) : 1);
const yOf = (v, low, high) => HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (v - low) / (high - low);

// Round numbers, three to five of them, that hold LOW and HIGH.
function ticks(low, high) {
  const span = high - low || Math.abs(high) * 0.001 || 1;
  const power = 10 ** Math.floor(Math.log10(span / 3));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => span / n <= 4);
  const list = [];
  for (let v = Math.floor(low / step) * step; v < high + step; v += step)
    list.push(v);
  if (list.length < 2) // all the same, and round
    list.push(list[0] + step);
  return list;
}

function timeLabels(from, to, xOf) {
  const labels = [];
  for (let i = 0; i <= 3; i++) {
    const t = from + (to - from) * i / 3;
    const anchor = i === 0 ? 'start' : i === 3 ? 'end' : 'middle';
    labels.push(svg('text', { x: xOf(t, from, to), y: HEIGHT - 5, 'text-anchor': anchor },
        to - from > 2 * DAY_MS ? dayText(t) : minuteText(t)));
  }
  return labels;
}

function gridLines(values, write, width) {
  const low = values[0], high = values.at(-1);
  return values.flatMap((v) => [
    svg('line', { class: 'grid', x1: LEFT, x2: width - RIGHT, y1: yOf(v, low, high), y2: yOf(v, low, high) }),
    svg('text', { x: LEFT - 8, y: yOf(v, low, high) + 4, 'text-anchor': 'end' }, write(v)),
  ]);
}

function empty(figure, why) {
  figure.replaceChildren(el('p', { class: 'dim nothing' }, why));
}

// The value under the pointer, in the caption.
function follow(picture, caption, [from, to], said, nearest) {
  const ordinary = caption.textContent;
  picture.addEventListener('pointermove', (event) => {
    const box = picture.getBoundingClientRect();
    const part = (event.clientX - box.left - LEFT) / (box.width - LEFT - RIGHT);
    caption.textContent = said(nearest(from + part * (to - from)));
  });
  picture.addEventListener('pointerleave', () => { caption.textContent = ordinary; });
}

// POINTS: [ms, equity, balance], oldest first.
export function lineChart(figure, points) {
  if (points.length < 2) {
    empty(figure, 'The curve begins with the second minute.');
    return;
  }
  const width = widthOf(figure), xOf = xIn(width);
  const from = points[0][0], to = points.at(-1)[0];
  const all = points.flatMap((p) => [p[1], p[2]]);
  const values = ticks(Math.min(...all), Math.max(...all));
  const low = values[0], high = values.at(-1);
  const at = (p, i) => xOf(p[0], from, to).toFixed(1) + ',' + yOf(p[i], low, high).toFixed(1);
  const line = (i) => points.map((p) => at(p, i)).join(' ');
  const change = points.at(-1)[1] - points[0][1];
  const sum = 'Equity ' + money(points.at(-1)[1]) + ', ' + (change < 0 ? 'down ' : 'up ') +
      money(Math.abs(change)) + ' since ' + minuteText(from);
  const whole = values.every((v) => Number.isInteger(v));
  const picture = svg('svg', { viewBox: `0 0 ${width} ${HEIGHT}`, role: 'img', 'aria-label': sum },
      ...gridLines(values, whole ? count : money, width), ...timeLabels(from, to, xOf),
      svg('polygon', { class: 'area', points: `${xOf(from, from, to)},${HEIGHT - BOTTOM} ${line(1)} ${xOf(to, from, to)},${HEIGHT - BOTTOM}` }),
      svg('polyline', { class: 'balance', points: line(2) }),
      svg('polyline', { class: 'equity', points: line(1) }));
  const caption = el('figcaption', {}, sum + '. Dashed: balance.');
  follow(picture, caption, [from, to],
      (p) => `${dayText(p[0])} ${minuteText(p[0])}  equity ${money(p[1])}  balance ${money(p[2])}`,
      (t) => points.reduce((best, p) => (Math.abs(p[0] - t) < Math.abs(best[0] - t) ? p : best)));
  figure.replaceChildren(picture, caption);
}

// BUCKETS: {at, exact, other, critical}, oldest first, STEP milliseconds apart.
export function barChart(figure, buckets, step) {
  const most = Math.max(0, ...buckets.map((b) => b.exact + b.other + b.critical));
  if (!most) {
    empty(figure, 'Nothing was compared yet.');
    return;
  }
  const width = widthOf(figure), xOf = xIn(width);
  const from = buckets[0].at, to = buckets.at(-1).at + step;
  const values = ticks(0, most), high = values.at(-1);
  const thick = Math.max(1, (width - LEFT - RIGHT) / buckets.length - 1);
  const bars = [];
  for (const b of buckets) {
    let base = 0;
    for (const part of ['exact', 'other', 'critical']) {
      if (b[part])
        bars.push(svg('rect', { class: part, x: xOf(b.at, from, to).toFixed(1), width: thick.toFixed(1),
          y: yOf(base + b[part], 0, high).toFixed(1),
          height: Math.max(part === 'critical' ? 3 : 1, yOf(base, 0, high) - yOf(base + b[part], 0, high)).toFixed(1) }));
      base += b[part];
    }
  }
  const sum = buckets.reduce((s, b) => s + b.exact + b.other + b.critical, 0);
  const bad = buckets.reduce((s, b) => s + b.critical, 0);
  const said = `${count(sum)} compared, ${count(bad)} of them critical`;
  const picture = svg('svg', { viewBox: `0 0 ${width} ${HEIGHT}`, role: 'img', 'aria-label': said },
      ...gridLines(values.filter(Number.isInteger), count, width), ...timeLabels(from, to, xOf), ...bars);
  const caption = el('figcaption', {}, 'Pairs compared: ',
      el('span', { class: 'key exact' }, 'exact'), ' ', el('span', { class: 'key other' }, 'different'), ' ',
      el('span', { class: 'key critical' }, 'critical'));
  figure.replaceChildren(picture, caption);
}
