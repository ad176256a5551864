/* fuzz_embed.c - an embedder may answer any line: it is a vector of finite numbers
 * or refused with a reason; and no text makes a question of more than one line. */
#include "fuzz.h"

#include <math.h>
#include <string.h>

#include "embed/embed.h"

const char fuzz_name[] = "embed";

void fuzz_seeds(fuzz_emit_fn *emit, void *data)
{
}

static void hold_question(const uint8_t *p, size_t n)
{
	struct eng_buf b = ENG_BUF_INIT;

	eng_embed_line(&b, (struct engram_str){(const char *)p, n});
	FUZZ_HOLD(!b.failed && b.n > n && memchr(b.p, '\n', b.n) == b.p + b.n - 1);
	FUZZ_HOLD(!memchr(b.p, 0, b.n) && !memchr(b.p, '\r', b.n));
	eng_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static float vector[ENGRAM_DIM_MAX];
	struct engram_error err = {0};
	struct eng_json j = {0};
	size_t dim = 0;
	bool zero = false, any = false;

	hold_question(p, n);
	if (eng_embed_answer(vector, &dim, &zero, (const char *)p, n, &j, &err) == 0) {
		FUZZ_HOLD(dim >= ENGRAM_DIM_MIN && dim <= ENGRAM_DIM_MAX);
		for (size_t i = 0; i < dim; i++) {
			FUZZ_HOLD(isfinite(vector[i]));
			any |= vector[i] != 0;
		}
		FUZZ_HOLD(zero == !any);
	} else {
		FUZZ_HOLD(err.code == ENGRAM_EINPUT && err.message[0]);
	}
	eng_json_free(&j);
	return 0;
}
