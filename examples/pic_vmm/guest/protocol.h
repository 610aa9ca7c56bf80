/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* What the guest and its VMM have agreed upon besides the hypervisor interface: where things lie in
 * guest memory, in which state the guest starts, and the ports by which it tells its story. Both
 * sides include this header, the assembly file too.
 *
 * The guest starts at GUEST_IMAGE in 64-bit mode, CPL 0, interrupts off, all of its memory mapped
 * to itself, CS and SS flat and from the GDT at GUEST_GDT. */

#ifndef PROTOCOL_H
#define PROTOCOL_H

#define GUEST_MEMORY 0x200000 /* bytes, from address 0 */
#define GUEST_GDT    0x1000   /* descriptors: none, GUEST_CS, GUEST_SS */
#define GUEST_CS     8
#define GUEST_SS     16
#define GUEST_TABLES 0x2000 /* page tables: PML4, PDPT, PD */
#define GUEST_IMAGE  0x10000
#define GUEST_STACK  0x80000 /* its end */

/* Fixed places for what the story prints the address of. */
#define GUEST_INPUT  0x90000 /* lists of memory hypercalls */
#define GUEST_OUTPUT 0x91000
#define GUEST_PAGE   0x100000 /* for the hypercall page */

/* The 8259. Input n has vector GUEST_VECTORS + n. */
#define PORT_PIC        0x20 /* and 0x21 */
#define GUEST_VECTORS   0x20
#define GUEST_TIMER_IRQ 0
#define GUEST_LINE_IRQ  5

/* OUT %al, $PORT_HYPERCALL is the hypercall instruction: any write to it, in the hypercall page. It
 * leaves user-space VMMs everything they need, where VMCALL does not reach them. */
#define PORT_HYPERCALL 0xE8

/* Rep calls of the VMM's own: it adds up the elements. One that is 0 is HV_STATUS_INVALID_PARAMETER.
 * CALL_SUM_LIST  header: how often the timer is to tick meanwhile, and what the sum begins with;
 *                each element, and its output, the sum so far: 64 bits each
 * CALL_SUM_FEW   elements of 32 bits alone, so that registers hold four of them */
#define CALL_SUM_LIST 0x7001
#define CALL_SUM_FEW  0x7002
#define LIST_ELEMENTS 510 /* a page, with the header */
#define LIST_TICKS    120 /* not more than half of them */

#define PORT_TEXT 0xE9 /* 8 bits: a character of the guest's own words; a newline ends the line */

/* 32 bits each. */
#define PORT_STEP    0x500 /* the guest begins this step of the story, 1 ... */
#define PORT_CHECK   0x504 /* bits 15:0: what the guest got; 31:16: what it should have got */
#define PORT_LINE    0x508 /* bits 7:0: an input of the 8259; bit 8: the level it is to have */
#define PORT_TIMER   0x50C /* let the timer tick as often as this */
#define PORT_HANDLED 0x510 /* interrupts that the guest has handled since it wrote here last */
#define PORT_BENCH   0x514 /* reads how many round trips come next; 0 at first: it is the story */
#define PORT_LAST    0x518 /* the guest has no more to do and runs in a circle */

/* With this bit the round trips are writes to PORT_NOTHING, else hypercalls. */
#define BENCH_BARE   0x80000000
#define PORT_NOTHING 0xEA

#endif
