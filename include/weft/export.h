// Marks what the shared library exports; everything else is hidden.
#pragma once

#if defined(WEFT_STATIC)
#define WEFT_API
#else
#define WEFT_API __attribute__((visibility("default")))
#endif
