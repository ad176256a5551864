/* append.c - writes one frame that today's programs do not write.
 *
 *     append SPACEDIR KIND [critical]
 *
 * SPACEDIR is the directory of a space whose own series is open for appending. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base32.h"
#include "log/log.h"

static struct engram_id space_id(const char *dir)
{
	char path[ENG_PATH_MAX], line[200], text[100];
	struct engram_id id, end;
	FILE *f;

	snprintf(path, sizeof path, "%s/space", dir);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "id %99s", text) == 1 && eng_base32_range(&id, &end, text, strlen(text))) {
			fclose(f);
			return id;
		}
	fprintf(stderr, "append: %s: no id\n", path);
	exit(1);
}

int main(int argc, char **argv)
{
	static const char text[] = "a statement of a kind that is not known yet";
	struct eng_log_options o = {.write = true, .wait_ms = 5000};
	struct eng_draft draft = {0};
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_appended out;
	struct eng_payload_out p;
	struct engram_error err;
	struct eng_log *log = NULL;
	struct engram_id id = {{0x77}};
	int r;

	if (argc < 3) {
		fprintf(stderr, "usage: append SPACEDIR KIND [critical]\n");
		return 2;
	}
	o.space_dir = argv[1];
	o.space = space_id(argv[1]);
	eng_payload_begin(&p, &b, &id, 1, NULL, 0, NULL);
	eng_payload_element(&p, ENG_EL_TEXT, text, sizeof text - 1);
	eng_payload_end(&p);
	draft.kind = (uint8_t)atoi(argv[2]);
	draft.flags = argc > 3 ? ENG_FLAG_CRITICAL : 0;
	draft.payload = b.p;
	draft.payload_len = (uint32_t)b.n;
	r = eng_log_open(&log, eng_sys_posix(), &o, &err);
	if (r == 0)
		r = eng_log_append(log, &out, &draft, 1, 0, &err);
	if (r == 0)
		r = eng_log_flush(log, &err);
	if (r < 0)
		fprintf(stderr, "append: %s\n", err.message);
	eng_log_close(log);
	eng_buf_free(&b);
	return r < 0;
}
