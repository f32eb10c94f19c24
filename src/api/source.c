#include "api/source.h"

void sl_source_close(struct sl_source_reader **reader)
{
    if (!reader || !*reader)
        return;
    (*reader)->kind->close(*reader);
    *reader = NULL;
}
