
/* SPDX-License-Identifier: BSD-2-Clause */
/* Draws the tree that flamegraph.c describes. Nodes are numbers, depth first, so that those below
 * node i are i + 1 up to below[i]; what is known of them stands in typed arrays. Names are only
 * ever set as text. */
'use strict';

const ROW = 20, FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';
const MIN_PX = 1, PRINT_WIDTH = 1000, MAX_PRINT_ROWS = 400;
const UNKNOWN = 0, PROCESS = 5, THREAD = 6, INLINED = 8;
const KINDS = ['unknown', 'native', 'kernel', 'JIT or interpreted', 'synthetic', 'process', 'thread'];

/* Hue, saturation and lightness. Text on them is dark on light and light on dark, 4.5:1 at least. */
const PALETTES = {
  light: {
    kinds: [[48, 38, 80], [207, 58, 79], [24, 82, 80], [146, 36, 77], [284, 34, 84], [222, 14, 86], [222, 14, 82]],
    root: [222, 12, 90], module: [48, 78], spread: 4, match: [318, 78, 74], rest: [222, 12, 90],
    more: [6, 80], less: [212, 72], still: 91, full: 66, text: '#15181e', faint: '#6b7280',
    back: '#fbfbfc', mark: '#15181e',
  },
  dark: {
    kinds: [[48, 24, 31], [209, 38, 35], [22, 50, 36], [150, 26, 31], [284, 22, 38], [222, 10, 32], [222, 10, 29]],
    root: [222, 9, 27], module: [32, 35], spread: 3, match: [318, 52, 42], rest: [222, 8, 23],
    more: [6, 62], less: [212, 58], still: 27, full: 40, text: '#f0f2f6', faint: '#98a0ae',
    back: '#16181d', mark: '#fff',
  },
};

const element = (id) => document.getElementById(id);
const canvas = element('graph'), scroller = element('scroller'), context = canvas.getContext('2d');
const dark = matchMedia('(prefers-color-scheme: dark)');
const data = JSON.parse(element('data').textContent);
const tree = decode(data);
const isDifference = data.sides !== 'plain';

const view = {
  type: data.type, color: 'kind', isFlame: false, isScaled: false, zoom: 0, selected: -1, hovered: null,
  pattern: null, matches: null, hits: [], hit: -1, isPrinting: false,
};
let values = null, rows = [], colors = [], textWidths = new Map();

/* ---- data ---- */

/* Control characters and those that turn the direction of text would hide what a name is. */
function printable(text) {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g,
    (character) => '\\u' + character.charCodeAt(0).toString(16).padStart(4, '0'));
}

function decode(from) {
  const count = from.ups.length;
  const strings = from.strings.map(printable);
  const depth = new Int32Array(count), parent = new Int32Array(count), below = new Int32Array(count);
  const frame = new Int32Array(count), names = [], path = [0];
  let name = 0;

  for (const step of from.names) {
    name += step;
    names.push(strings[name]);
  }
  names[0] = 'all';
  for (let i = 1; i < count; i++) {
    depth[i] = depth[i - 1] + 1 - from.ups[i];
    parent[i] = path[depth[i] - 1];
    path[depth[i]] = i;
    frame[i] = frame[i - 1] + from.frames[i];
  }
  for (let i = count - 1; i >= 0; i--) {
    below[i] = Math.max(below[i], i + 1);
    below[parent[i]] = Math.max(below[parent[i]], below[i]);
  }
  return {
    count, depth, parent, below, frame, names, kinds: from.kinds,
    modules: from.modules.map((i) => strings[i]), files: from.files.map((i) => strings[i]),
  };
}

/* Own values of the nodes and their sums. */
function sums(list, scale) {
  const self = new Float64Array(tree.count);
  let node = 0;

  for (let i = 0; i < list.length; i++) {
    node += data.at[i];
    self[node] = list[i] * scale;
  }
  const total = self.slice();
  for (let i = tree.count - 1; i > 0; i--)
    total[tree.parent[i]] += total[i];
  return { self, total };
}

