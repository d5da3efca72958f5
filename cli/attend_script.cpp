#include "cli/attend_page.h"

namespace weft::cli {

constinit const std::string_view kAttendScript = R"js(
'use strict';
(() => {
const byId = id => document.getElementById(id);
const data = JSON.parse(byId('data').textContent);
const {layers, heads, queries, keys} = data;
const rows = queries.length, cols = keys.length;
const text = atob(data.weights);
const bytes = new Uint8Array(text.length);
for (let i = 0; i < text.length; ++i) bytes[i] = text.charCodeAt(i);
const weight = (map, q, k) => {
  const i = 2 * ((map * rows + q) * cols + k);
  return (bytes[i] | bytes[i + 1] << 8) / 65535;
};
const largest = Array.from({length: layers * heads}, (_, map) => {
  let most = 0;
  for (let q = 0; q < rows; ++q) for (let k = 0; k < cols; ++k) most = Math.max(most, weight(map, q, k));
  return most;
});

let layer = data.layer, head = data.head;
let cell = 0, left = 0, top = 0;  // of the large map, in pixels
let at = null;                    // the cell that is told: [query, key]
let whole = false;                // colours from 0 to 1 instead of to the head's largest weight
let colours = [];                 // 256 of [r, g, b]
const current = () => layer * heads + head;
const range = map => whole ? 1 : largest[map] || 1;
const shade = (map, w) => Math.min(255, Math.round(255 * Math.sqrt(w / range(map))));

function readColours() {
  const style = getComputedStyle(document.documentElement);
  const [cold, hot] = ['--cold', '--hot'].map(name => {
    const hex = style.getPropertyValue(name).trim();
    return [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16));
  });
  colours = Array.from({length: 256},
      (_, i) => cold.map((c, j) => Math.round(c + (hot[j] - c) * i / 255)));
}

// Where a pixel covers several cells it shows the largest weight among them.
function paint(canvas, map, height, width) {
  canvas.width = width;
  canvas.height = height;
  const most = new Uint8Array(width * height);
  for (let q = 0; q < rows; ++q) {
    const line = Math.floor(q * height / rows) * width;
    for (let k = 0; k < cols; ++k) {
      const i = line + Math.floor(k * width / cols);
      most[i] = Math.max(most[i], shade(map, weight(map, q, k)));
    }
  }
  const context = canvas.getContext('2d');
  const image = context.createImageData(width, height);
  most.forEach((s, i) => image.data.set([...colours[s], 255], 4 * i));
  context.putImageData(image, 0, 0);
}

const buttons = [];
function buildGrid() {
  const grid = byId('grid');
  grid.style.gridTemplateColumns = `auto repeat(${heads}, minmax(14px, 52px))`;
  byId('heads').style.flexBasis = `${44 * heads + 72}px`;
  const caption = text => grid.appendChild(document.createElement('span')).textContent = text;
  caption('');
  for (let h = 0; h < heads; ++h) caption(h);
  for (let map = 0; map < layers * heads; ++map) {
    if (map % heads === 0) caption(map / heads);
    const button = grid.appendChild(document.createElement('button'));
    button.type = 'button';
    button.title = `layer ${Math.floor(map / heads)}, head ${map % heads}`;
    button.setAttribute('aria-label', button.title);
    button.onclick = () => select(map);
    button.appendChild(document.createElement('canvas')).className = cols <= 32 ? 'crisp' : '';
    buttons.push(button);
  }
  grid.onkeydown = event => {
    const [down, right] = step(event);
    if (!down && !right) return;
    const l = Math.min(layers - 1, Math.max(0, layer + down));
    const h = Math.min(heads - 1, Math.max(0, head + right));
    select(l * heads + h);
    buttons[current()].focus();
  };
}

function step(event) {
  const by = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]}[event.key];
  if (!by || event.ctrlKey || event.altKey || event.metaKey) return [0, 0];
  event.preventDefault();
  return by;
}

function paintGrid() {
  buttons.forEach((button, map) =>
    paint(button.firstChild, map, Math.min(rows, 64), Math.min(cols, 64)));
}

const short = label => {
  const points = [...label];
  return points.length > 18 ? points.slice(0, 17).join('') + '\u2026' : label;
};
const ruler = document.createElement('canvas').getContext('2d');
function widest(labels, size) {
  ruler.font = `bold ${size}px system-ui, sans-serif`;
  return Math.ceil(Math.max(...labels.map(label => ruler.measureText(short(label)).width)));
}
function svg(name, attributes, content) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  if (content !== undefined) element.textContent = content;
  return element;
}

