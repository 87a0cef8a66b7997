/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads DNS messages (RFC 1035, EDNS of RFC 6891) as they were captured: bytes of strangers,
 * perhaps cut. Nothing is allocated, and nothing outside of the message is looked at. */
#ifndef EO_NET_DNS_H
#define EO_NET_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 255 bytes on the wire, of which each may need four characters; and the end. */
#define EO_DNS_NAME_BYTES   1024
#define EO_DNS_ANSWERS_MAX  16
#define EO_DNS_ANSWER_BYTES 4096 /* of all texts together */
#define EO_DNS_TEXT_MAX	    64	 /* of a TXT record, before it is escaped */
#define EO_DNS_WORD_BYTES   16	 /* "TYPE65535", "RCODE4095" */

/* Why a message is none. The numbers are for counters. */
enum eo_dns_status {
	EO_DNS_OK,
	EO_DNS_SHORT,	  /* ends before it should */
	EO_DNS_CUT,	  /* the captured part ends before the question does */
	EO_DNS_QUESTIONS, /* more than one */
	EO_DNS_LABEL,	  /* of a type that does not exist */
	EO_DNS_POINTER,	  /* that does not lead back, or too many of them */
	EO_DNS_NAME,	  /* longer than 255 bytes */
	EO_DNS_RDATA,	  /* does not fit its type or its length */
	EO_DNS_OPT,	  /* more than one, or not of the root */
	EO_DNS_TRAILING,  /* bytes behind the last record */
	EO_DNS_STATUS_COUNT,
};

struct eo_dns_answer {
	uint16_t type;
	uint32_t ttl; /* s */
	const char *text; /* in the message's texts */
};

struct eo_dns_message {
	uint16_t id;
	bool response;
	bool truncated; /* TC: the sender left something out */
	bool cut;	/* our capture did */
	bool edns;
	bool has_question;
	uint8_t opcode;
	uint16_t rcode; /* with the upper bits of EDNS */
	uint16_t qtype, qclass;
	uint16_t answer_count; /* as the sender says */
	uint16_t answers_kept; /* those below */
	struct eo_dns_answer answers[EO_DNS_ANSWERS_MAX];
	char question[EO_DNS_NAME_BYTES]; /* "www.example.com", "." the root; odd bytes as \ddd */
	char texts[EO_DNS_ANSWER_BYTES];
};

/**
 * Read one message (the payload of a datagram, or what a length of TCP announces).
 * @bytes: the first @captured of its @length bytes
 * @ret: filled as far as it went; to be believed only with EO_DNS_OK. Points into itself: do not
 *       copy it.
 */
enum eo_dns_status eo_dns_parse(const void *bytes, size_t captured, size_t length,
				struct eo_dns_message *ret);

/** "pointer"; static text, "unknown" out of range. */
const char *eo_dns_status_name(enum eo_dns_status status);

/** "AAAA", "TYPE1234"; "NXDOMAIN", "RCODE12". @room serves those without a name. */
const char *eo_dns_type_name(uint16_t type, char room[EO_DNS_WORD_BYTES]);
const char *eo_dns_rcode_name(uint16_t rcode, char room[EO_DNS_WORD_BYTES]);

#endif
