/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* Reads *.hvs files. One table says which words each keyword takes and what may be their values;
 * all else is an error of the line. Then each vector is judged as a whole: a source, calls, one
 * expectation for each, and names that exist; or each line of a script. */

#include "hvs.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const hvs_convention_names[HVS_CONVENTIONS] = {
    "c",           "execute_fast",  "execute_memory", "long_fast",        "long_memory",
    "compat_fast", "compat_memory", "protected_fast", "protected_memory", "registers",
};

static const char *const keyword_names[HVS_KEYWORDS] = {
    "config",
    "handler",
    "withdraw",
    "filter",
    "partition",
    "vp",
    "detach",
    "page",
    "reset",
    "assert",
    "acknowledge",
    "memory",
    "fault",
    "register",
    "only",
    "call",
    "again",
    "finish",
    "raw",
    "expect",
    "expect_memory",
    "expect_partition",
    "expect_extint",
    "expect_kick",
    "expect_interrupt",
    "expect_event",
    "expect_op",
    "fault",
    "call",
    "result",
    "take",
    "write",
    "mend",
};

static const char *const key_names[HVS_KEYS] = {
    "name",        "parent",      "privileges",
    "state",       "of",          "index",
    "gpa",         "vector",      "bytes",
    "op",          "answer",      "after",
    "conventions", "from",        "control",
    "in",          "behind",      "out",
    "in_gpa",      "out_gpa",     "rounds",
    "mode",        "cpl",         "xmm",
    "status",      "reps",        "action",
    "start",       "effects",     "access",
    "address",     "event",       "code",
    "form",        "in_each",     "out_each",
    "do",          "at",          "privilege",
    "target",      "limit",       "features",
    "gpa_bits",    "partitions",  "depth",
    "children",    "budget",      "vps",
    "pages",       "create_cost", "initialize_cost",
    "vp_cost",     "map_cost",    "intercept_cost",
    "intercepts",  "with",        "rax",
    "rcx",         "rdx",         "rbx",
    "rsi",         "rdi",         "r8",
    "xmm0",        "xmm1",        "xmm2",
    "xmm3",        "xmm4",        "xmm5",
    "nth",         "page",        "value",
};

enum type {
    NUMBER,   /* 0x..., up to max */
    NEW_NAME, /* of a partition */
    OLD_NAME,
    BYTES,    /* a byte string of at most max bytes */
    ONE_OF,   /* one of the words */
    REGISTER, /* a number, or @name */
    CONVENTION_LIST
};

/* NEEDED: the line must have it. */
enum { MAY, NEEDED };

#define STATES  "uninitialized active finalizing finalized deleted"
#define ACTIONS "step repeat ud gp intercept need_xmm pass gone failed"
#define U64     UINT64_MAX
#define OPS                                                                                  \
    "gpa_read gpa_writable gpa_write overlay interrupt partition vp vp_get vp_set map pool " \
    "property"

