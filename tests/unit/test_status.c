/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Status numbers, names and texts. The tables are written from the TLFS, not from status.def. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "hvgdk/hvemu.h"
#include "hvgdk/status.h"

struct row {
    uint16_t number;
    uint16_t constant;
    const char *name;
};

#define ROW(number, name)   \
    {                       \
        number, name, #name \
    }

static const struct row statuses[] = {
    ROW(0x0000, HV_STATUS_SUCCESS),
    ROW(0x0002, HV_STATUS_INVALID_HYPERCALL_CODE),
    ROW(0x0003, HV_STATUS_INVALID_HYPERCALL_INPUT),
    ROW(0x0004, HV_STATUS_INVALID_ALIGNMENT),
    ROW(0x0005, HV_STATUS_INVALID_PARAMETER),
    ROW(0x0006, HV_STATUS_ACCESS_DENIED),
    ROW(0x0007, HV_STATUS_INVALID_PARTITION_STATE),
    ROW(0x0008, HV_STATUS_OPERATION_DENIED),
    ROW(0x0009, HV_STATUS_UNKNOWN_PROPERTY),
    ROW(0x000A, HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE),
    ROW(0x000B, HV_STATUS_INSUFFICIENT_MEMORY),
    ROW(0x000C, HV_STATUS_PARTITION_TOO_DEEP),
    ROW(0x000D, HV_STATUS_INVALID_PARTITION_ID),
    ROW(0x000E, HV_STATUS_INVALID_VP_INDEX),
    ROW(0x0010, HV_STATUS_NOT_FOUND),
    ROW(0x0011, HV_STATUS_INVALID_PORT_ID),
    ROW(0x0012, HV_STATUS_INVALID_CONNECTION_ID),
    ROW(0x0013, HV_STATUS_INSUFFICIENT_BUFFERS),
    ROW(0x0014, HV_STATUS_NOT_ACKNOWLEDGED),
    ROW(0x0015, HV_STATUS_INVALID_VP_STATE),
    ROW(0x0016, HV_STATUS_ACKNOWLEDGED),
    ROW(0x0017, HV_STATUS_INVALID_SAVE_RESTORE_STATE),
    ROW(0x0018, HV_STATUS_INVALID_SYNIC_STATE),
    ROW(0x0019, HV_STATUS_OBJECT_IN_USE),
    ROW(0x001A, HV_STATUS_INVALID_PROXIMITY_DOMAIN_INFO),
    ROW(0x001B, HV_STATUS_NO_DATA),
    ROW(0x001C, HV_STATUS_INACTIVE),
    ROW(0x001D, HV_STATUS_NO_RESOURCES),
    ROW(0x001E, HV_STATUS_FEATURE_UNAVAILABLE),
    ROW(0x001F, HV_STATUS_PARTIAL_PACKET),
    ROW(0x0020, HV_STATUS_PROCESSOR_FEATURE_NOT_SUPPORTED),
    ROW(0x0021, HV_STATUS_PROCESSOR_FEATURE_LAHFSAHF_NOT_SUPPORTED),
    ROW(0x0022, HV_STATUS_PROCESSOR_FEATURE_SSSE3_NOT_SUPPORTED),
    ROW(0x0023, HV_STATUS_PROCESSOR_FEATURE_SSE4_1_NOT_SUPPORTED),
    ROW(0x0024, HV_STATUS_PROCESSOR_FEATURE_SSE4_2_NOT_SUPPORTED),
    ROW(0x0025, HV_STATUS_PROCESSOR_FEATURE_SSE4A_NOT_SUPPORTED),
    ROW(0x0026, HV_STATUS_PROCESSOR_FEATURE_XOP_NOT_SUPPORTED),
    ROW(0x0027, HV_STATUS_PROCESSOR_FEATURE_POPCNT_NOT_SUPPORTED),
    ROW(0x0028, HV_STATUS_PROCESSOR_FEATURE_CMPXCHG16B_NOT_SUPPORTED),
    ROW(0x0029, HV_STATUS_PROCESSOR_FEATURE_ALTMOVCR8_NOT_SUPPORTED),
    ROW(0x002A, HV_STATUS_PROCESSOR_FEATURE_LZCNT_NOT_SUPPORTED),
    ROW(0x002B, HV_STATUS_PROCESSOR_FEATURE_MISALIGNED_SSE_NOT_SUPPORTED),
    ROW(0x002C, HV_STATUS_PROCESSOR_FEATURE_MMX_EXT_NOT_SUPPORTED),
    ROW(0x002D, HV_STATUS_PROCESSOR_FEATURE_3DNOW_NOT_SUPPORTED),
    ROW(0x002E, HV_STATUS_PROCESSOR_FEATURE_EXTENDED_3DNOW_NOT_SUPPORTED),
    ROW(0x002F, HV_STATUS_PROCESSOR_FEATURE_PAGE_1GB_NOT_SUPPORTED),
    ROW(0x0030, HV_STATUS_PROCESSOR_CACHE_LINE_FLUSH_SIZE_INCOMPATIBLE),
    ROW(0x0031, HV_STATUS_PROCESSOR_FEATURE_XSAVE_NOT_SUPPORTED),
    ROW(0x0032, HV_STATUS_PROCESSOR_FEATURE_XSAVEOPT_NOT_SUPPORTED),
    ROW(0x0033, HV_STATUS_INSUFFICIENT_BUFFER),
    ROW(0x0034, HV_STATUS_PROCESSOR_FEATURE_XSAVE_AVX_NOT_SUPPORTED),
    ROW(0x0035, HV_STATUS_PROCESSOR_FEATURE_XSAVE_UNKNOWN_FEATURE_NOT_SUPPORTED),
    ROW(0x0036, HV_STATUS_PROCESSOR_XSAVE_SAVE_AREA_INCOMPATIBLE),
    ROW(0x0037, HV_STATUS_INCOMPATIBLE_PROCESSOR),
    ROW(0x0038, HV_STATUS_INSUFFICIENT_DEVICE_DOMAINS),
    ROW(0x0039, HV_STATUS_PROCESSOR_FEATURE_AES_NOT_SUPPORTED),
    ROW(0x003A, HV_STATUS_PROCESSOR_FEATURE_PCLMULQDQ_NOT_SUPPORTED),
    ROW(0x003B, HV_STATUS_PROCESSOR_FEATURE_INCOMPATIBLE_XSAVE_FEATURES),
    ROW(0x003C, HV_STATUS_CPUID_FEATURE_VALIDATION_ERROR),
    ROW(0x003D, HV_STATUS_CPUID_XSAVE_FEATURE_VALIDATION_ERROR),
    ROW(0x003E, HV_STATUS_PROCESSOR_STARTUP_TIMEOUT),
    ROW(0x003F, HV_STATUS_SMX_ENABLED),
    ROW(0x0040, HV_STATUS_PROCESSOR_FEATURE_PCID_NOT_SUPPORTED),
    ROW(0x0041, HV_STATUS_INVALID_LP_INDEX),
    ROW(0x0042, HV_STATUS_FEATURE_FMA4_NOT_SUPPORTED),
    ROW(0x0043, HV_STATUS_FEATURE_F16C_NOT_SUPPORTED),
    ROW(0x0044, HV_STATUS_PROCESSOR_FEATURE_RDRAND_NOT_SUPPORTED),
    ROW(0x0045, HV_STATUS_PROCESSOR_FEATURE_RDWRFSGS_NOT_SUPPORTED),
    ROW(0x0046, HV_STATUS_PROCESSOR_FEATURE_SMEP_NOT_SUPPORTED),
    ROW(0x0047, HV_STATUS_PROCESSOR_FEATURE_ENHANCED_FAST_STRING_NOT_SUPPORTED),
    ROW(0x0048, HV_STATUS_PROCESSOR_FEATURE_MOVBE_NOT_SUPPORTED),
    ROW(0x0049, HV_STATUS_PROCESSOR_FEATURE_BMI1_NOT_SUPPORTED),
    ROW(0x004A, HV_STATUS_PROCESSOR_FEATURE_BMI2_NOT_SUPPORTED),
    ROW(0x004B, HV_STATUS_PROCESSOR_FEATURE_HLE_NOT_SUPPORTED),
    ROW(0x004C, HV_STATUS_PROCESSOR_FEATURE_RTM_NOT_SUPPORTED),
    ROW(0x004D, HV_STATUS_PROCESSOR_FEATURE_XSAVE_FMA_NOT_SUPPORTED),
    ROW(0x004E, HV_STATUS_PROCESSOR_FEATURE_XSAVE_AVX2_NOT_SUPPORTED),
    ROW(0x004F, HV_STATUS_PROCESSOR_FEATURE_NPIEP1_NOT_SUPPORTED),
    ROW(0x0050, HV_STATUS_INVALID_REGISTER_VALUE),
    ROW(0x0051, HV_STATUS_INVALID_VTL_STATE),
    ROW(0x0052, HV_STATUS_PROCESSOR_FEATURE_RDSEED_NOT_SUPPORTED),
    ROW(0x0053, HV_STATUS_PROCESSOR_FEATURE_ADX_NOT_SUPPORTED),
    ROW(0x0054, HV_STATUS_PROCESSOR_FEATURE_SMAP_NOT_SUPPORTED),
    ROW(0x0055, HV_STATUS_NX_NOT_DETECTED),
    ROW(0x0056, HV_STATUS_PROCESSOR_FEATURE_INTEL_PREFETCH_NOT_SUPPORTED),
    ROW(0x0057, HV_STATUS_INVALID_DEVICE_ID),
    ROW(0x0058, HV_STATUS_INVALID_DEVICE_STATE),
    ROW(0x0059, HV_STATUS_PENDING_PAGE_REQUESTS),
    ROW(0x0060, HV_STATUS_PAGE_REQUEST_INVALID),
    ROW(0x0065, HV_STATUS_KEY_ALREADY_EXISTS),
    ROW(0x0066, HV_STATUS_DEVICE_ALREADY_IN_DOMAIN),
    ROW(0x006F, HV_STATUS_INVALID_CPU_GROUP_ID),
    ROW(0x0070, HV_STATUS_INVALID_CPU_GROUP_STATE),
    ROW(0x0071, HV_STATUS_OPERATION_FAILED),
    ROW(0x0072, HV_STATUS_NOT_ALLOWED_WITH_NESTED_VIRT_ACTIVE),
    ROW(0x0073, HV_STATUS_INSUFFICIENT_ROOT_MEMORY),
    ROW(0x0074, HV_STATUS_EVENT_BUFFER_ALREADY_FREED),
    ROW(0x0075, HV_STATUS_INSUFFICIENT_CONTIGUOUS_MEMORY),
    ROW(0x0078, HV_STATUS_TIMEOUT),
    ROW(0x0079, HV_STATUS_CALL_PENDING),
    ROW(0x0083, HV_STATUS_INSUFFICIENT_CONTIGUOUS_ROOT_MEMORY),
    ROW(0x0086, HV_STATUS_VTL_ALREADY_ENABLED),
    ROW(0x0087, HV_STATUS_UNKNOWN_REGISTER_NAME),
};

