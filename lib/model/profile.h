/* SPDX-License-Identifier: BSD-2-Clause */
/* A profile in no format's terms: what the kernel or a file gave, and what every writer takes.
 *
 * Tables are arrays whose element 0 means "none" (the empty string, no mapping, no function, the
 * empty stack). Interning functions return the index of an equal element or add one, so equal
 * things have one index. They never fail by themselves: when memory runs out, or a table reaches
 * its limit, they return 0 and the profile remembers the error, which eo_profile_status() tells
 * once at the end. Not thread-safe. */
#ifndef EO_MODEL_PROFILE_H
#define EO_MODEL_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"

enum eo_frame_kind {
	EO_FRAME_UNKNOWN,
	EO_FRAME_NATIVE,
	EO_FRAME_KERNEL,
	EO_FRAME_JIT,
	EO_FRAME_SYNTHETIC, /* a frame that stands for something else, as "[stack limit]" */
};

/** "native"; NULL for an unknown kind. Static text. */
const char *eo_frame_kind_name(enum eo_frame_kind kind);
/** The reverse; EO_FRAME_UNKNOWN for a name that is none. */
enum eo_frame_kind eo_frame_kind_parse(const char *name);

struct eo_value_type {
	uint32_t type; /* string */
	uint32_t unit; /* string, "count", "nanoseconds", "bytes" */
};

/* Addresses of locations are in the space of start..limit. For files of the host that is the
 * ELF file's own virtual address space, so that processes share their mappings. */
struct eo_mapping {
	uint64_t start, limit; /* limit is the first address behind */
	uint64_t offset;       /* in the file, of start */
	uint32_t filename;     /* string */
	uint32_t build_id;     /* string, lower-case hex */
	bool has_functions, has_filenames, has_line_numbers, has_inline_frames;
};

struct eo_function {
	uint32_t name;	      /* string, demangled */
	uint32_t system_name; /* string, as the linker knows it */
	uint32_t filename;    /* string, source file */
	int64_t start_line;
};

struct eo_line {
	uint32_t function;
	int64_t line, column; /* 0: unknown */
};

struct eo_location {
	uint64_t address; /* inside the call for return addresses, never behind it */
	uint32_t mapping;
	uint32_t first_line; /* in profile->lines; innermost inlined function first */
	uint32_t line_count;
	enum eo_frame_kind kind;
	bool is_folded;
};

struct eo_label {
	uint32_t key; /* string */
	uint32_t str; /* string, when !is_number */
	int64_t num;
	uint32_t unit; /* string, of num */
	bool is_number;
};

/* A run of elements in one of the pools. */
struct eo_span {
	uint32_t first, count;
};

struct eo_sample {
	uint32_t stack;	    /* in profile->stacks: location indices, leaf first */
	uint32_t label_set; /* in profile->label_sets */
	uint32_t resource;  /* in profile->label_sets: what the sample belongs to; 0: nothing said */
	uint64_t values;    /* index in profile->values of the first of value_type_count values */
};

/* One moment at which a sample was taken once. */
struct eo_timestamp {
	uint32_t sample; /* in profile->samples */
	uint64_t time_ns; /* Unix time */
};

struct eo_profile {
	/* Read them freely; change them through the functions below only. */
	const char **strings; /* NUL-terminated, any bytes but NUL; strings[0] is "" */
	size_t string_count;
	struct eo_mapping *mappings;
	size_t mapping_count;
	struct eo_function *functions;
	size_t function_count;
	struct eo_location *locations;
	size_t location_count;
	struct eo_line *lines; /* pool of the locations */
	size_t line_count;
	struct eo_span *stacks;
	size_t stack_count;
	uint32_t *frames; /* pool of the stacks */
	size_t frame_count;
	struct eo_span *label_sets;
	size_t label_set_count;
	struct eo_label *labels; /* pool of the label sets */
	size_t label_count;
	struct eo_sample *samples; /* no element 0: samples start at 0 */
	size_t sample_count;
	int64_t *values;
	size_t value_count;
	struct eo_timestamp *timestamps; /* as they came; samples may have none */
	size_t timestamp_count;

