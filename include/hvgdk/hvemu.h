/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* libhvemu: the hypervisor's side of the Microsoft hypercall interface, for any VMM.
 *
 * This header stands alone: it includes no TLFS header, whose names clash with platform SDKs; the
 * HV_ constants and blocks that it speaks of are in <hvgdk/hvgdk.h>, and ops need them. A
 * partition is an HV_PARTITION_ID (uint64_t), a virtual processor an HV_VP_INDEX (uint32_t), a
 * status an HV_STATUS (uint16_t).
 *
 * Conventions, valid wherever nothing else is said:
 *
 * Memory   Nothing allocates or waits. Structures are copied; kept are the memory, the ctx
 *          pointers, a descriptor's name, and what is given to hvemu_attach().
 * Results  Functions for the host return an hvemu_result, HVEMU_OK or a negative value, and with a
 *          negative value nothing has changed. Functions that carry out a hypercall return the
 *          guest's HV_STATUS. No function returns now one, now the other.
 * Misuse   A NULL or out-of-range argument is answered: HVEMU_E_ARGUMENT, HV_STATUS_ACCESS_DENIED,
 *          HVEMU_FAILED. A pointer to something that is not what its type says is the caller's bug.
 * Growth   A structure that begins with `size` is zeroed, then `size` set to its sizeof, then the
 *          wanted fields; 0 is every field's default. It grows at the end: older programs run with
 *          newer libraries and the reverse, unless they use what the other side does not know,
 *          which is HVEMU_E_VERSION, as is a size above 4096. Frame and call never change size.
 * Threads  Any function may run at the same time as any other, on any thread, except that a struct
 *          hvemu_vp takes one call at a time and that hvemu_init() comes first.
 * Locking  Calls about a partition's properties, memory, VPs and intercepts take a try-lock of that
 *          partition, and so do the VMM's own calls whose target need not be active. Life-cycle
 *          calls take the instance's as well: create, initialize, finalize and delete a partition,
 *          create, delete, attach and detach a VP, (un)register, reset. WRMSR of the two hypercall
 *          MSRs takes another one of the partition, as do reset and HvSetVpRegisters of them. Found
 *          taken, a guest's call is repeated (HVEMU_REPEAT), a C caller gets HV_STATUS_TIMEOUT or
 *          HVEMU_E_BUSY and calls again; whoever holds it is inside one bounded step or one of the
 *          VMM's ops. So it is with C calls of the VMM's own calls whose output, or output element,
 *          is larger than 64 bytes: one at a time. Everything else is lock-free and signal-safe. */

#ifndef HVGDK_HVEMU_H
#define HVGDK_HVEMU_H

#include <stddef.h>
#include <stdint.h>

#define HVEMU_VERSION_MAJOR 0
#define HVEMU_VERSION_MINOR 1
#define HVEMU_VERSION_PATCH 0

#ifndef HVEMU_API
#if defined(_WIN32) && defined(HVEMU_SHARED_BUILD)
#define HVEMU_API __declspec(dllexport)
#elif defined(_WIN32) && !defined(HVEMU_STATIC_BUILD)
#define HVEMU_API __declspec(dllimport)
#elif defined(__GNUC__)
#define HVEMU_API __attribute__((visibility("default")))
#else
#define HVEMU_API
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct hvemu;            /* one emulated hypervisor, in memory its owner gave */
struct hvemu_vp;         /* one virtual processor of a partition: the caller of native calls */
struct hvemu_invocation; /* a call being carried out */

/* Results for the host. */

enum hvemu_result {
    HVEMU_OK = 0,
    HVEMU_E_ARGUMENT = -1,  /* NULL, misaligned, or outside the documented range; contradicts
                               itself; or a code that has a call already, or none */
    HVEMU_E_VERSION = -2,   /* structure shorter than the first release's, or unknown tail not 0 */
    HVEMU_E_SPACE = -3,     /* memory too small, or a configured capacity is used up */
    HVEMU_E_PARTITION = -4, /* no such partition, or not in the state this needs */
    HVEMU_E_VP = -5,        /* no such VP, it exists already, or it is not VP 0 */
    HVEMU_E_NOTHING = -6,   /* no external interrupt to acknowledge */
    HVEMU_E_BUSY = -7,      /* not now: a life-cycle call or a call of the VP is under way; or,
                               for good, a VP has been attached before */
    HVEMU_E_OP = -8         /* an op of the VMM refused or failed */
};

/* Configuration and ops. */

struct hvemu_config {
    size_t size;
    uint32_t partitions; /* capacity, the root included, 1 .. 2^21-2; default 16 */
    /* Capacity, all partitions together, 1 .. 2^32-2; index bound; default 16. Each takes 8448
       bytes for its calls: their lists, and one that is decoded. */
    uint32_t vps;
    uint32_t depth;    /* levels below the root, 1 .. 255; default 2 */
    uint32_t children; /* of one partition; default: no limit of its own */
    uint32_t gpa_bits; /* width of a guest physical address, 12 .. 52; default 52 */
    /* CPUID 0x40000003 EDX, HV_FEATURE_*. The library serves XMM hypercall input and output and,
       with the overlay op, the MSR lock; any other bit is a promise of the VMM's. */
    uint32_t features;
    /* CPUID 0x40000004 EAX, HV_RECOMMEND_*; advice to make calls that are not offered reads 0. */
    uint32_t recommendations;
    /* The code that a hypercall page begins with, at most 16 bytes: it must change no register that
       is a parameter and end in RET. 0 bytes: VMCALL, RET (0F 01 C1 C3), for Intel; AMD has VMMCALL
       (0F 01 D9 C3). Under KVM neither leaves the kernel; OUT %al to a port of the VMM's own, RET
       (E6 port C3) does. */
    uint32_t page_code_bytes;
    uint8_t page_code[16];
    /* HV_PARTITION_PRIVILEGE_MASK of a new child, less what its parent lacks, until its parent
       changes them by HvSetPartitionProperty. CpuManagement is the VMM's alone to give. Default:
       AccessHypercallMsrs and AccessVpIndex, what "Hv#1" promises. */
    uint64_t privileges;
    /* Capacity for calls of the VMM's own, at most 65535; default 0. */
    uint32_t calls;
    uint32_t rep_budget; /* elements of a rep call carried out in one go, 1..4095; default 64 */
    uint32_t vps_each;   /* VPs of one partition; default: no limit of its own */
    /* Memory pools (TLFS 2.0a 7): how many pages may be deposited in one partition's. Default 0:
       there are no pools, a deposit gets HV_STATUS_NO_RESOURCES, and nothing costs anything. */
    uint32_t pages;
    /* What a partition costs, in pages of a pool: the parent's pays for its creation, its own for
       the rest, and gets all back at the end. HVEMU_NO_COST: nothing. */
    uint32_t create_cost;     /* default 1 */
    uint32_t initialize_cost; /* default 200 */
    uint32_t vp_cost;         /* each VP that HvCreateVp makes; default 90 */
    uint32_t map_cost;        /* for every 512 mapped pages, small or large; default 1 */
    uint32_t intercept_cost;  /* each CPUID intercept; default 1 */
    /* Partitions below one that is not the root, in all generations: with vps_each, what one tenant
       can take from the others; default: no limit of its own. */
    uint32_t descendants;
    uint32_t intercepts; /* of one partition, installed at a time, 1..65535; default 32 */
};