static const struct rule {
    enum hvs_keyword keyword;
    enum hvs_key key;
    enum type type;
    int needed;
    uint64_t max;
    const char *words;
} rules[] = {
    {HVS_CONFIG, HVS_K_FEATURES, NUMBER, MAY, 0xFFFFFFFF, NULL},
    {HVS_CONFIG, HVS_K_GPA_BITS, NUMBER, MAY, 52, NULL},
    {HVS_CONFIG, HVS_K_PARTITIONS, NUMBER, MAY, HVS_NAMES, NULL},
    {HVS_CONFIG, HVS_K_DEPTH, NUMBER, MAY, 255, NULL},
    {HVS_CONFIG, HVS_K_CHILDREN, NUMBER, MAY, HVS_NAMES, NULL},
    {HVS_CONFIG, HVS_K_BUDGET, NUMBER, MAY, 0xFFF, NULL},
    {HVS_CONFIG, HVS_K_PRIVILEGES, NUMBER, MAY, U64, NULL},
    {HVS_CONFIG, HVS_K_VPS, NUMBER, MAY, HVS_NAMES, NULL},
    {HVS_CONFIG, HVS_K_PAGES, NUMBER, MAY, 0x400, NULL},
    {HVS_CONFIG, HVS_K_CREATE_COST, NUMBER, MAY, 0xFFFFFFFF, NULL},
    {HVS_CONFIG, HVS_K_INITIALIZE_COST, NUMBER, MAY, 0xFFFFFFFF, NULL},
    {HVS_CONFIG, HVS_K_VP_COST, NUMBER, MAY, 0xFFFFFFFF, NULL},
    {HVS_CONFIG, HVS_K_MAP_COST, NUMBER, MAY, 0xFFFFFFFF, NULL},
    {HVS_CONFIG, HVS_K_INTERCEPT_COST, NUMBER, MAY, 0xFFFFFFFF, NULL},
    {HVS_CONFIG, HVS_K_INTERCEPTS, NUMBER, MAY, 0xFFFF, NULL},
    {HVS_HANDLER, HVS_K_CODE, NUMBER, NEEDED, 0xFFFF, NULL},
    {HVS_HANDLER, HVS_K_DO, ONE_OF, NEEDED, 0, "echo count fail timeout yield"},
    {HVS_HANDLER, HVS_K_FORM, ONE_OF, MAY, 0, "simple rep variable rep_variable"},
    {HVS_HANDLER, HVS_K_IN, NUMBER, MAY, HVS_LIST, NULL},
    {HVS_HANDLER, HVS_K_IN_EACH, NUMBER, MAY, HVS_LIST, NULL},
    {HVS_HANDLER, HVS_K_OUT, NUMBER, MAY, HVS_LIST, NULL},
    {HVS_HANDLER, HVS_K_OUT_EACH, NUMBER, MAY, HVS_LIST, NULL},
    {HVS_HANDLER, HVS_K_AT, NUMBER, MAY, 0xFFF, NULL},
    {HVS_HANDLER, HVS_K_STATUS, NUMBER, MAY, 0xFFFF, NULL},
    {HVS_HANDLER, HVS_K_PRIVILEGE, NUMBER, MAY, U64, NULL},
    {HVS_HANDLER, HVS_K_TARGET, ONE_OF, MAY, 0, "parent self both"},
    {HVS_HANDLER, HVS_K_STATE, ONE_OF, MAY, 0, STATES},
    {HVS_WITHDRAW, HVS_K_CODE, NUMBER, NEEDED, 0xFFFF, NULL},
    {HVS_FILTER, HVS_K_CODE, NUMBER, NEEDED, 0xFFFF, NULL},
    {HVS_FILTER, HVS_K_STATUS, NUMBER, MAY, 0xFFFF, NULL},
    {HVS_FILTER, HVS_K_LIMIT, NUMBER, MAY, 0xFFF, NULL},
    {HVS_PARTITION, HVS_K_NAME, NEW_NAME, NEEDED, 0, NULL},
    {HVS_PARTITION, HVS_K_PARENT, OLD_NAME, NEEDED, 0, NULL},
    {HVS_PARTITION, HVS_K_PRIVILEGES, NUMBER, MAY, U64, NULL},
    {HVS_PARTITION, HVS_K_STATE, ONE_OF, MAY, 0, STATES},
    {HVS_VP, HVS_K_OF, OLD_NAME, NEEDED, 0, NULL},
    {HVS_VP, HVS_K_INDEX, NUMBER, MAY, 1, NULL},
    {HVS_DETACH, HVS_K_OF, OLD_NAME, NEEDED, 0, NULL},
    {HVS_DETACH, HVS_K_INDEX, NUMBER, MAY, 1, NULL},
    {HVS_PAGE, HVS_K_OF, OLD_NAME, NEEDED, 0, NULL},
    {HVS_PAGE, HVS_K_GPA, NUMBER, NEEDED, U64, NULL},
    {HVS_RESET, HVS_K_OF, OLD_NAME, NEEDED, 0, NULL},
    {HVS_ASSERT, HVS_K_OF, OLD_NAME, NEEDED, 0, NULL},
    {HVS_ASSERT, HVS_K_VECTOR, NUMBER, NEEDED, 0xFF, NULL},
    {HVS_ACKNOWLEDGE, HVS_K_OF, OLD_NAME, NEEDED, 0, NULL},
    {HVS_MEMORY, HVS_K_GPA, NUMBER, NEEDED, 0x7FFF, NULL},
    {HVS_MEMORY, HVS_K_BYTES, BYTES, NEEDED, HVS_LIST, NULL},
    {HVS_FAULT, HVS_K_OP, ONE_OF, NEEDED, 0, OPS},
    {HVS_FAULT, HVS_K_ANSWER, NUMBER, NEEDED, 0xFFFF, NULL},
    {HVS_FAULT, HVS_K_AFTER, NUMBER, MAY, 0xFFFF, NULL},
    {HVS_REGISTER, HVS_K_OF, OLD_NAME, NEEDED, 0, NULL},
    {HVS_REGISTER, HVS_K_NAME, NUMBER, NEEDED, 0xFFFFFFFF, NULL},
    {HVS_REGISTER, HVS_K_BYTES, BYTES, NEEDED, 16, NULL},
    {HVS_ONLY, HVS_K_CONVENTIONS, CONVENTION_LIST, NEEDED, 0, NULL},
    {HVS_CALL, HVS_K_FROM, OLD_NAME, NEEDED, 0, NULL},
    {HVS_CALL, HVS_K_CONTROL, NUMBER, NEEDED, U64, NULL},
    {HVS_CALL, HVS_K_IN, BYTES, MAY, 0x2000, NULL},
    {HVS_CALL, HVS_K_BEHIND, BYTES, MAY, 0x100, NULL},
    {HVS_CALL, HVS_K_OUT, NUMBER, MAY, HVS_LIST, NULL},
    {HVS_CALL, HVS_K_IN_GPA, NUMBER, MAY, U64, NULL},
    {HVS_CALL, HVS_K_OUT_GPA, NUMBER, MAY, U64, NULL},
    {HVS_FINISH, HVS_K_ROUNDS, NUMBER, NEEDED, 0x2000, NULL},
    {HVS_RAW, HVS_K_FROM, OLD_NAME, NEEDED, 0, NULL},
    {HVS_RAW, HVS_K_MODE, ONE_OF, NEEDED, 0, "long compat protected real"},
    {HVS_RAW, HVS_K_CPL, NUMBER, MAY, 3, NULL},
    {HVS_RAW, HVS_K_XMM, ONE_OF, MAY, 0, "present absent"},
    {HVS_RAW, HVS_K_RAX, REGISTER, MAY, U64, NULL},
    {HVS_RAW, HVS_K_RCX, REGISTER, MAY, U64, NULL},
    {HVS_RAW, HVS_K_RDX, REGISTER, MAY, U64, NULL},
    {HVS_RAW, HVS_K_RBX, REGISTER, MAY, U64, NULL},
    {HVS_RAW, HVS_K_RSI, REGISTER, MAY, U64, NULL},
    {HVS_RAW, HVS_K_RDI, REGISTER, MAY, U64, NULL},
    {HVS_RAW, HVS_K_R8, REGISTER, MAY, U64, NULL},
    {HVS_RAW, HVS_K_XMM0, BYTES, MAY, 16, NULL},
    {HVS_RAW, HVS_K_XMM1, BYTES, MAY, 16, NULL},
    {HVS_RAW, HVS_K_XMM2, BYTES, MAY, 16, NULL},
    {HVS_RAW, HVS_K_XMM3, BYTES, MAY, 16, NULL},
    {HVS_RAW, HVS_K_XMM4, BYTES, MAY, 16, NULL},
    {HVS_RAW, HVS_K_XMM5, BYTES, MAY, 16, NULL},
    {HVS_EXPECT, HVS_K_STATUS, NUMBER, MAY, 0xFFFF, NULL},
    {HVS_EXPECT, HVS_K_ACTION, ONE_OF, MAY, 0, ACTIONS},
    {HVS_EXPECT, HVS_K_REPS, NUMBER, MAY, 0xFFF, NULL},
    {HVS_EXPECT, HVS_K_START, NUMBER, MAY, 0xFFF, NULL},
    {HVS_EXPECT, HVS_K_OUT, BYTES, MAY, HVS_LIST, NULL},
    {HVS_EXPECT, HVS_K_EFFECTS, NUMBER, MAY, 0xFFFF, NULL},
    {HVS_EXPECT, HVS_K_ACCESS, ONE_OF, MAY, 0, "none read write read_write lost"},
    {HVS_EXPECT, HVS_K_GPA, NUMBER, MAY, U64, NULL},
    {HVS_EXPECT, HVS_K_RAX, REGISTER, MAY, U64, NULL},
    {HVS_EXPECT, HVS_K_RCX, REGISTER, MAY, U64, NULL},
    {HVS_EXPECT, HVS_K_RDX, REGISTER, MAY, U64, NULL},
    {HVS_EXPECT, HVS_K_RBX, REGISTER, MAY, U64, NULL},
    {HVS_EXPECT, HVS_K_RSI, REGISTER, MAY, U64, NULL},
    {HVS_EXPECT, HVS_K_RDI, REGISTER, MAY, U64, NULL},
    {HVS_EXPECT, HVS_K_R8, REGISTER, MAY, U64, NULL},
    {HVS_EXPECT, HVS_K_XMM0, BYTES, MAY, 16, NULL},
    {HVS_EXPECT, HVS_K_XMM1, BYTES, MAY, 16, NULL},
    {HVS_EXPECT, HVS_K_XMM2, BYTES, MAY, 16, NULL},
    {HVS_EXPECT, HVS_K_XMM3, BYTES, MAY, 16, NULL},
    {HVS_EXPECT, HVS_K_XMM4, BYTES, MAY, 16, NULL},
    {HVS_EXPECT, HVS_K_XMM5, BYTES, MAY, 16, NULL},
    {HVS_EXPECT_MEMORY, HVS_K_GPA, NUMBER, NEEDED, 0x7FFF, NULL},
    {HVS_EXPECT_MEMORY, HVS_K_BYTES, BYTES, NEEDED, HVS_LIST, NULL},
    {HVS_EXPECT_PARTITION, HVS_K_OF, OLD_NAME, NEEDED, 0, NULL},
    {HVS_EXPECT_PARTITION, HVS_K_STATE, ONE_OF, NEEDED, 0, STATES},
    {HVS_EXPECT_EXTINT, HVS_K_OF, OLD_NAME, NEEDED, 0, NULL},
    {HVS_EXPECT_EXTINT, HVS_K_STATE, ONE_OF, NEEDED, 0, "idle asserted acknowledged"},
    {HVS_EXPECT_EXTINT, HVS_K_VECTOR, NUMBER, MAY, 0xFF, NULL},
    {HVS_EXPECT_KICK, HVS_K_OF, OLD_NAME, NEEDED, 0, NULL},
    {HVS_EXPECT_INTERRUPT, HVS_K_OF, OLD_NAME, NEEDED, 0, NULL},
    {HVS_EXPECT_INTERRUPT, HVS_K_CONTROL, NUMBER, NEEDED, U64, NULL},
    {HVS_EXPECT_INTERRUPT, HVS_K_ADDRESS, NUMBER, NEEDED, U64, NULL},
    {HVS_EXPECT_INTERRUPT, HVS_K_VECTOR, NUMBER, NEEDED, 0xFFFFFFFF, NULL},
    {HVS_EXPECT_EVENT, HVS_K_OF, OLD_NAME, NEEDED, 0, NULL},
    {HVS_EXPECT_EVENT, HVS_K_EVENT, ONE_OF, NEEDED, 0, "created active stop finalized deleted"},
    {HVS_EXPECT_OP, HVS_K_OF, OLD_NAME, NEEDED, 0, NULL},
    {HVS_EXPECT_OP, HVS_K_OP, ONE_OF, NEEDED, 0, OPS},
    {HVS_EXPECT_OP, HVS_K_WITH, BYTES, NEEDED, HVS_LIST, NULL},
    {HVS_SCRIPT_FAULT, HVS_K_CODE, NUMBER, MAY, 0xFFFF, NULL},
    {HVS_SCRIPT_FAULT, HVS_K_STATE, ONE_OF, MAY, 0, "uninitialized active finalizing finalized"},
    {HVS_SCRIPT_FAULT, HVS_K_STATUS, NUMBER, MAY, 0xFFFF, NULL},
    {HVS_SCRIPT_FAULT, HVS_K_LIMIT, NUMBER, MAY, 0xFFF, NULL},
    {HVS_SCRIPT_FAULT, HVS_K_NTH, NUMBER, MAY, U64, NULL},
    {HVS_SCRIPT_FAULT, HVS_K_OP, ONE_OF, MAY, 0, OPS},
    {HVS_SCRIPT_FAULT, HVS_K_ANSWER, NUMBER, MAY, 0xFFFF, NULL},
    {HVS_SCRIPT_FAULT, HVS_K_PAGE, NUMBER, MAY, U64, NULL},
    {HVS_SCRIPT_FAULT, HVS_K_OF, NUMBER, MAY, U64, NULL},
    {HVS_SCRIPT_CALL, HVS_K_FROM, NUMBER, NEEDED, U64, NULL},
    {HVS_SCRIPT_CALL, HVS_K_CONTROL, NUMBER, NEEDED, U64, NULL},
    {HVS_SCRIPT_CALL, HVS_K_IN, BYTES, MAY, HVS_LIST, NULL},
    {HVS_SCRIPT_CALL, HVS_K_OUT, NUMBER, MAY, HVS_LIST, NULL},
    {HVS_RESULT, HVS_K_VALUE, NUMBER, NEEDED, U64, NULL},
    {HVS_RESULT, HVS_K_OUT, BYTES, MAY, HVS_LIST, NULL},
    {HVS_TAKE, HVS_K_OF, NUMBER, NEEDED, U64, NULL},
    {HVS_TAKE, HVS_K_VECTOR, NUMBER, MAY, 0xFF, NULL},
    {HVS_WRITE, HVS_K_OF, NUMBER, NEEDED, U64, NULL},
    {HVS_WRITE, HVS_K_GPA, NUMBER, NEEDED, U64, NULL},
    {HVS_WRITE, HVS_K_BYTES, BYTES, NEEDED, HVS_LIST, NULL},
};

