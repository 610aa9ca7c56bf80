/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The ABI headers: bytes of the structures as a guest has them in memory, and the bit-field views
 * against the masks. Bytes are written in hexadecimal, from the TLFS; every field has another
 * value, so that no two can be exchanged unseen. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "hvgdk/hvgdk.h"

/* Guest memory is little-endian whatever the host is. */
static uint64_t le(uint64_t value, size_t bytes)
{
#if HV_BIT_FIELD_VIEWS
    (void)bytes;
    return value;
#else
    uint64_t swapped = 0;

    for (size_t i = 0; i < bytes; i++) {
        swapped = swapped << 8 | ((value >> (8 * i)) & 0xFF);
    }
    return swapped;
#endif
}

static uint64_t le64(uint64_t value)
{
    return le(value, 8);
}

static uint32_t le32(uint32_t value)
{
    return (uint32_t)le(value, 4);
}

static uint16_t le16(uint16_t value)
{
    return (uint16_t)le(value, 2);
}

#define assert_bytes(object, golden)                            \
    do {                                                        \
        assert_int_equal(sizeof(object), sizeof(golden));       \
        assert_memory_equal(&(object), golden, sizeof(golden)); \
    } while (0)

static void assert_virtual_interrupt_input(void **state)
{
    static const uint8_t golden[] = {
        0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, /* target partition */
        0x07, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, /* control: ExtInt, level, logical */
        0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, /* destination address */
        0x24, 0x23, 0x22, 0x21,                         /* vector */
        0x31,                                           /* target VTL */
        0x32, 0x34, 0x33,                               /* reserved */
    };
    HV_INPUT_ASSERT_VIRTUAL_INTERRUPT input;

    (void)state;
    memset(&input, 0xEE, sizeof(input));
    input.TargetPartition = le64(0x0102030405060708ULL);
    input.InterruptControl.AsUINT64 = le64(0x0000000300000007ULL);
    input.DestinationAddress = le64(0x1112131415161718ULL);
    input.RequestedVector = le32(0x21222324u);
    input.TargetVtl = 0x31;
    input.ReservedZ0 = 0x32;
    input.ReservedZ1 = le16(0x3334);
    assert_bytes(input, golden);
}

static void clear_virtual_interrupt_input(void **state)
{
    static const uint8_t golden[] = {0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01};
    HV_INPUT_CLEAR_VIRTUAL_INTERRUPT input;

    (void)state;
    input.TargetPartition = le64(0x0102030405060708ULL);
    assert_bytes(input, golden);
}

static void create_partition_input(void **state)
{
    static const uint8_t golden[] = {
        0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, /* flags */
        0x14, 0x13, 0x12, 0x11,                         /* proximity domain: ID */
        0x01, 0x00, 0x00, 0x80,                         /* proximity domain: preferred, valid */
        0x24, 0x23, 0x22, 0x21,                         /* compatibility version */
        0x28, 0x27, 0x26, 0x25,                         /* padding */
        0x38, 0x37, 0x36, 0x35, 0x34, 0x33, 0x32, 0x31, /* disabled features, bank 0 */
        0x48, 0x47, 0x46, 0x45, 0x44, 0x43, 0x42, 0x41, /* disabled features, bank 1 */
        0x58, 0x57, 0x56, 0x55, 0x54, 0x53, 0x52, 0x51, /* disabled XSAVE features */
        0x68, 0x67, 0x66, 0x65, 0x64, 0x63, 0x62, 0x61, /* reserved */
    };
    HV_INPUT_CREATE_PARTITION input;

    (void)state;
    memset(&input, 0xEE, sizeof(input));
    input.Flags = le64(0x0102030405060708ULL);
    input.ProximityDomainInfo.Id = le32(0x11121314u);
    input.ProximityDomainInfo.Flags.AsUINT32 =
        le32(HV_PROXIMITY_DOMAIN_FLAG_PREFERRED | HV_PROXIMITY_DOMAIN_FLAG_VALID);
    input.CompatibilityVersion = le32(0x21222324u);
    input.Padding = le32(0x25262728u);
    input.Properties.DisabledProcessorFeatures.AsUINT64[0] = le64(0x3132333435363738ULL);
    input.Properties.DisabledProcessorFeatures.AsUINT64[1] = le64(0x4142434445464748ULL);
    input.Properties.DisabledProcessorXsaveFeatures.AsUINT64 = le64(0x5152535455565758ULL);
    input.ReservedZ0 = le64(0x6162636465666768ULL);
    assert_bytes(input, golden);
}

