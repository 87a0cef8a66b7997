/* SPDX-License-Identifier: BSD-2-Clause */
/* Waiting for BPF programs that are running right now. */
#ifndef EO_CORE_GRACE_H
#define EO_CORE_GRACE_H

/** Return once every BPF program that ran when this was called has ended: some ms. */
void eo_grace_wait(void);

#endif