enum { RULES = sizeof rules / sizeof *rules };

struct parser {
    struct hvs_file *file;
    unsigned line;
    int script;
    char *error;
    size_t error_bytes;
    char names[HVS_NAMES][32];
    unsigned name_count, common_names;
};

static int fault(struct parser *parser, const char *format, ...)
{
    va_list arguments;
    int length =
        snprintf(parser->error, parser->error_bytes, "%s:%u: ", parser->file->path, parser->line);

    va_start(arguments, format);
    if (length >= 0 && (size_t)length < parser->error_bytes)
        vsnprintf(parser->error + length, parser->error_bytes - (size_t)length, format, arguments);
    va_end(arguments);
    return -1;
}

const struct hvs_word *hvs_find(const struct hvs_step *step, enum hvs_key key)
{
    for (unsigned i = 0; i < step->count; i++)
        if (step->words[i].key == key)
            return &step->words[i];
    return NULL;
}

uint64_t hvs_number(const struct hvs_step *step, enum hvs_key key, uint64_t missing)
{
    const struct hvs_word *word = hvs_find(step, key);

    return word ? word->number : missing;
}

/* ---- Values ---- */

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* 0x and 1 to 16 lower-case digits. Returns what follows. */
static const char *number(const char *text, uint64_t *value)
{
    unsigned digits = 0;

    if (text[0] != '0' || text[1] != 'x')
        return NULL;
    *value = 0;
    for (text += 2; digit(*text) >= 0; text++) {
        if (++digits > 16)
            return NULL;
        *value = *value << 4 | (uint64_t)digit(*text);
    }
    return digits ? text : NULL;
}