#define HVEMU_NO_COST 0xFFFFFFFFu

/* Answers of the memory ops and of overlay; any other value counts as HVEMU_MEM_FAILED. */
enum {
    HVEMU_MEM_OK = 0,
    HVEMU_MEM_NONE,   /* not there, or no such access: the call becomes HVEMU_INTERCEPT */
    HVEMU_MEM_AGAIN,  /* would block: the call becomes HVEMU_REPEAT */
    HVEMU_MEM_FAILED, /* the call becomes HVEMU_FAILED */
    HVEMU_MEM_DENIED  /* memory ops: as NONE, but something is there; HvReadGpa, HvWriteGpa and
                         HvTranslateVirtualAddress say which */
};

/* Events of the partition op, in the order of a partition's life. CREATED, ACTIVE and DELETED are
 * about to happen, and any answer but success prevents them. */
enum {
    /* A partition is about to exist, uninitialized. If it is prevented, nothing of it may be left:
       no other event follows, and its ID may be announced again, for another parent too. */
    HVEMU_PARTITION_CREATED = 0,
    HVEMU_PARTITION_ACTIVE,
    /* Finalizing has begun; the answer is ignored. Have its VPs stopped, and detach those that
       hvemu_vp_attach() made after the op has returned: until none is left, HvFinalizePartition
       answers HV_STATUS_TIMEOUT. Those that HvCreateVp made go by the vp op. */
    HVEMU_PARTITION_STOP,
    /* No VP is left: release what it has, its mappings and the hypercall page too, for which
       neither map nor overlay is called; its pool's pages still come back by the pool op. Any
       answer but success: not done yet, ask again. */
    HVEMU_PARTITION_FINALIZED,
    /* Its ID dies; after success no op for it follows. */
    HVEMU_PARTITION_DELETED
};

/* Events of the vp op. */
enum {
    /* HvCreateVp: vp is about to exist, explicitly suspended. block: HV_INPUT_CREATE_VP, 40 bytes,
       checked for reserved fields. *vp_ctx may be set. Anything but success prevents it. */
    HVEMU_VP_CREATED = 0,
    /* Whether vp may run has changed, or may have: ask hvemu_vp_suspended() before it enters the
       guest. The answer is ignored. */
    HVEMU_VP_SUSPEND,
    /* HvStartVirtualProcessor: vp is to begin with the context in block, an
       HV_INPUT_START_VIRTUAL_PROCESSOR, 240 bytes, of which the library has checked the header.
       Anything but success prevents it: HV_STATUS_INVALID_REGISTER_VALUE for the context,
       HV_STATUS_INVALID_VP_STATE if it runs already. */
    HVEMU_VP_START,
    /* HvDeleteVp, or the end of its partition: vp dies when the op has returned success. Its thread
       must have left the library for good; HV_STATUS_TIMEOUT: not yet, ask again. */
    HVEMU_VP_DELETED
};

/* What the map op is to do with a page of the partition's GPA space. */
enum {
    HVEMU_MAP = 0, /* from now on the parent's page `source`, whatever it was before */
    HVEMU_UNMAP,   /* nothing there; success if there was nothing; source is 0 */
    HVEMU_MODIFY   /* other rights for what is there; source is 0 */
};

/* What only the VMM can do. Copied by hvemu_init(); a NULL op has the answer given with it.
 *
 * ctx is the VMM's pointer for the partition acted upon: the root's was given to hvemu_init(), a
 * child has its parent's unless the partition op or hvemu_add_guest() gave another. It is fixed for
 * the life of the ID.
 *
 * An op runs on the thread that made the call it serves, and may run on several threads at once. It
 * may call hvemu_ext_int_line(), hvemu_ext_int_acknowledge(), hvemu_vp_yield() and what tells of a
 * VP, names and text, and assert and clear virtual interrupts in their C forms; nothing else. It
 * must return: no longjmp(), exception or cancellation may leave it. ext_int and interrupt must not
 * block, and must be signal-safe if the VMM asserts from signal handlers; the others may block as
 * long as an exit of this VMM may, but not on a VP that may be inside the library. */
struct hvemu_ops {
    size_t size;

    /* The kick: the external interrupt of `partition` was asserted, was withdrawn or got another
       vector, so VP 0's thread must call hvemu_ext_int_line() before it enters the guest again.
       Comes after the change, on the asserting thread, at any IRQL. It carries no state, because
       two kicks may overtake each other, and may come a moment after VP 0's detach: like interrupt
       it ends for good only before FINALIZED. NULL: VP 0 polls. */
    void (*ext_int)(void *ctx, uint64_t partition);

