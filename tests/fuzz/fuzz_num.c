/* fuzz_num.c - every parser of numbers, times and ids takes any bytes; what it takes
 * is in range, and where there is a writer, reads back from what is written. */
#include "fuzz.h"

#include <math.h>
#include <string.h>

#include "base/base32.h"
#include "base/json.h"
#include "base/num.h"
#include "base/types.h"

const char fuzz_name[] = "num";

void fuzz_seeds(fuzz_emit_fn *emit, void *data)
{
}

static void try_time(const char *p, size_t n)
{
	char text[ENG_TIME_TEXT];
	int64_t us, back;

	if (!eng_parse_time(&us, p, n, INT64_C(1763719200000000)))
		return;
	FUZZ_HOLD(us >= INT64_C(-62135596800000000) && us < INT64_C(253402300800000000));
	FUZZ_HOLD(eng_parse_time(&back, text, eng_format_time(text, us), 0) && back == us);
}

static void try_unit4(const char *p, size_t n)
{
	char text[ENG_UNIT4_TEXT];
	uint32_t v, back;

	if (!eng_parse_unit4(&v, p, n))
		return;
	FUZZ_HOLD(v <= 10000);
	FUZZ_HOLD(eng_parse_unit4(&back, text, eng_format_unit4(text, v)) && back == v);
}

static void try_id(const char *p, size_t n)
{
	char text[ENGRAM_ID_TEXT + 1];
	struct engram_id lo, hi, lo_back, hi_back;

	if (!eng_base32_range(&lo, &hi, p, n))
		return;
	FUZZ_HOLD(n > 0 && n <= ENGRAM_ID_TEXT && eng_id_cmp(&lo, &hi) <= 0);
	engram_id_format(text, &lo);
	FUZZ_HOLD(eng_base32_range(&lo_back, &hi_back, text, n));
	FUZZ_HOLD(eng_id_cmp(&lo, &lo_back) == 0 && eng_id_cmp(&hi, &hi_back) == 0);
}

/* Its promise is about the numbers of JSON alone. */
static void try_float(const char *p, size_t n)
{
	char text[ENG_FLOAT_TEXT];
	struct eng_json j = {0};
	enum eng_json_token t;
	float v, back;

	eng_json_begin(&j, p, n);
	t = eng_json_next(&j);
	eng_json_free(&j);
	if (t != ENG_JSON_NUMBER || !eng_parse_float(&v, j.str.p, j.str.n)) /* a number lies in the input */
		return;
	FUZZ_HOLD(isfinite(v));
	FUZZ_HOLD(eng_parse_float(&back, text, eng_format_float(text, v)) && memcmp(&v, &back, sizeof v) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const char *z = (const char *)p;
	uint64_t v, w;

	try_time(z, n);
	try_unit4(z, n);
	try_id(z, n);
	try_float(z, n);
	if (eng_parse_u64(&v, z, n)) {
		FUZZ_HOLD(eng_parse_size(&w, z, n) && w == v);
		FUZZ_HOLD(v > UINT64_MAX / 1000 || (eng_parse_duration_ms(&w, z, n) && w == 1000 * v));
	}
	(void)eng_parse_size(&v, z, n);
	(void)eng_parse_duration_ms(&v, z, n);
	return 0;
}