static size_t name_length(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
}

const char *hvs_part(const char *text, struct hvs_part *part)
{
    uint64_t value;

    memset(part, 0, sizeof *part);
    part->times = 1;
    if (*text == '@' || *text == '!') {
        const size_t length = name_length(text + 1);
        if (!length || length >= sizeof part->name)
            return NULL;
        part->reference = *text;
        memcpy(part->name, text + 1, length);
        part->length = 8;
        text += 1 + length;
    } else if (text[0] == '-' && text[1] == '-') {
        part->unchanged = 1;
        part->length = 1;
        text += 2;
    } else if (text[0] && text[1] == ':') {
        part->length = (size_t)(text[0] - '0');
        if (!strchr("1248", text[0]))
            return NULL;
        text = number(text + 2, &value);
        if (!text || (part->length < 8 && value >> 8 * part->length))
            return NULL;
        for (size_t i = 0; i < part->length; i++)
            part->bytes[i] = (uint8_t)(value >> 8 * i);
    } else {
        for (; digit(text[0]) >= 0; text += 2) {
            if (digit(text[1]) < 0 || part->length == sizeof part->bytes)
                return NULL;
            part->bytes[part->length++] = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
        }
        if (!part->length)
            return NULL;
    }
    if (*text == '*') {
        text = number(text + 1, &value);
        if (!text || !value || value > 0x2000)
            return NULL;
        part->times = (size_t)value;
    }
    if (*text == '.')
        return text[1] ? text + 1 : NULL;
    return *text ? NULL : text;
}

static int known_name(const struct parser *parser, const char *name)
{
    if (strcmp(name, "root") == 0)
        return 1;
    for (unsigned i = 0; i < parser->name_count; i++)
        if (strcmp(parser->names[i], name) == 0)
            return 1;
    return 0;
}

