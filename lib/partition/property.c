/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Properties of a partition (TLFS 2.0a 5.2.2 to 5.2.11, 5.6.5, 5.6.6). One table says of each what
 * is documented; the library holds the values of those that are about scheduling and timers, what
 * the machine is the VMM knows. The dispatcher holds the partition's lock, and has judged target
 * and state by the row: uninitialized or active. */

#include "internal.h"

enum {                     /* flags */
       EARLY = 1,          /* also while uninitialized */
       READ_ONLY = 2,      /* for everybody */
       ROOT_READ_ONLY = 4, /* for the root on itself */
       CLAMPED = 8         /* out of range is no error */
};

struct property {
    uint32_t code, flags;
    uint64_t reserved;         /* bits that must be zero */
    uint64_t minimum, maximum; /* maximum 0: none */
    uint64_t initial;
};

/* The library's, by their places in the table: first those in rest->properties, at the same
 * place there. */
enum {
    SUSPEND,
    CPU_RESERVE,
    CPU_CAP,
    CPU_WEIGHT,
    TIMER_PERIOD,
    TIMER_CONTROL,
    PM_TIMER,
    TIME_FREEZE,
    DEBUG_CHANNEL,
    VIRTUAL_TLB,
    HELD,
    PRIVILEGES = HELD,
    GUEST_OS_ID,
    OURS
};

_Static_assert(HELD == (int)HVEMU__PROPERTIES, "rest->properties has a place for each");

#define NOT(mask) (~(uint64_t)(mask))

/* A code that is not here can only be one of the VMM's own. The bounds of the virtual TLB are the
 * implementation's to choose. */
static const struct property table[] = {
    [SUSPEND] = {.code = HvPartitionPropertySuspend, .reserved = NOT(1)},
    [CPU_RESERVE] = {.code = HvPartitionPropertyCpuReserve}, /* at most the cap */
    [CPU_CAP] = {.code = HvPartitionPropertyCpuCap, .maximum = 0x10000, .initial = 0x10000},
    [CPU_WEIGHT] = {.code = HvPartitionPropertyCpuWeight,
                    .minimum = 1,
                    .maximum = 10000,
                    .initial = 100},
    [TIMER_PERIOD] = {.code = HvPartitionPropertyEmulatedTimerPeriod},
    [TIMER_CONTROL] = {.code = HvPartitionPropertyEmulatedTimerControl,
                       .reserved = HV_EMULATED_TIMER_CONTROL_RESERVED_MASK},
    [PM_TIMER] = {.code = HvPartitionPropertyPmTimerAssist,
                  .reserved = HV_PM_TIMER_ASSIST_RESERVED_MASK},
    [TIME_FREEZE] = {.code = HvPartitionPropertyTimeFreeze, .reserved = NOT(1)},
    [DEBUG_CHANNEL] = {.code = HvPartitionPropertyDebugChannelId, .reserved = NOT(0xFFFF)},
    [VIRTUAL_TLB] = {.code = HvPartitionPropertyVirtualTlbPageCount,
                     .flags = CLAMPED,
                     .minimum = 0x10,
                     .maximum = 0x10000,
                     .initial = 0x400},
    [PRIVILEGES] = {.code = HvPartitionPropertyPrivilegeFlags,
                    .flags = EARLY,
                    .reserved = NOT(HV_PRIVILEGE_ALL)},
    [GUEST_OS_ID] = {.code = HvPartitionPropertyGuestOsId, .flags = READ_ONLY},

    {.code = HvPartitionPropertySyntheticProcFeatures, .flags = EARLY},
    {.code = HvPartitionPropertyCpuGroupId},
    {.code = HvPartitionPropertyReferenceTime},
    {.code = HvPartitionPropertyVsmConfig},
    {.code = HvPartitionPropertyZeroMemoryOnReset},
    {.code = HvPartitionPropertyProcessorsPerSocket},
    {.code = HvPartitionPropertyNestedTlbSize},
    {.code = HvPartitionPropertyGpaPageAccessTracking},
    {.code = HvPartitionPropertyVsmPermissionsDirtySinceLastQuery},
    {.code = HvPartitionPropertyIsolationState},
    {.code = HvPartitionPropertyIsolationControl},
    {.code = HvPartitionPropertyAllocationId},
    {.code = HvPartitionPropertyMonitoringId},
    {.code = HvPartitionPropertyImplementedPhysicalAddressBits},
    {.code = HvPartitionPropertyNonArchitecturalCoreSharing},
    {.code = HvPartitionPropertyHypercallDoorbellPage, .flags = EARLY},
    {.code = HvPartitionPropertyIsolationPolicy},
    {.code = HvPartitionPropertyUnimplementedMsrAction},
    {.code = HvPartitionPropertySevVmgexitOffloads},
    {.code = HvPartitionPropertyPartitionDiagBufferConfig, .flags = EARLY},
    {.code = HvPartitionPropertyGicdBaseAddress, .flags = EARLY},
    {.code = HvPartitionPropertyGitsTranslaterBaseAddress, .flags = EARLY},
    {.code = HvPartitionPropertyProcessorVendor, .flags = READ_ONLY},
    {.code = HvPartitionPropertyProcessorFeatures, .flags = ROOT_READ_ONLY},
    {.code = HvPartitionPropertyProcessorXsaveFeatures, .flags = ROOT_READ_ONLY},
    {.code = HvPartitionPropertyProcessorCLFlushSize, .flags = ROOT_READ_ONLY},
    {.code = HvPartitionPropertyEnlightenmentModifications},
    {.code = HvPartitionPropertyCompatibilityVersion},
    {.code = HvPartitionPropertyPhysicalAddressWidth, .flags = EARLY},
    {.code = HvPartitionPropertyXsaveStates},
    {.code = HvPartitionPropertyMaxXsaveDataSize},
    {.code = HvPartitionPropertyProcessorClockFrequency},
    {.code = HvPartitionPropertyProcessorFeatures0},
    {.code = HvPartitionPropertyProcessorFeatures1},
    {.code = HvPartitionPropertyProcessorVirtualizationFeatures},
    {.code = HvPartitionPropertyVmmCapabilities, .flags = EARLY},
    {.code = HvPartitionVpPropertySchedulingAffinitySet},
};