/* Names that a number also had or has; hvemu_status_name() gives the one above. */
static const struct row second_names[] = {
    ROW(0x0020, HV_STATUS_PROCESSOR_FEATURE_SSE3_NOT_SUPPORTED),
    ROW(0x0026, HV_STATUS_PROCESSOR_FEATURE_SSE5_NOT_SUPPORTED),
    ROW(0x0033, HV_STATUS_PROCESSOR_FEATURE_XSAVE_LEGACY_SSE_NOT_SUPPORTED),
    ROW(0x0078, HV_STATUS_TIME_OUT),
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char unknown_name[] = "HV_STATUS_(unknown)";
static const char unknown_text[] = "No status with this number is known.";

static int is_documented(uint32_t number)
{
    for (size_t i = 0; i < COUNT(statuses); i++) {
        if (statuses[i].number == number) {
            return 1;
        }
    }
    return 0;
}

static void every_status_has_its_number(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(statuses); i++) {
        assert_int_equal(statuses[i].constant, statuses[i].number);
    }
    for (size_t i = 0; i < COUNT(second_names); i++) {
        assert_int_equal(second_names[i].constant, second_names[i].number);
    }
}

static void every_status_has_its_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(statuses); i++) {
        assert_string_equal(hvemu_status_name(statuses[i].number), statuses[i].name);
    }
}