static int add_name(struct parser *parser, const char *name)
{
    if (!*name || name[name_length(name)] || strlen(name) >= sizeof parser->names[0])
        return fault(parser, "'%s' is no name: a to z, 0 to 9, _, at most 31 of them", name);
    if (known_name(parser, name))
        return fault(parser, "'%s' exists already", name);
    if (parser->name_count == HVS_NAMES - 1)
        return fault(parser, "more than %d partitions", HVS_NAMES - 1);
    memcpy(parser->names[parser->name_count++], name, strlen(name) + 1);
    return 0;
}

/* The number of bytes, or -1. `expected`: the string is an expectation, which may leave bytes out
 * and name a partition that the call has made. */
static int byte_string(struct parser *parser, const char *text, uint64_t max, int expected)
{
    struct hvs_part part;
    uint64_t length = 0;

    for (const char *at = text; *at;) {
        at = hvs_part(at, &part);
        if (!at)
            return fault(parser, "'%s' is no byte string", text);
        if (part.reference && parser->script)
            return fault(parser, "'%s': a script has no names, but IDs", text);
        if (part.reference == '@' && !known_name(parser, part.name))
            return fault(parser, "no partition '%s'", part.name);
        if ((part.unchanged || part.reference == '!') && !expected)
            return fault(parser, "'%s': -- and ! are for expectations", text);
        if (part.reference == '!' && (part.times != 1 || add_name(parser, part.name) != 0))
            return part.times != 1 ? fault(parser, "'%s': ! once only", text) : -1;
        length += part.length * part.times;
    }
    if (!length || length > max)
        return fault(parser, "%llu bytes, not 0x1 to 0x%llx", (unsigned long long)length,
                     (unsigned long long)max);
    return (int)length;
}

static int one_of(const char *words, const char *text, uint64_t *place)
{
    const size_t length = strlen(text);

    *place = 0;
    for (const char *at = words; *at; (*place)++) {
        const size_t word = strcspn(at, " ");
        if (word == length && strncmp(at, text, word) == 0)
            return 1;
        at += word + (at[word] == ' ');
    }
    return 0;
}

/* A convention in full, or one of its halves: "fast", "long". Low bits: all that it means; from bit
 * 16 on those it names in full, which are run even where sizes speak against them. */
static uint32_t convention_mask(const char *text, size_t length)
{
    uint32_t mask = 0;

    for (unsigned i = 0; i < HVS_REGISTERS; i++) {
        const char *name = hvs_convention_names[i];
        const char *half = strchr(name, '_');
        if (strlen(name) == length && strncmp(name, text, length) == 0)
            return 0x10001u << i;
        if (half && (((size_t)(half - name) == length && strncmp(name, text, length) == 0) ||
                     (strlen(half + 1) == length && strncmp(half + 1, text, length) == 0)))
            mask |= 1u << i;
    }
    return mask;
}

static int convention_list(struct parser *parser, const char *text, uint64_t *mask)
{
    *mask = 0;
    for (const char *at = text;;) {
        const size_t length = strcspn(at, ",");
        const uint32_t bits = convention_mask(at, length);
        if (!bits)
            return fault(parser, "no convention '%.*s'", (int)length, at);
        *mask |= bits;
        if (!at[length])
            return 0;
        at += length + 1;
    }
}

static int judge_value(struct parser *parser, const struct rule *rule, struct hvs_word *word)
{
    const char *key = key_names[rule->key], *end;
    const int expected = rule->keyword >= HVS_EXPECT && rule->keyword < HVS_SCRIPT_FAULT;
    int length;

    switch (rule->type) {
    case REGISTER:
        if (*word->text == '@') {
            if (!known_name(parser, word->text + 1))
                return fault(parser, "no partition '%s'", word->text + 1);
            return 0;
        }
        /* fallthrough */
    case NUMBER:
        end = number(word->text, &word->number);
        if (!end || *end)
            return fault(parser, "%s: '%s' is no number: 0x and 1 to 16 digits, a to f small", key,
                         word->text);
        if (word->number > rule->max)
            return fault(parser, "%s: %s is more than 0x%llx", key, word->text,
                         (unsigned long long)rule->max);
        return 0;
    case NEW_NAME:
        return add_name(parser, word->text);
    case OLD_NAME:
        return known_name(parser, word->text) ? 0 : fault(parser, "no partition '%s'", word->text);
    case BYTES:
        length = byte_string(parser, word->text, rule->max, expected);
        word->number = (uint64_t)length;
        if (length >= 0 && rule->max == 16 && length != 16)
            return fault(parser, "%s: 0x%x bytes, not 0x10", key, (unsigned)length);
        return length < 0 ? -1 : 0;
    case ONE_OF:
        return one_of(rule->words, word->text, &word->number)
                   ? 0
                   : fault(parser, "%s: '%s' is none of: %s", key, word->text, rule->words);
    case CONVENTION_LIST:
        return convention_list(parser, word->text, &word->number);
    }
    return -1;
}

/* ---- Lines ---- */

static const struct rule *find_rule(enum hvs_keyword keyword, const char *key)
{
    for (unsigned i = 0; i < RULES; i++)
        if (rules[i].keyword == keyword && strcmp(key_names[rules[i].key], key) == 0)
            return &rules[i];
    return NULL;
}

