/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The ABI headers: bytes of the structures as a guest has them in memory, and the bit-field views
 * against the masks. Bytes are written in hexadecimal, from the TLFS; every field has another
 * value, so that no two can be exchanged unseen. Or they count from 0: then each field is given the
 * value that belongs at its offset, which is the TLFS's too. */

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

/* The value that a field of so many bytes has if each byte is its own offset. */
static uint64_t counted(unsigned offset, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t)(offset + i) << (8 * i);
    }
    return value;
}

static uint64_t at64(unsigned offset)
{
    return le64(counted(offset, 8));
}

static uint32_t at32(unsigned offset)
{
    return le32((uint32_t)counted(offset, 4));
}

static uint16_t at16(unsigned offset)
{
    return le16((uint16_t)counted(offset, 2));
}

static void bytes_at(uint8_t *field, size_t bytes, unsigned offset)
{
    for (size_t i = 0; i < bytes; i++) {
        field[i] = (uint8_t)(offset + i);
    }
}

/* A field that was not set, and padding, are 0xFF. */
#define BLANK(object) memset(&(object), 0xFF, sizeof(object))

#define assert_counts(object, bytes)                                   \
    do {                                                               \
        uint8_t memory[sizeof(object)];                                \
                                                                       \
        assert_int_equal(sizeof(object), bytes);                       \
        memcpy(memory, &(object), sizeof(object));                     \
        for (unsigned offset = 0; offset < sizeof(object); offset++) { \
            assert_int_equal(memory[offset], offset);                  \
        }                                                              \
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

static void partition_property_calls(void **state)
{
    HV_INPUT_GET_PARTITION_PROPERTY get;
    HV_OUTPUT_GET_PARTITION_PROPERTY got;
    HV_INPUT_SET_PARTITION_PROPERTY set;
    HV_INPUT_GET_PARTITION_PROPERTY_EX get_ex;
    HV_INPUT_SET_PARTITION_PROPERTY_EX set_ex;

    (void)state;
    BLANK(get);
    get.PartitionId = at64(0);
    get.PropertyCode = at32(8);
    get.RsvdZ = at32(12);
    assert_counts(get, 16);

    BLANK(got);
    got.PropertyValue = at64(0);
    assert_counts(got, 8);

    BLANK(set);
    set.PartitionId = at64(0);
    set.PropertyCode = at32(8);
    set.RsvdZ = at32(12);
    set.PropertyValue = at64(16);
    assert_counts(set, 24);

    BLANK(get_ex);
    get_ex.PartitionId = at64(0);
    get_ex.PropertyCode = at32(8);
    get_ex.Padding = at32(12);
    get_ex.PropertyArgument = at64(16);
    assert_counts(get_ex, 24);

    BLANK(set_ex);
    set_ex.PartitionId = at64(0);
    set_ex.PropertyCode = at32(8);
    set_ex.Padding = at32(12);
    set_ex.PropertyArgument = at64(16);
    assert_counts(set_ex, 24);
}

static void next_child_call(void **state)
{
    HV_INPUT_GET_NEXT_CHILD_PARTITION input;
    HV_OUTPUT_GET_NEXT_CHILD_PARTITION output;

    (void)state;
    BLANK(input);
    input.ParentId = at64(0);
    input.PreviousChildId = at64(8);
    assert_counts(input, 16);

    BLANK(output);
    output.NextChildId = at64(0);
    assert_counts(output, 8);
}

static void memory_pool_calls(void **state)
{
    HV_INPUT_DEPOSIT_MEMORY deposit;
    HV_INPUT_WITHDRAW_MEMORY withdraw;
    HV_INPUT_GET_MEMORY_BALANCE balance;
    HV_OUTPUT_GET_MEMORY_BALANCE pages;

    (void)state;
    BLANK(deposit);
    deposit.PartitionId = at64(0);
    assert_counts(deposit, 8);

    BLANK(withdraw);
    withdraw.PartitionId = at64(0);
    withdraw.ProximityDomainInfo.Id = at32(8);
    withdraw.ProximityDomainInfo.Flags.AsUINT32 = at32(12);
    assert_counts(withdraw, 16);

    BLANK(balance);
    balance.PartitionId = at64(0);
    balance.ProximityDomainInfo.Id = at32(8);
    balance.ProximityDomainInfo.Flags.AsUINT32 = at32(12);
    assert_counts(balance, 16);

    BLANK(pages);
    pages.PagesAvailable = at64(0);
    pages.PagesInUse = at64(8);
    assert_counts(pages, 16);
}

static void mapping_calls(void **state)
{
    HV_INPUT_MAP_GPA_PAGES map;
    HV_INPUT_UNMAP_GPA_PAGES unmap;
    HV_INPUT_MAP_SPARSE_GPA_PAGES sparse;
    HV_GPA_MAPPING pair;
    HV_INPUT_MODIFY_SPARSE_GPA_PAGES modify;

    (void)state;
    BLANK(map);
    map.TargetPartitionId = at64(0);
    map.TargetGpaBase = at64(8);
    map.MapFlags = at32(16);
    map.Padding = at32(20);
    assert_counts(map, 24);

    BLANK(unmap);
    unmap.TargetPartitionId = at64(0);
    unmap.TargetGpaBase = at64(8);
    unmap.UnmapFlags = at32(16);
    unmap.Padding = at32(20);
    assert_counts(unmap, 24);

    BLANK(sparse);
    sparse.TargetPartitionId = at64(0);
    sparse.MapFlags = at32(8);
    sparse.Padding = at32(12);
    assert_counts(sparse, 16);

    BLANK(pair);
    pair.TargetGpaPageNumber = at64(0);
    pair.SourceGpaPageNumber = at64(8);
    assert_counts(pair, 16);

    BLANK(modify);
    modify.TargetPartitionId = at64(0);
    modify.MapFlags = at32(8);
    modify.RsvdZ = at32(12);
    assert_counts(modify, 16);
}

static void gpa_access_calls(void **state)
{
    HV_INPUT_READ_GPA read;
    HV_OUTPUT_READ_GPA data;
    HV_INPUT_WRITE_GPA write;
    HV_OUTPUT_WRITE_GPA written;

    (void)state;
    BLANK(read);
    read.PartitionId = at64(0);
    read.VpIndex = at32(8);
    read.ByteCount = at32(12);
    read.BaseGpa = at64(16);
    read.ControlFlags.AsUINT64 = at64(24);
    assert_counts(read, 32);

    BLANK(data);
    data.AccessResult.AsUINT64 = at64(0);
    bytes_at(data.Data, sizeof(data.Data), 8);
    assert_counts(data, 24);

    BLANK(write);
    write.PartitionId = at64(0);
    write.VpIndex = at32(8);
    write.ByteCount = at32(12);
    write.BaseGpa = at64(16);
    write.ControlFlags.AsUINT64 = at64(24);
    bytes_at(write.Data, sizeof(write.Data), 32);
    assert_counts(write, 48);

    BLANK(written);
    written.AccessResult.AsUINT64 = at64(0);
    assert_counts(written, 8);
}

static void intercept_calls(void **state)
{
    HV_INPUT_INSTALL_INTERCEPT install;
    HV_INPUT_CHECK_FOR_IO_INTERCEPT check;
    HV_OUTPUT_CHECK_FOR_IO_INTERCEPT checked;

    (void)state;
    BLANK(install);
    install.PartitionId = at64(0);
    install.AccessType = at32(8);
    install.InterceptType = at32(12);
    install.InterceptParameter.AsUINT64 = at64(16);
    assert_counts(install, 24);

    BLANK(check);
    check.PartitionId = at64(0);
    check.VpIndex = at32(8);
    check.TargetVtl.AsUINT8 = 12;
    check.Padding = 13;
    check.Port = at16(14);
    check.Size = 16;
    check.IsWrite = 17;
    bytes_at(check.Reserved, sizeof(check.Reserved), 18);
    assert_counts(check, 24);

    BLANK(checked);
    checked.Intercept = 0;
    bytes_at(checked.Reserved, sizeof(checked.Reserved), 1);
    assert_counts(checked, 8);
}

static void intercept_parameters_begin_at_the_lowest_byte(void **state)
{
    HV_INTERCEPT_PARAMETERS parameters;

    (void)state;
    parameters.AsUINT64 = at64(0x10);
    assert_int_equal(le16(parameters.IoPort), 0x1110);
    assert_int_equal(le16(parameters.ExceptionVector), 0x1110);
    assert_int_equal(le32(parameters.CpuidIndex), 0x13121110);
    assert_int_equal(le32(parameters.ApicWriteMask), 0x13121110);
    assert_int_equal(le32(parameters.MsrIndex), 0x13121110);
    assert_int_equal(le16(parameters.IoPortRange.Base), 0x1110);
    assert_int_equal(le16(parameters.IoPortRange.End), 0x1312);
}

static void processor_calls(void **state)
{
    HV_INPUT_CREATE_VP create;
    HV_INPUT_DELETE_VP remove;
    HV_INPUT_GET_VP_INDEX_FROM_APIC_ID find;

    (void)state;
    BLANK(create);
    create.PartitionId = at64(0);
    create.VpIndex = at32(8);
    bytes_at(create.ReservedZ0, sizeof(create.ReservedZ0), 12);
    create.SubnodeType = 15;
    create.SubnodeId = at64(16);
    create.ProximityDomainInfo.Id = at32(24);
    create.ProximityDomainInfo.Flags.AsUINT32 = at32(28);
    create.Flags = at64(32);
    assert_counts(create, 40);

    BLANK(remove);
    remove.PartitionId = at64(0);
    remove.VpIndex = at32(8);
    remove.Padding = at32(12);
    assert_counts(remove, 16);

    BLANK(find);
    find.PartitionId = at64(0);
    find.TargetVtl.AsUINT8 = 8;
    bytes_at(find.Padding, sizeof(find.Padding), 9);
    assert_counts(find, 16);
}

static void register_calls(void **state)
{
    HV_INPUT_GET_VP_REGISTERS get;
    HV_INPUT_SET_VP_REGISTERS set;
    HV_REGISTER_ASSOC assoc;

    (void)state;
    BLANK(get);
    get.PartitionId = at64(0);
    get.VpIndex = at32(8);
    get.InputVtl.AsUINT8 = 12;
    bytes_at(get.RsvdZ, sizeof(get.RsvdZ), 13);
    assert_counts(get, 16);

    BLANK(set);
    set.PartitionId = at64(0);
    set.VpIndex = at32(8);
    set.InputVtl.AsUINT8 = 12;
    bytes_at(set.RsvdZ, sizeof(set.RsvdZ), 13);
    assert_counts(set, 16);

    BLANK(assoc);
    assoc.Name = at32(0);
    for (unsigned i = 0; i < 3; i++) {
        assoc.Padding[i] = at32(4 + 4 * i);
    }
    assoc.Value.AsUINT64[0] = at64(16);
    assoc.Value.AsUINT64[1] = at64(24);
    assert_counts(assoc, 32);
}

static void set_segment(HV_X64_SEGMENT_REGISTER *segment, unsigned offset)
{
    segment->Base = at64(offset);
    segment->Limit = at32(offset + 8);
    segment->Selector = at16(offset + 12);
    segment->Attributes = at16(offset + 14);
}

static void set_table(HV_X64_TABLE_REGISTER *table, unsigned offset)
{
    for (unsigned i = 0; i < 3; i++) {
        table->Pad[i] = at16(offset + 2 * i);
    }
    table->Limit = at16(offset + 6);
    table->Base = at64(offset + 8);
}

static void register_values(void **state)
{
    HV_REGISTER_VALUE value;

    (void)state;
    BLANK(value);
    set_segment(&value.Segment, 0);
    assert_counts(value, 16);
    assert_int_equal(le16(value.Reg16), 0x0100);
    assert_int_equal(le32(value.Reg32), 0x03020100);
    assert_int_equal(value.Reg8, 0);
    BLANK(value);
    set_table(&value.Table, 0);
    assert_counts(value, 16);
    BLANK(value);
    value.Reg128.Low64 = at64(0);
    value.Reg128.High64 = at64(8);
    assert_counts(value, 16);
    assert_true(value.Reg64 == at64(0));
    assert_true(value.ExplicitSuspend.AsUINT64 == at64(0));
    assert_true(value.InterceptSuspend.AsUINT64 == at64(0));
    assert_true(value.InterruptState.AsUINT64 == at64(0));
    assert_true(value.PendingInterruption.AsUINT64 == at64(0));
    BLANK(value);
    value.Fp.AsUINT128.Low64 = at64(0);
    value.Fp.AsUINT64[1] = at64(8);
    assert_counts(value, 16);
}

static void start_virtual_processor_input(void **state)
{
    HV_INPUT_START_VIRTUAL_PROCESSOR input;
    HV_INITIAL_VP_CONTEXT *context = &input.VpContext;

    (void)state;
    BLANK(input);
    input.PartitionId = at64(0);
    input.VpIndex = at32(8);
    input.TargetVtl = 12;
    bytes_at(input.ReservedZ, sizeof(input.ReservedZ), 13);
    context->Rip = at64(16);
    context->Rsp = at64(24);
    context->Rflags = at64(32);
    set_segment(&context->Cs, 40);
    set_segment(&context->Ds, 56);
    set_segment(&context->Es, 72);
    set_segment(&context->Fs, 88);
    set_segment(&context->Gs, 104);
    set_segment(&context->Ss, 120);
    set_segment(&context->Tr, 136);
    set_segment(&context->Ldtr, 152);
    set_table(&context->Idtr, 168);
    set_table(&context->Gdtr, 184);
    context->Efer = at64(200);
    context->Cr0 = at64(208);
    context->Cr3 = at64(216);
    context->Cr4 = at64(224);
    context->MsrCrPat = at64(232);
    assert_counts(input, 240);
}

static void translate_calls(void **state)
{
    HV_INPUT_TRANSLATE_VIRTUAL_ADDRESS input;
    HV_OUTPUT_TRANSLATE_VIRTUAL_ADDRESS output;
    HV_OUTPUT_TRANSLATE_VIRTUAL_ADDRESS_EX output_ex;

    (void)state;
    BLANK(input);
    input.PartitionId = at64(0);
    input.VpIndex = at32(8);
    input.Padding = at32(12);
    input.ControlFlags = at64(16);
    input.GvaPage = at64(24);
    assert_counts(input, 32);

    BLANK(output);
    output.TranslationResult.AsUINT64 = at64(0);
    output.GpaPage = at64(8);
    assert_counts(output, 16);

    BLANK(output_ex);
    output_ex.TranslationResult.Result.AsUINT64 = at64(0);
    output_ex.TranslationResult.Padding = at64(8);
    for (unsigned i = 0; i < 4; i++) {
        output_ex.TranslationResult.EventInfo[i] = at64(16 + 8 * i);
    }
    output_ex.GpaPage = at64(48);
    output_ex.Padding = at64(56);
    assert_counts(output_ex, 64);
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
    assert_true((HV_EMULATED_TIMER_CONTROL_VECTOR_MASK ^
                 HV_EMULATED_TIMER_CONTROL_DELIVERY_MODE_MASK ^ HV_EMULATED_TIMER_CONTROL_LOGICAL ^
                 HV_EMULATED_TIMER_CONTROL_ENABLED ^ HV_EMULATED_TIMER_CONTROL_MDA_MASK ^
                 HV_EMULATED_TIMER_CONTROL_RESERVED_MASK) == all);
    assert_true((HV_PM_TIMER_ASSIST_PORT_MASK ^ HV_PM_TIMER_ASSIST_WIDTH_24 ^
                 HV_PM_TIMER_ASSIST_ENABLED ^ HV_PM_TIMER_ASSIST_RESERVED_MASK) == all);
    assert_true((HV_ACCESS_GPA_CONTROL_CACHE_TYPE_MASK ^ HV_ACCESS_GPA_CONTROL_INPUT_VTL_MASK ^
                 HV_ACCESS_GPA_CONTROL_RESERVED_MASK) == all);
    assert_true((HV_ACCESS_GPA_RESULT_CODE_MASK ^ HV_ACCESS_GPA_RESULT_RESERVED_MASK) == all);
    assert_true((HV_EXPLICIT_SUSPEND_SUSPENDED ^ HV_EXPLICIT_SUSPEND_RESERVED_MASK) == all);
    assert_true((HV_INTERCEPT_SUSPEND_SUSPENDED ^ HV_INTERCEPT_SUSPEND_TLB_FLUSH_INHIBIT ^
                 HV_INTERCEPT_SUSPEND_RESERVED_MASK) == all);
    assert_true((HV_X64_PENDING_INTERRUPTION_PENDING ^ HV_X64_PENDING_INTERRUPTION_TYPE_MASK ^
                 HV_X64_PENDING_INTERRUPTION_DELIVER_ERROR_CODE ^
                 HV_X64_PENDING_INTERRUPTION_INSTRUCTION_LENGTH_MASK ^
                 HV_X64_PENDING_INTERRUPTION_NESTED_EVENT ^
                 HV_X64_PENDING_INTERRUPTION_RESERVED_MASK ^
                 HV_X64_PENDING_INTERRUPTION_VECTOR_MASK ^
                 HV_X64_PENDING_INTERRUPTION_ERROR_CODE_MASK) == all);
    assert_true((HV_X64_INTERRUPT_STATE_SHADOW ^ HV_X64_INTERRUPT_STATE_NMI_MASKED ^
                 HV_X64_INTERRUPT_STATE_RESERVED_MASK) == all);
    assert_true((HV_TRANSLATE_GVA_CONTROL_MASK ^ HV_TRANSLATE_GVA_SUPERVISOR_ACCESS ^
                 HV_TRANSLATE_GVA_USER_ACCESS ^ HV_TRANSLATE_GVA_ENFORCE_SMAP ^
                 HV_TRANSLATE_GVA_OVERRIDE_SMAP ^ HV_TRANSLATE_GVA_SHADOW_STACK ^
                 HV_TRANSLATE_GVA_INPUT_VTL_MASK ^ HV_TRANSLATE_GVA_RESERVED_MASK) == all);
    assert_true((HV_TRANSLATE_GVA_RESULT_CODE_MASK ^ HV_TRANSLATE_GVA_RESULT_CACHE_TYPE_MASK ^
                 HV_TRANSLATE_GVA_RESULT_OVERLAY_PAGE ^ HV_TRANSLATE_GVA_RESULT_RESERVED_MASK) ==
                all);
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

static void parent_views_agree_with_masks(void **state)
{
    (void)state;
    assert_view(HV_EMULATED_TIMER_CONTROL, Vector, HV_EMULATED_TIMER_CONTROL_VECTOR_MASK);
    assert_view(HV_EMULATED_TIMER_CONTROL, DeliveryMode,
                HV_EMULATED_TIMER_CONTROL_DELIVERY_MODE_MASK);
    assert_view(HV_EMULATED_TIMER_CONTROL, LogicalDestinationMode,
                HV_EMULATED_TIMER_CONTROL_LOGICAL);
    assert_view(HV_EMULATED_TIMER_CONTROL, Enabled, HV_EMULATED_TIMER_CONTROL_ENABLED);
    assert_view(HV_EMULATED_TIMER_CONTROL, Reserved, HV_EMULATED_TIMER_CONTROL_RESERVED_MASK);
    assert_view(HV_EMULATED_TIMER_CONTROL, Mda, HV_EMULATED_TIMER_CONTROL_MDA_MASK);
    assert_view(HV_PM_TIMER_ASSIST, Port, HV_PM_TIMER_ASSIST_PORT_MASK);
    assert_view(HV_PM_TIMER_ASSIST, Width24, HV_PM_TIMER_ASSIST_WIDTH_24);
    assert_view(HV_PM_TIMER_ASSIST, Enabled, HV_PM_TIMER_ASSIST_ENABLED);
    assert_view(HV_PM_TIMER_ASSIST, Reserved, HV_PM_TIMER_ASSIST_RESERVED_MASK);
    assert_view(HV_ACCESS_GPA_CONTROL_FLAGS, CacheType, HV_ACCESS_GPA_CONTROL_CACHE_TYPE_MASK);
    assert_view(HV_ACCESS_GPA_CONTROL_FLAGS, InputVtl, HV_ACCESS_GPA_CONTROL_INPUT_VTL_MASK);
    assert_view(HV_ACCESS_GPA_CONTROL_FLAGS, Reserved, HV_ACCESS_GPA_CONTROL_RESERVED_MASK);
    assert_view(HV_ACCESS_GPA_RESULT, ResultCode, HV_ACCESS_GPA_RESULT_CODE_MASK);
    assert_view(HV_ACCESS_GPA_RESULT, Reserved, HV_ACCESS_GPA_RESULT_RESERVED_MASK);
    assert_view(HV_EXPLICIT_SUSPEND_REGISTER, Suspended, HV_EXPLICIT_SUSPEND_SUSPENDED);
    assert_view(HV_EXPLICIT_SUSPEND_REGISTER, Reserved, HV_EXPLICIT_SUSPEND_RESERVED_MASK);
    assert_view(HV_INTERCEPT_SUSPEND_REGISTER, Suspended, HV_INTERCEPT_SUSPEND_SUSPENDED);
    assert_view(HV_INTERCEPT_SUSPEND_REGISTER, TlbFlushInhibit,
                HV_INTERCEPT_SUSPEND_TLB_FLUSH_INHIBIT);
    assert_view(HV_INTERCEPT_SUSPEND_REGISTER, Reserved, HV_INTERCEPT_SUSPEND_RESERVED_MASK);
    assert_view(HV_X64_PENDING_INTERRUPTION_REGISTER, InterruptionPending,
                HV_X64_PENDING_INTERRUPTION_PENDING);
    assert_view(HV_X64_PENDING_INTERRUPTION_REGISTER, InterruptionType,
                HV_X64_PENDING_INTERRUPTION_TYPE_MASK);
    assert_view(HV_X64_PENDING_INTERRUPTION_REGISTER, DeliverErrorCode,
                HV_X64_PENDING_INTERRUPTION_DELIVER_ERROR_CODE);
    assert_view(HV_X64_PENDING_INTERRUPTION_REGISTER, InstructionLength,
                HV_X64_PENDING_INTERRUPTION_INSTRUCTION_LENGTH_MASK);
    assert_view(HV_X64_PENDING_INTERRUPTION_REGISTER, NestedEvent,
                HV_X64_PENDING_INTERRUPTION_NESTED_EVENT);
    assert_view(HV_X64_PENDING_INTERRUPTION_REGISTER, Reserved,
                HV_X64_PENDING_INTERRUPTION_RESERVED_MASK);
    assert_view(HV_X64_PENDING_INTERRUPTION_REGISTER, InterruptionVector,
                HV_X64_PENDING_INTERRUPTION_VECTOR_MASK);
    assert_view(HV_X64_PENDING_INTERRUPTION_REGISTER, ErrorCode,
                HV_X64_PENDING_INTERRUPTION_ERROR_CODE_MASK);
    assert_view(HV_X64_INTERRUPT_STATE_REGISTER, InterruptShadow, HV_X64_INTERRUPT_STATE_SHADOW);
    assert_view(HV_X64_INTERRUPT_STATE_REGISTER, NmiMasked, HV_X64_INTERRUPT_STATE_NMI_MASKED);
    assert_view(HV_X64_INTERRUPT_STATE_REGISTER, Reserved, HV_X64_INTERRUPT_STATE_RESERVED_MASK);
    assert_view(HV_TRANSLATE_GVA_RESULT, ResultCode, HV_TRANSLATE_GVA_RESULT_CODE_MASK);
    assert_view(HV_TRANSLATE_GVA_RESULT, CacheType, HV_TRANSLATE_GVA_RESULT_CACHE_TYPE_MASK);
    assert_view(HV_TRANSLATE_GVA_RESULT, OverlayPage, HV_TRANSLATE_GVA_RESULT_OVERLAY_PAGE);
    assert_view(HV_TRANSLATE_GVA_RESULT, Reserved, HV_TRANSLATE_GVA_RESULT_RESERVED_MASK);
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

static void numbers_a_parent_relies_on(void **state)
{
    static const struct {
        uint32_t constant;
        uint32_t number;
    } numbers[] = {
        {HvCallGetPartitionProperty, 0x44},
        {HvCallSetPartitionProperty, 0x45},
        {HvCallGetNextChildPartition, 0x47},
        {HvCallDepositMemory, 0x48},
        {HvCallWithdrawMemory, 0x49},
        {HvCallGetMemoryBalance, 0x4A},
        {HvCallMapGpaPages, 0x4B},
        {HvCallUnmapGpaPages, 0x4C},
        {HvCallInstallIntercept, 0x4D},
        {HvCallCreateVp, 0x4E},
        {HvCallDeleteVp, 0x4F},
        {HvCallGetVpRegisters, 0x50},
        {HvCallSetVpRegisters, 0x51},
        {HvCallTranslateVirtualAddress, 0x52},
        {HvCallReadGpa, 0x53},
        {HvCallWriteGpa, 0x54},
        {HvCallMapSparseGpaPages, 0x6E},
        {HvCallModifySparseGpaPages, 0x90},
        {HvCallStartVirtualProcessor, 0x99},
        {HvCallGetVpIndexFromApicId, 0x9A},
        {HvCallTranslateVirtualAddressEx, 0xAC},
        {HvCallCheckForIoIntercept, 0xAD},
        {HvCallGetPartitionPropertyEx, 0x101},
        {HvCallSetPartitionPropertyEx, 0x10A},
        {HvPartitionPropertyPrivilegeFlags, 0x10000},
        {HvPartitionPropertyCpuWeight, 0x20003},
        {HvPartitionPropertyEmulatedTimerControl, 0x30001},
        {HvPartitionPropertyPmTimerAssist, 0x30002},
        {HvPartitionPropertyDebugChannelId, 0x40000},
        {HvPartitionPropertyVirtualTlbPageCount, 0x50000},
        {HvPartitionPropertyHypercallDoorbellPage, 0x50012},
        {HvPartitionPropertyUnimplementedMsrAction, 0x50017},
        {HvPartitionPropertyProcessorVendor, 0x60000},
        {HvPartitionPropertyProcessorFeatures1, 0x6000B},
        {HvPartitionVpPropertySchedulingAffinitySet, 0x10001000},
        {HvRegisterExplicitSuspend, 0x0},
        {HvRegisterInterceptSuspend, 0x1},
        {HvRegisterGuestCrashCtl, 0x215},
        {HvRegisterPendingInterruption, 0x10002},
        {HvRegisterPendingEvent0, 0x10004},
        {HvX64RegisterRbx, 0x20003},
        {HvX64RegisterR15, 0x2000F},
        {HvX64RegisterRflags, 0x20011},
        {HvX64RegisterXmm15, 0x3000F},
        {HvX64RegisterXmmControlStatus, 0x30019},
        {HvX64RegisterCr8, 0x40004},
        {HvX64RegisterXfem, 0x40005},
        {HvX64RegisterDr7, 0x50005},
        {HvX64RegisterSs, 0x60002},
        {HvX64RegisterTr, 0x60007},
        {HvX64RegisterGdtr, 0x70001},
        {HvX64RegisterEfer, 0x80001},
        {HvX64RegisterInitialApicId, 0x8000C},
        {HvX64RegisterMsrMtrrPhysBaseF, 0x8001F},
        {HvX64RegisterMsrMtrrPhysMaskF, 0x8004F},
        {HvX64RegisterMsrMtrrFix4kF8000, 0x8007A},
        {HvX64RegisterTsxCtrl, 0x80088},
        {HvX64RegisterInterruptSspTableAddr, 0x80093},
        {HvX64RegisterHypercall, 0x90001},
        {HvRegisterTimeRefCount, 0x90004},
        {HvRegisterSint15, 0xA000F},
        {HvRegisterSversion, 0xA0011},
        {HvRegisterStimer3Count, 0xB0007},
        {HvX64RegisterYmm15High, 0xC001F},
        {HV_MAP_GPA_READABLE, 0x1},
        {HV_MAP_GPA_WRITABLE, 0x2},
        {HV_MAP_GPA_EXECUTABLE, 0xC},
        {HV_MAP_GPA_ONES, 0x30000},
        {HV_MAP_GPA_NOT_CACHED, 0x200000},
        {HV_MAP_GPA_LARGE_PAGE, 0x80000000u},
        {HV_UNMAP_GPA_LARGE_PAGE, 0x2},
        {HV_LARGE_PAGE_PAGES, 0x200},
        {HV_INTERCEPT_ACCESS_MASK_EXECUTE, 0x4},
        {HvInterceptTypeException, 0x3},
        {HvInterceptTypeX64IoPortRange, 0x11},
        {HvCacheTypeX64WriteBack, 0x6},
        {HvAccessGpaIllegalOverlayAccess, 0x4},
        {HvTranslateGvaGpaUnaccepted, 0x9},
        {HvX64PendingException, 0x3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        assert_int_equal(numbers[i].constant, numbers[i].number);
    }
    assert_true(HV_X64_SEGMENT_DPL_MASK >> HV_X64_SEGMENT_DPL_SHIFT == 3);
    assert_true(HV_TRANSLATE_GVA_INPUT_VTL_MASK >> HV_TRANSLATE_GVA_INPUT_VTL_SHIFT == 0xFF);
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
        cmocka_unit_test(partition_property_calls),
        cmocka_unit_test(next_child_call),
        cmocka_unit_test(memory_pool_calls),
        cmocka_unit_test(mapping_calls),
        cmocka_unit_test(gpa_access_calls),
        cmocka_unit_test(intercept_calls),
        cmocka_unit_test(intercept_parameters_begin_at_the_lowest_byte),
        cmocka_unit_test(processor_calls),
        cmocka_unit_test(register_calls),
        cmocka_unit_test(register_values),
        cmocka_unit_test(start_virtual_processor_input),
        cmocka_unit_test(translate_calls),
        cmocka_unit_test(control_word),
        cmocka_unit_test(result_value),
        cmocka_unit_test(masks_of_a_word_do_not_overlap),
        cmocka_unit_test(privileges_are_where_the_tlfs_has_them),
#if HV_BIT_FIELD_VIEWS
        cmocka_unit_test(privilege_view_agrees_with_masks),
        cmocka_unit_test(word_views_agree_with_masks),
        cmocka_unit_test(parent_views_agree_with_masks),
        cmocka_unit_test(proximity_view_agrees_with_masks),
        cmocka_unit_test(input_vtl_view_agrees_with_masks),
#endif
        cmocka_unit_test(numbers_a_guest_relies_on),
        cmocka_unit_test(numbers_a_parent_relies_on),
        cmocka_unit_test(cpuid_words_spell_their_text),
        cmocka_unit_test(every_row_of_hypercalls_def_has_the_number_of_its_name),
    };

    return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