    /* Delivers a virtual interrupt of a type other than ExtInt. The parameters are those of
       HvAssertVirtualInterrupt and have been checked: `address` is below 2^32, `vector` 0..255, or
       HV_INTERRUPT_VECTOR_NONE to withdraw a level-triggered interrupt (to withdraw an edge does
       nothing and never gets here). Returns the caller's status, for example
       HV_STATUS_INVALID_VP_INDEX for an address without processor, or HV_STATUS_TIMEOUT: nothing
       done, let the caller repeat. NULL: HV_STATUS_INVALID_PARAMETER. */
    uint16_t (*interrupt)(void *ctx, uint64_t partition, uint64_t control, uint64_t address,
                          uint32_t vector);

    /* Memory of the calling partition, for a call whose lists lie there: `bytes`, 1..4096, at
       `gpa`, inside one page and inside the configured GPA space. gpa_read and gpa_writable run
       before anything has happened, and answer with an HVEMU_MEM_. What was found writable stays so
       until this call's gpa_write, or until the library returns to the VMM without one. If
       gpa_write does not answer OK all the same, the call stands, and HVEMU_ACCESS_LOST says that
       its output is lost. gpa_read and gpa_write serve HvReadGpa, HvWriteGpa and
       HvTranslateVirtualAddress too, on memory of the partition that these are about, under its
       try-lock; gpa_writable is not asked then. NULL: gpa_read and gpa_write HVEMU_MEM_NONE,
       gpa_writable HVEMU_MEM_OK if gpa_write is there. */
    int (*gpa_read)(void *ctx, uint64_t partition, uint64_t gpa, void *to, uint32_t bytes);
    int (*gpa_writable)(void *ctx, uint64_t partition, uint64_t gpa, uint32_t bytes);
    int (*gpa_write)(void *ctx, uint64_t partition, uint64_t gpa, const void *from, uint32_t bytes);

    /* The hypercall page of `partition` is from now on at `gpa`, over whatever lies there, for all
       its VPs: it begins with `code`, is readable and executable, a write to it raises #GP, and its
       bytes stay the same as long as it is there. Where it was before, what lay below is seen
       again. code NULL: it is nowhere. What gpa_writable has promised of memory there holds all
       the same: until then answer AGAIN, or let that gpa_write reach what lies below.
       HVEMU_MEM_NONE: no page can be there, the guest gets #GP; as an answer to code NULL it counts
       as FAILED. Runs under the partition's try-lock. NULL: HVEMU_MEM_NONE. */
    int (*overlay)(void *ctx, uint64_t partition, uint64_t gpa, const uint8_t *code,
                   uint32_t bytes);

    /* A step in the life of `partition`, HVEMU_PARTITION_*. With CREATED, ctx is the parent's,
       *child_ctx, which holds it too, may be set to the new partition's own, and creation is what
       the parent asks for: an HV_INPUT_CREATE_PARTITION, 56 bytes, little-endian, checked for
       reserved fields. With every other event child_ctx and creation are NULL. Runs under the
       instance's try-lock. Returns the status for the caller of the step; HV_STATUS_TIMEOUT: let
       the caller repeat. NULL: success, but a creation that asks for flags or masks processor
       features gets HV_STATUS_INVALID_PARAMETER. */
    uint16_t (*partition)(void *ctx, uint64_t partition, uint32_t event, const void *creation,
                          void **child_ctx);

    /* Sees each call that is about to reach its handler, target and state judged; ctx is the
       caller's. 0: go on; a status, 1..0xFFFF: answer that instead, HV_STATUS_TIMEOUT: let the
       caller repeat; -n: go on, but carry out at most n elements of a rep call this time (above
       the budget: the budget; a simple call: no effect); anything else counts as
       HV_STATUS_OPERATION_DENIED. invocation->index is the first element of this invocation.
       Neither filter nor trace sees
       hvemu_clear_virtual_interrupt(), hvemu_assert_virtual_interrupt() and their Hv forms. NULL:
       go on. */
    int (*filter)(void *ctx, const struct hvemu_invocation *invocation);

    /* Sees what became of a call that reached that point, before its output is written: its
       status, and the elements completed, counted from the start of the list. HV_STATUS_TIMEOUT:
       to be continued. invocation->index is the element begun last. NULL: nothing. */
    void (*trace)(void *ctx, const struct hvemu_invocation *invocation, uint16_t status,
                  uint16_t reps);

    /* The ops from here on run under the partition's try-lock, create and delete of a VP under the
       instance's too, and return the status for the caller; HV_STATUS_TIMEOUT: nothing done, let
       the caller repeat. */

    /* A step in the life of a virtual processor that HvCreateVp makes or has made, HVEMU_VP_*; with
       HVEMU_VP_SUSPEND and HVEMU_VP_START also of one that the VMM has attached. ctx is its
       partition's. With HVEMU_VP_CREATED vp_ctx is where the VMM's pointer for it goes, NULL at
       first, else vp_ctx is NULL. NULL: success. */
    uint16_t (*vp)(void *ctx, struct hvemu_vp *vp, uint32_t event, const void *block,
                   void **vp_ctx);

    /* Reads and writes a register of vp, an HV_REGISTER_NAME: value[0] its low 64 bits, value[1]
       the high ones, zero at first. They do not see ExplicitSuspend, InterceptSuspend, VpIndex,
       GuestOsId and Hypercall, which are the library's. HvTranslateVirtualAddress gets Cr0, Cr3,
       Cr4, Efer, Rflags and Ss, one by one. Whether vp runs, and is to be stopped for
       it, is the VMM's to know: the op must not wait for a VP that may be inside the library, but
       answer TIMEOUT. Statuses: HV_STATUS_INVALID_PARAMETER for a name that is not known or (set)
       cannot be written, HV_STATUS_INVALID_REGISTER_VALUE. NULL: HV_STATUS_INVALID_PARAMETER. */
    uint16_t (*vp_get)(void *ctx, struct hvemu_vp *vp, uint32_t name, uint64_t value[2]);
    uint16_t (*vp_set)(void *ctx, struct hvemu_vp *vp, uint32_t name, const uint64_t value[2]);