static int parse_word(struct parser *parser, struct hvs_step *step, char *text)
{
    char *value = strchr(text, '=');
    const struct rule *rule;
    struct hvs_word *word;

    if (!value || !value[1])
        return fault(parser, "'%s' is no key=value", text);
    *value++ = 0;
    rule = find_rule(step->keyword, text);
    if (!rule)
        return fault(parser, "%s knows no '%s'", keyword_names[step->keyword], text);
    if (hvs_find(step, rule->key))
        return fault(parser, "'%s' twice", text);
    if (step->count == HVS_WORDS)
        return fault(parser, "more than %d words", HVS_WORDS);
    word = &step->words[step->count];
    word->key = rule->key;
    word->text = value;
    if (judge_value(parser, rule, word) != 0)
        return -1;
    step->count++;
    return 0;
}

/* A fault is what a call is answered, how far it may go, what an op answers, or a page that cannot
 * be reached: each with the words that say which. */
static int judge_fault(struct parser *parser, const struct hvs_step *step)
{
    static const struct {
        enum hvs_key is, with, may[3];
    } kinds[] = {
        {HVS_K_STATUS, HVS_K_STATUS, {HVS_K_CODE, HVS_K_STATE, HVS_K_NTH}},
        {HVS_K_LIMIT, HVS_K_LIMIT, {HVS_K_CODE, HVS_K_STATE, HVS_K_NTH}},
        {HVS_K_OP, HVS_K_ANSWER, {HVS_K_NTH, HVS_K_NTH, HVS_K_NTH}},
        {HVS_K_PAGE, HVS_K_OF, {HVS_K_PAGE, HVS_K_PAGE, HVS_K_PAGE}},
    };

    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const enum hvs_key *may = kinds[i].may;
        if (!hvs_find(step, kinds[i].is))
            continue;
        if (!hvs_find(step, kinds[i].with))
            return fault(parser, "%s needs %s", key_names[kinds[i].is], key_names[kinds[i].with]);
        for (unsigned w = 0; w < step->count; w++) {
            const enum hvs_key key = step->words[w].key;
            if (key != kinds[i].is && key != kinds[i].with && key != may[0] && key != may[1] &&
                key != may[2])
                return fault(parser, "%s does not go with %s", key_names[key],
                             key_names[kinds[i].is]);
        }
        if (!hvs_number(step, HVS_K_STATUS, 1) || !hvs_number(step, HVS_K_LIMIT, 1) ||
            !hvs_number(step, HVS_K_NTH, 1) || !hvs_number(step, HVS_K_ANSWER, 1))
            return fault(parser, "status, limit, answer and nth begin at 0x1");
        return 0;
    }
    return fault(parser, "a fault is a status, a limit, an op or a page");
}

/* A call and what became of it are two lines. */
static int judge_script_step(struct parser *parser, const struct hvs_step *step)
{
    const unsigned before = parser->file->step_count;
    const struct hvs_step *last = before ? &parser->file->steps[before - 1] : NULL;
    const int called = last && last->keyword == HVS_SCRIPT_CALL;

    if (called && step->keyword != HVS_RESULT)
        return fault(parser, "the call of line %u has no result", last->line);
    if (!called && step->keyword == HVS_RESULT)
        return fault(parser, "result without a call");
    return step->keyword == HVS_SCRIPT_FAULT ? judge_fault(parser, step) : 0;
}

static int parse_step(struct parser *parser, char *line)
{
    struct hvs_file *file = parser->file;
    struct hvs_step *step = &file->steps[file->step_count];
    char *word = strsep(&line, " ");
    const unsigned end = parser->script ? HVS_KEYWORDS : HVS_SCRIPT_FAULT;
    unsigned keyword = parser->script ? HVS_SCRIPT_FAULT : 0;

    while (keyword < end && strcmp(word, keyword_names[keyword]) != 0)
        keyword++;
    if (keyword == end)
        return fault(parser, "unknown keyword '%s'", word);
    if (file->step_count == HVS_STEPS)
        return fault(parser, "more than %d lines", HVS_STEPS);
    memset(step, 0, sizeof *step);
    step->line = parser->line;
    step->keyword = (enum hvs_keyword)keyword;
    while ((word = strsep(&line, " ")))
        if (*word && parse_word(parser, step, word) != 0)
            return -1;
    for (unsigned i = 0; i < RULES; i++)
        if (rules[i].keyword == step->keyword && rules[i].needed == NEEDED &&
            !hvs_find(step, rules[i].key))
            return fault(parser, "%s needs %s", keyword_names[keyword], key_names[rules[i].key]);
    if (parser->script && judge_script_step(parser, step) != 0)
        return -1;
    file->step_count++;
    if (file->vector_count)
        file->vectors[file->vector_count - 1].steps++;
    else
        file->common++;
    return 0;
}

/* ---- Vectors as a whole ---- */

static int is_call(enum hvs_keyword keyword)
{
    return keyword == HVS_CALL || keyword == HVS_RAW || keyword == HVS_AGAIN ||
           keyword == HVS_FINISH;
}

