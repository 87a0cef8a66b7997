// SPDX-License-Identifier: BSD-2-Clause
// trace.js NODE_MODULES DIR: what `trace` and `convert` wrote there, against each other. Prints a line
// for each claim, "ok CLAIM" or "not ok CLAIM" with what was found. The files of DIR:
//	saved.jsonl		a run, with its envelope
//	converted-SIGNAL.json	made of it, and .otlp, which @opentelemetry/otlp-transformer decodes
//	live-SIGNAL.json	another run of the same program, and its statistics in live.stats
//	wire-SIGNAL.otlp	one more, in wire.stats
'use strict';
const fs = require('fs');
const path = require('path');
const otlp = require('./otlp.js');
const { attributes, canonical, ok, same } = otlp;

const [modules, dir] = process.argv.slice(2).map((p) => path.resolve(p));
const requests = otlp.requests(modules);

function first(a, b) { // where two lists part
	for (let i = 0; i < Math.max(a.length, b.length); i++)
		if (!same(a[i], b[i]))
			return [i, a[i], b[i]];
	return [];
}

const lines = (file) => otlp.parse(fs.readFileSync(path.join(dir, file)));

function read(file, signal) {
	const messages = file.endsWith('.json') ? lines(file) : otlp.decode(requests[signal],
		fs.readFileSync(path.join(dir, file)), { longs: String, bytes: String, oneofs: false });
	return messages.map((m) => canonical(m));
}

const spansOf = (messages) => messages.flatMap((m) => m.resourceSpans).flatMap((r) => r.scopeSpans)
	.flatMap((s) => s.spans).map((s) => ({ ...s, attributes: attributes(s.attributes) }));
const isCall = (span) => span.attributes['ebpfotel.syscall.name'] !== undefined;
const recordsOf = (messages) => messages.flatMap((m) => m.resourceLogs).flatMap((r) => r.scopeLogs)
	.flatMap((s) => s.logRecords).map((l) => ({ ...l, attributes: attributes(l.attributes) }));

// The last of each cumulative series, added up over resources: { "NAME ERROR": { count, sum, bounds, slots } }.
function histogram(messages, name) {
	const series = new Map(), found = {};
	for (const r of messages.flatMap((m) => m.resourceMetrics))
		for (const point of r.scopeMetrics.flatMap((s) => s.metrics).filter((m) => m.name === name)
			.flatMap((m) => m.histogram.dataPoints))
			series.set(JSON.stringify([r.resource, point.attributes]), point);
	for (const point of series.values()) {
		const a = attributes(point.attributes), key = `${a['ebpfotel.syscall.name']} ${a['error.type'] || ''}`;
		const sum = found[key] ??= { count: 0, sum: 0, bounds: point.explicitBounds.map(Number),
			slots: point.bucketCounts.map(() => 0) };
		sum.count += Number(point.count);
		sum.sum += Number(point.sum || 0);
		point.bucketCounts.forEach((n, i) => { sum.slots[i] += Number(n); });
	}
	return found;
}
const counts = (points) => Object.keys(points).sort().map((k) => [k, points[k].count]);

// Nanoseconds since 1970, which are more than a number holds.
function moment(timestamp) {
	const [, seconds, nanoseconds] = /^(.*)\.(\d{9})Z$/.exec(timestamp);
	return BigInt(Date.parse(seconds + 'Z')) * 1000000n + BigInt(nanoseconds);
}
const byTime = (a, b) => a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0;

const records = lines('saved.jsonl');
const calls = records.filter((r) => r.event_type === 'syscall');
ok(calls.length > 150, 'there are calls', calls.length);
for (const signal of Object.keys(requests)) {
	const a = read(`converted-${signal}.otlp`, signal), b = read(`converted-${signal}.json`, signal);
	ok(a.length > 0 && same(a, b), `${signal} are the same as protobuf and as JSON`, first(a, b));
}

// Spans
const spans = spansOf(read('converted-traces.otlp', 'traces')), called = spans.filter(isCall);
const told = (a) => a.map((r) => [String(r[0]), ...r.slice(1)]).sort(byTime);
const fromEvents = told(calls.map((c) => [moment(c.timestamp), String(c.data.duration_ns || 0), c.data.name,
	c.data.error || '', String(c.tid)]));
const fromSpans = told(called.map((s) => [BigInt(s.startTimeUnixNano),
	String(BigInt(s.endTimeUnixNano) - BigInt(s.startTimeUnixNano)), s.name, s.attributes['error.type'] || '',
	s.attributes['thread.id']]));
ok(same(fromEvents, fromSpans), 'each call is a span with its name, error, thread, begin and duration',
	first(fromEvents, fromSpans));
ok(called.every((s) => s.kind === '1' && (s.attributes['error.type'] ? s.status.code === '2' : !s.status || !s.status.code)),
	'what failed has status ERROR, and nothing else has');
