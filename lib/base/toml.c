/* toml.c - see toml.h.
 *
 * One pass over text that was checked to be UTF-8 first, so that a column can
 * be counted in characters.  A stack of tables is not needed: the table at hand
 * is a prefix, and every key becomes a whole dotted name.  `names` remembers
 * each name and how it came to be, for that decides what may follow: a table
 * stands in one place of a file, a key in one line.
 *
 * A quoted key may hold what a bare one may: so a dot in a whole name always
 * separates, and no two ways of writing a name differ. */
#include "base/toml_int.h"

#include "base/err.h"
#include "base/utf8.h"

/* How a name came to be. */
enum name_kind {
	NAME_VALUE,   /* it has a value */
	NAME_TABLE,   /* [it] */
	NAME_PARENT,  /* of a [table]: may still get a header of its own */
	NAME_DOTTED,  /* a table made by a dotted key: complete where it stands */
};

struct name {
	char text[ENG_TOML_KEY_MAX + 1];
	enum name_kind kind;
	unsigned line;
};

/* A whole key as it is read: the parts joined by dots. */
struct key {
	char text[ENG_TOML_KEY_MAX + 1];
	size_t n;
	unsigned parts;
	const char *from;
};

static int end_line(struct eng_toml_parser *p)
{
	int r;

	eng_toml_skip_blanks(p);
	r = eng_toml_skip_comment(p);
	if (r < 0 || eng_toml_skip_newline(p) || p->at == p->end)
		return r;
	return eng_toml_wanted(p, "the end of the line");
}

/* -- keys ----------------------------------------------------------------------------- */

static bool all_bare(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!eng_toml_is_bare(s[i]))
			return false;
	return n > 0;
}

static int add_part(struct eng_toml_parser *p, struct key *k, const char *s, size_t n)
{
	if (++k->parts > ENG_TOML_DEPTH_MAX)
		return eng_toml_bad(p, k->from, "wanted at most %u parts in a key", ENG_TOML_DEPTH_MAX);
	if (k->n + (k->n > 0) + n > ENG_TOML_KEY_MAX)
		return eng_toml_bad(p, k->from, "wanted at most %u bytes in a key", ENG_TOML_KEY_MAX);
	if (k->n > 0)
		k->text[k->n++] = '.';
	memcpy(k->text + k->n, s, n);
	k->n += n;
	k->text[k->n] = 0;
	return 0;
}

static int read_part(struct eng_toml_parser *p, struct key *k)
{
	const char *from = p->at;
	int r;

	if (eng_toml_at_char(p, '"') || eng_toml_at_char(p, '\'')) {
		r = eng_toml_string(p);
		if (r < 0)
			return r;
		if (!all_bare((char *)p->scratch.p, p->scratch.n - 1))
			return eng_toml_bad(p, from, "a quoted key may hold letters, digits, - and _ only");
		return add_part(p, k, (char *)p->scratch.p, p->scratch.n - 1);
	}
	while (p->at < p->end && eng_toml_is_bare(*p->at))
		p->at++;
	return p->at > from ? add_part(p, k, from, (size_t)(p->at - from)) : eng_toml_wanted(p, "a key");
}

/* a . "b" . c, behind what k holds already. */
static int read_key(struct eng_toml_parser *p, struct key *k)
{
	int r;

	k->from = p->at;
	do {
		eng_toml_skip_blanks(p);
		r = read_part(p, k);
		eng_toml_skip_blanks(p);
	} while (r == 0 && eng_toml_at_char(p, '.') && p->at++);
	return r;
}

/* -- names: what may follow what -------------------------------------------------------- */

static struct name *find_name(const struct eng_toml_parser *p, const char *text, size_t n)
{
	struct name *names = (void *)p->names.p; /* as allocated: aligned for anything */
	size_t count = p->names.n / sizeof *names;

	for (size_t i = 0; i < count; i++)
		if (strncmp(names[i].text, text, n) == 0 && names[i].text[n] == 0)
			return &names[i];
	return NULL;
}

static unsigned line_of(struct eng_toml_parser *p, const char *at)
{
	unsigned line, column;

	eng_toml_place(p, at, &line, &column);
	return line;
}

static int add_name(struct eng_toml_parser *p, const struct key *k, size_t n, enum name_kind kind)
{
	struct name name = {.kind = kind, .line = line_of(p, k->from)};

	if (p->names.n / sizeof name >= ENG_TOML_NAMES_MAX)
		return eng_toml_bad(p, k->from, "wanted at most %u keys and tables", ENG_TOML_NAMES_MAX);
	memcpy(name.text, k->text, n);
	eng_buf_add(&p->names, &name, sizeof name);
	return p->names.failed ? eng_err_nomem(p->err) : 0;
}

/* The tables that a key or header makes on its way: those behind the first
 * `skip` bytes. */
