/* stores.h - store/ as tests of it use it: what cannot be opened ends the test.
 * Include it behind `tables` and `err`. */
#ifndef ENG_TEST_STORES_H
#define ENG_TEST_STORES_H

static int open_at(struct eng_store **s, const char *path, unsigned flags)
{
	*s = NULL;
	return eng_store_open(s, eng_sys_posix(), path, flags, tables, ENG_COUNT(tables), &err);
}

static struct eng_store *must_open(const char *path, unsigned flags)
{
	struct eng_store *s;

	if (open_at(&s, path, flags) != 0) {
		printf("Bail out! %s\n", err.message);
		exit(1);
	}
	return s;
}

static struct eng_txn *must_begin(struct eng_store *s, bool write)
{
	struct eng_txn *t;

	if (eng_txn_begin(&t, s, write, &err) != 0) {
		printf("Bail out! %s\n", err.message);
		exit(1);
	}
	return t;
}

static struct eng_bytes z(const char *text)
{
	return eng_bytes(text, strlen(text));
}

#endif
