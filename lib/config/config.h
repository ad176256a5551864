/* config.h - settings: the schema, and reading files that are named. */
#ifndef ENG_CONFIG_CONFIG_H
#define ENG_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/toml.h"
#include "engram.h"

/* How a value is read, and what its number is. */
enum eng_setting_kind {
	ENG_SETTING_TEXT,     /* no number */
	ENG_SETTING_LIST,     /* of texts: how many */
	ENG_SETTING_WORD,     /* place in words */
	ENG_SETTING_BOOL,     /* 0, 1 */
	ENG_SETTING_COUNT,    /* min..max */
	ENG_SETTING_UNIT,     /* 0..1 in 1/10,000 */
	ENG_SETTING_DURATION, /* milliseconds, min..max */
};

struct eng_schema {
	const char *key;
	enum eng_setting_kind kind;
	const char *fallback;     /* the default; NULL = none */
	const char *variable;     /* of the environment, or NULL */
	const char *help;
	const char *const *words; /* NULL-terminated */
	uint64_t min, max;
	bool project;             /* a project's file may set it: no command, path or peer */
	bool later;               /* known to the original; no program asks for it yet */
};

extern const struct eng_schema eng_schema[];
extern const size_t eng_schema_count;

/* Row of a key, or eng_schema_count. */
size_t eng_schema_find(const char *key);
/* The nearest key to a wrong one, or NULL. */
const char *eng_schema_nearest(const char *key);

/* Whether `text` is a value of the row; *number as above.  EUSAGE: "wanted ...,
 * found ..." without a place. */
int eng_schema_check(uint64_t *number, const struct eng_schema *row, const char *text, struct engram_error *err);
/* The same for a value of a file, whose type must fit too. */
int eng_schema_check_toml(uint64_t *number, const struct eng_schema *row, const struct eng_toml_value *v,
                          struct engram_error *err);
/* "0..1", "auto, always or never": what a value may be. */
#define ENG_RANGE_TEXT 96
void eng_schema_range(char out[ENG_RANGE_TEXT], const struct eng_schema *row);

/* A file to read; of two that set a key, the later one counts. */
struct eng_config_file {
	const char *path;
	bool project; /* found, not named: sets what a project may */
	bool needed;  /* named by the caller: it must be there */
};

/* engram_config_open over these files. */
int eng_config_open(struct engram_config **config, const struct eng_config_file *files, size_t n,
                    struct engram_error *err);

#endif