enum { PROPERTIES = sizeof table / sizeof *table };

/* What one call is about. */
struct request {
    const struct hvemu__invocation *target;
    uint64_t may_give; /* the caller's privileges */
    uint64_t argument;
    uint32_t code;
    int place; /* in the table; PROPERTIES: one of the VMM's own */
};

void hvemu__default_properties(struct hvemu__partition *partition)
{
    for (int i = 0; i < HELD; i++)
        partition->rest->properties[i] = table[i].initial;
}

#define AT(field) offsetof(HV_INPUT_SET_PARTITION_PROPERTY_EX, field)

/* The four calls begin alike. Judges what does not depend on the value: whether there
 * is such a property, whether now, whether it has an argument. */
static uint16_t begin(struct request *request, const struct hvemu_invocation *invocation,
                      const uint8_t *in, int extended)
{
    const struct hvemu__invocation *inside = hvemu__inside(invocation);
    int place = 0;

    request->target = inside;
    request->may_give = hvemu__load(&inside->caller->privileges);
    request->argument = extended ? le64dec(in + AT(PropertyArgument)) : 0;
    request->code = le32dec(in + AT(PropertyCode));
    while (place < PROPERTIES && table[place].code != request->code)
        place++;
    request->place = place;
    if (place >= OURS && !invocation->hv->ops.property)
        return HV_STATUS_UNKNOWN_PROPERTY;
    /* Of its own properties the VMM alone knows which are early. */
    if (place < PROPERTIES && !(table[place].flags & EARLY) &&
        HVEMU__STATE(inside->word) == HVEMU__UNINITIALIZED)
        return HV_STATUS_INVALID_PARTITION_STATE;
    if (le32dec(in + AT(Padding)) || (place < OURS && request->argument))
        return HV_STATUS_INVALID_PARAMETER;
    return HV_STATUS_SUCCESS;
}

/* The VMM's part. It cannot change a value that the library holds. */
static uint16_t tell(const struct request *request, uint64_t *value, int set)
{
    const struct hvemu__invocation *target = request->target;
    const struct hvemu_ops *ops = &target->shown.hv->ops;

    return ops->property ? ops->property(target->partition->ctx, target->shown.target,
                                         request->code, request->argument, value, set)
                         : HV_STATUS_SUCCESS;
}

static uint64_t ours(struct hvemu__partition *partition, int place)
{
    switch (place) {
    case PRIVILEGES:
        return hvemu__load(&partition->privileges);
    case GUEST_OS_ID:
        return hvemu__load(&partition->guest_os_id);
    default:
        return partition->rest->properties[place];
    }
}