    /* HVEMU_MAP, UNMAP or MODIFY `page` of `partition`, a GPA page number inside the GPA space, or
       the 512 pages from there with HV_MAP_GPA_LARGE_PAGE, which comes with aligned pages alone.
       ctx is the partition's; source is a page of its parent's GPA space (the root's own for the
       root), whose ctx was there at HVEMU_PARTITION_CREATED. flags: the HV_MAP_GPA_ ones of the
       call, checked for reserved bits and impossible rights; of UNMAP HV_MAP_GPA_LARGE_PAGE or
       none. Statuses: HV_STATUS_OPERATION_DENIED if source is not there or is deposited,
       HV_STATUS_OBJECT_IN_USE for a page of `partition` that it has deposited in a pool: were that
       unmapped or replaced, it could never be given back. NULL: HV_STATUS_OPERATION_DENIED. */
    uint16_t (*map)(void *ctx, uint64_t partition, uint32_t what, uint64_t page, uint64_t source,
                    uint32_t flags);

    /* `page` of the calling partition, whose ID and ctx these are, becomes a pool's (deposit 1), so
       that nobody can reach, unmap or remap it; or is given back, zeroed, with all rights (deposit
       0), which comes for deposited pages alone and is to succeed: with any other answer the page
       stays in the pool, and its partition cannot be deleted. The library knows how many pages a
       pool has, the VMM which: it answers HV_STATUS_OPERATION_DENIED to the deposit of a page that
       is not there with all rights, that others reach, or that is deposited,
       HV_STATUS_OBJECT_IN_USE if it has another use. Runs under the try-lock of the pool's
       partition, not of the caller's. NULL: HV_STATUS_OPERATION_DENIED. */
    uint16_t (*pool)(void *ctx, uint64_t partition, uint64_t page, int deposit);

    /* Reads (set 0, *value 0 at first) or writes (set 1) a property of `partition`. The library
       holds Suspend, CpuReserve, CpuCap, CpuWeight, EmulatedTimerPeriod (0 clears the enable bit of
       the next without another call), EmulatedTimerControl, PmTimerAssist, TimeFreeze,
       DebugChannelId, VirtualTlbPageCount and PrivilegeFlags, and acts upon the last alone: of
       these the op sees writes only, checked and before they take effect, to obey or refuse them
       (HV_STATUS_OBJECT_IN_USE for a debug channel that another partition has). Those that it does
       not care about it must let pass: HV_STATUS_UNKNOWN_PROPERTY for all that it does not know
       would refuse PrivilegeFlags too. All others but GuestOsId are the VMM's: what the machine is,
       the clock, and codes that no TLFS lists, which come before the partition is initialized too.
       Values have 64 bits; for what is larger answer HV_STATUS_UNKNOWN_PROPERTY. `argument` is that
       of the extended calls, else 0. NULL: success for those that the library holds,
       HV_STATUS_UNKNOWN_PROPERTY for others. */
    uint16_t (*property)(void *ctx, uint64_t partition, uint32_t code, uint64_t argument,
                         uint64_t *value, int set);
};

/* Instance, partitions, virtual processors. */

/* Bytes that hvemu_init() needs for this configuration (NULL: the defaults), a multiple of 64. 0:
 * impossible. */
HVEMU_API size_t hvemu_memory_size(const struct hvemu_config *config);

/* Makes an instance with an active root partition, which has every privilege.
 * memory, bytes  aligned to 64; the library's from now on. There is nothing to undo: when the owner
 *                has stopped calling, the memory may be used otherwise.
 * config, ops    NULL: the defaults.
 * ctx            the root's.
 * HVEMU_E_ARGUMENT  hv or memory NULL, memory misaligned, a value of config out of range
 * HVEMU_E_VERSION   config or ops
 * HVEMU_E_SPACE     bytes is less than hvemu_memory_size() */
HVEMU_API enum hvemu_result hvemu_init(struct hvemu **hv, void *memory, size_t bytes,
                                       const struct hvemu_config *config,
                                       const struct hvemu_ops *ops, void *ctx);

/* The root partition's ID; 0 if hv is NULL. */
HVEMU_API uint64_t hvemu_root(const struct hvemu *hv);

/* Creates and initializes a child of `parent` in one step: all that a VMM with one guest needs. The
 * partition op does not hear of that, since its caller knows. The child ends like any other, by its
 * parent's HvFinalizePartition and HvDeletePartition, of which the op does hear.
 * parent             needs CreatePartitions when it ends the child
 * privileges         the child's, less what the parent lacks; 0 is none
 * ctx                the child's; NULL is NULL
 * HVEMU_E_ARGUMENT   NULL
 * HVEMU_E_PARTITION  parent is not an active partition
 * HVEMU_E_SPACE      depth, children, descendants or partitions are used up
 * HVEMU_E_BUSY       the try-lock is taken */
HVEMU_API enum hvemu_result hvemu_add_guest(struct hvemu *hv, uint64_t parent, uint64_t privileges,
                                            void *ctx, uint64_t *partition);

/* A system reset of an active partition, as far as the library holds it: OS ID and HYPERCALL MSR 0
 * and unlocked, the hypercall page gone, the external interrupt idle, all VPs but VP 0 to be
 * started anew. ID, privileges, properties, children, VPs and whether they are suspended, and
 * intercepts stay. Its VPs are to be outside the library. INIT or SIPI to one VP changes nothing
 * here.
 * HVEMU_E_ARGUMENT   NULL
 * HVEMU_E_PARTITION  not an active partition
 * HVEMU_E_OP         the overlay op did not take the page away
 * HVEMU_E_BUSY       a try-lock is taken, a VP is in a call, or the overlay op answered AGAIN */
HVEMU_API enum hvemu_result hvemu_reset(struct hvemu *hv, uint64_t partition);

/* Makes virtual processor `index` of an active partition. VP 0 is the boot processor, which alone
 * takes external interrupts. From a partition's first VP on its CPUID leaves are constant but for
 * the privileges, which its parent may change.
 * HVEMU_E_ARGUMENT   NULL, or index is not below hvemu_config.vps
 * HVEMU_E_PARTITION  not an active partition
 * HVEMU_E_VP         the index is taken
 * HVEMU_E_SPACE      hvemu_config.vps or vps_each are used up
 * HVEMU_E_BUSY       a try-lock is taken */
