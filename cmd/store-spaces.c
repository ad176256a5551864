/* store-spaces.c - the spaces of a home: opening for a write, listing, dropping. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/json.h"
#include "base/num.h"
#include "common/record.h"
#include "store-jobs.h"

bool store_open_writable(struct store *s)
{
	bool may_make = s->create || cli_is_default(&s->cli);

	return cli_open_space(&s->cli, ENGRAM_WRITE | (may_make ? ENGRAM_CREATE : 0u) |
	                                       (s->new_series ? ENGRAM_NEW_SERIES : 0u));
}

static bool is_listed(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

int store_open_dry(struct store *s)
{
	struct cli *cli = &s->cli;
	struct engram_error err = {0};
	const char **names = NULL;
	size_t n = 0;
	bool there;

	if (!cli_open_home(cli))
		return -1;
	if (engram_home_spaces(cli->home, &names, &n, &err) < 0) {
		cli_fail(cli, &err);
		return -1;
	}
	there = is_listed(names, n, cli->space_name);
	engram_free(names);
	if (!there && (s->create || cli_is_default(cli)))
		return 0;
	return cli_open_space(cli, ENGRAM_READ) ? 1 : -1;
}

static void list_json(struct out *out, const struct engram_space_info *info)
{
	struct eng_json_out o;

	record_begin(&o, &out->buf, "space");
	eng_json_key(&o, "id"), eng_json_id(&o, &info->id);
	eng_json_key(&o, "created"), eng_json_time(&o, info->created_us);
	record_key_str(&o, "name", info->name);
	record_key_u64(&o, "memories", info->memories);
	record_key_u64(&o, "frames", info->frames);
	record_key_u64(&o, "unapplied", info->unapplied);
	record_key_u64(&o, "log_bytes", info->log_bytes);
	record_key_u64(&o, "derived_bytes", info->derived_bytes);
	eng_json_object_end(&o);
	out_end(out);
}

static void list_row(struct out *out, const struct engram_space_info *info)
{
	char created[ENG_TIME_TEXT], id[ENGRAM_ID_TEXT + 1];
	uint64_t bytes = info->log_bytes + info->derived_bytes;

	engram_id_format(id, &info->id);
	eng_format_time(created, info->created_us);
	created[out->tty ? strlen("2026-11-21") : strlen(created)] = 0;
	if (out->tty)
		out_printf(out, "%-16s  %10s memories  %12s bytes  since %s  %s", info->name,
		           cli_number(info->memories), cli_number(bytes), created, id);
	else
		out_printf(out, "%s\t%llu\t%llu\t%s\t%s", info->name, (unsigned long long)info->memories,
		           (unsigned long long)bytes, created, id);
	out_end(out);
}

/* One space; a space that cannot be opened does not hide the others. */
static bool list_one(struct cli *cli, const char *name)
{
	struct engram_space *space = NULL;
	struct engram_space_info info;
	struct engram_error err = {0};
	int r = engram_space_open(&space, cli->home, name, ENGRAM_READ, (unsigned)cli->wait_ms, &err);

	if (r == 0)
		r = engram_space_info(space, &info, &err);
	engram_space_close(space);
	if (r < 0) {
		cli_report(cli, &err, engram_code_exit(r));
		cli->status = engram_code_exit(r);
		return false;
	}
	if (cli->json)
		list_json(&cli->out, &info);
	else
		list_row(&cli->out, &info);
	return true;
}

void store_list(struct store *s)
{
	struct cli *cli = &s->cli;
	const char **names = NULL;
	size_t n = 0, listed = 0;

	if (cli->noperands > 0) {
		cli_usage(cli, "--list-spaces: takes no operands");
		return;
	}
	if (!cli_list_spaces(cli, &names, &n))
		return;
	for (size_t i = 0; i < n; i++)
		listed += list_one(cli, names[i]);
	if (listed > 0 && listed < n)
		cli->status = EXIT_PARTLY;
	engram_free(names);
}

/* How many memories would go; false: a space too damaged to say, it may go too. */
static bool count_memories(struct cli *cli, const char *name, uint64_t *out)
{
	struct engram_space *space = NULL;
	struct engram_space_info info;
	bool known =
		engram_space_open(&space, cli->home, name, ENGRAM_READ, (unsigned)cli->wait_ms, NULL) == 0 &&
		engram_space_info(space, &info, NULL) == 0;

	if (known)
		*out = info.memories;
	engram_space_close(space);
	return known;
}

static void drop_dry(struct cli *cli, const char *name, const char *question, const uint64_t *memories)
{
	struct eng_json_out o;

	if (cli->json) {
		record_begin(&o, &cli->out.buf, "report");
		record_key_str(&o, "space", name);
		eng_json_key(&o, "dry_run"), eng_json_bool(&o, true);
		if (memories)
			record_key_u64(&o, "memories", *memories);
		eng_json_object_end(&o);
	} else {
		out_printf(&cli->out, "would %s; nothing done", question);
	}
	out_end(&cli->out);
}

static bool drop_one(struct cli *cli, const char *name)
{
	struct engram_error err = {0};
	char question[160];
	uint64_t memories;
	bool known = count_memories(cli, name, &memories);

	if (known)
		snprintf(question, sizeof question, "drop space %s with %s memories", name, cli_number(memories));
	else
		snprintf(question, sizeof question, "drop space %s", name);
	if (cli->dry_run) {
		drop_dry(cli, name, question, known ? &memories : NULL);
		return true;
	}
	if (!cli_confirm(cli, false, "%s", question))
		return false;
	if (engram_space_drop(cli->home, name, (unsigned)cli->wait_ms, &err) < 0)
		return cli_fail(cli, &err);
	cli_note(cli, "dropped space %s", name);
	return true;
}

/* Whether every name is there, before any goes. */
static bool all_there(struct cli *cli)
{
	struct engram_error err = {0};
	const char **names = NULL;
	size_t n = 0, i = 0;

	if (engram_home_spaces(cli->home, &names, &n, &err) < 0)
		return cli_fail(cli, &err);
	while (i < cli->noperands && is_listed(names, n, cli->operands[i]))
		i++;
	engram_free(names);
	if (i == cli->noperands)
		return true;
	/* Opening says what is wrong with the name, and which one is near. */
	cli->space_name = cli->operands[i];
	return cli_open_space(cli, ENGRAM_READ);
}

void store_drop(struct store *s)
{
	struct cli *cli = &s->cli;

	/* The name is an operand, never the space of the environment: nothing
	 * goes that was not named. */
	if (cli->noperands == 0) {
		cli_usage(cli, "--drop-space: needs the NAME of a space");
		return;
	}
	if (!cli_open_home(cli) || !all_there(cli))
		return;
	for (size_t i = 0; i < cli->noperands; i++)
		if (!drop_one(cli, cli->operands[i]))
			return;
}