/* A frame is as wide as its larger side, so that what has vanished can be seen as well. */
function choose() {
  const type = data.types[view.type], count = tree.count;
  const now = sums(type ? type.self : [], type ? type.scale : 1);
  let base = null;

  if (data.sides === 'two') {
    base = sums(type.base, type.scale);
    if (view.isScaled && base.total[0])
      base = sums(type.base, type.scale * now.total[0] / base.total[0]);
  }
  const width = new Float64Array(count), start = new Float64Array(count), next = new Float64Array(count);
  const own = new Float64Array(count);
  for (let i = count - 1; i >= 0; i--) {
    own[i] = Math.max(Math.abs(now.self[i]), base ? Math.abs(base.self[i]) : 0);
    width[i] += own[i];
    if (i)
      width[tree.parent[i]] += width[i];
  }
  for (let i = 1; i < count; i++) {
    start[i] = next[tree.parent[i]];
    next[tree.parent[i]] += width[i];
    next[i] = start[i];
  }
  values = { now, base, own, width, start, unit: type ? type.unit : '', name: type ? type.type : '' };
}

/* What percentages are of: the part of the profile that somebody looks at. */
const weight = (node) => data.sides === 'signed' ? values.width[node] : values.now.total[node];
const change = (node) => values.now.total[node] - (values.base ? values.base.total[node] : 0);

/* ---- numbers ---- */

const UNITS = {
  nanoseconds: [['s', 1e9], ['ms', 1e6], ['µs', 1e3], ['ns', 1]],
  microseconds: [['s', 1e6], ['ms', 1e3], ['µs', 1]],
  milliseconds: [['s', 1e3], ['ms', 1]],
  seconds: [['s', 1]],
  bytes: [['TiB', 2 ** 40], ['GiB', 2 ** 30], ['MiB', 2 ** 20], ['KiB', 2 ** 10], ['B', 1]],
};

function quantity(value, unit, name) {
  const units = UNITS[unit];

  if (!units) {
    const text = value.toLocaleString('en', { maximumFractionDigits: 2 });
    return unit === 'count' ? `${text} ${printable(name)}` : `${text} ${printable(unit)}`;
  }
  const [symbol, size] = units.find((u) => Math.abs(value) >= u[1]) || units[units.length - 1];
  const scaled = value / size;
  const digits = size === 1 || Math.abs(scaled) >= 100 ? 0 : Math.abs(scaled) >= 10 ? 1 : 2;
  return `${scaled.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${symbol}`;
}

const amount = (value) => quantity(value, values.unit, values.name);
const signed = (value) => (value > 0 ? '+' : '') + amount(value).replace('-', '−');

function percent(part, whole) {
  const share = whole ? 100 * part / whole : 0;

  return `${(Math.abs(share) === 100 ? share.toFixed(0) : share.toFixed(Math.abs(share) >= 10 ? 1 : 2)).replace('-', '−')}%`;
}

function changePercent(now, base) {
  if (!base)
    return now ? 'new' : '';
  return `${now >= base ? '+' : ''}${percent(now - base, Math.abs(base))}`;
}

/* ---- color ---- */

function hash(text) {
  let sum = 2166136261;

  for (let i = 0; i < text.length; i++)
    sum = Math.imul(sum ^ text.charCodeAt(i), 16777619);
  return (sum ^ sum >>> 15) >>> 0;
}

const hsl = (h, s, l) => `hsl(${h} ${s}% ${l}%)`;
const palette = () => dark.matches && !view.isPrinting ? PALETTES.dark : PALETTES.light;

/* Names differ a little, so that frames side by side can be told apart. */
function frameColor(frame) {
  const paint = palette(), kind = tree.kinds[frame] & ~INLINED;

  if (!frame)
    return hsl(...paint.root);
  if (view.color === 'module' && kind < PROCESS)
    return moduleColor(tree.modules[frame]);
  const seed = hash(tree.names[frame]), [h, s, l] = paint.kinds[kind] || paint.kinds[UNKNOWN];
  return hsl(h + seed % 15 - 7, s, l + (seed >>> 8) % (2 * paint.spread + 1) - paint.spread);
}

function moduleColor(module) {
  const paint = palette();

  return module ? hsl(hash(module) % 360, ...paint.module) : hsl(...paint.kinds[UNKNOWN]);
}

/* @share: -1, all of it is gone, to 1, all of it is new */
function changeColor(share) {
  const paint = palette(), depth = Math.min(1, Math.sqrt(Math.abs(share)));

  if (Math.abs(share) < 0.005)
    return hsl(222, 8, paint.still);
  const [h, s] = share > 0 ? paint.more : paint.less;
  return hsl(h, Math.round(s * (0.35 + 0.65 * depth)), paint.still + (paint.full - paint.still) * depth);
}