HVEMU_API enum hvemu_result hvemu_vp_attach(struct hvemu *hv, uint64_t partition, uint32_t index,
                                            void *vp_ctx, struct hvemu_vp **vp);

/* Ends a virtual processor, in any state of its partition. Its thread has left the library for
 * good. With VP 0 goes an external interrupt, asserted or acknowledged. Afterwards vp is dead:
 * calls with it find it GONE, until its memory serves another VP, after which they are the
 * caller's bug.
 * HVEMU_E_ARGUMENT  NULL
 * HVEMU_E_VP        vp is dead
 * HVEMU_E_BUSY      a try-lock is taken, or vp is seen in a call, as when an op detaches the VP
 *                   that it serves */
HVEMU_API enum hvemu_result hvemu_vp_detach(struct hvemu_vp *vp);

/* Ends the rep call that vp is in after the element at hand, or its next one after its first: the
 * guest repeats the rest after the VMM had its turn. Outside a rep call, in a simple one too, it
 * counts for the next rep call. NULL: nothing, so that a handler need not ask whether it was called
 * from C. Any thread; lock-free, signal-safe. */
HVEMU_API void hvemu_vp_yield(struct hvemu_vp *vp);

/* What hvemu_vp_attach() was given, or what the vp op set at HVEMU_VP_CREATED and NULL until then;
 * NULL, 0, 0 if vp is NULL. The partition of a dead VP is 0. */
HVEMU_API void *hvemu_vp_context(const struct hvemu_vp *vp);
HVEMU_API uint64_t hvemu_vp_partition(const struct hvemu_vp *vp);
HVEMU_API uint32_t hvemu_vp_index(const struct hvemu_vp *vp);

/* Why vp must not enter the guest, HVEMU_SUSPENDED_*; 0: it may. TLB flush inhibit is not among
 * them. Any thread, lock-free. */
enum {
    HVEMU_SUSPENDED_EXPLICIT = 1, /* HvRegisterExplicitSuspend: by its creation or its parent */
    HVEMU_SUSPENDED_INTERCEPT = 2 /* HvRegisterInterceptSuspend: until its parent has dealt with an
                                     intercept */
};
HVEMU_API uint32_t hvemu_vp_suspended(const struct hvemu_vp *vp);

/* Sets HvRegisterInterceptSuspend: the VMM has told the parent of an intercept of vp. The parent
 * clears it with HvSetVpRegisters. To be called on vp's thread. */
HVEMU_API void hvemu_vp_suspend(struct hvemu_vp *vp);

/* Whether a partition's parent has installed an intercept for this: the HV_INTERCEPT_ACCESS_MASK of
 * the accesses that it wants to see; 0 for none, or if the partition is not active. type: an
 * HV_INTERCEPT_TYPE; parameter: the I/O port, MSR, CPUID leaf or exception vector. To be called at
 * such an exit, on any thread; lock-free, in time bounded by hvemu_config.intercepts. */
HVEMU_API uint32_t hvemu_intercept(const struct hvemu *hv, uint64_t partition, uint32_t type,
                                   uint32_t parameter);

/* The state that a partition is in, one of HVEMU_STATE_*; 0: there is none with this ID. */
HVEMU_API uint32_t hvemu_partition_state(const struct hvemu *hv, uint64_t partition);

/* External interrupts, the VMM's side (TLFS 2.0a 13.4.1, 13.5). */

/* 1: an external interrupt waits for the boot processor. 0: none does, or vp is not an active
 * partition's VP 0. To be called on VP 0's thread before it enters the guest: first forget the
 * kick, then ask. */
HVEMU_API int hvemu_ext_int_line(const struct hvemu_vp *vp);

/* The 8259's INTA cycle: fixes and gives the vector, 0..255. To be called on VP 0's thread at the
 * instant the vector is committed to the processor: KVM_INTERRUPT at an open window, a VM-entry
 * event, a push through the IDT. From here on the interrupt is acknowledged: one
 * HvClearVirtualInterrupt succeeds, and until then HvAssertVirtualInterrupt answers
 * HV_STATUS_ACKNOWLEDGED. A vector that is handed over early cannot be withdrawn any more.
 * Before VP 0 enters the guest again, its thread calls HvClearVirtualInterrupt and tells the
 * interrupt controller's model that its vector was taken; if another thread did, the guest's EOI
 * could overtake it. Then it runs the model once: a guest in automatic-EOI mode never does.
 * HVEMU_E_NOTHING    nothing is asserted, or not any more; *vector is unchanged
 * HVEMU_E_VP         not VP 0
 * HVEMU_E_PARTITION  not active any more
 * HVEMU_E_BUSY       lost 8 races against asserting threads; look again */
HVEMU_API enum hvemu_result hvemu_ext_int_acknowledge(struct hvemu_vp *vp, uint8_t *vector);

/* Hypercalls from C. The TLFS' own prototypes, HvClearVirtualInterrupt() and its siblings, are in
 * <hvgdk/hvapi.h> and act for the partition that the calling thread is attached to; the forms here
 * name the caller. A caller that is not an active partition, or a thread attached to none, gets
 * HV_STATUS_ACCESS_DENIED. HV_STATUS_TIMEOUT: nothing has happened, or (finalize, rep calls) not
 * all of it; call again. */

struct hvemu_caller { /* to be zeroed before it is filled */
    struct hvemu *hv;
    uint64_t partition;
    /* NULL: the library carries out what the thread calls. Else every Hv function that is about to
       make a call has this do it in the place of hvemu_hypercall(): to log it, to refuse it, or to
       send it elsewhere. in, items: the header and the list of elements, which follows it in
       guest memory. */
    uint64_t (*hypercall)(const struct hvemu_caller *caller, uint64_t control, const void *in,
                          size_t in_bytes, const void *items, size_t items_bytes, void *out,
                          size_t out_bytes);
};

/* Attaches the calling thread to *caller, which must stay as it is until the thread attaches
 * elsewhere; NULL detaches. Returns the previous one. Stores one pointer, so that a signal handler
 * never sees half of it. Not in freestanding builds. */
