/* SPDX-License-Identifier: BSD-2-Clause */
/* What is drawn: only boxes that can be seen, so that the work depends on the window and not on the
 * profile. */

const ROW = 20, FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';
const MIN_PX = 1, EDGE = 16, PRINT_WIDTH = 1000, MAX_PRINT_ROWS = 400;

/* Hue, saturation and lightness. Text on them is dark on light and light on dark, 4.5:1 at least. */
const PALETTES = {
  light: {
    kinds: [[48, 38, 80], [207, 58, 79], [24, 82, 80], [146, 36, 77], [284, 34, 84], [222, 14, 86], [222, 14, 82]],
    root: [222, 12, 90], module: [48, 78], spread: 4, match: [318, 78, 74], rest: [222, 12, 90],
    more: [6, 80], less: [212, 72], still: 91, full: 66, text: '#15181e', faint: '#6b7280',
  },
  dark: {
    kinds: [[48, 24, 31], [209, 38, 35], [22, 50, 36], [150, 26, 31], [284, 22, 38], [222, 10, 32], [222, 10, 29]],
    root: [222, 9, 27], module: [32, 35], spread: 3, match: [318, 52, 42], rest: [222, 8, 23],
    more: [6, 62], less: [212, 58], still: 27, full: 40, text: '#f0f2f6', faint: '#98a0ae',
  },
};

const canvas = element('graph'), scroller = element('scroller'), context = canvas.getContext('2d');
const dark = matchMedia('(prefers-color-scheme: dark)');
const textWidths = new Map();
/* The boxes of each row; the colors of frames, made when they are needed. */
let rows = [], colors = [];

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
  const paint = palette(), depth = Math.min(1, Math.abs(share) ** 0.7);

  if (Math.abs(share) < 0.005)
    return hsl(222, 8, paint.still);
  const [h, s] = share > 0 ? paint.more : paint.less;
  return hsl(h, Math.round(s * (0.15 + 0.85 * depth)), paint.still + (paint.full - paint.still) * depth);
}

function nodeColor(node) {
  const frame = tree.frame[node];

  if (view.matches)
    return view.matches[frame] ? hsl(...palette().match) : hsl(...palette().rest);
  if (isDifference)
    return changeColor(values.width[node] ? change(node) / values.width[node] : 0);
  return colors[frame] || (colors[frame] = frameColor(frame));
}

/* ---- layout ---- */

const graphWidth = () => view.isPrinting ? PRINT_WIDTH : element('spacer').clientWidth;
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

/* The right edge is that of the page's head, with a scroll bar in the margin or without. */
function alignEdge() {
  scroller.style.paddingRight = `${Math.max(0, EDGE - (scroller.offsetWidth - scroller.clientWidth))}px`;
}

function textWidth(text) {
  let width = textWidths.get(text);

  if (width === undefined) {
    width = context.measureText(text).width;
    textWidths.set(text, width);
  }
  return width;
}

/* Without its outermost qualifier ("encoding/json.", "std::", "(*File)."), '' when it has none: for
 * what makes a function different from those around it stands at the end. ".cold" is no name. */
function shorter(text) {
  const found = /^(?:[\w$~%-]+(?:<[^<>]*>)?|<[^<>]*>|\(\*?\w+\))(?:\/|::|\.)(?=[A-Za-z_$(<{~])/.exec(text);
  const rest = found ? text.slice(found[0].length) : '';

  return /^(?:cold|part|isra|constprop|lto_priv|llvm|abi0|abiinternal)\b/.test(rest) ? '' : rest;
}

/* As much of @text as fits, '' when that would say nothing. */
function fitted(text, room) {
  for (let rest = text; rest && textWidth(text) > room; rest = shorter(text))
    text = rest;
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

  return node ? tree.names[frame] : `all, ${isDifference ? signed(change(0)) : amount(values.now.total[0])}`;
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
    context.strokeStyle = paint.text;
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
