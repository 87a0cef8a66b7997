
/* SPDX-License-Identifier: BSD-2-Clause */
/* The tree that flamegraph.c describes. Nodes are numbers, depth first, so that those below node i
 * are i + 1 up to below[i]; what is known of them stands in typed arrays. Names are only ever set
 * as text.
 *
 * The files here are one script: model, drawing, words, page. */
'use strict';

const UNKNOWN = 0, PROCESS = 5, INLINED = 8;
const KINDS = ['unknown', 'native', 'kernel', 'JIT or interpreted', 'synthetic', 'process', 'thread'];

const element = (id) => document.getElementById(id);
const data = JSON.parse(element('data').textContent);
const tree = decode(data);
const isDifference = data.sides !== 'plain';

const view = {
  type: data.type, color: 'kind', isFlame: false, isScaled: false, zoom: 0, selected: -1, hovered: null,
  pattern: null, matches: null, hits: [], hit: -1, isPrinting: false,
};
/* Of the value type that is shown: see choose(). */
let values = null;

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
