/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Where the image begins, in the state that protocol.h promises: 64-bit mode and no stack. */

#include "../pic_vmm/guest/protocol.h"

        .section .start, "ax"
        .globl  start
start:
        mov     $GUEST_STACK, %esp
        call    kernel_main /* which does not return */

        .section .note.GNU-stack, "", @progbits
