/* jsoncopy.h - a JSON document, token by token from our reader through our writer. */
#ifndef JSONCOPY_H
#define JSONCOPY_H

#include "base/json.h"

/* false if it is refused, which *j then tells why. */
static bool json_rewrite(struct eng_buf *out, struct eng_json *j, const char *p, size_t n)
{
	struct eng_buf key = ENG_BUF_INIT;
	struct eng_json_out o;
	enum eng_json_token t;

	eng_buf_reset(out);
	eng_json_out(&o, out);
	eng_json_begin(j, p, n);
	while ((t = eng_json_next(j)) > ENG_JSON_END) {
		if (t == ENG_JSON_OBJECT)
			eng_json_object(&o);
		else if (t == ENG_JSON_OBJECT_END)
			eng_json_object_end(&o);
		else if (t == ENG_JSON_ARRAY)
			eng_json_array(&o);
		else if (t == ENG_JSON_ARRAY_END)
			eng_json_array_end(&o);
		else if (t == ENG_JSON_STRING)
			eng_json_str(&o, j->str.p, j->str.n);
		else if (t == ENG_JSON_NUMBER)
			eng_json_raw(&o, j->str.p, j->str.n);
		else if (t == ENG_JSON_NULL)
			eng_json_raw(&o, "null", 4);
		else if (t != ENG_JSON_KEY)
			eng_json_bool(&o, t == ENG_JSON_TRUE);
		if (t == ENG_JSON_KEY) { /* keys of the writer are plain: escape by a string, cut its quotes */
			struct eng_json_out inner;

			eng_buf_reset(&key);
			eng_json_out(&inner, &key);
			eng_json_str(&inner, j->str.p, j->str.n);
			eng_buf_byte(&key, 0);
			key.p[key.n - 2] = '\0';
			eng_json_key(&o, (char *)key.p + 1);
		}
	}
	eng_buf_free(&key);
	return t == ENG_JSON_END;
}

#endif