function nodeColor(node) {
  const frame = tree.frame[node];

  if (view.matches)
    return view.matches[frame] ? hsl(...palette().match) : hsl(...palette().rest);
  if (isDifference)
    return changeColor(values.width[node] ? change(node) / values.width[node] : 0);
  return colors[frame] || (colors[frame] = frameColor(frame));
}

/* ---- layout and drawing ---- */

const graphWidth = () => view.isPrinting ? PRINT_WIDTH : scroller.clientWidth;
const viewHeight = () => view.isPrinting ? Math.min(rows.length, MAX_PRINT_ROWS) * ROW : scroller.clientHeight;
const contentHeight = () => Math.max(rows.length * ROW, viewHeight());
/* Where row @depth begins, in the content. */
const rowTop = (depth) => view.isFlame ? contentHeight() - (depth + 1) * ROW : depth * ROW;

/* The boxes of each row that can be seen. What is too narrow is gathered into boxes of several,
 * and nothing is looked at below them, so that the work depends on what is shown. */
function layout() {
  const { depth, parent, below } = tree, { start, width } = values, zoom = view.zoom;
  const total = graphWidth(), scale = width[zoom] ? total / width[zoom] : 0;

  rows = [];
  for (let node = zoom; node; node = parent[node])
    rows[depth[node]] = [{ node, left: 0, right: total }];
  rows[0] = [{ node: 0, left: 0, right: total }];
  for (let i = zoom + 1; scale && i < below[zoom];) {
    const left = (start[i] - start[zoom]) * scale, right = left + width[i] * scale;
    const row = rows[depth[i]] || (rows[depth[i]] = []);

    if (right - left >= MIN_PX) {
      row.push({ node: i, left, right });
      i++;
      continue;
    }
    const last = row[row.length - 1];
    if (last && last.narrow && last.node === parent[i]) {
      last.right = right;
      last.narrow++;
    } else if (width[i]) {
      row.push({ node: parent[i], left, right, narrow: 1 });
    }
    i = below[i];
  }
  while (rows.length > 1 && rows[rows.length - 1].every((box) => box.right - box.left < MIN_PX))
    rows.pop();
  element('spacer').style.height = `${rows.length * ROW}px`;
}

function textWidth(text) {
  let width = textWidths.get(text);

  if (width === undefined) {
    width = context.measureText(text).width;
    textWidths.set(text, width);
  }
  return width;
}

/* As much of @text as fits, '' when that would say nothing. */
function fitted(text, room) {
  const width = textWidth(text);

  if (width <= room)
    return text;
  let count = Math.floor(text.length * room / width);
  for (; count > 1; count--) {
    /* Not half of a character. */
    const cut = text.slice(0, text.charCodeAt(count - 1) >> 10 === 0x36 ? count - 1 : count) + '…';
    if (context.measureText(cut).width <= room)
      return cut;
  }
  return '';
}

function label(node) {
  const frame = tree.frame[node];

  return node ? tree.names[frame] : `all, ${amount(isDifference ? change(0) : values.now.total[0])}`;
}

function drawBox(box, top, ratio) {
  const paint = palette();
  const left = Math.round(box.left * ratio) / ratio;
  const right = Math.max(Math.round(box.right * ratio) / ratio, left + 1 / ratio);
  const gap = right - left > 3 ? 1 : 0, width = right - left - gap;

  if (box.narrow) {
    context.fillStyle = hsl(...paint.rest);
    context.fillRect(left, top, width, ROW - 1);
    return;
  }
  const isAbove = tree.depth[box.node] < tree.depth[view.zoom];
  context.globalAlpha = isAbove ? 0.55 : 1;
  context.fillStyle = nodeColor(box.node);
  context.fillRect(left, top, width, ROW - 1);
  context.globalAlpha = 1;
  if (width > 22) {
    const text = fitted(label(box.node), width - 9);
    if (text) {
      const isPale = view.matches && !view.matches[tree.frame[box.node]];
      context.fillStyle = isPale ? paint.faint : paint.text;
      context.fillText(text, left + 5, top + ROW / 2);
    }
  }
  if (box.node === view.selected || (view.hovered && view.hovered.node === box.node && !view.hovered.narrow)) {
    context.strokeStyle = paint.mark;
    context.lineWidth = box.node === view.selected ? 2 : 1;
    const inset = context.lineWidth / 2;
    context.strokeRect(left + inset, top + inset, Math.max(width - 2 * inset, 0.5), ROW - 1 - 2 * inset);
  }
}

