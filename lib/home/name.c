/* name.c - names of spaces.
 *
 * A name is a directory: the alphabet has no separator, no blank, nothing that
 * a shell or a case-folding file system changes, and the first character
 * keeps ".", ".." and our own ".new-..." and ".gone-..." out. */
#include "home/home.h"

#include "base/err.h"

static bool first_ok(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool rest_ok(char c)
{
	return first_ok(c) || c == '.' || c == '_' || c == '-';
}

int eng_space_name_check(const char *name, struct engram_error *err)
{
	size_t n = name ? strlen(name) : 0, bad = 0;
	int r;

	while (bad < n && (bad == 0 ? first_ok(name[0]) : rest_ok(name[bad])))
		bad++;
	if (n > 0 && n <= ENGRAM_SPACE_NAME_MAX && bad == n)
		return 0;
	if (n == 0)
		r = eng_err(err, ENGRAM_EUSAGE, "space name: wanted at least one character");
	else if (bad < n)
		r = eng_err(err, ENGRAM_EUSAGE, "space name: character %zu is none of %s", bad + 1,
		            bad == 0 ? "a-z 0-9" : "a-z 0-9 . _ -");
	else
		r = eng_err(err, ENGRAM_EUSAGE, "space name: wanted at most %u characters, found %zu",
		            ENGRAM_SPACE_NAME_MAX, n);
	eng_err_object(err, name ? name : "");
	return r;
}
