/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* For the examples on Windows, where libbsd is not: of its err.h what they use. */

#ifndef HVEMU_WINDOWS_ERR_H
#define HVEMU_WINDOWS_ERR_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define errx(status, ...) (fprintf(stderr, __VA_ARGS__), fputc('\n', stderr), exit(status))
#define err(status, ...) \
    (fprintf(stderr, __VA_ARGS__), fprintf(stderr, ": %s\n", strerror(errno)), exit(status))

#endif
