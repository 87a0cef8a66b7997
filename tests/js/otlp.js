// SPDX-License-Identifier: BSD-2-Clause
// What the readers of OTLP share. Protobuf is decoded by @opentelemetry/otlp-transformer, which shares no
// line with us.
'use strict';
const fs = require('fs');
const path = require('path');

// The type of message of each signal; undefined where the decoder is not installed.
function requests(modules) {
	const generated = path.join(modules, '@opentelemetry/otlp-transformer/build/src/generated/root.js');
	if (!fs.existsSync(generated))
		return undefined;
	// It asks for protobufjs by name, from where it lies.
	const collector = require(generated).opentelemetry.proto.collector;
	return {
		traces: collector.trace.v1.ExportTraceServiceRequest,
		metrics: collector.metrics.v1.ExportMetricsServiceRequest,
		logs: collector.logs.v1.ExportLogsServiceRequest,
	};
}

// Messages of one type, each behind its length.
function decode(type, bytes, options) {
	const messages = [];
	for (let at = 0; at < bytes.length;) {
		const size = bytes.readUInt32BE(at);
		messages.push(type.toObject(type.decode(bytes.subarray(at + 4, at + 4 + size)), options));
		at += 4 + size;
	}
	return messages;
}

// Messages, or other documents, each on a line.
const parse = (bytes) => bytes.toString('utf8').split('\n').filter(Boolean).map((l) => JSON.parse(l));

// Keys in one order, all numbers as texts: the decoders differ in nothing else that matters.
function canonical(value, key) {
	if (Array.isArray(value))
		return value.map((v) => canonical(v, key));
	if (value && typeof value === 'object')
		return Object.fromEntries(Object.keys(value).sort()
			.filter((k) => (value[k] !== '' || k === 'stringValue') && !(Array.isArray(value[k]) && !value[k].length))
			.map((k) => [k, canonical(value[k], k)]));
	if (/(traceId|spanId|parentSpanId)$/i.test(key || '') && typeof value === 'string')
		return value.length % 4 === 0 && /^[0-9a-f]+$/.test(value) ? value
			: Buffer.from(value, 'base64').toString('hex');
	return typeof value === 'number' ? String(value) : value;
}

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

const value = (v) => v.arrayValue ? (v.arrayValue.values || []).map(value) :
	v.kvlistValue ? attributes(v.kvlistValue.values) : Object.values(v)[0];
const attributes = (list) => Object.fromEntries((list || []).map((a) => [a.key, value(a.value)]));

// A line for each claim, "ok CLAIM" or "not ok CLAIM" with what was found.
function ok(condition, claim, detail) {
	const text = condition || detail === undefined ? '' : ': ' + JSON.stringify(detail).slice(0, 600);
	console.log(`${condition ? 'ok' : 'not ok'} ${claim}${text}`);
}

module.exports = { requests, decode, parse, canonical, same, attributes, ok };