static uint16_t get(const struct hvemu_invocation *invocation, const void *in, void *out,
                    int extended)
{
    struct request request;
    uint64_t value = 0;
    uint16_t status = begin(&request, invocation, in, extended);

    if (status == HV_STATUS_SUCCESS && request.place < OURS)
        value = ours(request.target->partition, request.place);
    else if (status == HV_STATUS_SUCCESS)
        status = tell(&request, &value, 0);
    if (status == HV_STATUS_SUCCESS)
        le64enc(out, value);
    return status;
}

/* Whether the value goes with what else there is: nobody gives what it has not got, and managing
 * the machine's processors is for the root alone (TLFS 2.0a 5.2.3, 5.2.4). */
static int in_range(const struct request *request, uint64_t value)
{
    const struct property *property = &table[request->place];
    const struct hvemu__partition *partition = request->target->partition;

    switch (request->place) {
    case CPU_RESERVE:
        return value <= partition->rest->properties[CPU_CAP];
    case CPU_CAP:
        return value >= partition->rest->properties[CPU_RESERVE] && value <= property->maximum;
    case PRIVILEGES:
        return !(value & ~request->may_give) && (!(value & HV_PRIVILEGE_CPU_MANAGEMENT) ||
                                                 request->target->shown.target == HVEMU__ROOT_ID);
    default:
        return value >= property->minimum && (!property->maximum || value <= property->maximum);
    }
}

static uint64_t clamp(const struct property *property, uint64_t value)
{
    if (value < property->minimum)
        return property->minimum;
    return value < property->maximum ? value : property->maximum;
}

/* A new set of privileges is seen by the next invocation of whoever has them. What the partition
 * has given its children they keep: they have it by their own right. */
static void put(struct hvemu__partition *partition, int place, uint64_t value)
{
    if (place == PRIVILEGES)
        hvemu__store(&partition->privileges, value);
    else
        partition->rest->properties[place] = value;
    if (place == TIMER_PERIOD && !value)
        partition->rest->properties[TIMER_CONTROL] &= ~HV_EMULATED_TIMER_CONTROL_ENABLED;
}

static uint16_t set(const struct request *request, uint64_t value)
{
    uint64_t shown;
    uint16_t status;

    if (request->place < PROPERTIES) {
        const struct property *property = &table[request->place];
        const uint32_t read_only = request->target->shown.target == HVEMU__ROOT_ID
                                       ? READ_ONLY | ROOT_READ_ONLY
                                       : READ_ONLY;

        if (property->flags & read_only || value & property->reserved)
            return HV_STATUS_INVALID_PARAMETER;
        if (property->flags & CLAMPED)
            value = clamp(property, value);
        else if (!in_range(request, value))
            return HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE;
    }
    shown = value;
    status = tell(request, &shown, 1);
    if (status == HV_STATUS_SUCCESS && request->place < OURS)
        put(request->target->partition, request->place, value);
    return status;
}

uint16_t hvemu__get_partition_property(const struct hvemu_invocation *invocation, const void *in,
                                       const void *item, void *out)
{
    (void)item;
    return get(invocation, in, out, 0);
}

uint16_t hvemu__get_partition_property_ex(const struct hvemu_invocation *invocation, const void *in,
                                          const void *item, void *out)
{
    (void)item;
    return get(invocation, in, out, 1);
}

uint16_t hvemu__set_partition_property(const struct hvemu_invocation *invocation, const void *in,
                                       const void *item, void *out)
{
    const uint8_t *value =
        (const uint8_t *)in + offsetof(HV_INPUT_SET_PARTITION_PROPERTY, PropertyValue);
    struct request request;
    const uint16_t status = begin(&request, invocation, in, 0);

    (void)item, (void)out;
    return status == HV_STATUS_SUCCESS ? set(&request, le64dec(value)) : status;
}

/* The value is the variable header. */
uint16_t hvemu__set_partition_property_ex(const struct hvemu_invocation *invocation, const void *in,
                                          const void *item, void *out)
{
    const uint8_t *value = (const uint8_t *)in + sizeof(HV_INPUT_SET_PARTITION_PROPERTY_EX);
    struct request request;
    const uint16_t status = begin(&request, invocation, in, 1);

    (void)item, (void)out;
    if (status != HV_STATUS_SUCCESS)
        return status;
    if (invocation->header_bytes != sizeof(HV_INPUT_SET_PARTITION_PROPERTY_EX) + sizeof(uint64_t))
        return HV_STATUS_INVALID_PARAMETER;
    return set(&request, le64dec(value));
}