static void structures_of_one_partition_id(void **state)
{
    static const uint8_t golden[] = {0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11};
    const uint64_t id = le64(0x1112131415161718ULL);
    HV_OUTPUT_CREATE_PARTITION created;
    HV_INPUT_INITIALIZE_PARTITION initialize;
    HV_INPUT_FINALIZE_PARTITION finalize;
    HV_INPUT_DELETE_PARTITION remove;
    HV_OUTPUT_GET_PARTITION_ID own;

    (void)state;
    created.NewPartitionId = id;
    assert_bytes(created, golden);
    initialize.PartitionId = id;
    assert_bytes(initialize, golden);
    finalize.PartitionId = id;
    assert_bytes(finalize, golden);
    remove.PartitionId = id;
    assert_bytes(remove, golden);
    own.PartitionId = id;
    assert_bytes(own, golden);
}

static void control_word(void **state)
{
    /* reserved 5, start 0x123, reserved 0xA, count 0x456, nested, reserved 6, header 0x2AB, fast,
     * code 0x0056 */
    static const uint8_t golden[] = {0x56, 0x00, 0x57, 0xB5, 0x56, 0xA4, 0x23, 0x51};
    const uint64_t word = 0x5123A456B5570056ULL;
    HV_HYPERCALL_INPUT input;

    (void)state;
    input.AsUINT64 = le64(word);
    assert_bytes(input, golden);
    assert_int_equal(word & HV_HYPERCALL_CODE_MASK, HvCallClearVirtualInterrupt);
    assert_true((word & HV_HYPERCALL_FAST) != 0);
    assert_int_equal((word & HV_HYPERCALL_VARHEAD_MASK) >> HV_HYPERCALL_VARHEAD_SHIFT, 0x2AB);
    assert_true((word & HV_HYPERCALL_NESTED) != 0);
    assert_int_equal((word & HV_HYPERCALL_REP_COUNT_MASK) >> HV_HYPERCALL_REP_COUNT_SHIFT, 0x456);
    assert_int_equal((word & HV_HYPERCALL_REP_START_MASK) >> HV_HYPERCALL_REP_START_SHIFT, 0x123);
    assert_true((word & HV_HYPERCALL_RESERVED_MASK) == 0x5000A00030000000ULL);
#if HV_BIT_FIELD_VIEWS
    assert_int_equal(input.Bits.CallCode, 0x56);
    assert_int_equal(input.Bits.IsFast, 1);
    assert_int_equal(input.Bits.VariableHeaderSize, 0x2AB);
    assert_int_equal(input.Bits.Reserved0, 6);
    assert_int_equal(input.Bits.IsNested, 1);
    assert_int_equal(input.Bits.RepCount, 0x456);
    assert_int_equal(input.Bits.Reserved1, 0xA);
    assert_int_equal(input.Bits.RepStartIndex, 0x123);
    assert_int_equal(input.Bits.Reserved2, 5);
#endif
}

static void result_value(void **state)
{
    static const uint8_t golden[] = {0x14, 0x00, 0x00, 0x00, 0xBC, 0x0A, 0x00, 0x00};
    const uint64_t value = 0x00000ABC00000014ULL;
    HV_HYPERCALL_OUTPUT output;

    (void)state;
    output.AsUINT64 = le64(value);
    assert_bytes(output, golden);
    assert_int_equal(value & HV_HYPERCALL_RESULT_STATUS_MASK, HV_STATUS_NOT_ACKNOWLEDGED);
    assert_int_equal((value & HV_HYPERCALL_RESULT_REPS_MASK) >> HV_HYPERCALL_RESULT_REPS_SHIFT,
                     0xABC);
#if HV_BIT_FIELD_VIEWS
    assert_int_equal(output.Bits.CallStatus, 0x14);
    assert_int_equal(output.Bits.RepsCompleted, 0xABC);
    output.AsUINT64 = ~(HV_HYPERCALL_RESULT_STATUS_MASK | HV_HYPERCALL_RESULT_REPS_MASK);
    assert_int_equal(output.Bits.CallStatus, 0);
    assert_int_equal(output.Bits.Reserved0, 0xFFFF);
    assert_int_equal(output.Bits.RepsCompleted, 0);
    assert_int_equal(output.Bits.Reserved1, 0xFFFFF);
#endif
}

