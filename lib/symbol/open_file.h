/* SPDX-License-Identifier: BSD-2-Clause */
/* Open what a path of somebody else names, without being led astray. */
#ifndef EO_SYMBOL_OPEN_FILE_H
#define EO_SYMBOL_OPEN_FILE_H

#include <stdbool.h>

/**
 * Open a regular file for reading.
 * @root: directory that @path starts from, "" for "/". Links in the path, absolute ones and ".."
 * included, do not lead out of it (where the kernel has openat2; 5.6).
 * @follow: whether @path itself may be a link
 * Returns a file descriptor or a negative errno; -ENXIO when it is a fifo, a device, a socket: these
 * are not opened, for a mere open can set some of them going.
 */
int eo_open_file(const char *root, const char *path, bool follow);

#endif