HVEMU_API const struct hvemu_caller *hvemu_attach(const struct hvemu_caller *caller);

/* What the calling thread is attached to, or NULL. A freestanding build that has the Hv functions
 * leaves this one to its embedder, who knows what a thread is there. */
HVEMU_API const struct hvemu_caller *hvemu_current_caller(void);

/* HvClearVirtualInterrupt (0x0056; TLFS 2.0a 13.5.2): has the boot processor of `destination` taken
 * the external interrupt that `caller` asserted? If so, forgets it, so that the next can be
 * asserted. Callable at any IRQL.
 * HV_STATUS_SUCCESS                  it has
 * HV_STATUS_NOT_ACKNOWLEDGED         none was acknowledged since the last clear; one that is still
 *                                    asserted stays so
 * HV_STATUS_ACCESS_DENIED            caller is not the parent, is not active, or has no privilege
 *                                    CreatePartitions
 * HV_STATUS_INVALID_PARTITION_ID     no such partition
 * HV_STATUS_INVALID_PARTITION_STATE  not active
 * HV_STATUS_TIMEOUT                  lost 8 races against other threads, nothing has happened */
HVEMU_API uint16_t hvemu_clear_virtual_interrupt(struct hvemu *hv, uint64_t caller,
                                                 uint64_t destination);

/* HvAssertVirtualInterrupt (0x0094; TLFS 2.0a 13.5.1). control: an HV_INTERRUPT_CONTROL; address:
 * an APIC ID, physical or logical, 0 for ExtInt; vector: 0..255, or HV_INTERRUPT_VECTOR_NONE to
 * withdraw. Callable at any IRQL as far as the ops ext_int and interrupt are.
 * HV_STATUS_SUCCESS
 * HV_STATUS_ACKNOWLEDGED       ExtInt: the last one was taken and is not cleared yet
 * HV_STATUS_INVALID_VP_INDEX   ExtInt: there is no VP 0
 * HV_STATUS_INVALID_PARAMETER  type, reserved bit, vector or address; or there is no interrupt op
 * HV_STATUS_ACCESS_DENIED, INVALID_PARTITION_ID, INVALID_PARTITION_STATE, TIMEOUT  as with clear
 * else the answer of the interrupt op */
HVEMU_API uint16_t hvemu_assert_virtual_interrupt(struct hvemu *hv, uint64_t caller,
                                                  uint64_t destination, uint64_t control,
                                                  uint64_t address, uint32_t vector);

/* Any call. control: the hypercall input value, of which the fast bit says nothing here. in, out:
 * the parameter blocks as in guest memory. Returns the hypercall result value: the status in bits
 * 15:0, for a rep call the elements completed in bits 43:32, counted from the start of the list.
 * A simple call writes out on success alone; a rep call the elements it completed this time,
 * whatever its status, and nothing else.
 * HV_STATUS_INVALID_ALIGNMENT  a list is longer than 4096 bytes
 * HV_STATUS_INVALID_PARAMETER  also if a block is shorter than the call's
 * HV_STATUS_TIMEOUT            also with elements completed: call again with bits 43:32 of the
 *                              result in bits 59:48 of control, and the same blocks */
HVEMU_API uint64_t hvemu_hypercall(struct hvemu *hv, uint64_t caller, uint64_t control,
                                   const void *in, size_t in_bytes, void *out, size_t out_bytes);

/* Hypercalls from a guest. */

/* What the VMM does with an exit. "At the instruction": with the instruction pointer where it was
 * before the instruction. */
enum hvemu_action {
    /* Write back the registers in `changed`, step over the instruction. */
    HVEMU_STEP = 0,
    /* Write back the registers in `changed`, let the guest execute the instruction again. A VMM
       that has nothing else to do may, after writing back, call again with the same frame; or it
       calls again at once and ORs `changed` and `access` of all rounds, since each begins them
       afresh, to write back at the end, whatever that is. */
    HVEMU_REPEAT,
    /* Nothing changed: inject #UD, or #GP(0), at the instruction. */
    HVEMU_UD,
    HVEMU_GP,
    /* Nothing happened: guest memory at `gpa` lacks what `access` says. Mend it and let the guest
       repeat, or give it a status with hvemu_x64_finish(). A list in the guest's own enabled
       hypercall page cannot be mended; no op was asked for it. */
    HVEMU_INTERCEPT,
    /* Nothing happened: fill xmm, set HVEMU_X64_XMM in known, call again. Also when a rep call goes
       on within 16 bytes of output: first write back what earlier rounds changed, then fill. */
    HVEMU_NEED_XMM,
    /* Not the library's: the hypercall interface is not enabled; another MSR, another leaf. Do what
       your VMM does with such an instruction: #UD, #GP, or a result of its own. */
    HVEMU_PASS,
    /* The caller's partition is not active any more, nothing was written: stop this VP. */
    HVEMU_GONE,
    /* An op failed, the VP is in a call already, or the arguments were bad: nothing can be said to
       the guest. */
    HVEMU_FAILED
};

/* Bits of `access`. */
enum {
    HVEMU_ACCESS_READ = 1,  /* INTERCEPT: the input list could not be read; in a call that was only
                               decoded: what XMM registers hold of its input was not */
    HVEMU_ACCESS_WRITE = 2, /* INTERCEPT: the output list could not be written */
    HVEMU_ACCESS_LOST = 4   /* STEP, REPEAT: what was done stands, but its output is lost */
};

/* A decoded call: what its caller said, judged by shape alone. For hvemu_execute() the VMM fills in
 * `control` and, for a memory call, in_gpa and out_gpa, for a fast one (bit 16 of control) fast. If
 * its exit brought the bytes of a memory call along, it sets the fast bit and puts them into fast.
 */