function draw() {
  const ratio = view.isPrinting ? 2 : window.devicePixelRatio || 1;
  const width = graphWidth(), height = viewHeight();
  const scroll = view.isPrinting ? contentHeight() - height : scroller.scrollTop;
  const offset = view.isPrinting && !view.isFlame ? 0 : scroll;

  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = FONT;
  context.textBaseline = 'middle';
  context.direction = 'ltr';
  for (let depth = 0; depth < rows.length; depth++) {
    const top = rowTop(depth) - offset;

    if (top > -ROW && top < height)
      for (const box of rows[depth])
        drawBox(box, top, ratio);
  }
}

let isDrawPending = false;
function drawSoon() {
  if (isDrawPending)
    return;
  isDrawPending = true;
  requestAnimationFrame(() => {
    isDrawPending = false;
    draw();
  });
}

function boxAt(x, y) {
  const content = y + scroller.scrollTop;
  const row = rows[Math.floor((view.isFlame ? contentHeight() - content - 0.01 : content) / ROW)];

  return row ? row.find((box) => x >= box.left && x < Math.max(box.right, box.left + 1)) || null : null;
}

function boxOf(node) {
  return (rows[tree.depth[node]] || []).find((box) => box.node === node && !box.narrow) || null;
}

function scrollTo(node) {
  const top = rowTop(tree.depth[node]);

  if (top < scroller.scrollTop)
    scroller.scrollTop = top - ROW;
  else if (top + ROW > scroller.scrollTop + viewHeight())
    scroller.scrollTop = top + 2 * ROW - viewHeight();
}

/* ---- words ---- */

function make(tag, text, name) {
  const made = document.createElement(tag);

  if (text !== undefined)
    made.textContent = text;
  if (name)
    made.className = name;
  return made;
}

function where(node) {
  const frame = tree.frame[node], kind = tree.kinds[frame];

  if (!node)
    return '';
  return [
    KINDS[kind & ~INLINED] + (kind & INLINED ? ', inlined' : ''), tree.modules[frame], tree.files[frame],
  ].filter(Boolean).join(' · ');
}

/* Rows of [what, amount, share, …]. */
function facts(node) {
  const { now, base } = values;

  if (base)
    return [
      ['', 'new', 'base', 'change', ''],
      ...[['total', 'total'], ['self', 'self']].map(([text, key]) => [
        text, amount(now[key][node]), amount(base[key][node]), signed(now[key][node] - base[key][node]),
        changePercent(now[key][node], base[key][node])]),
      ['share', percent(now.total[node], now.total[0]), percent(base.total[node], base.total[0]), '', ''],
    ];
  if (data.sides === 'signed')
    return [['total', signed(now.total[node])], ['self', signed(now.self[node])]];
  const list = [
    ['total', amount(now.total[node]), percent(now.total[node], now.total[0])],
    ['self', amount(now.self[node]), percent(now.self[node], now.total[0])],
  ];
  if (view.zoom)
    list.push(['of what is zoomed', '', percent(now.total[node], now.total[view.zoom])]);
  return list;
}

function showTooltip(box, x, y) {
  const tooltip = element('tooltip');

  tooltip.replaceChildren();
  if (box.narrow) {
    tooltip.append(make('span', `${box.narrow.toLocaleString('en')} narrow frame${box.narrow > 1 ? 's' : ''} below `,
      'where'), make('bdi', tree.names[tree.frame[box.node]]));
  } else {
    const table = make('table');
    for (const [head, ...cells] of facts(box.node)) {
      const line = make('tr');
      line.append(make('th', head), ...cells.map((cell) => make('td', cell)));
      table.append(line);
    }
    const name = make('strong');
    name.append(make('bdi', tree.names[tree.frame[box.node]]));
    tooltip.append(name, make('div', where(box.node), 'where'), table);
  }
  tooltip.hidden = false;
  const { width, height } = tooltip.getBoundingClientRect();
  tooltip.style.left = `${Math.max(8, Math.min(x + 14, innerWidth - width - 8))}px`;
  tooltip.style.top = `${y + 20 + height > innerHeight ? Math.max(8, y - height - 12) : y + 18}px`;
}

