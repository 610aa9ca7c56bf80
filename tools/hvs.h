/* SPDX-FileCopyrightText: The libhvemu authors */
/* SPDX-License-Identifier: MIT */

/* The *.hvs text format (docs/hvs.md): vectors that set an instance up, make calls and say all that
 * changes, and scripts for the test double. Files are read and judged here; who runs them is told
 * by line and words what there is to do. */

#ifndef HVS_H
#define HVS_H

#include <stddef.h>
#include <stdint.h>

/* Bounds of a file; beyond them it is refused. */
enum {
    HVS_FILE_BYTES = 0x80000,
    HVS_LINE_BYTES = 512,
    HVS_SCRIPT_LINE_BYTES = 0x4000, /* of a script: calls with all their input */
    HVS_WORDS = 14,
    HVS_STEPS = 0x4000,
    HVS_VECTORS = 0x400,
    HVS_NAMES = 24,
    HVS_LIST = 0x1000 /* bytes of a list */
};

enum hvs_keyword {
    HVS_CONFIG,
    HVS_HANDLER,
    HVS_WITHDRAW,
    HVS_FILTER,
    HVS_PARTITION,
    HVS_VP,
    HVS_DETACH,
    HVS_PAGE,
    HVS_RESET,
    HVS_ASSERT,
    HVS_ACKNOWLEDGE,
    HVS_MEMORY,
    HVS_FAULT,
    HVS_REGISTER,
    HVS_ONLY,
    HVS_CALL,
    HVS_AGAIN,
    HVS_FINISH,
    HVS_RAW,
    HVS_EXPECT,
    HVS_EXPECT_MEMORY,
    HVS_EXPECT_PARTITION,
    HVS_EXPECT_EXTINT,
    HVS_EXPECT_KICK,
    HVS_EXPECT_INTERRUPT,
    HVS_EXPECT_EVENT,
    HVS_EXPECT_OP,
    /* From here on the keywords of a script, some of which mean something else in a vector. */
    HVS_SCRIPT_FAULT,
    HVS_SCRIPT_CALL,
    HVS_RESULT,
    HVS_TAKE,
    HVS_WRITE,
    HVS_MEND,
    HVS_KEYWORDS
};

enum hvs_key {
    HVS_K_NAME,
    HVS_K_PARENT,
    HVS_K_PRIVILEGES,
    HVS_K_STATE,
    HVS_K_OF,
    HVS_K_INDEX,
    HVS_K_GPA,
    HVS_K_VECTOR,
    HVS_K_BYTES,
    HVS_K_OP,
    HVS_K_ANSWER,
    HVS_K_AFTER,
    HVS_K_CONVENTIONS,
    HVS_K_FROM,
    HVS_K_CONTROL,
    HVS_K_IN,
    HVS_K_BEHIND,
    HVS_K_OUT,
    HVS_K_IN_GPA,
    HVS_K_OUT_GPA,
    HVS_K_ROUNDS,
    HVS_K_MODE,
    HVS_K_CPL,
    HVS_K_XMM,
    HVS_K_STATUS,
    HVS_K_REPS,
    HVS_K_ACTION,
    HVS_K_START,
    HVS_K_EFFECTS,
    HVS_K_ACCESS,
    HVS_K_ADDRESS,
    HVS_K_EVENT,
    HVS_K_CODE,
    HVS_K_FORM,
    HVS_K_IN_EACH,
    HVS_K_OUT_EACH,
    HVS_K_DO,
    HVS_K_AT,
    HVS_K_PRIVILEGE,
    HVS_K_TARGET,
    HVS_K_LIMIT,
    HVS_K_FEATURES,
    HVS_K_GPA_BITS,
    HVS_K_PARTITIONS,
    HVS_K_DEPTH,
    HVS_K_CHILDREN,
    HVS_K_BUDGET,
    HVS_K_VPS,
    HVS_K_PAGES,
    HVS_K_CREATE_COST,
    HVS_K_INITIALIZE_COST,
    HVS_K_VP_COST,
    HVS_K_MAP_COST,
    HVS_K_INTERCEPT_COST,
    HVS_K_INTERCEPTS,
    HVS_K_WITH,
    HVS_K_RAX, /* the registers in a row, as the runner counts them */
    HVS_K_RCX,
    HVS_K_RDX,
    HVS_K_RBX,
    HVS_K_RSI,
    HVS_K_RDI,
    HVS_K_R8,
    HVS_K_XMM0,
    HVS_K_XMM1,
    HVS_K_XMM2,
    HVS_K_XMM3,
    HVS_K_XMM4,
    HVS_K_XMM5,
    HVS_K_NTH,
    HVS_K_PAGE,
    HVS_K_VALUE,
    HVS_KEYS
};