static int judge_expectation(struct parser *parser, const struct hvs_step *call,
                             const struct hvs_step *step)
{
    const struct hvs_word *status = hvs_find(step, HVS_K_STATUS);
    const struct hvs_word *out = hvs_find(step, HVS_K_OUT);
    const uint64_t action = hvs_number(step, HVS_K_ACTION, 0);
    const uint64_t bytes = hvs_number(call, HVS_K_OUT, 0);

    if (!status == !hvs_find(step, HVS_K_ACTION))
        return fault(parser, "expect needs either a status or an action");
    if (!status && !action)
        return fault(parser, "action step needs no saying: give its status");
    if (hvs_find(step, HVS_K_START) && action != 1)
        return fault(parser, "start is for action=repeat");
    if (hvs_find(step, HVS_K_REPS) && !status)
        return fault(parser, "reps belong to a status");
    if (action == 4 && (!hvs_find(step, HVS_K_GPA) || !hvs_find(step, HVS_K_ACCESS)))
        return fault(parser, "action=intercept needs gpa and access");
    if (call->keyword == HVS_RAW)
        return out ? fault(parser, "a raw call's output is in registers or expect_memory") : 0;
    for (unsigned key = HVS_K_RAX; key <= HVS_K_XMM5; key++)
        if (hvs_find(step, (enum hvs_key)key))
            return fault(parser, "registers are for raw calls");
    if (out && out->number != bytes)
        return fault(parser, "0x%llx bytes of output expected of a call with 0x%llx",
                     (unsigned long long)out->number, (unsigned long long)bytes);
    if (status && !status->number && bytes && !out)
        return fault(parser, "the call has output: say what");
    return 0;
}

/* The conventions in which a call of this kind can be made at all. */
static uint32_t conventions_of(const struct hvs_step *call)
{
    const uint64_t in = (hvs_number(call, HVS_K_IN, 0) + 15) / 16 * 16;
    const uint64_t out = (hvs_number(call, HVS_K_OUT, 0) + 15) / 16 * 16;
    const uint32_t memory = 1u << HVS_EXECUTE_MEMORY | 1u << HVS_LONG_MEMORY |
                            1u << HVS_COMPAT_MEMORY | 1u << HVS_PROTECTED_MEMORY;
    const uint32_t narrow_fast = 1u << HVS_COMPAT_FAST | 1u << HVS_PROTECTED_FAST;
    const uint32_t wide_fast = 1u << HVS_EXECUTE_FAST | 1u << HVS_LONG_FAST;

    if (call->keyword == HVS_RAW)
        return 1u << HVS_REGISTERS;
    if (hvs_find(call, HVS_K_IN_GPA) || hvs_find(call, HVS_K_OUT_GPA))
        return memory;
    return (hvs_number(call, HVS_K_CONTROL, 0) >> 16 & 1 ? 0 : memory) | 1u << HVS_C |
           (in + out <= 112 ? wide_fast | (out ? 0 : narrow_fast) : 0);
}

static uint32_t conventions_with(const struct hvs_step *expect)
{
    const uint32_t x64 = 0x3Fu << HVS_LONG_FAST;
    const uint32_t execute = 1u << HVS_EXECUTE_FAST | 1u << HVS_EXECUTE_MEMORY;

    switch (hvs_number(expect, HVS_K_ACTION, 0)) {
    case 0:
    case 1:
        return UINT32_MAX;
    case 4: /* intercept */
    case 7: /* gone */
    case 8: /* failed */
        return x64 | execute | 1u << HVS_REGISTERS;
    default:
        return x64 | 1u << HVS_REGISTERS;
    }
}

static int judge_vector(struct parser *parser, struct hvs_vector *vector)
{
    const struct hvs_step *call = NULL, *first = NULL;
    uint32_t can = UINT32_MAX, only = UINT32_MAX >> 16, named = 0;

    parser->line = vector->line;
    if (!vector->source)
        return fault(parser, "%s has no source", vector->name);
    for (unsigned i = 0; i < vector->steps; i++) {
        const struct hvs_step *step = &parser->file->steps[vector->first + i];

        parser->line = step->line;
        if (is_call(step->keyword)) {
            if (call)
                return fault(parser, "the call of line %u has no expectation", call->line);
            if (!first && (step->keyword == HVS_AGAIN || step->keyword == HVS_FINISH))
                return fault(parser, "nothing to repeat");
            if (step->keyword == HVS_CALL || step->keyword == HVS_RAW) {
                first = step;
                can &= conventions_of(step);
            }
            call = step;
        } else if (step->keyword == HVS_EXPECT) {
            if (!call)
                return fault(parser, "expect without a call");
            if (judge_expectation(parser, first, step) != 0)
                return -1;
            can &= conventions_with(step);
            call = NULL;
        } else if (step->keyword >= HVS_EXPECT_MEMORY && (call || !first))
            return fault(parser, "%s before an expect", keyword_names[step->keyword]);
        else if (call)
            return fault(parser, "the call of line %u has no expectation", call->line);
        else if (step->keyword == HVS_ONLY) {
            only = (uint32_t)step->words[0].number & 0xFFFF;
            named = (uint32_t)step->words[0].number >> 16;
        }
    }
    parser->line = vector->line;
    if (call || !first)
        return fault(parser, "%s has no %s", vector->name, call ? "expectation" : "call");
    vector->conventions = (can & only) | named;
    if (!vector->conventions)
        return fault(parser, "%s applies in no convention", vector->name);
    return 0;
}

static int end_vector(struct parser *parser)
{
    struct hvs_file *file = parser->file;

    return file->vector_count ? judge_vector(parser, &file->vectors[file->vector_count - 1]) : 0;
}

static int begin_vector(struct parser *parser, const char *text)
{
    struct hvs_file *file = parser->file;
    const unsigned line = parser->line;
    struct hvs_vector *vector;

    if (end_vector(parser) != 0)
        return -1;
    parser->line = line;
    if (!file->vector_count)
        parser->common_names = parser->name_count;
    parser->name_count = parser->common_names;
    if (strncmp(text, "name=", 5) != 0 || !text[5] || text[5 + name_length(text + 5)])
        return fault(parser, "vector needs a name of a to z, 0 to 9 and _");
    for (unsigned i = 0; i < file->vector_count; i++)
        if (strcmp(file->vectors[i].name, text + 5) == 0)
            return fault(parser, "'%s' is the vector of line %u", text + 5, file->vectors[i].line);
    if (file->vector_count == HVS_VECTORS)
        return fault(parser, "more than %d vectors", HVS_VECTORS);
    vector = &file->vectors[file->vector_count++];
    memset(vector, 0, sizeof *vector);
    vector->file = file;
    vector->line = line;
    vector->name = text + 5;
    vector->first = file->step_count;
    return 0;
}

