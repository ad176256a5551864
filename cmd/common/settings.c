/* settings.c - see settings.h.
 *
 * An option is over a variable, a variable over the files, these over the
 * default: lib/config knows all but the options, so the one loop below is all
 * that is left, and it is the same for every program. */
#include "common/settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/num.h"
#include "base/types.h"
#include "common/record.h"

/* -- applying -------------------------------------------------------------------- */

static bool apply_table(struct cli *cli, struct opt_table *t)
{
	struct engram_error err = {0};

	for (size_t i = 0; i < t->n; i++) {
		const struct opt *o = &t->options[i];
		const struct engram_setting *s = o->setting ? engram_config_get(cli->config, o->setting) : NULL;

		if (!s || !s->value || t->given[i] ||
		    opt_set(o, t->target, s->origin, s->value, cli->now_us, &err) == 0)
			continue;
		err.code = ENGRAM_ECONFIG;
		eng_err_object(&err, s->key);
		return cli_fail(cli, &err);
	}
	return true;
}

bool settings_apply(struct cli *cli)
{
	struct engram_error err = {0};
	const char *home = NULL;

	/* Where no home can be made out, whoever needs one will say so. */
	if (engram_home_open(&cli->home, cli->home_path, NULL) == 0)
		home = engram_home_path(cli->home);
	if (engram_config_open(&cli->config, cli->config_path, home, &err) < 0)
		return cli_fail(cli, &err);
	return apply_table(cli, &cli->tables[0]) && apply_table(cli, &cli->tables[1]);
}

const char *cli_setting(const struct cli *cli, const char *key)
{
	return engram_config_get(cli->config, key)->value;
}

/* -- showing ------------------------------------------------------------------------ */

/* The option given for a setting: its value, and its name. */
static const char *given_option(const struct cli *cli, const char *key, const char **name)
{
	for (size_t t = 0; t < ENG_COUNT(cli->tables); t++)
		for (size_t i = 0; i < cli->tables[t].n; i++) {
			const struct opt *o = &cli->tables[t].options[i];

			if (!o->setting || strcmp(o->setting, key) != 0 || !cli->tables[t].given[i])
				continue;
			*name = o->name;
			return cli->tables[t].given[i];
		}
	return NULL;
}

static void show_json(struct cli *cli, const struct engram_setting *s, const char *value, const char *origin)
{
	struct eng_json_out o;

	record_begin(&o, &cli->out.buf, "setting");
	record_key_str(&o, "key", s->key);
	if (value)
		record_key_str(&o, "value", value);
	record_key_str(&o, "origin", origin);
	record_key_str(&o, "range", s->range);
	if (s->variable)
		record_key_str(&o, "variable", s->variable);
	record_key_str(&o, "help", s->help);
	eng_json_object_end(&o);
}

static void show_one(struct cli *cli, const struct engram_setting *s)
{
	const char *name = NULL, *value = given_option(cli, s->key, &name);
	struct eng_buf origin = ENG_BUF_INIT;

	if (name)
		eng_buf_printf(&origin, "--%s", name);
	else
		eng_buf_str(&origin, s->origin);
	eng_buf_byte(&origin, 0);
	value = name ? value : s->value;
	if (cli->json)
		show_json(cli, s, value, (char *)origin.p);
	else if (cli->out.tty)
		out_printf(&cli->out, "%-22s %-16s %s", s->key, value ? value : "-", (char *)origin.p);
	else
		out_printf(&cli->out, "%s\t%s\t%s\t%s\t%s", s->key, value ? value : "-", (char *)origin.p, s->range,
		           s->help);
	out_end(&cli->out);
	eng_buf_free(&origin);
}

static bool is_default(const struct engram_setting *s)
{
	return strcmp(s->origin, "default") == 0;
}

void settings_show(struct cli *cli)
{
	const struct engram_setting *s;

	/* What no program asks for is only of interest where somebody set it. */
	for (size_t i = 0; (s = engram_config_at(cli->config, i)); i++)
		if (!s->later || cli->verbose || !is_default(s))
			show_one(cli, s);
}

/* -- warning ------------------------------------------------------------------------- */

static const char *const other_variables[] = {
	"ENGRAM_BINDIR", "ENGRAM_CONFIG", "ENGRAM_DEBUG", "ENGRAM_HOME", "ENGRAM_NETWORK_HOME",
	"ENGRAM_NOW", "ENGRAM_SEED",
};

#define VARIABLES_MAX 32

static size_t known_variables(const struct cli *cli, const char *names[VARIABLES_MAX])
{
	const struct engram_setting *s;
	size_t n = 0;

	for (; n < ENG_COUNT(other_variables); n++)
		names[n] = other_variables[n];
	for (size_t i = 0; n < VARIABLES_MAX && (s = engram_config_at(cli->config, i)); i++)
		if (s->variable)
			names[n++] = s->variable;
	return n;
}

/* A variable that nobody reads is likely a misspelt one. */
static void warn_variable(struct cli *cli, const char *name, const char *const *known, size_t n)
{
	const char *near = eng_nearest(name, known, n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(known[i], name) == 0)
			return;
	if (near)
		cli_warn(cli, "%s is set but means nothing here (did you mean %s?)", name, near);
	else
		cli_warn(cli, "%s is set but means nothing here", name);
}

void settings_warn(struct cli *cli)
{
	const char *known[VARIABLES_MAX];
	size_t n = known_variables(cli, known);
	const struct engram_setting *s;
	extern char **environ;

	if (!cli->verbose)
		return;
	for (char **e = environ; *e; e++) {
		char name[64];
		size_t length = strcspn(*e, "=");

		if (strncmp(*e, "ENGRAM_", 7) != 0 || length >= sizeof name)
			continue;
		memcpy(name, *e, length);
		name[length] = 0;
		warn_variable(cli, name, known, n);
	}
	for (size_t i = 0; (s = engram_config_at(cli->config, i)); i++)
		if (s->later && !is_default(s))
			cli_warn(cli, "%s: %s is taken, but nothing asks for it yet", s->origin, s->key);
	for (size_t i = 0; cli->debug && (s = engram_config_at(cli->config, i)); i++)
		if (!s->later && !is_default(s))
			cli_warn(cli, "debug: %s is \"%s\", from %s", s->key, s->value ? s->value : "", s->origin);
}