struct hvemu_call {
    uint64_t control;         /* hypercall input value (TLFS 6.0b 3.7) */
    uint64_t in_gpa, out_gpa; /* 0 if fast; without meaning if the call has no such list */
    /* From here on filled in by the library. */
    uint16_t code;
    uint16_t status;              /* 0 or the first fault, 2, 3 or 4; once executed, the call's */
    uint16_t reps, start;         /* rep count and rep start index as given */
    uint16_t header_bytes;        /* of the input: its fixed and variable header */
    uint16_t in_bytes, out_bytes; /* whole lists; 0xFFFF if more; 0 if the call is not known */
    uint16_t out_at;              /* fast: where in fast[] output begins */
    uint16_t written_at, written; /* fast: the part of fast[] that is output, in whole 16 bytes */
    uint32_t executed;            /* 1: status and result are the call's */
    uint64_t result;              /* hypercall result value */
    uint64_t gpa;                 /* INTERCEPT: what was not accessible */
    uint32_t access, reserved0;   /* HVEMU_ACCESS_* */
    uint64_t reserved[3];
    uint8_t fast[112]; /* the register block, little-endian */
};

/* Carries out a call of vp's partition whose caller has no x64 registers, or whose VMM knows them
 * in another form (KVM_EXIT_HYPERV, GHCB, TDX, arm64). Whether the caller may make hypercalls at
 * all was for its VMM to check.
 * STEP       result is set
 * REPEAT     control has the next rep start index in bits 59:48, if elements were completed
 * INTERCEPT, GONE, FAILED
 * With STEP and REPEAT a fast call's output is in fast, as written_at and written say; what else
 * lies there behind the input has no meaning. A call that goes on within 16 bytes of output that it
 * began earlier finds those bytes in fast. */
HVEMU_API enum hvemu_action hvemu_execute(struct hvemu_vp *vp, struct hvemu_call *call);

/* Registers of an exit: bits of `known` and `changed`. */
enum {
    HVEMU_X64_RAX = 0x1,
    HVEMU_X64_RCX = 0x2,
    HVEMU_X64_RDX = 0x4,
    HVEMU_X64_RBX = 0x8,
    HVEMU_X64_RSI = 0x10,
    HVEMU_X64_RDI = 0x20,
    HVEMU_X64_R8 = 0x40,
    HVEMU_X64_XMM0 = 0x100, /* XMMn: HVEMU_X64_XMM0 << n */
    HVEMU_X64_XMM = 0x3F00  /* XMM0 to XMM5 */
};

/* Bits of `mode`: the processor's state at the exit. */
enum {
    HVEMU_X64_CPL = 3,   /* current privilege level, 0..3 (virtual-8086 mode: 3) */
    HVEMU_X64_PE = 4,    /* CR0.PE */
    HVEMU_X64_LMA = 8,   /* EFER.LMA */
    HVEMU_X64_CS_L = 16, /* CS.L */
    HVEMU_X64_KERNEL64 = HVEMU_X64_PE | HVEMU_X64_LMA | HVEMU_X64_CS_L /* 64-bit mode at CPL 0 */
};

/* Of a 64-bit caller RCX, RDX and R8 are read: control, input, output; of any other EDX:EAX,
 * EBX:ECX and EDI:ESI, the high half first, upper halves of registers ignored. The rest need not be
 * filled. The result goes to RAX, or zero-extended to EDX:EAX. */
struct hvemu_x64_frame {
    uint64_t rax, rcx, rdx, rbx, rsi, rdi, r8;
    uint64_t xmm[6][2];       /* XMM0 to XMM5, low half first */
    uint32_t mode, known;     /* in; known: HVEMU_X64_XMM if xmm is filled */
    uint32_t changed, access; /* out: registers to write back; HVEMU_ACCESS_* */
    uint64_t gpa;             /* out, INTERCEPT */
    uint64_t reserved[4];
};

/* The decoder: a function of its arguments. hv: NULL, or an instance whose own calls are to be
 * known and whose withdrawn ones are not. features: CPUID 0x40000003 EDX as the guest sees it, of
 * which the two HV_FEATURE_XMM_HYPERCALL_ bits count.
 * STEP      call is filled; look at call->status
 * UD        no hypercalls in this mode or at this privilege level, and call is zero; or the call
 *           needs XMM input or register output that is not advertised, and call is filled but for
 *           what XMM registers hold
 * NEED_XMM  call is filled but for what XMM registers hold
 * FAILED    NULL */
HVEMU_API enum hvemu_action hvemu_x64_decode(const struct hvemu *hv,
                                             const struct hvemu_x64_frame *frame, uint32_t features,
                                             struct hvemu_call *call);

/* A hypercall instruction of vp: decodes it, carries it out, writes the result into the frame.
 * STEP, REPEAT, UD, INTERCEPT, NEED_XMM, PASS, GONE or FAILED. */
HVEMU_API enum hvemu_action hvemu_x64_hypercall(struct hvemu_vp *vp, struct hvemu_x64_frame *frame);

/* Writes a result of the VMM's own into the frame, for a call that ended in INTERCEPT, PASS or
 * FAILED; then STEP. reps: elements completed, 0 for a simple call. */
HVEMU_API void hvemu_x64_finish(struct hvemu_x64_frame *frame, uint16_t status, uint16_t reps);

/* RDMSR and WRMSR of GUEST_OS_ID, HYPERCALL and VP_INDEX (TLFS 6.0b 2.6, 3.13, 7.8.1). STEP, which
 * alone writes *value; GP; PASS, another MSR; REPEAT (wrmsr); GONE; FAILED. While GUEST_OS_ID is 0,
 * HYPERCALL takes a value but not its enable bit, and clearing GUEST_OS_ID clears that. */
HVEMU_API enum hvemu_action hvemu_x64_rdmsr(struct hvemu_vp *vp, uint32_t msr, uint64_t *value);
HVEMU_API enum hvemu_action hvemu_x64_wrmsr(struct hvemu_vp *vp, uint32_t msr, uint64_t value);

/* CPUID leaves 0x40000000 to 0x40000005 of a partition, as EAX, EBX, ECX, EDX (TLFS 6.0b 2.4).
 * STEP; PASS, another leaf, regs unchanged; GONE, no such partition; FAILED, NULL. Bit 31 of leaf
 * 1's ECX, "a hypervisor is present", is the VMM's to set. */