static int add_parents(struct eng_toml_parser *p, const struct key *k, size_t skip, bool header)
{
	for (const char *dot = strchr(k->text + skip, '.'); dot; dot = strchr(dot + 1, '.')) {
		size_t n = (size_t)(dot - k->text);
		struct name *seen = find_name(p, k->text, n);
		int r = 0;

		if (!seen)
			r = add_name(p, k, n, header ? NAME_PARENT : NAME_DOTTED);
		else if (seen->kind == NAME_VALUE)
			return eng_toml_bad(p, k->from, "%s: is a value since line %u", seen->text, seen->line);
		else if (!header && seen->kind == NAME_PARENT)
			seen->kind = NAME_DOTTED; /* made here as much as there */
		else if (!header && seen->kind == NAME_TABLE)
			return eng_toml_bad(p, k->from, "%s: is a table since line %u; write the key there", seen->text,
			           seen->line);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_table(struct eng_toml_parser *p, const struct key *k)
{
	struct name *seen;
	int r = add_parents(p, k, 0, true);

	if (r < 0)
		return r;
	seen = find_name(p, k->text, k->n);
	if (!seen)
		return add_name(p, k, k->n, NAME_TABLE);
	if (seen->kind != NAME_PARENT)
		return eng_toml_bad(p, k->from, "%s: %s", k->text,
		           seen->kind == NAME_VALUE ? "is a value already" : "is a table already");
	seen->kind = NAME_TABLE;
	seen->line = line_of(p, k->from);
	return 0;
}

static int add_value_name(struct eng_toml_parser *p, const struct key *k)
{
	size_t skip = strlen(p->table);
	const struct name *seen;
	int r = add_parents(p, k, skip ? skip + 1 : 0, false);

	if (r < 0)
		return r;
	seen = find_name(p, k->text, k->n);
	if (seen)
		return eng_toml_bad(p, k->from, "%s: given twice, first in line %u", k->text, seen->line);
	return add_name(p, k, k->n, NAME_VALUE);
}

/* -- lines ------------------------------------------------------------------------------------- */

static int read_header(struct eng_toml_parser *p)
{
	struct key k = {.n = 0};
	int r;

	if (eng_toml_at_text(p, "[["))
		return eng_toml_bad(p, p->at, "an array of tables is not supported");
	p->at++;
	r = read_key(p, &k);
	if (r == 0 && !eng_toml_at_char(p, ']'))
		r = eng_toml_wanted(p, "] behind the table's name");
	if (r == 0)
		r = add_table(p, &k);
	if (r < 0)
		return r;
	p->at++;
	memcpy(p->table, k.text, k.n + 1);
	return 0;
}

static int read_pair(struct eng_toml_parser *p)
{
	struct eng_toml_entry e = {0};
	struct key k = {.n = 0};
	int r;

	if (p->table[0]) {
		k.n = strlen(p->table);
		memcpy(k.text, p->table, k.n + 1);
		for (const char *c = p->table; *c; c++)
			k.parts += *c == '.';
		k.parts++;
	}
	r = read_key(p, &k);
	if (r == 0 && !eng_toml_at_char(p, '='))
		r = eng_toml_wanted(p, "= behind the key");
	if (r == 0)
		r = add_value_name(p, &k);
	if (r < 0)
		return r;
	p->at++;
	eng_toml_skip_blanks(p);
	eng_toml_place(p, k.from, &e.line, &e.column);
	r = eng_toml_read_value(p, &e.value);
	if (r < 0)
		return r;
	e.key = eng_arena_dup(&p->toml->arena, k.text, k.n + 1);
	eng_buf_add(&p->entries, &e, sizeof e);
	return e.key && !p->entries.failed ? 0 : eng_err_nomem(p->err);
}

static int read_line(struct eng_toml_parser *p)
{
	int r = 0;

	eng_toml_skip_blanks(p);
	if (eng_toml_at_char(p, '['))
		r = read_header(p);
	else if (p->at < p->end && *p->at != '#' && *p->at != '\n' && !eng_toml_at_text(p, "\r\n"))
		r = read_pair(p);
	return r < 0 ? r : end_line(p);
}

static int parse(struct eng_toml_parser *p)
{
	size_t valid = eng_utf8_check(p->start, (size_t)(p->end - p->start));
	int r = 0;

	if (p->start + valid < p->end)
		return eng_toml_bad(p, p->start + valid, "not UTF-8");
	if (eng_toml_at_text(p, "\xef\xbb\xbf"))
		return eng_toml_bad(p, p->at, "a byte-order mark: remove it");
	while (r == 0 && p->at < p->end)
		r = read_line(p);
	if (r < 0)
		return r;
	p->toml->n = p->entries.n / sizeof *p->toml->entries;
	p->toml->entries = eng_arena_dup(&p->toml->arena, p->entries.p ? (void *)p->entries.p : "", p->entries.n);
	return p->toml->entries ? 0 : eng_err_nomem(p->err);
}

int eng_toml_parse(struct eng_toml *t, const char *text, size_t n, struct engram_error *err)
{
	struct eng_toml_parser p = {.toml = t, .start = text, .at = text, .end = text + n, .err = err};
	int r;

	*t = (struct eng_toml){0};
	r = parse(&p);
	eng_buf_free(&p.names);
	eng_buf_free(&p.entries);
	eng_buf_free(&p.scratch);
	if (r < 0)
		eng_toml_free(t);
	return r;
}

void eng_toml_free(struct eng_toml *t)
{
	eng_arena_free(&t->arena);
	*t = (struct eng_toml){0};
}
