/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The 8259A of pic.h. Input 0 has the highest priority; an input in service holds back itself and
 * all below it. */

#include "pic.h"

enum {
    ICW1_ICW4 = 0x01,   /* an ICW4 follows */
    ICW1_SINGLE = 0x02, /* no ICW3 follows */
    ICW1 = 0x10,
    ICW4_AUTO_EOI = 0x02,
    OCW2_EOI = 0x20,
    OCW2_SPECIFIC = 0x40,
    OCW2_INPUT = 0x07,
    OCW3 = 0x08,
    OCW3_READ = 0x02,
    OCW3_READ_ISR = 0x01
};

static unsigned bit(int input)
{
    return 1u << (input & 7);
}

static int highest(unsigned set)
{
    for (int input = 0; input < 8; input++)
        if (set & bit(input))
            return input;
    return PIC_NONE;
}

static void initialize(struct pic *pic, uint8_t icw1)
{
    const uint8_t lines = pic->lines;

    /* An input that is high has to fall and rise again before it requests anything. */
    *pic = (struct pic){.lines = lines, .icw1 = icw1, .icw_next = 2};
}

static void initialize_more(struct pic *pic, uint8_t value)
{
    switch (pic->icw_next) {
    case 2:
        pic->base = value & 0xF8;
        pic->icw_next = pic->icw1 & ICW1_SINGLE ? 4 : 3;
        break;
    case 3:
        pic->icw_next = 4;
        break;
    default:
        pic->auto_eoi = (value & ICW4_AUTO_EOI) != 0;
        pic->icw_next = 0;
        break;
    }
    if (pic->icw_next == 4 && !(pic->icw1 & ICW1_ICW4))
        pic->icw_next = 0;
}

static void end_of_interrupt(struct pic *pic, uint8_t ocw2)
{
    const int input = ocw2 & OCW2_SPECIFIC ? ocw2 & OCW2_INPUT : highest(pic->isr);

    if (input != PIC_NONE)
        pic->isr &= (uint8_t)~bit(input);
}

void pic_write(struct pic *pic, unsigned port, uint8_t value)
{
    if (port && pic->icw_next)
        initialize_more(pic, value);
    else if (port)
        pic->imr = value; /* OCW1 */
    else if (value & ICW1)
        initialize(pic, value);
    else if (value & OCW3)
        pic->read_isr = value & OCW3_READ ? value & OCW3_READ_ISR : pic->read_isr;
    else if (value & OCW2_EOI)
        end_of_interrupt(pic, value);
}

uint8_t pic_read(const struct pic *pic, unsigned port)
{
    if (port)
        return pic->imr;
    return pic->read_isr ? pic->isr : pic->irr;
}

void pic_line(struct pic *pic, unsigned input, int level)
{
    const uint8_t mask = (uint8_t)bit((int)input);

    if (!level) {
        pic->irr &= (uint8_t)~mask;
        pic->lines &= (uint8_t)~mask;
    } else {
        pic->irr |= mask & (uint8_t)~pic->lines;
        pic->lines |= mask;
    }
}

int pic_pending(const struct pic *pic)
{
    const unsigned served = highest(pic->isr) == PIC_NONE ? 0x100u : bit(highest(pic->isr));
    const int input = highest(pic->irr & ~(unsigned)pic->imr & 0xFF);

    if (pic->icw_next || input == PIC_NONE)
        return PIC_NONE;
    return bit(input) < served ? input : PIC_NONE;
}

uint8_t pic_vector(const struct pic *pic, int input)
{
    return (uint8_t)(pic->base | (input & 7));
}

void pic_acknowledge(struct pic *pic, int input)
{
    pic->irr &= (uint8_t)~bit(input);
    if (!pic->auto_eoi)
        pic->isr |= (uint8_t)bit(input);
}