function hideTooltip() {
  element('tooltip').hidden = true;
  if (view.hovered) {
    view.hovered = null;
    canvas.classList.remove('over');
    drawSoon();
  }
}

function sentence(node) {
  const { now, base } = values;

  if (isDifference) {
    const sides = base ? `${amount(now.total[node])} new, ${amount(base.total[node])} base, ` : '';
    return `${sides}${signed(change(node))}`;
  }
  return `${percent(now.total[node], now.total[0])}, ${amount(now.total[node])}; ` +
    `self ${percent(now.self[node], now.total[0])}, ${amount(now.self[node])}`;
}

function showStatus() {
  const status = element('status'), node = view.selected >= 0 ? view.selected : view.zoom;

  status.replaceChildren();
  if (view.selected < 0 && !view.zoom) {
    status.append(make('span', tree.count > 1 ? 'Click a frame to zoom in, press / to search.' : '', 'hint'));
    return;
  }
  if (view.zoom === node && node)
    status.append('Zoomed to ');
  status.append(make('bdi', tree.names[tree.frame[node]]), `: ${sentence(node)}`);
  const place = where(node);
  if (place)
    status.append(make('span', ` · ${place}`, 'hint'));
}

function showSummary() {
  const title = element('title'), totals = [];

  title.replaceChildren(make('bdi', printable(data.title)),
    make('span', isDifference ? ' difference' : ' flame graph'));
  data.types.forEach((type, i) => {
    const sum = (list) => list.reduce((total, value) => total + value, 0) * type.scale;
    const now = sum(type.self), show = (value) => quantity(value, type.unit, type.type) +
      (type.unit === 'count' ? '' : ` ${printable(type.type)}`);
    if (data.sides !== 'two')
      totals.push(show(now));
    else if (i === view.type || data.types.length < 4)
      totals.push(`${show(now)}, base ${show(sum(type.base))} (${changePercent(now, sum(type.base)) || 'no change'})`);
  });
  let text = totals.join(' · ');
  if (data.duration_ns > 0)
    text += ` · in ${quantity(data.duration_ns, 'nanoseconds')}`;
  if (data.time_ms > 0)
    text += ` · from ${new Date(data.time_ms).toISOString().replace('T', ' ').replace(/\.\d+Z/, ' UTC')}`;
  element('summary').textContent = text;
  element('comments').replaceChildren(...data.comments.map((comment) =>
    make('li', printable(comment), /\b(lost|dropped|limit)\b/i.test(comment) ? 'lost' : '')));
}

function legendEntry(color, name, part) {
  const entry = make('li'), swatch = make('i');

  swatch.style.background = color;
  entry.append(swatch, make('bdi', name));
  if (part !== undefined)
    entry.append(part);
  return entry;
}

/* Shares are of own values: what a kind or module did itself. */
function showLegend() {
  const legend = element('legend'), shares = new Map(), paint = palette();

  legend.replaceChildren();
  if (isDifference) {
    const ramp = make('li', undefined, 'ramp');
    for (let i = -4; i <= 4; i++)
      ramp.append(legendEntry(changeColor(i / 4), '').firstChild);
    legend.append(make('li', 'less'), ramp, make('li', 'more'));
    return;
  }
  const isByModule = view.color === 'module';
  for (let i = 0; i < tree.count; i++) {
    const frame = tree.frame[i], kind = tree.kinds[frame] & ~INLINED;
    const key = isByModule && kind < PROCESS ? tree.modules[frame] || 'no module' : KINDS[kind];
    if (i && (values.own[i] || kind >= PROCESS))
      shares.set(key, (shares.get(key) || 0) + values.own[i]);
  }
  const sorted = [...shares].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  for (const [name, own] of isByModule ? sorted.slice(0, 6) : sorted) {
    const kind = KINDS.indexOf(name);
    const color = isByModule && kind < 0 ? moduleColor(name === 'no module' ? '' : name) : hsl(...paint.kinds[kind]);
    legend.append(legendEntry(color, name, own ? percent(own, values.width[0]) : undefined));
  }
  if (isByModule && sorted.length > 6)
    legend.append(make('li', `and ${sorted.length - 6} more`));
}

