/* fuzz_json.c - the JSON reader takes any bytes; what it takes, our writer writes so
 * that it reads the same, and writing that again changes nothing. */
#include "fuzz.h"

#include <string.h>

#include "../lib/jsoncopy.h"
#include "base/utf8.h"

const char fuzz_name[] = "json";

void fuzz_seeds(fuzz_emit_fn *emit, void *data)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct eng_buf once = ENG_BUF_INIT, twice = ENG_BUF_INIT;
	struct eng_json j = {0};
	struct engram_str raw;

	if (json_rewrite(&once, &j, (const char *)p, n)) {
		FUZZ_HOLD(eng_utf8_check((const char *)p, n) == n);
		FUZZ_HOLD(json_rewrite(&twice, &j, (const char *)once.p, once.n));
		FUZZ_HOLD(once.n == twice.n && memcmp(once.p, twice.p, once.n) == 0);
		eng_json_begin(&j, (const char *)p, n);
		FUZZ_HOLD(eng_json_skip(&j, &raw) > ENG_JSON_END && eng_json_next(&j) == ENG_JSON_END);
	} else {
		FUZZ_HOLD(j.problem && j.offset <= n && eng_json_next(&j) == ENG_JSON_BAD);
	}
	eng_json_free(&j);
	eng_buf_free(&once);
	eng_buf_free(&twice);
	return 0;
}
