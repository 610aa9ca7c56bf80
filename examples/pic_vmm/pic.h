/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* One 8259A interrupt controller, edge-triggered, fixed priority, 8086 mode: ICW1 to ICW4, OCW1 to
 * OCW3, specific and non-specific EOI, automatic EOI. Not modelled: rotating priority, special mask
 * mode, the poll command, level-triggered inputs and the cascade.
 *
 * It is a pure model: it knows no hypervisor and no lock. Whoever owns it runs it under a lock of
 * their own, takes its INT output from pic_pending(), and tells it of the processor's INTA cycle
 * with pic_acknowledge(). */

#ifndef PIC_H
#define PIC_H

#include <stdint.h>

struct pic {
    uint8_t irr, isr, imr; /* requested, in service, masked: a bit for each input */
    uint8_t lines;         /* levels of the inputs */
    uint8_t base;          /* vector of input 0, from ICW2 */
    uint8_t icw_next;      /* the ICW that port 1 takes next, 2 to 4; 0: initialized */
    uint8_t icw1;
    uint8_t auto_eoi;
    uint8_t read_isr; /* what port 0 reads: ISR, else IRR */
};

enum { PIC_NONE = -1 };

/* A write to, or a read from, its port 0 or 1. */
void pic_write(struct pic *pic, unsigned port, uint8_t value);
uint8_t pic_read(const struct pic *pic, unsigned port);

/* Gives an input a level. A rising edge is a request; it goes away if the input falls before it is
 * acknowledged. */
void pic_line(struct pic *pic, unsigned input, int level);

/* The input whose interrupt the INT output stands for, or PIC_NONE if the output is low. */
int pic_pending(const struct pic *pic);

/* The vector that an INTA cycle for this input puts on the bus. */
uint8_t pic_vector(const struct pic *pic, int input);

/* The INTA cycle: the processor took this input's interrupt. */
void pic_acknowledge(struct pic *pic, int input);

#endif