/* ---- search ---- */

/* Capitals in the pattern, but not in escapes such as \W, ask for case to matter. */
function search(text) {
  const field = element('search');

  view.pattern = null;
  if (text) {
    try {
      view.pattern = new RegExp(text, /[A-Z]/.test(text.replace(/\\./g, '')) ? 'u' : 'iu');
    } catch {
      field.setAttribute('aria-invalid', 'true');
      view.matches = null;
      element('matched').textContent = 'not a regular expression';
      drawSoon();
      return;
    }
  }
  field.removeAttribute('aria-invalid');
  view.matches = view.pattern && tree.names.map((name, i) => i > 0 && view.pattern.test(name));
  findHits();
  drawSoon();
}

/* A match inside a match is part of it and counts once. */
function matchedWeight(root) {
  let sum = 0;

  for (let i = root; i < tree.below[root];) {
    const isHit = view.matches[tree.frame[i]];
    sum += isHit ? weight(i) : 0;
    i = isHit ? tree.below[i] : i + 1;
  }
  return sum;
}

function findHits() {
  const output = element('matched');

  view.hits = [];
  view.hit = -1;
  output.replaceChildren();
  if (!view.matches)
    return;
  for (let i = 1; i < tree.count; i++)
    if (view.matches[tree.frame[i]] && values.width[i])
      view.hits.push(i);
  view.hits.sort((a, b) => values.width[b] - values.width[a] || a - b);
  if (!view.hits.length) {
    output.textContent = 'no match';
    return;
  }
  output.append(make('strong', percent(matchedWeight(0), weight(0))), ` (${amount(matchedWeight(0))})`);
  if (view.zoom)
    output.append(`, ${percent(matchedWeight(view.zoom), weight(view.zoom))} of what is zoomed`);
}

function goToHit(step) {
  if (!view.hits.length)
    return;
  view.hit = (view.hit + step + view.hits.length) % view.hits.length;
  const node = view.hits[view.hit];
  if (!boxOf(node))
    zoomTo(node);
  select(node);
}

/* ---- actions ---- */

function select(node) {
  view.selected = node;
  if (node >= 0)
    scrollTo(node);
  showStatus();
  drawSoon();
}

function zoomTo(node) {
  view.zoom = node;
  element('reset').disabled = node === 0;
  hideTooltip();
  layout();
  if (view.matches) {
    const hit = view.hit;
    findHits();
    view.hit = hit;
  }
  scrollTo(node);
  showStatus();
  drawSoon();
}

function reset() {
  view.selected = -1;
  zoomTo(0);
  scroller.scrollTop = view.isFlame ? contentHeight() : 0;
}

/* After anything that changes numbers or sizes. */
function refresh() {
  const isEmpty = !values.width[0];

  element('spacer').hidden = isEmpty;
  element('empty').hidden = !isEmpty;
  element('empty').textContent = isDifference && tree.count > 1 ? 'no difference: no samples' : 'no samples';
  showSummary();
  showLegend();
  layout();
  findHits();
  showStatus();
  drawSoon();
}

function chooseType(type) {
  view.type = type;
  choose();
  if (!values.width[view.zoom])
    zoomTo(0);
  refresh();
}

/* The first child that can be seen, which is the heaviest; or -1. */
function childOf(node) {
  for (let i = node + 1; i < tree.below[node]; i = tree.below[i])
    if (boxOf(i))
      return i;
  return -1;
}

function neighbourOf(node, step) {
  const row = (rows[tree.depth[node]] || []).filter((box) => !box.narrow);
  const at = row.findIndex((box) => box.node === node);

  return at >= 0 && row[at + step] ? row[at + step].node : -1;
}

function move(key) {
  const node = view.selected >= 0 && boxOf(view.selected) ? view.selected : view.zoom;
  const isDown = key === (view.isFlame ? 'ArrowUp' : 'ArrowDown');
  let to = -1;

  if (view.selected < 0)
    to = node;
  else if (key === 'ArrowLeft' || key === 'ArrowRight')
    to = neighbourOf(node, key === 'ArrowLeft' ? -1 : 1);
  else if (isDown)
    to = node === 0 || tree.depth[node] >= tree.depth[view.zoom] ? childOf(node) : rows[tree.depth[node] + 1][0].node;
  else if (node)
    to = tree.parent[node];
  if (to >= 0)
    select(to);
}