static void masks_of_a_word_do_not_overlap(void **state)
{
    const uint64_t all = 0xFFFFFFFFFFFFFFFFULL;

    (void)state;
    assert_true((HV_INTERRUPT_CONTROL_TYPE_MASK ^ HV_INTERRUPT_CONTROL_LEVEL_TRIGGERED ^
                 HV_INTERRUPT_CONTROL_LOGICAL ^ HV_INTERRUPT_CONTROL_RESERVED_MASK) == all);
    assert_int_equal(HV_PROXIMITY_DOMAIN_FLAG_PREFERRED ^ HV_PROXIMITY_DOMAIN_FLAG_VALID ^
                         HV_PROXIMITY_DOMAIN_FLAG_RESERVED_MASK,
                     0xFFFFFFFFu);
    assert_int_equal(HV_INPUT_VTL_TARGET_VTL_MASK ^ HV_INPUT_VTL_USE_TARGET_VTL ^
                         HV_INPUT_VTL_RESERVED_MASK,
                     0xFFu);
    assert_true((HV_X64_MSR_HYPERCALL_ENABLE ^ HV_X64_MSR_HYPERCALL_LOCKED ^
                 HV_X64_MSR_HYPERCALL_PAGE_MASK) == 0xFFFFFFFFFFFFF003ULL);
}

#define PRIVILEGE(bit, name)     \
    {                            \
        bit, HV_PRIVILEGE_##name \
    }
static const struct {
    unsigned bit;
    uint64_t mask;
} privileges[] = {
    PRIVILEGE(0, ACCESS_VP_RUN_TIME_REG),
    PRIVILEGE(1, ACCESS_PARTITION_REFERENCE_COUNTER),
    PRIVILEGE(2, ACCESS_SYNIC_REGS),
    PRIVILEGE(3, ACCESS_SYNTHETIC_TIMER_REGS),
    PRIVILEGE(4, ACCESS_INTR_CTRL_REGS),
    PRIVILEGE(5, ACCESS_HYPERCALL_MSRS),
    PRIVILEGE(6, ACCESS_VP_INDEX),
    PRIVILEGE(7, ACCESS_RESET_REG),
    PRIVILEGE(8, ACCESS_STATS_REG),
    PRIVILEGE(9, ACCESS_PARTITION_REFERENCE_TSC),
    PRIVILEGE(10, ACCESS_GUEST_IDLE_REG),
    PRIVILEGE(11, ACCESS_FREQUENCY_REGS),
    PRIVILEGE(12, ACCESS_DEBUG_REGS),
    PRIVILEGE(13, ACCESS_REENLIGHTENMENT_CONTROLS),
    PRIVILEGE(14, ACCESS_ROOT_SCHEDULER_REG),
    PRIVILEGE(15, ACCESS_TSC_INVARIANT_CONTROLS),
    PRIVILEGE(32, CREATE_PARTITIONS),
    PRIVILEGE(33, ACCESS_PARTITION_ID),
    PRIVILEGE(34, ACCESS_MEMORY_POOL),
    PRIVILEGE(35, ADJUST_MESSAGE_BUFFERS),
    PRIVILEGE(36, POST_MESSAGES),
    PRIVILEGE(37, SIGNAL_EVENTS),
    PRIVILEGE(38, CREATE_PORT),
    PRIVILEGE(39, CONNECT_PORT),
    PRIVILEGE(40, ACCESS_STATS),
    PRIVILEGE(43, DEBUGGING),
    PRIVILEGE(44, CPU_MANAGEMENT),
    PRIVILEGE(45, CONFIGURE_PROFILER),
    PRIVILEGE(46, ACCESS_VP_EXIT_TRACING),
    PRIVILEGE(47, EXTENDED_GVA_RANGES_FOR_FLUSH),
    PRIVILEGE(48, ACCESS_VSM),
    PRIVILEGE(49, ACCESS_VP_REGISTERS),
    PRIVILEGE(51, FAST_HYPERCALL_OUTPUT),
    PRIVILEGE(52, ENABLE_EXTENDED_HYPERCALLS),
    PRIVILEGE(53, START_VIRTUAL_PROCESSOR),
    PRIVILEGE(54, ISOLATION),
};

