/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The guest's flat image, built beforehand, in the VMM's constants. */

        .section .rodata
        .globl  guest_image, guest_image_end
guest_image:
        .incbin GUEST_IMAGE_FILE
guest_image_end:

        .section .note.GNU-stack, "", @progbits