function escape() {
  if (view.pattern || element('search').value) {
    element('search').value = '';
    search('');
  } else if (view.zoom) {
    reset();
  } else {
    select(-1);
  }
  hideTooltip();
}

/* ---- events ---- */

function onGraphKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey)
    return;
  if (event.key.startsWith('Arrow'))
    move(event.key);
  else if (event.key === 'Enter' || event.key === ' ')
    zoomTo(view.selected >= 0 ? view.selected : 0);
  else if (event.key === 'Backspace')
    zoomTo(tree.parent[view.zoom]);
  else if (event.key === 'Home')
    reset();
  else if (event.key === 'n' || event.key === 'N')
    goToHit(event.key === 'n' ? 1 : -1);
  else
    return;
  event.preventDefault();
}

function onKey(event) {
  const field = element('search'), isIn = document.activeElement === field;
  const isFind = (event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === 'f';

  if (element('keys').open)
    return;
  if (event.key === 'Escape') {
    escape();
    if (isIn)
      canvas.focus();
  /* The second time it is the browser's own search. */
  } else if (!isIn && (isFind || (event.key === '/' && !event.ctrlKey && !event.metaKey))) {
    field.focus();
    field.select();
    event.preventDefault();
  } else if (event.key === '?' && !isIn) {
    element('keys').showModal();
  }
}

function onMove(event) {
  const box = boxAt(event.offsetX, event.offsetY), before = view.hovered;

  if (!box) {
    hideTooltip();
    return;
  }
  view.hovered = box;
  canvas.classList.add('over');
  showTooltip(box, event.clientX, event.clientY);
  if (!before || before !== box)
    drawSoon();
}

function onClick(event) {
  const box = boxAt(event.offsetX, event.offsetY);

  if (!box)
    return;
  view.selected = box.node;
  zoomTo(box.node);
}

function onPrint(isPrinting) {
  view.isPrinting = isPrinting;
  colors = [];
  layout();
  showLegend();
  draw();
}

function listen() {
  let timer = 0;

  canvas.addEventListener('click', onClick);
  canvas.addEventListener('mousemove', onMove);
  canvas.addEventListener('mouseleave', hideTooltip);
  canvas.addEventListener('keydown', onGraphKey);
  document.addEventListener('keydown', onKey);
  scroller.addEventListener('scroll', () => {
    hideTooltip();
    drawSoon();
  });
  element('search').addEventListener('input', (event) => {
    clearTimeout(timer);
    timer = setTimeout(() => search(event.target.value), tree.names.length > 20000 ? 200 : 60);
  });
  element('search').addEventListener('keydown', (event) => {
    if (event.key !== 'Enter')
      return;
    clearTimeout(timer);
    if (!view.pattern || view.pattern.source !== event.target.value)
      search(event.target.value);
    goToHit(event.shiftKey ? -1 : 1);
  });
  element('type').addEventListener('change', (event) => chooseType(Number(event.target.value)));
  element('color').addEventListener('change', (event) => {
    view.color = event.target.value;
    colors = [];
    refresh();
  });
  element('scale').addEventListener('change', (event) => {
    view.isScaled = event.target.checked;
    chooseType(view.type);
  });
  for (const choice of document.querySelectorAll('input[name=direction]'))
    choice.addEventListener('change', () => {
      view.isFlame = choice.value === 'flame';
      scroller.scrollTop = view.isFlame ? contentHeight() : 0;
      drawSoon();
    });
  element('reset').addEventListener('click', reset);
  element('help').addEventListener('click', () => element('keys').showModal());
  dark.addEventListener('change', () => {
    colors = [];
    refresh();
  });
  addEventListener('beforeprint', () => onPrint(true));
  addEventListener('afterprint', () => onPrint(false));
  new ResizeObserver(() => {
    layout();
    draw();
  }).observe(scroller);
}

function begin() {
  const select = element('type');

  data.types.forEach((type, i) => {
    const option = make('option', `${printable(type.type)} (${printable(type.unit)})`);
    option.value = i;
    select.append(option);
  });
  select.value = view.type;
  element('type-choice').hidden = data.types.length < 2;
  element('color-choice').hidden = isDifference;
  element('scale-choice').hidden = data.sides !== 'two';
  choose();
  refresh();
  draw();
  listen();
}

begin();