/* Values of the keys that take one of some words, in the order of their words. */
enum { HVS_UNINITIALIZED, HVS_ACTIVE, HVS_FINALIZING, HVS_FINALIZED, HVS_DELETED };
enum { HVS_IDLE, HVS_ASSERTED, HVS_ACKNOWLEDGED };
enum { HVS_ECHO, HVS_COUNT, HVS_FAIL, HVS_TIMEOUT, HVS_YIELD };
enum { HVS_SIMPLE, HVS_REP, HVS_VARIABLE, HVS_REP_VARIABLE };
enum {
    HVS_D_READ,
    HVS_D_WRITABLE,
    HVS_D_WRITE,
    HVS_D_OVERLAY,
    HVS_D_INTERRUPT,
    HVS_D_PARTITION,
    HVS_D_VP,
    HVS_D_VP_GET,
    HVS_D_VP_SET,
    HVS_D_MAP,
    HVS_D_POOL,
    HVS_D_PROPERTY,
    HVS_D_OPS
}; /* ops */
enum { HVS_LONG, HVS_COMPAT, HVS_PROTECTED, HVS_REAL };
enum { HVS_ON_PARENT, HVS_ON_SELF, HVS_ON_BOTH };

enum hvs_convention {
    HVS_C,
    HVS_EXECUTE_FAST,
    HVS_EXECUTE_MEMORY,
    HVS_LONG_FAST,
    HVS_LONG_MEMORY,
    HVS_COMPAT_FAST,
    HVS_COMPAT_MEMORY,
    HVS_PROTECTED_FAST,
    HVS_PROTECTED_MEMORY,
    HVS_REGISTERS, /* the vector names the registers itself */
    HVS_CONVENTIONS
};

struct hvs_word {
    enum hvs_key key;
    const char *text;
    uint64_t number; /* or the word's place among the words it may be */
};

struct hvs_step {
    unsigned line;
    enum hvs_keyword keyword;
    unsigned count;
    struct hvs_word words[HVS_WORDS];
};

struct hvs_vector {
    const struct hvs_file *file;
    unsigned line;
    const char *name, *source;
    unsigned first, steps;
    uint32_t conventions; /* bits: those that apply */
};

struct hvs_file {
    char *path, *text;
    struct hvs_step *steps;
    unsigned step_count, common; /* the first `common` steps begin every vector */
    struct hvs_vector *vectors;
    unsigned vector_count;
};

extern const char *const hvs_convention_names[HVS_CONVENTIONS];

/* Reads a file, or the text that would stand in it. NULL: `error` says why, as "path:line:
 * what". */
struct hvs_file *hvs_load(const char *path, char *error, size_t error_bytes);
struct hvs_file *hvs_parse(const char *path, const char *text, size_t bytes, char *error,
                           size_t error_bytes);
/* The same for a script, whose steps are all `common`. */
struct hvs_file *hvs_load_script(const char *path, char *error, size_t error_bytes);
struct hvs_file *hvs_parse_script(const char *path, const char *text, size_t bytes, char *error,
                                  size_t error_bytes);
void hvs_free(struct hvs_file *file);

/* "rax" */
const char *hvs_key_name(enum hvs_key key);

/* NULL: the step has no such word. */
const struct hvs_word *hvs_find(const struct hvs_step *step, enum hvs_key key);
uint64_t hvs_number(const struct hvs_step *step, enum hvs_key key, uint64_t missing);

/* One part of a byte string: its bytes, `unchanged` if it says nothing about them, and what `@` or
 * `!` named. Returns what follows it, NULL at a fault. */
struct hvs_part {
    uint8_t bytes[HVS_LINE_BYTES];
    size_t length, times;
    int unchanged;
    char reference; /* 0, '@' or '!' */
    char name[32];
};
const char *hvs_part(const char *text, struct hvs_part *part);

#endif