static void privileges_are_where_the_tlfs_has_them(void **state)
{
    uint64_t all = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(privileges) / sizeof(privileges[0]); i++) {
        assert_true(privileges[i].mask == (uint64_t)1 << privileges[i].bit);
        assert_true((all & privileges[i].mask) == 0);
        all |= privileges[i].mask;
    }
    assert_true(all == HV_PRIVILEGE_ALL);
}

#if HV_BIT_FIELD_VIEWS
/* Sets one field of the view to all ones and compares the whole value with the mask. */
#define assert_view(type, field, mask)     \
    do {                                   \
        type view;                         \
                                           \
        memset(&view, 0, sizeof(view));    \
        view.Bits.field--;                 \
        assert_true(view.WHOLE == (mask)); \
    } while (0)

#define WHOLE AsUINT64
static void privilege_view_agrees_with_masks(void **state)
{
    (void)state;
    assert_view(HV_PARTITION_PRIVILEGE_MASK, AccessVpRunTimeReg,
                HV_PRIVILEGE_ACCESS_VP_RUN_TIME_REG);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, AccessPartitionReferenceCounter,
                HV_PRIVILEGE_ACCESS_PARTITION_REFERENCE_COUNTER);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, AccessSynicRegs, HV_PRIVILEGE_ACCESS_SYNIC_REGS);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, AccessSyntheticTimerRegs,
                HV_PRIVILEGE_ACCESS_SYNTHETIC_TIMER_REGS);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, AccessIntrCtrlRegs,
                HV_PRIVILEGE_ACCESS_INTR_CTRL_REGS);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, AccessHypercallMsrs,
                HV_PRIVILEGE_ACCESS_HYPERCALL_MSRS);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, AccessVpIndex, HV_PRIVILEGE_ACCESS_VP_INDEX);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, AccessResetReg, HV_PRIVILEGE_ACCESS_RESET_REG);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, AccessStatsReg, HV_PRIVILEGE_ACCESS_STATS_REG);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, AccessPartitionReferenceTsc,
                HV_PRIVILEGE_ACCESS_PARTITION_REFERENCE_TSC);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, AccessGuestIdleReg,
                HV_PRIVILEGE_ACCESS_GUEST_IDLE_REG);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, AccessFrequencyRegs,
                HV_PRIVILEGE_ACCESS_FREQUENCY_REGS);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, AccessDebugRegs, HV_PRIVILEGE_ACCESS_DEBUG_REGS);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, AccessReenlightenmentControls,
                HV_PRIVILEGE_ACCESS_REENLIGHTENMENT_CONTROLS);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, AccessRootSchedulerReg,
                HV_PRIVILEGE_ACCESS_ROOT_SCHEDULER_REG);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, AccessTscInvariantControls,
                HV_PRIVILEGE_ACCESS_TSC_INVARIANT_CONTROLS);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, CreatePartitions, HV_PRIVILEGE_CREATE_PARTITIONS);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, AccessPartitionId, HV_PRIVILEGE_ACCESS_PARTITION_ID);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, AccessMemoryPool, HV_PRIVILEGE_ACCESS_MEMORY_POOL);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, AdjustMessageBuffers,
                HV_PRIVILEGE_ADJUST_MESSAGE_BUFFERS);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, PostMessages, HV_PRIVILEGE_POST_MESSAGES);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, SignalEvents, HV_PRIVILEGE_SIGNAL_EVENTS);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, CreatePort, HV_PRIVILEGE_CREATE_PORT);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, ConnectPort, HV_PRIVILEGE_CONNECT_PORT);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, AccessStats, HV_PRIVILEGE_ACCESS_STATS);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, Debugging, HV_PRIVILEGE_DEBUGGING);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, CpuManagement, HV_PRIVILEGE_CPU_MANAGEMENT);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, ConfigureProfiler, HV_PRIVILEGE_CONFIGURE_PROFILER);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, AccessVpExitTracing,
                HV_PRIVILEGE_ACCESS_VP_EXIT_TRACING);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, EnableExtendedGvaRangesForFlushVirtualAddressList,
                HV_PRIVILEGE_EXTENDED_GVA_RANGES_FOR_FLUSH);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, AccessVsm, HV_PRIVILEGE_ACCESS_VSM);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, AccessVpRegisters, HV_PRIVILEGE_ACCESS_VP_REGISTERS);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, FastHypercallOutput,
                HV_PRIVILEGE_FAST_HYPERCALL_OUTPUT);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, EnableExtendedHypercalls,
                HV_PRIVILEGE_ENABLE_EXTENDED_HYPERCALLS);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, StartVirtualProcessor,
                HV_PRIVILEGE_START_VIRTUAL_PROCESSOR);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, Isolation, HV_PRIVILEGE_ISOLATION);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, Reserved1, 0x00000000FFFF0000ULL);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, Reserved2, 0x0000060000000000ULL);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, Reserved3, 0x0004000000000000ULL);
    assert_view(HV_PARTITION_PRIVILEGE_MASK, Reserved4, 0xFF80000000000000ULL);
}

