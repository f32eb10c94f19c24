#include "alloc_fault.h"

#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_reallocarray(void *memory, size_t count, size_t size);
char *__real_strndup(const char *text, size_t length);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);
char *__wrap_strndup(const char *text, size_t length);

static long left = -1; // allocations that still succeed; -1: all
static bool has_failed;

void alloc_fault_arm(long n)
{
    left = n;
    has_failed = false;
}

bool alloc_fault_disarm(void)
{
    left = -1;
    return has_failed;
}

static bool is_turn(void)
{
    if (left < 0 || left-- > 0)
        return false;
    has_failed = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return is_turn() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return is_turn() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return is_turn() ? NULL : __real_realloc(memory, size);
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size)
{
    return is_turn() ? NULL : __real_reallocarray(memory, count, size);
}

char *__wrap_strndup(const char *text, size_t length)
{
    return is_turn() ? NULL : __real_strndup(text, length);
}
