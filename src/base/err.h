// Errors: one caller-owned value, filled once, where the failure happens.
//
// Every fallible function returns 0 (SL_OK) or an enum sl_code, and takes `struct sl_err *err`
// last. Whoever fails first calls sl_fail(); each layer above may add what it was doing with
// sl_err_context(). The first failure wins: a function that has failed must return at once. Errors
// hold no heap memory, so they can be copied, dropped and reported out of memory.
#ifndef SL_BASE_ERR_H
#define SL_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

#define SL_MUST __attribute__((warn_unused_result))
#define SL_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define SL_AUTO(clear) __attribute__((cleanup(clear)))

// Who can do something about it. Drives retries and exit codes; text never does.
enum sl_fate {
    SL_FATE_INPUT, // the user's project, data or machine must change
    SL_FATE_RETRY, // may pass by itself: a lock, a connection, a lost race
    SL_FATE_BUG,   // ours
};

enum sl_code {
    SL_OK = 0,
#define SL_CODE(name, number, fate, title, explanation) SL_E_##name,
#include "base/codes.def"
#undef SL_CODE
    SL_CODE_COUNT
};

struct sl_err {
    enum sl_code code; // SL_OK: nothing happened
    int line;          // 1-based; 0: no place
    int column;        // 1-based; 0: unknown
    char file[256];    // file of the user's that must change, relative to the project; "" if none
    char message[1024];
    char hint[384]; // "" if none
    // Of an error over a value of the data, which the message may show: the engine's name for its
    // kind, "Conversion". "": it is none, or nobody knows.
    char value_kind[16];
};

// One row of the catalogue behind `sluice explain`.
struct sl_code_info {
    const char *id; // "SL0101", stable forever
    enum sl_fate fate;
    const char *title;
    const char *explanation;
};

const struct sl_code_info *sl_code_info(enum sl_code code);
// The code whose id is `id` ("SL0101" or "0101"); SL_OK if there is none.
enum sl_code sl_code_find(const char *id);

// Fills err (which may be NULL) and returns `code`. Long texts are cut, never overrun.
int sl_fail(struct sl_err *err, enum sl_code code, const char *format, ...) SL_PRINTF(3, 4);
// As sl_fail, for errno: "message: No such file or directory". ENOSPC, EACCES, EROFS choose their
// own codes.
int sl_fail_errno(struct sl_err *err, int errnum, const char *format, ...) SL_PRINTF(3, 4);
int sl_fail_memory(struct sl_err *err);

// Puts "what we were doing: " before the message; returns err's code (SL_E_INTERNAL if err is
// NULL).
int sl_err_context(struct sl_err *err, const char *format, ...) SL_PRINTF(2, 3);
// Sets the place if none is set yet; returns err's code.
int sl_err_at(struct sl_err *err, const char *file, int line, int column);
// Sets the hint; returns err's code.
int sl_err_hint(struct sl_err *err, const char *format, ...) SL_PRINTF(2, 3);
void sl_err_clear(struct sl_err *err);
enum sl_fate sl_err_fate(const struct sl_err *err);

// Returns early with the code of a failed call.
#define SL_TRY(call)              \
    do {                          \
        int sl_try_code = (call); \
        if (sl_try_code != SL_OK) \
            return sl_try_code;   \
    } while (0)
// Returns early when an allocation gave NULL.
#define SL_TRY_NEW(pointer, err)        \
    do {                                \
        if ((pointer) == NULL)          \
            return sl_fail_memory(err); \
    } while (0)

#endif
