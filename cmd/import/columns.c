/* columns.c - see columns.h. */
#include "import/columns.h"

#include <string.h>

#include "base/err.h"
#include "common/record.h"

int columns_add(struct columns *c, struct engram_str name, struct engram_error *err)
{
	int field = record_column(name, err);

	if (field < 0)
		return field;
	for (size_t i = 0; i < c->n; i++)
		if (c->field[i] == field)
			return eng_err(err, ENGRAM_EINPUT, "column \"%s\": named twice",
			               record_column_name(field));
	if (c->n == COLUMNS_MAX)
		return eng_err(err, ENGRAM_EINPUT, "columns: wanted at most %d, found more", COLUMNS_MAX);
	c->field[c->n++] = field;
	return 0;
}

int columns_check(const struct columns *c, struct engram_error *err)
{
	for (size_t i = 0; i < c->n; i++) {
		const char *name = record_column_name(c->field[i]);

		if (strcmp(name, "text") == 0 || strcmp(name, "vector") == 0)
			return 0;
	}
	return eng_err(err, ENGRAM_EINPUT, "columns: wanted \"text\" or \"vector\" among them, found neither");
}