function layout() {
  const least = cols <= 160 ? 9 : Math.max(3, Math.floor(1440 / cols));
  // Beside the grid if cells of 12 pixels have room there, else below it.
  byId('large').style.flexBasis = `${widest(queries, 13) + 12 * cols + 64}px`;
  const room = byId('scroll').clientWidth - 12;
  let size = 13;
  for (let pass = 0; pass < 2; ++pass) {
    left = widest(queries, size) + 10;
    top = widest(keys, size) + 10;
    cell = Math.min(54, Math.max(least, Math.floor((room - left) / cols)));
    size = Math.min(13, Math.max(9, cell - 1));
  }
  const every = Math.ceil(9 / cell);  // labels that would overlap are left out
  const plot = byId('plot'), canvas = plot.querySelector('canvas'), lines = plot.querySelector('svg');
  const [width, height] = [cols * cell, rows * cell];
  Object.assign(plot.style, {width: `${left + width + 8}px`, height: `${top + height}px`});
  Object.assign(canvas.style,
      {left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px`});
  lines.setAttribute('width', left + width);
  lines.setAttribute('height', top + height);
  lines.replaceChildren(svg('g', {'font-size': size}), svg('g', {}), svg('g', {}));
  const names = lines.firstChild;
  queries.forEach((label, q) => q % every === 0 && names.appendChild(svg('text', {
    x: left - 6, y: top + (q + .5) * cell, 'text-anchor': 'end', 'dominant-baseline': 'central',
    'data-q': q}, short(label))));
  keys.forEach((label, k) => k % every === 0 && names.appendChild(svg('text', {
    transform: `translate(${left + (k + .5) * cell} ${top - 6}) rotate(-90)`,
    'dominant-baseline': 'central', 'data-k': k}, short(label))));
  writeValues();
  mark();
}

// The numbers themselves where cells are wide enough for them.
function writeValues() {
  const values = byId('plot').querySelector('svg').childNodes[1];
  values.replaceChildren();
  if (cell < 34 || rows * cols > 1024) return;
  for (let q = 0; q < rows; ++q) for (let k = 0; k < cols; ++k) {
    const w = weight(current(), q, k);
    values.appendChild(svg('text', {class: 'value', x: left + (k + .5) * cell,
      y: top + (q + .5) * cell, 'dominant-baseline': 'central',
      style: `fill: var(${shade(current(), w) > 128 ? '--cold' : '--hot'})`}, w.toFixed(3)));
  }
}

function paintLarge() {
  byId('name').textContent = `Layer ${layer}, head ${head}`;
  paint(byId('plot').querySelector('canvas'), current(), rows, cols);
  const most = range(current());
  const ends = byId('scale').querySelectorAll('span');
  ends[1].textContent = (most / 4).toFixed(4);
  ends[2].textContent = most.toFixed(4);
  byId('range').textContent = whole ? 'colours: 0 to 1' : 'colours: to the largest weight of each head';
  buttons.forEach((button, map) => {
    button.setAttribute('aria-pressed', map === current());
    button.tabIndex = map === current() ? 0 : -1;
  });
  writeValues();
  mark();
}

function bold(text) {
  const element = document.createElement('b');
  element.textContent = text;
  return element;
}
function token(label) {
  const element = document.createElement('bdi');
  element.textContent = label;
  return element;
}

function mark() {
  const lines = byId('plot').querySelector('svg'), marks = lines.childNodes[2], tip = byId('tip');
  marks.replaceChildren();
  lines.querySelectorAll('.on').forEach(element => element.classList.remove('on'));
  tip.hidden = !at;
  if (!at) return byId('said').textContent = 'Point at a cell, or focus the map and use the arrow keys.';
  const [q, k] = at;
  const value = weight(current(), q, k).toFixed(4);
  const [x, y] = [left + k * cell, top + q * cell];
  marks.append(svg('rect', {x: left, y, width: cols * cell, height: cell, 'stroke-opacity': .5}),
    svg('rect', {x, y: top, width: cell, height: rows * cell, 'stroke-opacity': .5}),
    svg('rect', {x, y, width: cell, height: cell, 'stroke-width': 2}));
  lines.querySelectorAll(`[data-q="${q}"], [data-k="${k}"]`).forEach(e => e.classList.add('on'));
  tip.replaceChildren(bold(value), token(queries[q]), ' \u2192 ', token(keys[k]));
  const right = x + cell + 10 + tip.offsetWidth > byId('plot').clientWidth && x > tip.offsetWidth + 10;
  tip.style.left = `${right ? x - tip.offsetWidth - 10 : x + cell + 10}px`;
  tip.style.top = `${Math.max(0, y + cell / 2 - tip.offsetHeight / 2)}px`;
  byId('said').replaceChildren(`token ${q}, `, token(queries[q]), `, looks at token ${k}, `, token(keys[k]),
    ', with ', bold(value));
}

function select(map) {
  layer = Math.floor(map / heads);
  head = map % heads;
  paintLarge();
}
function repaint() {
  readColours();
  paintGrid();
  paintLarge();
}

const plot = byId('plot');
plot.onpointermove = plot.onpointerdown = event => {
  const box = plot.getBoundingClientRect();
  const q = Math.floor((event.clientY - box.top - top) / cell);
  const k = Math.floor((event.clientX - box.left - left) / cell);
  at = q >= 0 && q < rows && k >= 0 && k < cols ? [q, k] : null;
  mark();
};
plot.onpointerleave = () => { at = null; mark(); };
plot.onkeydown = event => {
  if (event.key === 'Escape') at = null;
  const [down, right] = step(event);
  if (down || right) {
    at = at ? [Math.min(rows - 1, Math.max(0, at[0] + down)),
      Math.min(cols - 1, Math.max(0, at[1] + right))] : [0, 0];
  }
  mark();
};
byId('range').onclick = () => { whole = !whole; repaint(); };
addEventListener('themechange', repaint);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', repaint);
addEventListener('resize', layout);
buildGrid();
layout();
repaint();
})();
)js";

}  // namespace weft::cli