static void every_status_has_one_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(statuses); i++) {
        const char *text = hvemu_status_text(statuses[i].number);
        size_t length = strlen(text);

        assert_true(length > 10);
        assert_true(text[0] >= 'A' && text[0] <= 'Z');
        assert_true(text[length - 1] == '.');
        assert_null(strstr(text, ". "));
        assert_string_not_equal(text, unknown_text);
    }
}

static void no_two_statuses_share_name_or_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(statuses); i++) {
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(statuses[i].number, statuses[j].number);
            assert_string_not_equal(statuses[i].name, statuses[j].name);
            assert_string_not_equal(hvemu_status_text(statuses[i].number),
                                    hvemu_status_text(statuses[j].number));
        }
    }
}

static void every_other_number_is_unknown(void **state)
{
    size_t known = 0;

    (void)state;
    for (uint32_t number = 0; number <= 0xFFFF; number++) {
        const char *name = hvemu_status_name((uint16_t)number);
        const char *text = hvemu_status_text((uint16_t)number);

        assert_non_null(name);
        assert_non_null(text);
        if (is_documented(number)) {
            known++;
        } else {
            assert_string_equal(name, unknown_name);
            assert_string_equal(text, unknown_text);
        }
    }
    assert_int_equal(known, COUNT(statuses));
}

static void a_second_name_shares_the_number_of_the_first(void **state)
{
    (void)state;
    assert_int_equal(COUNT(second_names), 4);
    for (size_t i = 0; i < COUNT(second_names); i++) {
        const char *name = hvemu_status_name(second_names[i].number);

        assert_true(is_documented(second_names[i].number));
        assert_string_not_equal(name, second_names[i].name);
    }
    assert_non_null(strstr(hvemu_status_text(0x0020), "older: SSE3"));
    assert_non_null(strstr(hvemu_status_text(0x0026), "older: SSE5"));
    assert_non_null(strstr(hvemu_status_text(0x0033), "older: XSAVE"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_its_number),
        cmocka_unit_test(every_status_has_its_name),
        cmocka_unit_test(every_status_has_one_sentence),
        cmocka_unit_test(no_two_statuses_share_name_or_sentence),
        cmocka_unit_test(every_other_number_is_unknown),
        cmocka_unit_test(a_second_name_shares_the_number_of_the_first),
    };

    return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
