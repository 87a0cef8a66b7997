/* SPDX-License-Identifier: BSD-2-Clause */
/* How a profile stands in OTLP, for the writer and the reader, who must agree.
 *
 * Profiles. Each value type is one Profile; all Profiles of a resource have the same samples in
 * the same order. The default value type is first, as OTLP has it, the others keep their order,
 * and where there are several the scope's attribute EO_OTLP_SAMPLE_TYPE_ORDER says for each
 * Profile which value type of the model it is. EO_OTLP_DEFAULT_SAMPLE_TYPE is there when the model
 * names a default; without it pprof takes its last type for the default.
 *
 * CPU profiles. Backends show samples/count and cpu/nanoseconds as two profiles of the same time.
 * Where the value types are exactly these two, in this order, period_type is cpu/nanoseconds, the
 * period is positive and cpu is samples times period in every sample, the first alone is written.
 * The scope's attribute EO_OTLP_CPU_FROM_PERIOD then is true: cpu/nanoseconds follows it in the
 * model. It is false where a single samples/count has that period and nothing follows. Others do
 * not write it; what they write is such a CPU profile too, so absent reads as true.
 *
 * Samples. A Profile's samples either all have timestamps and no values (as many timestamps as
 * the count says, only in types of unit "count"), or all have one value and no timestamps.
 *
 * Labels are attributes of samples, in the order of the label set, units as they are. Several
 * labels of one key are one attribute, an array of their values: OTLP wants keys to be unique.
 * Labels in eo_otlp_labels[] have the names that OTLP gives such things, except in a profile with a
 * label that has such a name already: there no label is renamed, and the scope's attribute
 * EO_OTLP_LABELS_KEPT is true. Else a label "pid" is left out where the resource has the same
 * process.pid, and a sample without process.pid has that of its resource as the label "pid".
 * Two string labels "trace_id" and "span_id" of 32 and 16 lower-case hex digits, not all zero, are
 * the sample's link; a link is read as these two labels, behind the others.
 *
 * Resources. A sample's resource is a label set: the attributes of its ResourceProfiles, inline.
 *
 * Locations have EO_OTLP_FRAME_TYPE, unless the kind of frame is unknown; but one of which nothing
 * at all is known says "unknown", for it would equal element 0. Mappings have
 * EO_OTLP_BUILD_ID_GNU where a build id is known: OTLP wants some build id in every mapping, but an
 * invented one would name a file that does not exist. A mapping without extent has no addresses.
 * Flags of mappings and locations are attributes that are there when true. drop_frames,
 * keep_frames, doc_url and the comments (an array of strings) are attributes of each Profile.
 *
 * Times before 1970 and negative durations and line numbers are written as 0, unknown. The window
 * of a Profile is widened where timestamps lie outside. Strings become valid UTF-8. */
#ifndef EO_OTLP_OTLP_PROFILE_H
#define EO_OTLP_OTLP_PROFILE_H

#include <stdbool.h>

#include "model/profile.h"

#define EO_OTLP_SCOPE_NAME "ebpfotel"

/* Attributes of the scope. */
#define EO_OTLP_SAMPLE_TYPE_ORDER "pprof.scope.sample_type_order"     /* array of int */
#define EO_OTLP_DEFAULT_SAMPLE_TYPE "pprof.scope.default_sample_type" /* string */
#define EO_OTLP_CPU_FROM_PERIOD "ebpfotel.profile.cpu_from_period"    /* bool */
#define EO_OTLP_LABELS_KEPT "ebpfotel.profile.labels_kept"	      /* bool */

/* Attributes of Profiles. */
#define EO_OTLP_COMMENT "pprof.profile.comment" /* array of string */
#define EO_OTLP_DOC_URL "pprof.profile.doc_url"
#define EO_OTLP_DROP_FRAMES "pprof.profile.drop_frames"
#define EO_OTLP_KEEP_FRAMES "pprof.profile.keep_frames"

/* Attributes of mappings. */
#define EO_OTLP_BUILD_ID_GNU "process.executable.build_id.gnu"
#define EO_OTLP_HAS_FUNCTIONS "pprof.mapping.has_functions"
#define EO_OTLP_HAS_FILENAMES "pprof.mapping.has_filenames"
#define EO_OTLP_HAS_LINE_NUMBERS "pprof.mapping.has_line_numbers"
#define EO_OTLP_HAS_INLINE_FRAMES "pprof.mapping.has_inline_frames"

/* Attributes of locations. */
#define EO_OTLP_FRAME_TYPE "profile.frame.type"
#define EO_OTLP_IS_FOLDED "pprof.location.is_folded"

/* Of resources and of samples. */
#define EO_OTLP_PID "process.pid"

/* Labels of a link. */
#define EO_OTLP_TRACE_ID_LABEL "trace_id"
#define EO_OTLP_SPAN_ID_LABEL "span_id"

/* A label and the attribute that it is; numbers are meant without a unit. */
struct eo_otlp_label {
	const char *label, *attribute;
	bool is_number;
};

/* Ends with a row whose label is NULL. */
extern const struct eo_otlp_label eo_otlp_labels[];

/* Words of EO_OTLP_FRAME_TYPE. A kind is written as its first word; any word that is not here is
 * a language that somebody compiles at run time or interprets: EO_FRAME_JIT. */
struct eo_otlp_frame_type {
	const char *word;
	enum eo_frame_kind kind;
};

/* Ends with a row whose word is NULL. */
extern const struct eo_otlp_frame_type eo_otlp_frame_types[];

#endif