const byId = new Map(spans.map((s) => [s.spanId, s]));
ok(byId.size === spans.length, 'span ids are different', [byId.size, spans.length]);
ok(called.every((s) => {
	const parent = byId.get(s.parentSpanId);
	return parent && parent.name === 'system calls' && parent.traceId === s.traceId;
}), "calls hang under their thread's span");
const texts = (v) => typeof v === 'string' ? v : JSON.stringify(v);
const wanted = calls.map((c) => [moment(c.timestamp), ...Object.entries(c.data.args).map(([k, v]) => [k, texts(v)])]);
const given = called.map((s) => [BigInt(s.startTimeUnixNano), ...Object.entries(s.attributes)
	.filter(([k]) => k.startsWith('ebpfotel.syscall.arg.')).map(([k, v]) => [k.slice(21), v])]);
const sorted = (a) => told(a).map((r) => [r[0], r.slice(1).sort()]);
ok(same(sorted(wanted), sorted(given)), 'arguments are those of the events', first(sorted(wanted), sorted(given)));

// Metrics
const durations = {};
for (const call of calls.filter((c) => c.data.duration_ns !== undefined))
	(durations[`${call.data.name} ${call.data.error || ''}`] ??= []).push(call.data.duration_ns);
const points = histogram(read('converted-metrics.otlp', 'metrics'), 'ebpfotel.syscall.duration');
const expected = Object.keys(durations).sort().map((k) => [k, durations[k].length]);
ok(same(counts(points), expected), 'the histogram counts each call by name and error', first(counts(points), expected));
const near = (a, b) => Math.abs(a - b) <= 1e-9 * Math.max(1e-9, Math.abs(a), Math.abs(b));
const wrong = Object.entries(points).filter(([key, point]) => {
	const list = durations[key] || [], found = new Array(point.slots.length).fill(0);
	for (const ns of list) // a bucket includes its upper bound; half a nanosecond is between all durations
		found[point.bounds.filter((b) => b < (ns - 0.5) * 1e-9).length]++;
	return !near(point.sum, list.reduce((a, b) => a + b, 0) * 1e-9) || !same(found, point.slots);
});
ok(!wrong.length, 'its sums and buckets are those of the durations', wrong[0]);

// Log records
const logs = recordsOf(read('converted-logs.otlp', 'logs'));
const types = (a) => a.sort();
ok(same(types(logs.map((l) => l.eventName)), types(records.map((r) => 'ebpfotel.' + r.event_type))),
	'each record is a log record with its name');
const logged = logs.filter((l) => l.eventName === 'ebpfotel.syscall').map((l) => [BigInt(l.timeUnixNano),
	l.attributes.name, l.attributes.ret || '', l.attributes.error || '', l.attributes.duration_ns || '']);
const lined = calls.map((c) => [moment(c.timestamp), c.data.name, c.data.ret === undefined ? '' : String(c.data.ret),
	c.data.error || '', c.data.duration_ns === undefined ? '' : String(c.data.duration_ns)]);
ok(same(told(logged), told(lined)), 'with its result, error and duration', first(told(logged), told(lined)));

// Live
const names = (list) => list.map((s) => `${s.name} ${s.attributes['error.type'] || ''}`).sort();
for (const [run, ending] of [['live', 'json'], ['wire', 'otlp']]) {
	const stats = JSON.parse(fs.readFileSync(path.join(dir, `${run}.stats`), 'utf8'));
	const all = spansOf(read(`${run}-traces.${ending}`, 'traces')).filter(isCall);
	const live = histogram(read(`${run}-metrics.${ending}`, 'metrics'), 'ebpfotel.syscall.duration');
	const lost = Object.values(stats.lost).reduce((a, b) => a + b);
	ok(lost === 0, `${run}: nothing is lost`, stats.lost);
	ok(all.length === stats.events_emitted, `${run}: as many spans as events`, [all.length, stats.events_emitted]);
	ok(all.filter((s) => s.attributes['error.type']).length === stats.syscall.errors, `${run}: and as many failed ones`);
	const total = counts(live).reduce((sum, [, n]) => sum + n, 0);
	const endless = all.filter((s) => /^exit/.test(s.name)).length; // those never return
	ok(total === stats.events_emitted - endless, `${run}: the histogram counts all that returned`,
		[total, stats.events_emitted, endless]);
	ok(same(names(all), names(called)), `${run}: the same calls as those of the saved run`, first(names(all), names(called)));
	ok(same(counts(live), counts(points)), `${run}: and the same counts`, first(counts(live), counts(points)));
	ok(recordsOf(read(`${run}-logs.${ending}`, 'logs')).filter((l) => l.eventName === 'ebpfotel.syscall').length ===
		stats.events_emitted, `${run}: as many log records`);
}
