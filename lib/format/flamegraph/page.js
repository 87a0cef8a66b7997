/* SPDX-License-Identifier: BSD-2-Clause */
/* What somebody does with the graph, and what comes of it. */

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
    alignEdge();
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
  element('tools').hidden = tree.count === 1;
  element('type-choice').hidden = data.types.length < 2;
  element('color-choice').hidden = isDifference;
  element('scale-choice').hidden = data.sides !== 'two';
  alignEdge();
  choose();
  refresh();
  draw();
  listen();
}

begin();
