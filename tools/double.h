/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* A test double of the hypervisor, for people who write root-partition drivers and cloud VMMs: an
 * instance of libhvemu with a simulated machine behind it, which logs calls, makes them fail as a
 * script says, repeats a recording, and tells at the end what was not given back.
 *
 * The client under test calls the functions of <hvgdk/hvapi.h> on a thread that hvdouble_attach()
 * was called on; or it has a door of its own, as drivers do, which then calls hvdouble_hypercall().
 * Both see everything here. Calls by hvemu_ functions on hvdouble_hypervisor() go past the
 * recording, and the two interrupt forms, hvemu_assert_virtual_interrupt() and
 * hvemu_clear_virtual_interrupt(), past faults and log too.
 *
 * CMake target `hvemu_double`, with `HVEMU_BUILD_TOOLS`; it brings libhvemu along.
 *
 * The machine: the root's memory begins at GPA 0, is zero, and has no holes. A partition has what
 * was mapped for it, page by page; memory that is deposited can be reached by nobody, and is zeroed
 * when it is given back. Creation flags are taken, and have no effect. A VP does not run:
 * hvdouble_take_interrupt() plays the processor. Interrupts other than ExtInt are checked, for a VP
 * at their address too, and dropped. Nothing depends on time or chance, so the same calls always
 * have the same results, IDs too.
 *
 * Registers have the values of a reset: general ones, floating point and XMM, control, debug,
 * segment and table registers, the MSRs that have a name from Tsc to TscAux, pending events, those
 * of the synthetic interrupt controller and timers. InitialApicId, MsrMtrrCap, VpRuntime,
 * TimeRefCount and Sversion cannot be written. Any other name: HV_STATUS_INVALID_PARAMETER.
 *
 * Properties, beside those that libhvemu holds (hvemu.h, `property`): ProcessorVendor 1, which
 * cannot be set; ProcessorFeatures 0x7, ProcessorXsaveFeatures 0x1 and ProcessorCLFlushSize 8, not
 * by the root on itself; PhysicalAddressWidth 52 and SyntheticProcFeatures 0, both also before the
 * partition is initialized, as PrivilegeFlags; ProcessorsPerSocket 1, XsaveStates 0x3,
 * MaxXsaveDataSize 0x240, ProcessorClockFrequency 2000000000; and 0: CpuGroupId, ReferenceTime,
 * ZeroMemoryOnReset, IsolationState, CompatibilityVersion, ProcessorVirtualizationFeatures. Values
 * are kept and obeyed by nobody, but no two partitions can have one DebugChannelId other than 0.
 * Any other: HV_STATUS_UNKNOWN_PROPERTY.
 *
 * One thread at a time uses a double; any number of doubles can be in use. Text of errors is
 * "path:line: what", cut to fit. The library allocates, and when it cannot, a call that would need
 * memory answers HV_STATUS_NO_RESOURCES. */

#ifndef HVDOUBLE_H
#define HVDOUBLE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "hvgdk/hvemu.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hvdouble;

/* Zeroed, then filled in; 0 and NULL are the defaults. */
struct hvdouble_options {
    uint64_t memory_pages; /* of the root; default 4096, at most 2^20 */
    /* Default: 16 partitions, 16 VPs, 3 levels below the root, pools of 1024 pages with the
       library's costs, every privilege for children. */
    const struct hvemu_config *config;
};

/* NULL: no memory, or a configuration that cannot be. */
struct hvdouble *hvdouble_new(const struct hvdouble_options *options);
void hvdouble_free(struct hvdouble *d);
struct hvemu *hvdouble_hypervisor(const struct hvdouble *d);

/* Calls. */

/* hvemu_attach(): the calling thread is from now on in `partition` of d when it calls an Hv
 * function. NULL: in none, as at first, and it gets HV_STATUS_ACCESS_DENIED. */
void hvdouble_attach(struct hvdouble *d, uint64_t partition);

