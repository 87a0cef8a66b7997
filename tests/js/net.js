// SPDX-License-Identifier: BSD-2-Clause
// net.js NODE_MODULES DIR: spans and metrics of requests whose number and traceparents are known. Prints
// a line for each claim, "ok CLAIM" or "not ok CLAIM" with what was found. The files of DIR, each message
// behind its length, which @opentelemetry/otlp-transformer decodes:
//	live-traces.otlp, live-metrics.otlp	of a run
//	converted-traces.otlp			made of what another one saved at the same time
'use strict';
const fs = require('fs');
const path = require('path');
const otlp = require('./otlp.js');
const { attributes, ok } = otlp;

const [modules, dir] = process.argv.slice(2, 4).map((p) => path.resolve(p));
const [traced, plain] = process.argv.slice(4).map(Number);
const types = otlp.requests(modules);
const read = (file, signal) => otlp.decode(types[signal], fs.readFileSync(path.join(dir, file)),
	{ longs: Number, bytes: Buffer, arrays: true });

const hex = (bytes) => Buffer.from(bytes || []).toString('hex');
const SERVER = 2, CLIENT = 3;

function requests(file) {
	return read(file, 'traces')
		.flatMap((m) => m.resourceSpans.flatMap((r) => r.scopeSpans.flatMap((s) => s.spans.map((span) => ({
			kind: span.kind, name: span.name, trace: hex(span.traceId), parent: hex(span.parentSpanId),
			...attributes(span.attributes), exe: attributes(r.resource.attributes)['process.executable.name'],
		}))))).filter((s) => s['url.path'] !== undefined);
}

for (const file of ['live-traces.otlp', 'converted-traces.otlp']) {
	const spans = requests(file), what = file.split('-')[0];
	const of = (kind, prefix) => spans.filter((s) => s.kind === kind && s['url.path'].startsWith(prefix));
	const numbers = (list) => new Set(list.map((s) => Number(s['url.path'].split('/')[2])));

	const joined = of(SERVER, '/traced/');
	ok(joined.length === traced && numbers(joined).size === traced,
		`${what}: each request with a traceparent is one server span`, joined.length);
	const wrong = joined.filter((s) => {
		const number = Number(s['url.path'].split('/')[2]).toString(16);
		return s.trace !== 'abc' + number.padStart(29, '0') || s.parent !== 'def' + number.padStart(13, '0');
	});
	ok(joined.length && !wrong.length, `${what}: in the caller's trace, under the caller's span`, wrong[0]);
	ok(!of(CLIENT, '/traced/').length, `${what}: whose client has its span from its own SDK`, of(CLIENT, '/traced/')[0]);

	const served = of(SERVER, '/plain/'), asked = of(CLIENT, '/plain/');
	ok(served.length === plain && numbers(served).size === plain, `${what}: each other request is one server span`,
		served.length);
	ok(asked.length === plain && numbers(asked).size === plain, `${what}: and one client span`, asked.length);
	ok([...served, ...asked].every((s) => s.parent === ''), `${what}: without parents`);
	ok(new Set(spans.map((s) => s.kind + s['url.path'])).size === spans.length, `${what}: none is told twice`);
	ok(spans.every((s) => s.name === 'GET' && s['http.request.method'] === 'GET' && s['http.response.status_code'] === 200),
		`${what}: with method and status`, spans[0]);
	ok(spans.every((s) => !/[?]|secret/.test(JSON.stringify(s))), `${what}: and without query or other fields`);
	// curl has ended before anybody could ask what it was.
	ok(spans.every((s) => s.kind === SERVER ? s.exe === 'nginx' : s.exe !== 'nginx'), `${what}: each of its own process`,
		spans.map((s) => s.exe).slice(0, 9));
	const secure = spans.filter((s) => s['url.scheme'] === 'https');
	ok(secure.length && secure.every((s) => s['ebpfotel.tls'] === true && s['url.path'].endsWith('/tls')) &&
		secure.length === spans.filter((s) => s['url.path'].endsWith('/tls')).length, `${what}: TLS is marked`, secure[0]);
}

const counts = {};
for (const metric of read('live-metrics.otlp', 'metrics')
	.flatMap((m) => m.resourceMetrics).flatMap((r) => r.scopeMetrics).flatMap((s) => s.metrics)
	.filter((m) => m.name.startsWith('http.'))) // cumulative: the last of each stream counts, and there is one
	for (const point of metric.histogram.dataPoints)
		(counts[metric.name] ??= {})[JSON.stringify(point.attributes)] = point.count;
const sum = (name) => Object.values(counts[name] || {}).reduce((a, b) => a + b, 0);
ok(sum('http.server.request.duration') === traced + plain, 'the histogram of servers counts each request',
	counts['http.server.request.duration']);
ok(sum('http.client.request.duration') === traced + plain, 'that of clients as well, spans or none',
	counts['http.client.request.duration']);