static void word_views_agree_with_masks(void **state)
{
    (void)state;
    assert_view(HV_HYPERCALL_INPUT, CallCode, HV_HYPERCALL_CODE_MASK);
    assert_view(HV_HYPERCALL_INPUT, IsFast, HV_HYPERCALL_FAST);
    assert_view(HV_HYPERCALL_INPUT, VariableHeaderSize, HV_HYPERCALL_VARHEAD_MASK);
    assert_view(HV_HYPERCALL_INPUT, Reserved0, 0x0000000078000000ULL);
    assert_view(HV_HYPERCALL_INPUT, IsNested, HV_HYPERCALL_NESTED);
    assert_view(HV_HYPERCALL_INPUT, RepCount, HV_HYPERCALL_REP_COUNT_MASK);
    assert_view(HV_HYPERCALL_INPUT, Reserved1, 0x0000F00000000000ULL);
    assert_view(HV_HYPERCALL_INPUT, RepStartIndex, HV_HYPERCALL_REP_START_MASK);
    assert_view(HV_HYPERCALL_INPUT, Reserved2, 0xF000000000000000ULL);
    assert_view(HV_HYPERCALL_OUTPUT, CallStatus, HV_HYPERCALL_RESULT_STATUS_MASK);
    assert_view(HV_HYPERCALL_OUTPUT, RepsCompleted, HV_HYPERCALL_RESULT_REPS_MASK);
    assert_view(HV_INTERRUPT_CONTROL, InterruptType, HV_INTERRUPT_CONTROL_TYPE_MASK);
    assert_view(HV_INTERRUPT_CONTROL, LevelTriggered, HV_INTERRUPT_CONTROL_LEVEL_TRIGGERED);
    assert_view(HV_INTERRUPT_CONTROL, LogicalDestinationMode, HV_INTERRUPT_CONTROL_LOGICAL);
    assert_view(HV_INTERRUPT_CONTROL, Reserved, HV_INTERRUPT_CONTROL_RESERVED_MASK);
    assert_view(HV_X64_MSR_HYPERCALL_CONTENTS, Enable, HV_X64_MSR_HYPERCALL_ENABLE);
    assert_view(HV_X64_MSR_HYPERCALL_CONTENTS, Locked, HV_X64_MSR_HYPERCALL_LOCKED);
    assert_view(HV_X64_MSR_HYPERCALL_CONTENTS, ReservedP, 0x0000000000000FFCULL);
    assert_view(HV_X64_MSR_HYPERCALL_CONTENTS, GpaPageNumber, HV_X64_MSR_HYPERCALL_PAGE_MASK);
}
#undef WHOLE

#define WHOLE AsUINT32
static void proximity_view_agrees_with_masks(void **state)
{
    (void)state;
    assert_view(HV_PROXIMITY_DOMAIN_FLAGS, ProximityPreferred, HV_PROXIMITY_DOMAIN_FLAG_PREFERRED);
    assert_view(HV_PROXIMITY_DOMAIN_FLAGS, Reserved, HV_PROXIMITY_DOMAIN_FLAG_RESERVED_MASK);
    assert_view(HV_PROXIMITY_DOMAIN_FLAGS, ProximityInfoValid, HV_PROXIMITY_DOMAIN_FLAG_VALID);
}
#undef WHOLE