static int set_source(struct parser *parser, const char *text)
{
    struct hvs_file *file = parser->file;

    if (!file->vector_count || file->vectors[file->vector_count - 1].source)
        return fault(parser, "source belongs to a vector, once");
    if (!*text)
        return fault(parser, "source says nothing");
    file->vectors[file->vector_count - 1].source = text;
    return 0;
}

static int parse_line(struct parser *parser, char *line)
{
    const unsigned most = parser->script ? HVS_SCRIPT_LINE_BYTES : HVS_LINE_BYTES;
    char *comment = strchr(line, '#');
    size_t length;

    if (strlen(line) > most)
        return fault(parser, "more than %u characters", most);
    if (comment)
        *comment = 0;
    for (length = strlen(line); length && line[length - 1] == ' '; length--)
        line[length - 1] = 0;
    for (const char *at = line; *at; at++)
        if (*at < ' ' || *at > '~')
            return fault(parser, "a character that is neither ASCII nor a space");
    line += strspn(line, " ");
    if (!*line)
        return 0;
    if (parser->script)
        return parse_step(parser, line);
    if (strncmp(line, "vector ", 7) == 0)
        return begin_vector(parser, line + 7);
    if (strncmp(line, "source ", 7) == 0)
        return set_source(parser, line + 7 + strspn(line + 7, " "));
    return parse_step(parser, line);
}

static int end_script(struct parser *parser)
{
    const unsigned count = parser->file->step_count;

    if (count && parser->file->steps[count - 1].keyword == HVS_SCRIPT_CALL)
        return fault(parser, "the call of line %u has no result",
                     parser->file->steps[count - 1].line);
    return 0;
}

static int parse(struct parser *parser)
{
    char *rest = parser->file->text, *line;

    while ((line = strsep(&rest, "\n"))) {
        parser->line++;
        if (parse_line(parser, line) != 0)
            return -1;
    }
    if (parser->script)
        return end_script(parser);
    if (!parser->file->vector_count)
        return fault(parser, "no vector");
    for (unsigned i = 0; i < parser->file->common; i++)
        if (parser->file->steps[i].keyword >= HVS_ONLY) {
            parser->line = parser->file->steps[i].line;
            return fault(parser, "%s before the first vector",
                         keyword_names[parser->file->steps[i].keyword]);
        }
    return end_vector(parser);
}

static struct hvs_file *parse_text(int script, const char *path, const char *text, size_t bytes,
                                   char *error, size_t error_bytes)
{
    struct hvs_file *file = calloc(1, sizeof *file);
    struct parser parser = {
        .file = file, .script = script, .error = error, .error_bytes = error_bytes};

    if (!file) {
        snprintf(error, error_bytes, "%s:0: out of memory", path);
        return NULL;
    }
    file->path = strdup(path);
    file->text = strndup(text, bytes);
    /* One more of each than lines can need, and no more than the bounds. */
    file->steps = calloc(HVS_STEPS + 1, sizeof *file->steps);
    file->vectors = calloc(HVS_VECTORS, sizeof *file->vectors);
    if (!file->path || !file->text || !file->steps || !file->vectors)
        snprintf(error, error_bytes, "%s:0: out of memory", path);
    else if (bytes > HVS_FILE_BYTES || strlen(file->text) != bytes)
        snprintf(error, error_bytes, "%s:0: more than 0x%x bytes, or a zero byte", path,
                 HVS_FILE_BYTES);
    else if (parse(&parser) == 0)
        return file;
    hvs_free(file);
    return NULL;
}

static struct hvs_file *load(int script, const char *path, char *error, size_t error_bytes)
{
    char *text = malloc(HVS_FILE_BYTES + 1);
    FILE *stream = fopen(path, "r");
    struct hvs_file *file = NULL;

    if (text && stream)
        file = parse_text(script, path, text, fread(text, 1, HVS_FILE_BYTES + 1, stream), error,
                          error_bytes);
    else
        snprintf(error, error_bytes, "%s:0: cannot be read", path);
    if (stream)
        fclose(stream);
    free(text);
    return file;
}

struct hvs_file *hvs_parse(const char *path, const char *text, size_t bytes, char *error,
                           size_t error_bytes)
{
    return parse_text(0, path, text, bytes, error, error_bytes);
}

struct hvs_file *hvs_load(const char *path, char *error, size_t error_bytes)
{
    return load(0, path, error, error_bytes);
}

struct hvs_file *hvs_parse_script(const char *path, const char *text, size_t bytes, char *error,
                                  size_t error_bytes)
{
    return parse_text(1, path, text, bytes, error, error_bytes);
}

struct hvs_file *hvs_load_script(const char *path, char *error, size_t error_bytes)
{
    return load(1, path, error, error_bytes);
}

const char *hvs_key_name(enum hvs_key key)
{
    return key_names[key];
}

void hvs_free(struct hvs_file *file)
{
    if (!file)
        return;
    free(file->path);
    free(file->text);
    free(file->steps);
    free(file->vectors);
    free(file);
}