HVEMU_API enum hvemu_action hvemu_x64_cpuid(const struct hvemu *hv, uint64_t partition,
                                            uint32_t leaf, uint32_t regs[4]);

/* Calls of the VMM's own. */

struct hvemu_invocation { /* made by the library, grows at the end */
    struct hvemu *hv;
    const struct hvemu_descriptor *call; /* handler NULL: one of the library's */
    struct hvemu_vp *vp;                 /* NULL: from C */
    void *ctx;                           /* the VMM's for the caller's partition */
    uint64_t caller, target;             /* partition IDs; target 0: the call has none */
    uint64_t control;                    /* hypercall input value */
    uint16_t header_bytes;               /* of `in`: fixed and variable header */
    uint16_t index;                      /* rep: the element at hand; see filter and trace */
};

/* Carries out a simple call, or one element of a rep call.
 * in    the header, header_bytes; never NULL. A target's ID stands there as the caller gave it,
 *       HV_PARTITION_ID_SELF too: act on invocation->target, the one that was judged
 * item  this element's input; NULL if elements have none
 * out   the simple call's output, or this element's, zeroed; NULL if there is none
 * All of it private bytes (of a C call, item is the caller's, and a header above 64 bytes),
 * little-endian, aligned to nothing, wherever they came from. Returns the
 * caller's status: anything but success ends the call, the elements before this one stand, and
 * `out` is thrown away. HV_STATUS_TIMEOUT: nothing done, call me again at this element. Runs on the
 * caller's thread, on several at once, and is bound like an op; it may block as an exit may. */
typedef uint16_t hvemu_handler(const struct hvemu_invocation *invocation, const void *in,
                               const void *item, void *out);

enum { HVEMU_SIMPLE = 0, HVEMU_REP = 1, HVEMU_VARIABLE = 2 }; /* form: bits */
enum { HVEMU_NOBODY = 0, HVEMU_PARENT = 1, HVEMU_SELF = 2 };  /* target: what the caller is to it */
enum {                                                        /* states of the target: bits */
       HVEMU_STATE_UNINITIALIZED = 2,
       HVEMU_STATE_ACTIVE = 4,
       HVEMU_STATE_FINALIZING = 8,
       HVEMU_STATE_FINALIZED = 16
};

struct hvemu_descriptor {
    size_t size;
    const char *name; /* kept, not copied */
    hvemu_handler *handler;
    /* HV_PARTITION_PRIVILEGE_MASK that the caller needs. 0: none, with HVEMU_PARENT too; the
       library's own calls on children have HV_PRIVILEGE_CREATE_PARTITIONS here. */
    uint64_t privilege;
    uint16_t code;
    uint16_t form;          /* HVEMU_REP, HVEMU_VARIABLE: takes a variable header */
    uint16_t in, in_each;   /* bytes of the fixed header, of each element */
    uint16_t out, out_each; /* bytes of a simple call's output; of each element's */
    /* HVEMU_PARENT, HVEMU_SELF or both: the fixed header begins with a partition ID that must name
       a child of the caller, or the caller; and the HVEMU_STATE_ it may be in. If that is not
       active alone, a call on a child holds its try-lock: one at a time. */
    uint8_t target, states;
    uint8_t reserved[2];
};

/* Offers a call of the VMM's own to every partition. Before the first VP of the instance, for good:
 * detaching it does not reopen the table. And while nothing else is called that looks for calls:
 * from C, decode, names and text with this hv.
 * HVEMU_E_ARGUMENT  NULL, no name or handler, unknown form or target, an element size in a simple
 *                   call, output beside elements in a rep call, a header that is no multiple of 8
 *                   before a variable header or input elements, a list larger than 4096 bytes even
 *                   with one element, a target without 8 bytes for its ID or without states, or a
 *                   code that has a call
 * HVEMU_E_VERSION   descriptor, or `reserved` is not zero
 * HVEMU_E_SPACE     hvemu_config.calls are used up
 * HVEMU_E_BUSY      a VP has been attached before, or the try-lock is taken */
HVEMU_API enum hvemu_result hvemu_register(struct hvemu *hv, const struct hvemu_descriptor *call);

/* Takes a call away, the library's or the VMM's own, at the same time as hvemu_register(): it is
 * then answered HV_STATUS_INVALID_HYPERCALL_CODE, and its code may be registered anew. Of
 * hvemu_config.calls only own calls are counted. The C forms with a call's name keep that call.
 * HVEMU_E_ARGUMENT  NULL, or no such call
 * HVEMU_E_BUSY      a VP has been attached before, or the try-lock is taken */
HVEMU_API enum hvemu_result hvemu_unregister(struct hvemu *hv, uint16_t code);

/* Text: static, never NULL; unknown values are named as such. */

/* hv: NULL, or an instance whose own calls have names too. "HvCallClearVirtualInterrupt" */
HVEMU_API const char *hvemu_call_name(const struct hvemu *hv, uint16_t code);
HVEMU_API const char *hvemu_status_name(uint16_t status); /* "HV_STATUS_NOT_ACKNOWLEDGED" */
HVEMU_API const char *hvemu_status_text(uint16_t status); /* one sentence */
HVEMU_API const char *hvemu_result_text(enum hvemu_result result);
HVEMU_API const char *hvemu_action_name(enum hvemu_action action); /* "HVEMU_STEP" */

/* One line about a decoded call, without newline, into `to`, cut to fit `bytes` and ended by a zero
 * byte; to may be NULL if bytes is 0. Input in XMM registers that nobody has read is "?". With
 * `executed` set, status and elements completed too, as `result` has them: to tell what became of
 * an x64 exit, decode a copy of the frame from before, then set executed to 1 and result to RAX, or
 * EDX:EAX. Returns the length of the whole line, as snprintf() does. */
HVEMU_API size_t hvemu_call_format(const struct hvemu *hv, const struct hvemu_call *call, char *to,
                                   size_t bytes);

/* HVEMU_VERSION_MAJOR << 16 | MINOR << 8 | PATCH of the library in use. */
HVEMU_API uint32_t hvemu_version(void);

#ifdef __cplusplus
}
#endif
#endif
