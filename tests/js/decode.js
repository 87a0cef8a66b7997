// SPDX-License-Identifier: BSD-2-Clause
// decode.js CONVERT_EVENTS NODE_MODULES EVENTS_DIR: TAP on stdout.
// Protobuf is decoded by @opentelemetry/otlp-transformer; JSON must say the same.
'use strict';
const { execFileSync } = require('child_process');
const fs = require('fs');
const path = require('path');
const { attributes, canonical, decode, parse, requests: requestsOf, same } = require('./otlp.js');

const [program, modules, events] = process.argv.slice(2).map((p) => path.resolve(p));
const requests = requestsOf(modules);
if (!requests) {
	console.log('1..0 # SKIP @opentelemetry/otlp-transformer is not installed: ./dev setup --tests');
	process.exit(0);
}

let tests = 0;
function ok(condition, claim, detail) {
	console.log(`${condition ? 'ok' : 'not ok'} ${++tests} - ${claim}`);
	if (!condition && detail !== undefined)
		console.log('# ' + JSON.stringify(detail));
}

function run(signal, encoding, file) {
	return execFileSync(program, [signal, encoding, path.join(events, file)],
		{ maxBuffer: 1 << 28 });
}

const fromProtobuf = (signal, file) => decode(requests[signal], run(signal, 'protobuf', file),
	{ longs: String, bytes: String, oneofs: false });
const fromJson = (signal, file) => parse(run(signal, 'json', file));

for (const file of ['examples.jsonl', 'bare.jsonl', 'odd.jsonl'])
	for (const signal of Object.keys(requests)) {
		const decoded = fromProtobuf(signal, file), json = fromJson(signal, file);
		ok(decoded.length > 0, `${file}: there are ${signal}`);
		const a = decoded.map((m) => canonical(m)), b = json.map((m) => canonical(m));
		ok(same(a, b), `${file}: ${signal} are the same as protobuf and as JSON`, { a, b });
	}

const spans = fromProtobuf('traces', 'examples.jsonl')[0].resourceSpans;
ok(spans.length === 1 && attributes(spans[0].resource.attributes)['service.name'] === 'shop',
	'spans belong to the service of their process', spans.map((r) => r.resource));
const all = spans[0].scopeSpans[0].spans;
ok(same(all.map((s) => s.name), ['system calls', 'openat', 'GET', 'tcp connection', 'udp session', 'DNS A']),
	'each event has the span that its type has', all.map((s) => s.name));
ok(same(all.map((s) => s.kind), [1, 1, 2, 1, 1, 3]), 'kinds are those of the table');
ok(all.every((s) => Buffer.from(s.traceId, 'base64').length === 16 && Buffer.from(s.spanId, 'base64').length === 8),
	'ids have their lengths');
ok(all[1].parentSpanId === all[0].spanId && all[1].traceId === all[0].traceId,
	'a system call hangs under its thread');
ok(Buffer.from(all[2].traceId, 'base64').toString('hex') === '4bf92f3577b34da6a3ce929d0e0e4736' &&
	Buffer.from(all[2].parentSpanId, 'base64').toString('hex') === '00f067aa0ba902b7',
	'a request hangs under its traceparent');
ok(attributes(all[1].attributes)['error.type'] === 'ENOENT' && all[1].status.code === 2,
	'what failed says so');
ok(same(all[3].events.map((e) => e.name), ['connected', 'first_byte', 'retransmit']),
	'a connection tells its events');

const metrics = fromProtobuf('metrics', 'examples.jsonl')[0].resourceMetrics
	.flatMap((r) => r.scopeMetrics[0].metrics.map((m) => ({ ...m, resource: attributes(r.resource.attributes) })));
for (const metric of metrics.filter((m) => m.histogram))
	for (const point of metric.histogram.dataPoints) {
		const sum = point.bucketCounts.reduce((a, b) => a + Number(b), 0);
		ok(sum === Number(point.count) && point.bucketCounts.length === point.explicitBounds.length + 1,
			`${metric.name}: the buckets add up`);
	}
ok(metrics.every((m) => (m.sum || m.histogram).aggregationTemporality === 2), 'sums are cumulative');
ok(metrics.filter((m) => m.name.startsWith('system.')).every((m) => !m.resource['service.name']),
	'packets belong to the host');
ok(metrics.every((m) => m.resource['service.name'] === 'ebpfotel' || !m.resource['process.pid']),
	'metrics are by service and not by process');

const logs = fromProtobuf('logs', 'examples.jsonl')[0].resourceLogs
	.flatMap((r) => r.scopeLogs[0].logRecords);
const types = parse(fs.readFileSync(path.join(events, 'examples.jsonl'))).map((r) => 'ebpfotel.' + r.event_type);
ok(same(logs.map((l) => l.eventName).sort(), types.sort()), 'each record is a log record with its name');
const request = attributes(logs.find((l) => l.eventName === 'ebpfotel.http_request').attributes);
ok(request.peer && request.peer.address === '2001:db8::99' && request.status === '502', 'data are attributes',
	request);

const odd = fromProtobuf('logs', 'odd.jsonl')[0].resourceLogs;
ok(odd.some((r) => attributes(r.resource.attributes)['service.name'] === 'unknown_service:a\u001b[2J��'),
	'odd names are kept as far as they are text', odd.map((r) => attributes(r.resource.attributes)));
console.log(`1..${tests}`);
