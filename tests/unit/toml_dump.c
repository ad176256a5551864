/* toml_dump.c - documents on standard input, separated by NUL, as a line of JSON
 * each: {"key":["i","1"], "key":[["s","x"]]}, or "error: ...".  For toml_peer.sh. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/toml.h"

static void add_value(struct eng_json_out *o, const struct eng_toml_value *v)
{
	eng_json_array(o);
	if (v->kind != ENG_TOML_ARRAY) {
		eng_json_str(o, &"sifb"[v->kind], 1);
		eng_json_str(o, v->text, strlen(v->text));
	}
	for (size_t i = 0; i < v->nitems; i++)
		add_value(o, &v->items[i]);
	eng_json_array_end(o);
}

static void dump(const char *text, size_t n)
{
	struct eng_toml t;
	struct engram_error err = {0};
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_json_out o;

	if (eng_toml_parse(&t, text, n, &err) < 0) {
		printf("error: %s\n", err.message);
		return;
	}
	eng_json_out(&o, &b);
	eng_json_object(&o);
	for (size_t i = 0; i < t.n; i++) {
		eng_json_key(&o, t.entries[i].key);
		add_value(&o, &t.entries[i].value);
	}
	eng_json_object_end(&o);
	printf("%.*s\n", (int)b.n, (char *)b.p);
	eng_buf_free(&b);
	eng_toml_free(&t);
}

int main(void)
{
	static char text[4 << 20];
	size_t n = fread(text, 1, sizeof text, stdin), from = 0;

	for (size_t i = 0; i <= n; i++)
		if (i == n || text[i] == 0) {
			dump(text + from, i - from);
			from = i + 1;
		}
	return 0;
}
