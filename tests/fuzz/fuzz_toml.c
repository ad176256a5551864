/* fuzz_toml.c - the reader of settings takes any bytes: what it takes lies
 * inside its limits, is UTF-8 and without NUL; what it refuses names a place. */
#include "fuzz.h"

#include <ctype.h>
#include <string.h>

#include "base/toml.h"
#include "base/utf8.h"

const char fuzz_name[] = "toml";

void fuzz_seeds(fuzz_emit_fn *emit, void *data)
{
}

static void hold_text(const char *text)
{
	FUZZ_HOLD(text && eng_utf8_check(text, strlen(text)) == strlen(text));
}

static void hold_value(const struct eng_toml_value *v)
{
	FUZZ_HOLD(v->line >= 1 && v->column >= 1);
	if (v->kind != ENG_TOML_ARRAY) {
		hold_text(v->text);
		return;
	}
	FUZZ_HOLD(v->nitems <= ENG_TOML_ITEMS_MAX);
	for (size_t i = 0; i < v->nitems; i++) {
		FUZZ_HOLD(v->items[i].kind != ENG_TOML_ARRAY);
		hold_value(&v->items[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct eng_toml t = {0};
	struct engram_error err = {0};

	if (eng_toml_parse(&t, (const char *)p, n, &err) == 0) {
		FUZZ_HOLD(t.n <= ENG_TOML_NAMES_MAX);
		for (size_t i = 0; i < t.n; i++) {
			hold_text(t.entries[i].key);
			FUZZ_HOLD(strlen(t.entries[i].key) <= ENG_TOML_KEY_MAX);
			for (size_t j = 0; j < i; j++)
				FUZZ_HOLD(strcmp(t.entries[i].key, t.entries[j].key) != 0);
			hold_value(&t.entries[i].value);
		}
	} else {
		FUZZ_HOLD(t.n == 0 && err.code == ENGRAM_EINPUT && isdigit((unsigned char)err.message[0]));
	}
	eng_toml_free(&t);
	return 0;
}
