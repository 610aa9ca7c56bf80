/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

#include <err.h>
#include <time.h>

#include <hvgdk/hvgdk.h>

#include "guest/protocol.h"
#include "story.h"
#include "wire.h"

void wire_init(struct wire *wire, const struct hvemu_caller *parent, uint64_t guest)
{
    wire->parent = parent;
    wire->guest = guest;
    wire->input = PIC_NONE;
    wire->vector = HV_INTERRUPT_VECTOR_NONE;
    pthread_mutex_init(&wire->lock, NULL);
    pthread_cond_init(&wire->changed, NULL);
}

void wire_destroy(struct wire *wire)
{
    pthread_mutex_destroy(&wire->lock);
    pthread_cond_destroy(&wire->changed);
}

int wire_tells(const struct wire *wire)
{
    return wire->ticks == 0;
}

/* ---- The wire ---- */

static void tell_assert(const struct wire *wire, uint32_t vector, HV_STATUS status)
{
    if (!wire_tells(wire))
        return;
    if (vector == HV_INTERRUPT_VECTOR_NONE)
        tell("HvAssertVirtualInterrupt(%llu, ExtInt, NONE) -> %s", (unsigned long long)wire->guest,
             hvemu_status_name(status));
    else
        tell("HvAssertVirtualInterrupt(%llu, ExtInt, 0x%02X) -> %s",
             (unsigned long long)wire->guest, vector, hvemu_status_name(status));
}

/* Makes what the hypervisor was told the same as the model's output; the lock is held. A call that
 * kicks a processor and waits for none may be made under it. */
static void follow_output(struct wire *wire)
{
    const HV_INTERRUPT_CONTROL ext_int = {.AsUINT64 = HvX64InterruptTypeExtInt};
    const int input = pic_pending(&wire->pic);
    const uint32_t vector =
        input == PIC_NONE ? HV_INTERRUPT_VECTOR_NONE : pic_vector(&wire->pic, input);
    HV_STATUS status;

    if (wire->taking || vector == wire->vector)
        return;
    do
        status = HvAssertVirtualInterrupt(wire->guest, ext_int, 0, vector);
    while (status == HV_STATUS_TIMEOUT);
    tell_assert(wire, vector, status);
    if (status != HV_STATUS_SUCCESS)
        return; /* the guest is being finalized */
    if (vector == HV_INTERRUPT_VECTOR_NONE)
        wire->counts.withdrawn++;
    else
        wire->counts.asserted++;
    wire->input = input;
    wire->vector = vector;
}

void wire_begin_taking(struct wire *wire)
{
    pthread_mutex_lock(&wire->lock);
    wire->taking = 1;
    pthread_mutex_unlock(&wire->lock);
}

void wire_end_taking(struct wire *wire)
{
    HV_STATUS status;

    do
        status = HvClearVirtualInterrupt(wire->guest);
    while (status == HV_STATUS_TIMEOUT);
    if (wire_tells(wire))
        tell("HvClearVirtualInterrupt(%llu) -> %s", (unsigned long long)wire->guest,
             hvemu_status_name(status));

    pthread_mutex_lock(&wire->lock);
    wire->taking = 0;
    if (status == HV_STATUS_SUCCESS) {
        wire->counts.cleared++;
        pic_acknowledge(&wire->pic, wire->input);
        wire->vector = HV_INTERRUPT_VECTOR_NONE;
        pthread_cond_broadcast(&wire->changed);
    }
    follow_output(wire);
    pthread_mutex_unlock(&wire->lock);
}

/* ---- What changes the model ---- */

void wire_write(struct wire *wire, unsigned port, uint8_t value)
{
    if (!port && (value & 0x38) == 0x20) { /* OCW2 with EOI */
        wire->counts.ended++;
        if (wire_tells(wire))
            tell("guest writes EOI to the 8259");
    }
    pthread_mutex_lock(&wire->lock);
    pic_write(&wire->pic, port, value);
    follow_output(wire);
    pthread_mutex_unlock(&wire->lock);
}

uint8_t wire_read(struct wire *wire, unsigned port)
{
    uint8_t value;

    pthread_mutex_lock(&wire->lock);
    value = pic_read(&wire->pic, port);
    pthread_mutex_unlock(&wire->lock);
    return value;
}

void wire_set_input(struct wire *wire, unsigned input, int level)
{
    int taken_back;

    pthread_mutex_lock(&wire->lock);
    taken_back = !level && (wire->pic.irr >> input & 1);
    wire->counts.raised += (uint32_t)level;
    wire->counts.raised -= (uint32_t)taken_back;
    pic_line(&wire->pic, input, level);
    tell("input %u of the 8259 goes %s%s", input, level ? "high" : "low",
         taken_back ? ", the request is taken back" : "");
    follow_output(wire);
    pthread_mutex_unlock(&wire->lock);
}

/* An 8259 holds one request for each input: of two ticks before the guest takes one, one would be
 * lost. This timer waits instead. */
static void tick(struct wire *wire)
{
    pthread_mutex_lock(&wire->lock);
    while ((wire->pic.irr >> GUEST_TIMER_IRQ & 1) && !atomic_load(&wire->stop))
        pthread_cond_wait(&wire->changed, &wire->lock);
    pic_line(&wire->pic, GUEST_TIMER_IRQ, 0);
    pic_line(&wire->pic, GUEST_TIMER_IRQ, 1);
    wire->counts.raised++;
    wire->ticked++;
    follow_output(wire);
    pthread_cond_broadcast(&wire->changed);
    pthread_mutex_unlock(&wire->lock);
}

static void *timer_main(void *arg)
{
    static const struct timespec period = {.tv_nsec = 50000};
    struct wire *wire = arg;

    hvemu_attach(wire->parent);
    for (uint32_t i = 0; i < wire->ticks && !atomic_load(&wire->stop); i++) {
        nanosleep(&period, NULL);
        tick(wire);
    }
    hvemu_attach(NULL);
    return NULL;
}

void wire_start_timer(struct wire *wire, uint32_t ticks)
{
    if (wire->ticks || !ticks)
        return;
    wire->ticks = ticks;
    wire->ticked = 0;
    if (pthread_create(&wire->timer, NULL, timer_main, wire))
        errx(2, "no thread for the timer");
}

void wire_await_tick(struct wire *wire)
{
    pthread_mutex_lock(&wire->lock);
    while (!(wire->pic.irr >> GUEST_TIMER_IRQ & 1) && wire->ticked < wire->ticks)
        pthread_cond_wait(&wire->changed, &wire->lock);
    pthread_mutex_unlock(&wire->lock);
}

void wire_join_timer(struct wire *wire)
{
    if (!wire->ticks)
        return;
    pthread_join(wire->timer, NULL);
    wire->ticks = 0;
}

void wire_stop_timer(struct wire *wire)
{
    pthread_mutex_lock(&wire->lock);
    atomic_store(&wire->stop, 1);
    pthread_cond_broadcast(&wire->changed);
    pthread_mutex_unlock(&wire->lock);
    wire_join_timer(wire);
}