#define WHOLE AsUINT8
static void input_vtl_view_agrees_with_masks(void **state)
{
    (void)state;
    assert_view(HV_INPUT_VTL, TargetVtl, HV_INPUT_VTL_TARGET_VTL_MASK);
    assert_view(HV_INPUT_VTL, UseTargetVtl, HV_INPUT_VTL_USE_TARGET_VTL);
    assert_view(HV_INPUT_VTL, ReservedZ, HV_INPUT_VTL_RESERVED_MASK);
}
#undef WHOLE
#endif

static void numbers_a_guest_relies_on(void **state)
{
    (void)state;
    assert_int_equal(HvCallAssertVirtualInterruptDeprecated, 0x0055);
    assert_int_equal(HvCallClearVirtualInterrupt, 0x0056);
    assert_int_equal(HvCallAssertVirtualInterrupt, 0x0094);
    assert_int_equal(HvCallCreatePartition, 0x0040);
    assert_int_equal(HvCallInitializePartition, 0x0041);
    assert_int_equal(HvCallFinalizePartition, 0x0042);
    assert_int_equal(HvCallDeletePartition, 0x0043);
    assert_int_equal(HvCallGetPartitionId, 0x0046);
    assert_int_equal(HvX64InterruptTypeExtInt, 7);
    assert_int_equal(HvX64InterruptTypeMaximum, 10);
    assert_int_equal(HV_INTERRUPT_VECTOR_NONE, 0xFFFFFFFFu);
    assert_int_equal(HV_X64_MSR_GUEST_OS_ID, 0x40000000u);
    assert_int_equal(HV_X64_MSR_HYPERCALL, 0x40000001u);
    assert_int_equal(HV_X64_MSR_VP_INDEX, 0x40000002u);
    assert_int_equal(HV_FEATURE_XMM_HYPERCALL_INPUT, 1u << 4);
    assert_int_equal(HV_FEATURE_XMM_HYPERCALL_OUTPUT, 1u << 15);
    assert_int_equal(HV_FEATURE_HYPERCALL_MSR_LOCK, 1u << 18);
    assert_true(HV_PARTITION_CREATION_FLAGS_ALL == 0x59A713);
}

static void cpuid_words_spell_their_text(void **state)
{
    const uint32_t vendor[] = {le32(HV_CPUID_VENDOR_EBX), le32(HV_CPUID_VENDOR_ECX),
                               le32(HV_CPUID_VENDOR_EDX)};
    const uint32_t interface = le32(HV_CPUID_INTERFACE_HV1);

    (void)state;
    assert_memory_equal(vendor, "Microsoft Hv", 12);
    assert_memory_equal(&interface, "Hv#1", 4);
}

/* calls.h and hypercalls.def say the same, and hypercalls.def is in ascending order. */
static const struct {
    uint16_t row;
    uint16_t constant;
} calls[] = {
#define HVEMU_NAME(code, name)      {code, name},
#define HVEMU_CALL(code, name, ...) {code, name},
#include "../../lib/hypercalls.def"
#undef HVEMU_NAME
#undef HVEMU_CALL
};

static void every_row_of_hypercalls_def_has_the_number_of_its_name(void **state)
{
    (void)state;
    assert_int_equal(sizeof(calls) / sizeof(calls[0]), 254);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        assert_int_equal(calls[i].row, calls[i].constant);
        assert_true(i == 0 || calls[i - 1].row < calls[i].row);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(assert_virtual_interrupt_input),
        cmocka_unit_test(clear_virtual_interrupt_input),
        cmocka_unit_test(create_partition_input),
        cmocka_unit_test(structures_of_one_partition_id),
        cmocka_unit_test(control_word),
        cmocka_unit_test(result_value),
        cmocka_unit_test(masks_of_a_word_do_not_overlap),
        cmocka_unit_test(privileges_are_where_the_tlfs_has_them),
#if HV_BIT_FIELD_VIEWS
        cmocka_unit_test(privilege_view_agrees_with_masks),
        cmocka_unit_test(word_views_agree_with_masks),
        cmocka_unit_test(proximity_view_agrees_with_masks),
        cmocka_unit_test(input_vtl_view_agrees_with_masks),
#endif
        cmocka_unit_test(numbers_a_guest_relies_on),
        cmocka_unit_test(cpuid_words_spell_their_text),
        cmocka_unit_test(every_row_of_hypercalls_def_has_the_number_of_its_name),
    };

    return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