/* hvemu_hypercall(): a call of partition `caller`, logged and recorded. */
uint64_t hvdouble_hypercall(struct hvdouble *d, uint64_t caller, uint64_t control, const void *in,
                            size_t in_bytes, void *out, size_t out_bytes);

/* The machine. */

/* Memory as `partition` sees it; all of it, within one page, or nothing. An HVEMU_MEM_. Its enabled
 * hypercall page shows the code, then zeros, and cannot be written: HVEMU_MEM_DENIED. */
int hvdouble_read(struct hvdouble *d, uint64_t partition, uint64_t gpa, void *to, uint32_t bytes);
int hvdouble_write(struct hvdouble *d, uint64_t partition, uint64_t gpa, const void *from,
                   uint32_t bytes);

/* A VP that HvCreateVp made, for native calls and hvemu_ functions; NULL: there is none. */
struct hvemu_vp *hvdouble_vp(const struct hvdouble *d, uint64_t partition, uint32_t index);

/* VP 0 of the partition takes the external interrupt that waits for it:
 * hvemu_ext_int_acknowledge(). HVEMU_E_VP: there is no VP 0. */
enum hvemu_result hvdouble_take_interrupt(struct hvdouble *d, uint64_t partition, uint8_t *vector);

/* Log and recording. */

/* From now on a line for each call: which, by whom, on whom, what became of it, and the line of the
 * fault that made its status. On whom is as the input says if the call was refused before it was
 * judged, but for a call of your own unknown then. No other parameter and no data is in it. Of
 * native calls and those by hvemu_ functions, only what reached its handler. NULL: none. */
void hvdouble_log(struct hvdouble *d, FILE *to);
void hvdouble_log_to(struct hvdouble *d, void (*line)(void *arg, const char *text), void *arg);

/* From now on writes what is done to d as a script (docs/hvs.md): faults that are loaded or mended,
 * calls through hvdouble_hypercall() and the Hv functions with inputs and results, interrupts
 * taken, memory written. To be called on a new double. What VPs do by native calls is not in it. */
void hvdouble_record(struct hvdouble *d, FILE *to);

/* Does what a script says, on a new double, and compares the results. 0: all as recorded; 1: `text`
 * is the first difference, with both values; -1: `text` is the script's error. */
int hvdouble_replay(const struct hvdouble_options *options, const char *path, char *text,
                    size_t text_bytes);

/* Faults. */

/* Loads the `fault` lines of a script, which count from now on, beside those that are loaded; for
 * each call and op the first one counts that applies. -1: `error` says why, and none was loaded. */
int hvdouble_load(struct hvdouble *d, const char *path, char *error, size_t error_bytes);
/* The text itself; `name` stands for the path. */
int hvdouble_load_text(struct hvdouble *d, const char *name, const char *text, char *error,
                       size_t error_bytes);
/* Forgets all faults. */
void hvdouble_mend(struct hvdouble *d);
/* How often a fault has come to pass. */
uint64_t hvdouble_faults(const struct hvdouble *d);

/* What there is. */

/* All partitions but the root, and all pools. */
struct hvdouble_balance {
    uint64_t partitions, vps;
    uint64_t mapped;     /* pages, in the GPA spaces of those partitions */
    uint64_t deposited;  /* pages, in whoever's pool */
    uint64_t restricted; /* pages of the root's that it has not every right to */
    uint64_t frames;     /* pages of the root's that it can use: all, less `deposited` of its own */
};
struct hvdouble_balance hvdouble_balance(const struct hvdouble *d);

/* Writes lines for all that would not be there in a new double, memory and registers' contents
 * aside (NULL: no lines); pages in a row share one. Returns how many things, not lines: partitions,
 * VPs, external interrupts, pages mapped, deposited and restricted. 0: the client has given back
 * everything. */
unsigned hvdouble_leaks(const struct hvdouble *d, FILE *to);

#ifdef __cplusplus
}
#endif
#endif
