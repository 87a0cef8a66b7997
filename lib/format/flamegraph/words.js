/* SPDX-License-Identifier: BSD-2-Clause */
/* What is said, in numbers and in words. */

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
  /* A scaled base is no whole number. */
  if (Math.abs(now - base) <= 1e-9 * Math.abs(base))
    return base ? '0%' : '';
  if (!base)
    return 'new';
  return `${now >= base ? '+' : ''}${percent(now - base, Math.abs(base))}`;
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
