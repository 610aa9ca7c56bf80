/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Where the guest begins, and where its exceptions and interrupts arrive. Only plain integer
 * instructions: some hosts' KVM runs this code in the kernel's instruction emulator. */

#include "protocol.h"

        .section .start, "ax"
        .globl  start
start:
        mov     $GUEST_STACK, %esp
        call    guest_main
1:      cli
        hlt
        jmp     1b

        .text

/* A gate: makes the stack look alike with and without an error code, then goes on below. */
        .macro  GATE vector, has_error=0
gate_\vector:
        .if     !\has_error
        push    $0
        .endif
        push    $\vector
        jmp     enter
        .endm

        GATE    6
        GATE    13, 1
        GATE    32
        GATE    33
        GATE    34
        GATE    35
        GATE    36
        GATE    37
        GATE    38
        GATE    39

/* Saves what C may change, in the order of struct trap, and calls trap(). */
enter:
        push    %rax
        push    %rcx
        push    %rdx
        push    %rsi
        push    %rdi
        push    %r8
        push    %r9
        push    %r10
        push    %r11
        cld
        mov     %rsp, %rdi
        call    trap
        pop     %r11
        pop     %r10
        pop     %r9
        pop     %r8
        pop     %rdi
        pop     %rsi
        pop     %rdx
        pop     %rcx
        pop     %rax
        add     $16, %rsp
        iretq

/* int poke(void *address): writes a byte there; returns whether that raised no exception. trap()
 * goes on at poke_failed if it did. */
        .globl  poke, poke_failed
poke:
        movb    $0, (%rdi)
        mov     $1, %eax
        ret
poke_failed:
        xor     %eax, %eax
        ret

/* Like the hypercall page, but to a port where nothing is. */
        .globl  bare_exit
bare_exit:
        out     %al, $PORT_NOTHING
        ret

/* The vectors the gates are for, and the gates. */
        .section .rodata
        .balign 8
        .globl  gates
gates:
        .irp    vector, 6, 13, 32, 33, 34, 35, 36, 37, 38, 39
        .quad   \vector, gate_\vector
        .endr
        .quad   0, 0

        .section .note.GNU-stack, "", @progbits