	/* Set these directly. */
	struct eo_value_type *value_types; /* through eo_profile_add_value_type() */
	size_t value_type_count;
	struct eo_value_type period_type;
	int64_t period;
	int64_t time_ns; /* Unix time of the start */
	int64_t duration_ns;
	uint32_t default_value_type; /* string, 0 none */
	uint32_t drop_frames, keep_frames, doc_url; /* strings */
	uint32_t *comments;			    /* strings, through eo_profile_add_comment() */
	size_t comment_count;

	struct eo_profile_index *index; /* private */
};

/** Returns NULL when memory is out. */
struct eo_profile *eo_profile_new(void);
void eo_profile_free(struct eo_profile *profile); /* NULL is fine */
EO_DEFINE_AUTO(eo_profile)

/**
 * 0 while everything went in. Once something could not, why the first such thing did not, and
 * from then on nothing is added any more: -ENOMEM; -E2BIG, a table is full; -EOVERFLOW, a sum
 * of values left 64 bits (and stopped at the limit); -EINVAL, an index that no function here
 * returned, or value types and samples in the wrong order.
 */
int eo_profile_status(const struct eo_profile *profile);

/** Value types come before the first sample. */
void eo_profile_add_value_type(struct eo_profile *profile, const char *type, const char *unit);
void eo_profile_add_comment(struct eo_profile *profile, const char *text);

uint32_t eo_profile_string(struct eo_profile *profile, const char *text);
/** @len bytes of @text; the string ends at the first NUL among them. */
uint32_t eo_profile_string_n(struct eo_profile *profile, const char *text, size_t len);
uint32_t eo_profile_mapping(struct eo_profile *profile, const struct eo_mapping *mapping);
uint32_t eo_profile_function(struct eo_profile *profile, const struct eo_function *function);
/**
 * first_line and line_count of @location are ignored; @lines are copied. A location is never
 * element 0, not even one without address, mapping and lines.
 */
uint32_t eo_profile_location(struct eo_profile *profile, const struct eo_location *location,
			     const struct eo_line *lines, size_t line_count);
/**
 * Give @location other lines, when more came to be known about it; copied. The last step before
 * reading: a location that is interned afterwards may be a copy of this one.
 */
void eo_profile_set_lines(struct eo_profile *profile, uint32_t location,
			  const struct eo_line *lines, size_t line_count);
/**
 * Convenience: eo_profile_stack() will be asked for this stack soon. What large tables know is far
 * from the processor; asked for early, it is there by the time of the question.
 */
void eo_profile_look_ahead(const struct eo_profile *profile, const uint32_t *locations,
			   size_t count);
/** @locations: indices, leaf first; copied. */
uint32_t eo_profile_stack(struct eo_profile *profile, const uint32_t *locations, size_t count);
/** Order matters and duplicates stay: a label set is what a file said. */
uint32_t eo_profile_label_set(struct eo_profile *profile, const struct eo_label *labels,
			      size_t count);

/**
 * Add @values (value_type_count of them) to the sample with this stack and label set, which is
 * made when there is none yet.
 */
void eo_profile_add_sample(struct eo_profile *profile, uint32_t stack, uint32_t label_set,
			   const int64_t *values);

/**
 * The same for a sample of a resource, which is a label set as well: its attributes. Samples of
 * different resources stay apart.
 * Returns the sample's index, UINT32_MAX when it could not be added.
 */
uint32_t eo_profile_add_sample_of(struct eo_profile *profile, uint32_t resource, uint32_t stack,
				  uint32_t label_set, const int64_t *values);

/** One of the sample's counts was at @time_ns, Unix time. */
void eo_profile_add_timestamp(struct eo_profile *profile, uint32_t sample, uint64_t time_ns);

/** Convenience: a location without address and mapping, that is one named frame. */
uint32_t eo_profile_synthetic_frame(struct eo_profile *profile, const char *name);

/** Sum of value type @type over all samples; stops at the limits of 64 bits. */
int64_t eo_profile_total(const struct eo_profile *profile, size_t type);

#endif
