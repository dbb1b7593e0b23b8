#ifndef QUESTLINE_PAGES_H
#define QUESTLINE_PAGES_H

#include <stddef.h>

/// A file that browsers load, as it stood when this was compiled.
struct page_file {
    /// Without its folder, as `words.js`.
    const char *name;
    const unsigned char *bytes;
    size_t size;
};

/// The file of a number, counted from 0; its name is NULL when there are no more.
struct page_file page_file(size_t number);

#endif
